"""The native step, built where a compiler is at hand; without one all runs on torch alone."""

import hashlib
from pathlib import Path

from setuptools import Extension, setup

STEP = "mrpcheck/step.cpp"
SOURCE = hashlib.blake2b(Path(STEP).read_bytes(), digest_size=8).hexdigest()
FLAGS = ["-O3", "-std=c++17", "-fno-trapping-math", "-fno-signed-zeros", "-fno-math-errno"]
LEVELS = {
    "base": [],
    "v3": ["-march=x86-64-v3", "-DVECTOR_BYTES=32"],
    "v4": ["-march=x86-64-v4", "-DVECTOR_BYTES=32"],
}

setup(
    ext_modules=[
        Extension(
            f"mrpcheck._step_{level}",
            [STEP],
            define_macros=[("SOURCE", f'"{SOURCE}"')],
            extra_compile_args=FLAGS + more,
            optional=True,
        )
        for level, more in LEVELS.items()
    ]
)
