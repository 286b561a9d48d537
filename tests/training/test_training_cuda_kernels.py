"""The Triton kernels: interpreted on a CPU, compiled where there is a GPU; the same tests."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from mrpcheck import descent, native, products
from mrpcheck.nets import Net, activate
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.objectives.probe import HeadOnly
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain
from mrpcheck.views import MultiView

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read when triton is first imported, next
why = "triton = not there, or before 3.7: it comes with torch's CUDA builds"
pytest.importorskip("triton", minversion="3.7", reason=why)
from mrpcheck import cuda_products  # noqa: E402

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: str(dtype)[6:])
NETS = [Net(power=q, threshold=0.5) for q in (1, 1.5, 3, 4, 5)]
MASKED = [
    *(MaskedPixels(keep=0.4, context=c, decoder=d) for c in ("patch", "pooled", "others")
      for d in ("tied", "free")),
    *(MaskedLatents(keep=0.4, context=c, teacher=t) for c in ("patch", "pooled", "others")
      for t in ("scaled", "ema")),
]  # fmt: skip


@pytest.fixture
def on_kernels(monkeypatch):
    """Let objectives use the kernels wherever their tensors lie."""
    monkeypatch.setattr(native, "library", lambda: None)
    monkeypatch.setattr(products, "_on_cuda", lambda values: True)


def normal(*shape, seed=0, dtype=torch.float64, scale=1.0):
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.from_numpy(scale * values).to(dtype).to(DEVICE)


def agree(found, expected, dtype):
    """Relative to the largest entry of what is expected, float64."""
    error = (found.double() - expected).abs().max().item()
    assert found.dtype == dtype
    assert error <= TOLERANCE[dtype] * expected.abs().max().item()


SHAPES = [(1, 1, 1, 1), (2, 5, 7, 3), (1, 70, 33, 50), (3, 17, 64, 65), (2, 6, 130, 9)]


@DTYPES
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
def test_a_product_is_the_product(shape, turned, dtype):
    trials, m, k, n = shape
    a = normal(trials, k, m, dtype=dtype).mT if "a" in turned else normal(trials, m, k, dtype=dtype)
    b = normal(trials, n, k, seed=1, dtype=dtype)
    b = b.mT if "b" in turned else b.mT.contiguous()
    agree(cuda_products.product(a, b), a.double() @ b.double(), dtype)


def test_rounding_as_tf32_does_would_be_seen():
    a, b = normal(1, 40, 64, dtype=torch.float32), normal(1, 64, 40, seed=1, dtype=torch.float32)
    short = [(v.view(torch.int32) & ~0x1FFF).view(torch.float32) for v in (a, b)]  # 10 bits kept
    with pytest.raises(AssertionError):
        agree(cuda_products.product(*short), a.double() @ b.double(), torch.float32)


@DTYPES
@pytest.mark.parametrize("net", NETS, ids=str)
@pytest.mark.parametrize("patches", [1, 5, 70])
def test_activations_and_their_sums(net, patches, dtype):
    x = normal(2, 3, patches, 7, dtype=dtype, scale=0.5)
    kernels = normal(2, 6, 7, seed=1, dtype=dtype, scale=0.5)
    z = x.double().flatten(1, 2) @ kernels.double().mT
    slope = torch.empty_like(z)
    activate(z, slope, net)
    a, steep = cuda_products.responses(x.flatten(1, 2), kernels, net)
    h, again = cuda_products.summed(x, kernels, net)
    agree(a, z, dtype)
    agree(steep, slope, dtype)
    agree(again, slope, dtype)
    agree(h, z.view(2, 3, patches, 6).sum(2), dtype)


@DTYPES
def test_sums_over_patches_and_over_all(dtype):
    values = normal(3, 5, 7, 130, dtype=dtype)
    agree(cuda_products.pooled(values), values.double().sum(2, keepdim=True), dtype)
    agree(cuda_products.total(values), values.double().sum((1, 2, 3)), dtype)


@DTYPES
def test_norms_of_rows(on_kernels, dtype):
    values = normal(3, 5, 70, dtype=dtype)
    agree(products.norms(values), values.double().pow(2).sum(2).sqrt(), dtype)


def everything(x, kernels, net):
    """What the kernels make of trials, by name."""
    rows = x.flatten(1, 2)
    a, slope = cuda_products.responses(rows, kernels, net)
    latents = [cuda_products.masked_latents(x, kernels, t, net, c, 0.4, 1.5)
               for c in ("patch", "pooled", "others") for t in (None, kernels * 0.9)]  # fmt: skip
    return [
        a, slope, *latents, *cuda_products.summed(x, kernels, net), cuda_products.pooled(x),
        cuda_products.product(rows.mT, slope).mT, cuda_products.total(slope),
    ]  # fmt: skip


@DTYPES
def test_a_trial_is_the_same_in_any_group(dtype):
    x, kernels = normal(7, 4, 5, 11, dtype=dtype), normal(7, 6, 11, seed=1, dtype=dtype)
    whole = everything(x, kernels, NETS[2])
    for count in (1, 2):
        some = slice(2, 2 + count)
        part = everything(x[some].clone(), kernels[some].clone(), NETS[2])
        for few, many in zip(part, whole, strict=True):
            assert torch.equal(few, many[some])  # bitwise
    assert not torch.equal(whole[0][0], whole[0][1])


def case(objective, dtype, net):
    """Parameters, x and labels of 2 trials; x as a part of more samples, so not contiguous."""
    parameters = {"kernels": normal(2, 5, 6, dtype=dtype, scale=0.5)}
    for seed, name in enumerate(("decoder", "teacher"), 1):
        wanted = getattr(objective, name, None) not in (None, "tied", "scaled")
        parameters |= {name: normal(2, 5, 6, seed=seed, dtype=dtype, scale=0.5)} if wanted else {}
    if isinstance(objective, (CrossEntropy, HeadOnly)):
        parameters["head"] = normal(2, 3, 5, seed=3, dtype=dtype)
    x = normal(2, 9, 5, 6, seed=4, dtype=dtype)[:, 2:7]
    label = torch.arange(10, device=DEVICE).view(2, 5) % 3
    return parameters, x, label


def gradients(objective, parameters, x, label, net, mask, with_loss):
    prepare = getattr(objective, "prepare", None)
    x = prepare(parameters, x, net) if prepare else x
    return objective.gradient(parameters, x, label, net, mask, with_loss=with_loss)


HEADED = [CrossEntropy(), CrossEntropy(head=False), HeadOnly()]


@DTYPES
@pytest.mark.parametrize("objective", [*MASKED, *HEADED], ids=str)
@pytest.mark.parametrize("how", ["plain", "with loss", "sampled"])
def test_gradients_by_the_kernels_are_the_gradients(monkeypatch, objective, how, dtype):
    net = NETS[2]
    parameters, x, label = case(objective, dtype, net)
    mask = (normal(2, 5, 5, 1, seed=5) < 0).to(dtype) if how == "sampled" else None
    wide = {name: value.double() for name, value in parameters.items()}
    seen = None if mask is None else mask.double()
    with_loss = how == "with loss"
    value, expected = gradients(objective, wide, x.double(), label, net, seen, with_loss)
    monkeypatch.setattr(products, "_on_cuda", lambda values: True)
    loss, slopes = gradients(objective, parameters, x, label, net, mask, with_loss)
    assert slopes.keys() == expected.keys()
    for name, slope in slopes.items():
        agree(slope, expected[name], dtype)
    assert (loss is None) == (value is None)
    if loss is not None:
        agree(loss, value, dtype)


def test_what_autograd_follows_stays_with_torch(on_kernels):
    a = normal(2, 3, 4).requires_grad_()
    (slope,) = torch.autograd.grad(products.product(a, normal(2, 4, 3)).sum(), a)
    assert slope.abs().sum() > 0


def test_without_triton_trials_go_one_by_one(on_kernels, monkeypatch):
    monkeypatch.setattr(products, "_kernels", lambda: None)
    a, b = normal(3, 4, 5), normal(3, 5, 6)
    torch.testing.assert_close(products.product(a, b), a @ b)
    torch.testing.assert_close(products.pooled(a[:, None]), a[:, None].sum(2, keepdim=True))
    torch.testing.assert_close(products.total(a), a.sum((1, 2)))


SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=8, rate=0.3, steps=2, tune_rate=0.4, tune_steps=1),
)


@pytest.mark.parametrize(
    ("objective", "dtype"),
    [(MaskedPixels(context="others"), "float32"), (MaskedLatents(teacher_scale=1.5), "float64")],
    ids=str,
)
def test_a_trial_trained_alone_is_the_trial_of_a_group(on_kernels, monkeypatch, objective, dtype):
    setup = SETUP.replace(objective=objective)
    monkeypatch.setitem(descent.GROUP, "cpu", 99)

    def trained(**which):
        trials = Trials(device=DEVICE, dtype=dtype, **which)
        encoder = pretrain(setup, trials)
        ends = [end(encoder, setup, trials) for end in (finetune, linear_probe)]
        return [encoder.kernels, *(part for end in ends for part in (end.kernels, end.head))]

    for many, one in zip(trained(count=2), trained(count=1, first=1), strict=True):
        assert torch.equal(many[1:2], one)  # bitwise


ASSEMBLE = """
import sys
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from mrpcheck import cuda_kernels
for dtype in ("fp32", "fp64"):
    for name, fixed in (
        ("multiply", dict(rows=32, columns=32, depth=16)),
        ("respond", dict(power=3, context="others", taught=True, samples=2, width=16, columns=32,
                         depth=16)),
        ("total", dict(columns=1024)),
    ):
        kernel = getattr(cuda_kernels, name)
        tensors = "a b c x kernels teacher slope values sums".split()
        kinds = {n: "*" + dtype if n in tensors else "i32" for n in kernel.arg_names}
        kinds |= {n: "*fp64" for n in kinds if n == "constants"}
        kinds |= dict.fromkeys(fixed, "constexpr")
        source = ASTSource(fn=kernel, signature=kinds, constexprs=fixed)
        options = {"enable_fp_fusion": True}
        print(compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["ptx"])
"""


def test_compiled_kernels_neither_use_atomics_nor_tf32(tmp_path):
    """What they compile to for a GPU of today, which takes none."""
    more = {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ASSEMBLE], env=os.environ | more, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(".entry") == 6
    assert "fma.rn.f32" in done.stdout
    assert not re.search(r"\b(atom|red)\.|tf32|\.f16|\.bf16", done.stdout)
