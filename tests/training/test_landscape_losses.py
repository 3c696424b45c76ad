"""Losses at points of a landscape: every fast way computes what the network itself does there."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.zoo import build_model
from training.directions import random_plane, weights_of
from training.landscape_batched import BatchedLosses
from training.landscape_chain import ChainLosses, chain_of
from training.landscape_modules import (
    FoldedLosses,
    ModuleLosses,
    example_of,
    norms_to_fold,
)
from training.landscape_preview import PreviewLosses
from training.landscape_scores import Samples, Score, margin_losses, margins

POINTS = [(0.0, 0.0), (0.7, -0.4), (-1.0, 1.0)]
CHAINS: dict[str, dict[str, Any]] = {
    "two hidden layers": {"hidden_width": 16},
    "batch norm and dropout": {"hidden_width": 12, "batch_norm": True, "dropout": 0.3},
    "prelu": {"hidden_width": 12, "activation": "prelu"},
    "tanh": {"hidden_width": 12, "activation": "tanh"},
    "no hidden layer": {"hidden_layers": 0},
}
CROSS_ENTROPY = Score("cross_entropy")


def prepared(network: nn.Module) -> nn.Module:
    """With statistics and numbers of batch norm that are not the ones it begins with."""
    random = torch.Generator().manual_seed(7)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            state = module.state_dict()
            for name in ("running_mean", "weight", "bias"):
                state[name].add_(0.2 * torch.randn(state[name].shape, generator=random))
            state["running_var"].add_(torch.rand(state["running_var"].shape, generator=random))
    return network.eval()


def samples_of(shape: tuple[int, ...], count: int = 60, classes: int = 5) -> dict[str, Samples]:
    random = torch.Generator().manual_seed(1)
    return {
        split: Samples(
            torch.randn(size, *shape, generator=random), torch.randint(classes, (size,), generator=random)
        )
        for split, size in (("train", count), ("test", count // 2))
    }


def written(network: nn.Module, plane: tuple[dict[str, torch.Tensor], ...], a: float, b: float) -> nn.Module:
    """The network with the weights of a point, in float64: the oracle."""
    other = copy.deepcopy(network).double()
    with torch.no_grad():
        for name, own in other.named_parameters():
            own.copy_(plane[0][name].double() + a * plane[1][name].double() + b * plane[2][name].double())
    return other.eval()


def oracle(network: nn.Module, samples: Samples) -> tuple[float, float]:
    with torch.no_grad():
        outputs = network(samples.inputs.double())
        loss = nn.functional.cross_entropy(outputs, samples.targets, reduction="sum")
    return float(loss), float((outputs.argmax(dim=1) == samples.targets).sum())


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_at_any_point_has_the_loss_of_the_network_there(name: str) -> None:
    torch.manual_seed(0)
    network = prepared(build_model("mlp", (1, 4, 4), 5, CHAINS[name]))
    samples = samples_of((1, 4, 4), count=2500)
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", False, True, 0))
    ways = [ChainLosses(network, plane, samples, CROSS_ENTROPY, together) for together in (False, True)]
    for a, b in POINTS:
        there = written(network, plane, a, b)
        for losses in ways:
            for split, found in losses.row(a, [b, 0.1]).items():
                loss, right = oracle(there, samples[split])
                assert float(found[0, 0]) == pytest.approx(loss, rel=1e-6), (losses.title, split, a, b)
                assert float(found[0, 1]) == right


@pytest.mark.parametrize("model", ["lenet5", "resnet20"])
def test_convolutions_with_folded_norms_have_the_loss_of_the_network_there(model: str) -> None:
    torch.manual_seed(0)
    shape = (1, 28, 28) if model == "lenet5" else (3, 16, 16)
    network = prepared(build_model(model, shape, 5, {}))
    samples = samples_of(shape)
    pairs = norms_to_fold(network, example_of(samples))
    assert len(pairs) == (19 if model == "resnet20" else 0)
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", False, True, 0))
    kinds = (FoldedLosses, ModuleLosses, BatchedLosses)
    ways = [kind(network, plane, samples, CROSS_ENTROPY) for kind in kinds]
    assert ("folded" in ways[0].title) == bool(pairs)
    for a, b in [(0.0, 0.0), (0.3, -0.2)]:
        there = written(network, plane, a, b)
        for split in samples:
            loss, right = oracle(there, samples[split])
            for losses in ways:
                found = losses.row(a, [b])[split]
                assert float(found[0, 0]) == pytest.approx(loss, rel=1e-5), type(losses)
                assert float(found[0, 1]) == right


def test_a_preview_in_bfloat16_is_within_two_thousandths() -> None:
    torch.manual_seed(0)
    network = prepared(build_model("resnet20", (3, 16, 16), 5, {}))
    samples = samples_of((3, 16, 16))
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", True, True, 0))
    exact, preview = (kind(network, plane, samples, CROSS_ENTROPY) for kind in (FoldedLosses, PreviewLosses))
    for split in samples:
        true, found = (losses.row(0.2, [0.1, -0.4])[split][:, 0] for losses in (exact, preview))
        assert found.tolist() == pytest.approx(true.tolist(), rel=2e-3)
        assert found.tolist() != true.tolist()


@pytest.mark.parametrize("kind", [FoldedLosses, ModuleLosses, PreviewLosses])
def test_another_thread_gets_a_network_of_its_own_and_the_same_samples(
    kind: type[FoldedLosses | ModuleLosses],
) -> None:
    torch.manual_seed(0)
    network = prepared(build_model("resnet20", (3, 8, 8), 5, {}))
    samples = samples_of((3, 8, 8))
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", True, True, 0))
    losses = kind(network, plane, samples, CROSS_ENTROPY)
    other = losses.another()
    assert other.blocks is losses.blocks
    expected = losses.row(0.2, [0.1])["test"]
    other.row(-0.5, [0.5])
    again, own = losses.row(0.2, [0.1])["test"], losses.outputs(losses.blocks["test"][0].inputs)
    other.move(-0.5, 0.5)
    assert torch.equal(again, expected)
    assert torch.equal(losses.outputs(losses.blocks["test"][0].inputs), own)
    assert torch.equal(other.row(0.2, [0.1])["test"], expected)


def rounded(network: nn.Module) -> nn.Module:
    """In bfloat16, and nothing more."""
    return copy.deepcopy(network).to(torch.bfloat16)


@pytest.mark.parametrize("model", ["resnet20", "lenet5"])
@torch.no_grad()
def test_a_preview_takes_off_what_rounding_shifts(model: str) -> None:
    """The mean of its outputs is nearer than that of a network which is only rounded."""
    shape = (3, 16, 16) if model == "resnet20" else (1, 28, 28)
    nearer = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = prepared(build_model(model, shape, 5, {}))
        samples = samples_of(shape)
        preview = PreviewLosses(network, (weights_of(network),), samples, CROSS_ENTROPY)
        preview.move(0.0, 0.0)
        inputs = samples["train"].inputs
        exact, plain = network(inputs), rounded(network)(inputs.to(torch.bfloat16)).float()
        found = preview.outputs(inputs.to(torch.bfloat16)).float()
        off, before = ((each - exact).mean(0).norm() for each in (found, plain))
        nearer.append(float(before / off))
    assert float(np.prod(nearer)) > (4 if model == "resnet20" else 1)


class Grouped(nn.Module):
    """A convolution in groups without a bias, and a linear layer between positions."""

    def __init__(self) -> None:
        super().__init__()
        self.spread, self.conv = nn.Conv2d(2, 6, 1), nn.Conv2d(6, 4, 3, groups=2, bias=False)
        self.mix, self.head = nn.Linear(4, 4), nn.Linear(16, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.conv(self.spread(images)))
        return self.head(self.mix(hidden).flatten(2).mean(dim=1))


@torch.no_grad()
def test_a_layer_of_a_preview_takes_into_its_bias_what_its_weights_lost() -> None:
    torch.manual_seed(0)
    network, samples = Grouped().eval(), samples_of((2, 6, 6))
    preview = PreviewLosses(network, (weights_of(network),), samples, CROSS_ENTROPY)
    preview.move(0.0, 0.0)
    for layer in preview.layers.values():
        exact, own = layer.exact, layer.own
        kind = functional.conv2d if isinstance(exact, nn.Conv2d) else functional.linear
        given = {"groups": layer.groups} if isinstance(exact, nn.Conv2d) else {}
        inputs = torch.randn(3, 4, 4, exact.weight.shape[1] * layer.groups)
        inputs[:] = inputs.mean(dim=(0, 1, 2))  # alike at every place: the shift is exact
        inputs = inputs.movedim(3, 1) if isinstance(exact, nn.Conv2d) else inputs
        lost = kind(inputs, exact.weight - own.weight.float(), **given)
        expected = lost.movedim(1, 3)[0, 0, 0] if isinstance(exact, nn.Conv2d) else lost[0, 0, 0]
        torch.testing.assert_close(layer.shift(inputs), expected, rtol=1e-4, atol=1e-7)
    for split, own in samples.items():
        assert sum(len(block.targets) for block in preview.blocks[split]) == len(own.targets)


class Stranger(nn.Module):
    """Batch norm that no layer is before, a convolution used twice, and a choice made from the numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2)
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.head = nn.Linear(2, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.conv(torch.relu(self.conv(self.norm(images))))
        if hidden.abs().sum() > 1e9:
            hidden = hidden / 2
        return self.head(hidden.mean(dim=(2, 3)))


def test_a_strangers_network_takes_the_general_way() -> None:
    torch.manual_seed(0)
    network = prepared(Stranger())
    samples = samples_of((2, 6, 6))
    assert chain_of(network, samples) is None
    plane = (weights_of(network), *random_plane(weights_of(network), "none", False, False, 0))
    loss, _ = oracle(written(network, plane, 0.1, 0.2), samples["train"])
    for kind in (ModuleLosses, FoldedLosses):
        found = kind(network, plane, samples, CROSS_ENTROPY).row(0.1, [0.2])["train"]
        assert float(found[0, 0]) == pytest.approx(loss, rel=1e-5)


class Forked(nn.Module):
    """What the convolution puts out goes to its batch norm and past it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 3)
        self.norm = nn.BatchNorm2d(5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.conv(images)
        return (self.norm(hidden) + hidden).mean(dim=(2, 3))


def test_a_batch_norm_whose_input_is_used_elsewhere_too_is_not_folded() -> None:
    network, samples = Forked().eval(), samples_of((2, 6, 6))
    assert norms_to_fold(network, example_of(samples)) == []


def test_a_network_that_chooses_its_way_by_the_numbers_is_not_computed_at_many_points_at_once() -> None:
    network, samples = prepared(Stranger()), samples_of((2, 6, 6))
    with pytest.raises(ValueError, match="many points at once"):
        BatchedLosses(network, (weights_of(network),), samples, CROSS_ENTROPY)


@pytest.mark.parametrize("kind", [ModuleLosses, BatchedLosses])
def test_recomputed_statistics_are_those_of_the_training_samples_at_the_point(
    kind: type[ModuleLosses | BatchedLosses],
) -> None:
    torch.manual_seed(0)
    network = prepared(build_model("resnet20", (3, 8, 8), 5, {}))
    samples = samples_of((3, 8, 8), count=40)
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", True, True, 0))
    found = kind(network, plane, samples, CROSS_ENTROPY, recompute=True).row(0.3, [-0.1, 0.2])["test"]
    there = written(network, plane, 0.3, -0.1)
    for module in there.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    there.train()(samples["train"].inputs.double())
    loss, right = oracle(there.eval(), samples["test"])
    assert float(found[0, 0]) == pytest.approx(loss, rel=1e-4)
    assert float(found[0, 1]) == right


@pytest.mark.parametrize("kind", [ModuleLosses, FoldedLosses, BatchedLosses])
def test_the_users_network_is_left_as_it_was(kind: Any) -> None:
    torch.manual_seed(0)
    network = prepared(build_model("resnet20", (3, 8, 8), 5, {})).train()
    network.get_parameter("classifier.weight").requires_grad_(False)
    before = copy.deepcopy(network.state_dict())
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", True, True, 0))
    kind(network, plane, samples_of((3, 8, 8)), CROSS_ENTROPY).row(0.5, [0.5])
    assert network.training
    assert all(module.training for module in network.modules())
    assert not network.get_parameter("classifier.weight").requires_grad
    assert network.get_parameter("classifier.bias").requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_small_losses_keep_their_digits() -> None:
    """At a loss of 1e-9, float32's log-sum-exp minus the right output would be 0 or off by all its digits."""
    outputs = torch.tensor([[20.0, 31.0], [-1.0, 0.5], [0.25, 1.0]])
    targets = torch.tensor([0, 0])
    found = margin_losses(margins(outputs, targets))
    expected = nn.functional.cross_entropy(outputs.double().T, targets, reduction="none")
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-4)
    large = margin_losses(margins(torch.tensor([[-500.0], [400.0], [1.0]]), torch.tensor([0])))
    assert float(large) == pytest.approx(900.0)
    many = CROSS_ENTROPY.of_many(outputs.expand(4, 3, 2), targets)
    assert many[2].tolist() == pytest.approx([float(expected.sum()), 2.0], rel=1e-4)


def test_of_equal_outputs_the_first_is_the_answer_as_argmax_has_it() -> None:
    outputs = torch.zeros(3, 4)
    sums = CROSS_ENTROPY.across(outputs, torch.tensor([0, 1, 2, 0]))
    assert float(sums[1]) == 2


@pytest.mark.parametrize(
    ("loss", "targets"), [("mse", torch.randn(8)), ("binary_cross_entropy", torch.arange(8) % 2)]
)
def test_other_losses_are_those_of_torch(loss: str, targets: torch.Tensor) -> None:
    outputs = torch.randn(8, 1)
    score = Score(loss, classes=loss != "mse")
    oracle = {
        "mse": nn.functional.mse_loss(outputs[:, 0], targets.float(), reduction="sum"),
        "binary_cross_entropy": nn.functional.binary_cross_entropy_with_logits(
            outputs[:, 0], targets.float(), reduction="sum"
        ),
    }
    many = score.of_many(torch.stack([outputs.T, 2 * outputs.T]), targets)
    for found in (score.of(outputs, targets), score.across(outputs.T, targets), many[0]):
        assert float(found[0]) == pytest.approx(float(oracle[loss]), rel=1e-5)
        right = ((outputs[:, 0] > 0).long() == targets).sum()
        assert float(found[1]) == (
            float(right) if loss != "mse" else pytest.approx(float("nan"), nan_ok=True)
        )
