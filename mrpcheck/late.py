"""torch, imported when something of it is first asked for.

`from mrpcheck.late import torch` takes the place of `import torch` throughout the package, so that
setups are drawn and claims collected without it: its import takes longer than both.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["torch"]


class _Late(ModuleType):
    """Stands for a module until it is used, and then puts the module itself in its own place."""

    def __getattr__(self, name: str) -> Any:
        module = import_module(self.__name__)
        for known, file in list(sys.modules.items()):
            names = getattr(file, "__dict__", {})
            if known.startswith("mrpcheck") and names.get(self.__name__) is self:
                setattr(file, self.__name__, module)
        return getattr(module, name)


if TYPE_CHECKING:
    import torch as torch
else:
    torch = _Late("torch")
