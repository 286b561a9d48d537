"""JAX: the steps in `lax.scan`, the trials under `vmap`, all of it under `jit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from problems import KEEP, POWER, TEACHER, THRESHOLD, Problem

SPREAD = (1 - KEEP) / KEEP
SCALE = 1 / (POWER * THRESHOLD ** (POWER - 1))


def activation(z: Array) -> Array:
    u = jnp.clip(z, 0, THRESHOLD)
    return u * u * u * SCALE + jnp.maximum(z - THRESHOLD, 0)  # q = 3


def latents(w: Array, x: Array) -> Array:
    z = (x.reshape(-1, x.shape[-1]) @ w.T).reshape(*x.shape[:2], -1)
    a, target = activation(z), activation(TEACHER * lax.stop_gradient(z))
    residual = (a - target).sum(1)
    return 0.5 * ((residual * residual).sum() + SPREAD * (a * a).sum()) / len(x)


def pixels(w: Array, x: Array) -> Array:
    rows = x.reshape(-1, x.shape[-1])
    decoded = activation(rows @ w.T) @ w
    error = decoded - rows
    return 0.5 * ((error * error).sum() + SPREAD * (decoded * decoded).sum()) / len(x)


LOSSES = {"latents": latents, "pixels": pixels}


@partial(jax.jit, static_argnames=("objective", "steps"))
def descend(w: Array, x: Array, rate: Array, objective: str, steps: int) -> Array:
    gradient = jax.grad(LOSSES[objective])

    def train(w: Array, x: Array) -> Array:
        return lax.scan(lambda w, _: (w - rate * gradient(w, x), None), w, length=steps)[0]

    return jax.vmap(train)(w, x)


def prepare(problem: Problem) -> Callable[[int, float], object]:
    x, start = (jnp.asarray(array) for array in problem.data())
    assert x.dtype == problem.dtype, x.dtype

    def advance(steps: int, rate: float) -> object:
        ended = descend(start, x, jnp.asarray(rate, x.dtype), problem.objective, steps)
        return np.asarray(ended)

    return advance
