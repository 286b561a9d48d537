"""The Triton kernels of training on CUDA: a trial's numbers come from its own program alone.

Every program belongs to one trial and one tile of its result, and adds up in an order that only
shapes decide: no split of a sum between programs, no atomics, no TF32, nothing tuned by timing.
"""

import triton
import triton.language as tl

__all__ = ["multiply", "pool", "respond", "total"]


@triton.jit
def multiply(
    a, b, c, m, n, k,
    a_t, a_i, a_k, b_t, b_k, b_j, c_t, c_i, c_j,
    rows: tl.constexpr, columns: tl.constexpr, depth: tl.constexpr,
):  # fmt: skip
    """c = a b of every trial: a (trial, m, k), b (trial, k, n), c (trial, m, n), any strides."""
    trial = tl.program_id(1).to(tl.int64)
    across = tl.cdiv(n, columns)
    i = (tl.program_id(0) // across).to(tl.int64) * rows + tl.arange(0, rows)
    j = (tl.program_id(0) % across).to(tl.int64) * columns + tl.arange(0, columns)
    a += trial * a_t + i[:, None] * a_i
    b += trial * b_t + j[None, :] * b_j
    inside_i, inside_j = (i < m)[:, None], (j < n)[None, :]
    sums = tl.zeros((rows, columns), dtype=c.dtype.element_ty)
    for low in range(0, k, depth):
        at = low + tl.arange(0, depth).to(tl.int64)
        left = tl.load(a + at[None, :] * a_k, mask=inside_i & (at < k)[None, :], other=0.0)
        right = tl.load(b + at[:, None] * b_k, mask=inside_j & (at < k)[:, None], other=0.0)
        sums = tl.dot(left, right, sums, input_precision="ieee", out_dtype=sums.dtype)
    c += trial * c_t + i[:, None] * c_i + j[None, :] * c_j
    tl.store(c, sums, mask=inside_i & inside_j)


@triton.jit
def _activate(z, q, r, power: tl.constexpr):
    """act(z) and act'(z); `power` is q where that is 1 to 5, else 0."""
    if power == 1:
        return tl.maximum(z, 0.0), tl.where(z > 0, 1.0, 0.0).to(z.dtype)
    u = tl.minimum(tl.maximum(z, 0.0), r)
    v = u / r
    if power == 2:
        slope = v
    elif power == 3:
        slope = v * v
    elif power == 4:
        slope = v * v * v
    elif power == 5:
        slope = (v * v) * (v * v)
    else:
        low = v > 0
        slope = tl.where(low, tl.exp2((q - 1) * tl.log2(tl.where(low, v, 1.0))), 0.0)
    return slope * u / q + tl.maximum(z - r, 0.0), slope


@triton.jit
def _spread(values, samples: tl.constexpr, patches: tl.constexpr, units: tl.constexpr):
    """The sum over the patches of a sample, at each of its rows."""
    sums = tl.sum(tl.reshape(values, (samples, patches, units)), 1)
    wide = tl.broadcast_to(tl.expand_dims(sums, 1), (samples, patches, units))
    return tl.reshape(wide, (samples * patches, units))


@triton.jit
def _masked(
    a, target, inside, c, patches, off,
    context: tl.constexpr, s: tl.constexpr, p: tl.constexpr, units: tl.constexpr,
):  # fmt: skip
    """The derivative by `a` of the expected masked error (`masks.masked_error`)."""
    if context == "patch":
        return a - target + c * a
    if context == "pooled":
        return _spread(a - target, s, p, units) + c * a
    error = tl.where(inside, _spread(a, s, p, units) - a - target, 0.0)
    return (_spread(error, s, p, units) - error + c * (patches - 1) * a) * off


@triton.jit
def respond(
    x, kernels, teacher, a, slope, constants, n, patches, units, k,
    x_t, x_n, x_p, x_k, w_t, w_r, w_k, z_t, h_t,
    power: tl.constexpr, context: tl.constexpr, taught: tl.constexpr,
    samples: tl.constexpr, width: tl.constexpr, columns: tl.constexpr, depth: tl.constexpr,
):  # fmt: skip
    """The activations of every patch and what a gradient needs of them, as z = x w^T is made.

    x (trial, sample, patch, dim), kernels and teacher (trial, kernel, dim), slope (trial, sample,
    patch, kernel); a tile is `samples` whole samples, `width` rows each, of which `patches` count.
    `context` "plain": act(z) into a, act'(z) into slope; "summed": the sum of act(z) over patches
    into a (trial, sample, kernel); else act'(z) times the error of masked latents into slope.
    constants: q, r, theta, the teacher's scale.
    """
    trial = tl.program_id(1).to(tl.int64)
    across = tl.cdiv(units, columns)
    row = tl.arange(0, samples * width)
    i = (tl.program_id(0) // across).to(tl.int64) * samples + row // width
    p = row % width
    j = (tl.program_id(0) % across).to(tl.int64) * columns + tl.arange(0, columns)
    rows, cols = ((i < n) & (p < patches))[:, None], (j < units)[None, :]
    x += trial * x_t + (i * x_n + p * x_p)[:, None]
    w = trial * w_t + j[None, :] * w_r
    z = tl.zeros((samples * width, columns), dtype=slope.dtype.element_ty)
    other = tl.zeros((samples * width, columns), dtype=slope.dtype.element_ty)
    for low in range(0, k, depth):
        at = low + tl.arange(0, depth).to(tl.int64)
        inside = cols & (at < k)[:, None]
        left = tl.load(x + at[None, :] * x_k, mask=rows & (at < k)[None, :], other=0.0)
        right = tl.load(kernels + w + at[:, None] * w_k, mask=inside, other=0.0)
        z = tl.dot(left, right, z, input_precision="ieee", out_dtype=z.dtype)
        if taught:
            right = tl.load(teacher + w + at[:, None] * w_k, mask=inside, other=0.0)
            other = tl.dot(left, right, other, input_precision="ieee", out_dtype=z.dtype)
    q, r = tl.load(constants).to(z.dtype), tl.load(constants + 1).to(z.dtype)
    acted, steep = _activate(z, q, r, power)
    out = trial * z_t + (i * patches + p)[:, None] * units + j[None, :]
    if context == "plain":
        tl.store(a + out, acted, mask=rows & cols)
    elif context == "summed":
        sums = tl.sum(tl.reshape(acted, (samples, width, columns)), 1)
        i = (tl.program_id(0) // across).to(tl.int64) * samples + tl.arange(0, samples)
        into = a + trial * h_t + i[:, None] * units + j[None, :]
        tl.store(into, sums, mask=(i < n)[:, None] & cols)
    else:
        keep = tl.load(constants + 2).to(z.dtype)
        scale = tl.load(constants + 3).to(z.dtype)
        if taught:
            target, _ = _activate(other * scale, q, r, power)
        else:
            target, _ = _activate(z * scale, q, r, power)
        steep *= _masked(
            acted, target, rows, (1 - keep) / keep, patches, 1 - keep,
            context, samples, width, columns,
        )  # fmt: skip
    tl.store(slope + out, steep, mask=rows & cols)


@triton.jit
def pool(values, sums, patches, units, columns: tl.constexpr):
    """The sum over patches, one after the other: values (row, patch, unit), sums (row, unit)."""
    row = tl.program_id(0).to(tl.int64)
    j = tl.program_id(1) * columns + tl.arange(0, columns)
    values += row * patches * units + j
    added = tl.zeros((columns,), dtype=sums.dtype.element_ty)
    for _ in range(patches):
        added += tl.load(values, mask=j < units, other=0.0)
        values += units
    tl.store(sums + row * units + j, added, mask=j < units)


@triton.jit
def total(values, sums, count, columns: tl.constexpr):
    """The sum of all entries of every trial: values (trial, entry), sums (trial,)."""
    trial = tl.program_id(0).to(tl.int64)
    values += trial * count
    added = tl.zeros((columns,), dtype=sums.dtype.element_ty)
    for low in range(0, count, columns):
        at = low + tl.arange(0, columns)
        added += tl.load(values + at, mask=at < count, other=0.0)
    tl.store(sums + trial, tl.sum(added, 0))
