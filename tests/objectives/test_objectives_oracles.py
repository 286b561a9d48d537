"""Loss and gradient against stored vectors, made by enumerating every mask elsewhere."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels

CASES = json.loads(Path(__file__).with_name("oracles.json").read_text())["cases"]
RTOL = 1e-10  # both sides are float64 sums of at most a few thousand terms: rounding, no chance


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)[None]


def read(case):
    net = Net(power=case["q"], threshold=case["threshold"])
    parameters = {"kernels": tensor(case["kernels"])}
    expected = {"kernels": tensor(case["grad_kernels"])}
    if case["target"] == "latents":
        objective = MaskedLatents(
            keep=case["keep"], context=case["context"], teacher_scale=case["teacher_scale"]
        )
    else:
        objective = MaskedPixels(
            keep=case["keep"], context=case["context"], decoder=case["decoder"]
        )
    if case["decoder"] == "free":
        parameters["decoder"] = tensor(case["decoder_weights"])
        expected["decoder"] = tensor(case["grad_decoder"])
    return objective, parameters, tensor(case["x"]), net, tensor(case["loss"]), expected


def evaluated(objective, parameters, x, net):
    """Mean loss and gradients, as `gradient` gives them."""
    label = torch.zeros(x.shape[:2], dtype=torch.long)
    loss, slopes = objective.gradient(parameters, x, label, net, with_loss=True)
    return loss / x.shape[1], {name: slope / x.shape[1] for name, slope in slopes.items()}


def test_all_of_them_are_here():
    assert len(CASES) == 24
    kinds = {(case["target"], case["context"], case["decoder"]) for case in CASES}
    assert len(kinds) == 8  # latents pooled and patch; pixels in three contexts, tied and free


@pytest.mark.parametrize("number", range(24))
def test_loss_and_gradient_agree(number):
    objective, parameters, x, net, loss, expected = read(CASES[number])
    mine, slopes = evaluated(objective, parameters, x, net)
    torch.testing.assert_close(mine, loss, rtol=RTOL, atol=0)
    torch.testing.assert_close(
        objective.loss(parameters, x, None, net) / x.shape[1], loss, rtol=RTOL, atol=0
    )
    assert slopes.keys() == expected.keys()
    for name, slope in slopes.items():
        scale = expected[name].abs().max().item()
        torch.testing.assert_close(slope, expected[name], rtol=RTOL, atol=RTOL * scale)


@pytest.mark.parametrize("number", range(24))
def test_a_neighbour_disagrees(number):
    """Another keep probability or power: a tolerance of 1e-10 is not met by accident."""
    objective, parameters, x, net, loss, _ = read(CASES[number])
    near = replace(objective, keep=objective.keep - 1e-4)
    for other, near_net in ((near, net), (objective, replace(net, power=net.power + 1e-4))):
        mine, _ = evaluated(other, parameters, x, near_net)
        assert abs(mine / loss - 1) > 100 * RTOL
