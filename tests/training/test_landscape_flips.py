"""Rows of a plane without a product for each point have the losses of the network at each of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training import landscape_flips
from training.directions import random_plane, weights_of
from training.landscape_chain import ChainLosses
from training.landscape_flips import compiled
from training.landscape_grid import FIRST_LOOK, PLANE_LEVELS
from training.landscape_scores import Samples, Score

ROW = np.linspace(-1, 1, 25).tolist()
HOLES = [b for place, b in enumerate(np.linspace(-1, 1, 49)) if place % 6 and place % 2 == 0]
SCORE = Score("cross_entropy")


def mlp(*widths: int, bias: bool = True, extra: Sequence[nn.Module] = ()) -> nn.Sequential:
    """A network with ReLU between its layers, and others after the second one."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Flatten()]
    for place, (inputs, outputs) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(inputs, outputs, bias=bias))
        if place == 1:
            layers += extra
        if place < len(widths) - 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers).eval()


def norm(features: int) -> nn.BatchNorm1d:
    """With statistics and parameters that are not the ones it begins with."""
    layer = nn.BatchNorm1d(features)
    for name in ("running_mean", "running_var", "weight", "bias"):
        layer.state_dict()[name].uniform_(0.5, 1.5)
    return layer


def samples_of(features: int, count: int) -> dict[str, Samples]:
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(count + 1, features, generator=random)
    targets = torch.randint(5, (count + 1,), generator=random)
    return {"train": Samples(inputs[1:], targets[1:]), "test": Samples(inputs[:1], targets[:1])}


def losses_of(network: nn.Module, count: int = 700, reach: float = 1.0) -> ChainLosses:
    samples = samples_of(next(network.parameters()).shape[1], count)
    first, second = random_plane(weights_of(network), "filter", False, True, 0)
    along = {name: reach * own for name, own in second.items()}
    return ChainLosses(network, (weights_of(network), first, along), samples, SCORE)


def oracle(losses: ChainLosses, network: nn.Module, a: float, b: float, samples: Samples) -> Tensor:
    """Sums of losses and right answers in float64, of a network with the weights of the point."""
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", False, True, 0))
    state = {name: own.double() for name, own in network.state_dict().items()}
    for name in plane[0]:
        state[name] = plane[0][name].double() + a * plane[1][name].double() + b * plane[2][name].double()
    with torch.no_grad():
        outputs = torch.func.functional_call(network.double(), state, (samples.inputs.double(),))
    network.float()
    loss = nn.functional.cross_entropy(outputs, samples.targets, reduction="sum")
    return torch.stack((loss, (outputs.argmax(1) == samples.targets).sum()))


NETWORKS = {
    "two hidden layers": lambda: mlp(20, 30, 70, 5),
    "no biases": lambda: mlp(20, 100, 64, 5, bias=False),
    "dropout": lambda: mlp(20, 64, 64, 5, extra=[nn.Dropout(0.5)]),
    "batch norm": lambda: mlp(20, 64, 80, 5, extra=[norm(80)]),
    "three hidden layers": lambda: mlp(20, 64, 64, 30, 5),
    "four hidden layers": lambda: mlp(20, 64, 65, 30, 20, 5),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("row", [ROW, [*HOLES[::-1], 0.0, 1.3, -0.013]], ids=["even", "unsorted"])
def test_a_row_has_the_losses_of_the_network_at_each_point(
    name: str, row: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landscape_flips, "PIECE", 4 * 25 * 64 * 300)  # several pieces, the last one smaller
    monkeypatch.setattr(landscape_flips, "FEWEST_POINTS", 9)
    network = NETWORKS[name]()
    losses = losses_of(network)
    by_flips = losses._by_flips(0.4, row)
    assert by_flips is not None
    for split, samples in samples_of(20, 700).items():
        found = losses.row(0.4, row)[split]
        assert torch.equal(found, by_flips[split]), "this is the way that a row of so many points takes"
        truth = torch.stack([oracle(losses, network, 0.4, b, samples) for b in row])
        torch.testing.assert_close(found[:, 0], truth[:, 0], rtol=1e-6, atol=0)
        assert torch.equal(found[:, 1], truth[:, 1])


def test_small_losses_keep_four_digits_along_a_row() -> None:
    network = mlp(20, 100, 100, 5)
    inputs = samples_of(20, 700)["train"].inputs
    with torch.no_grad():
        outputs = network(inputs)
        best = outputs.topk(2).values
        sure = (best[:, 0] - best[:, 1]).argsort(descending=True)[:100]
        network[-1].weight.mul_(18 / (best[sure, 0] - best[sure, 1]).min())  # losses of 1e-8 at the centre
        network[-1].bias.mul_(18 / (best[sure, 0] - best[sure, 1]).min())
    samples = {"test": Samples(inputs[sure], outputs[sure].argmax(1))}
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", False, True, 0))
    losses = ChainLosses(network, plane, samples, SCORE)
    row = [b / 10 for b in ROW]
    found = losses.row(0.0, row)["test"][:, 0]
    truth = torch.stack([oracle(losses, network, 0.0, b, samples["test"])[0] for b in row])
    assert float(truth.min()) < 1e-5
    torch.testing.assert_close(found, truth, rtol=1e-4, atol=0)


def row_of(random: np.random.Generator, points: int) -> tuple[np.ndarray, int, np.ndarray, np.float32]:
    """Points that rise, the anchor among them, and the cells that `walk` looks them up in."""
    places = np.sort(random.choice(60, points, replace=False)) / np.float32(20)
    anchor = int(random.integers(points))
    shares = (places - places[anchor]).astype(np.float32)
    cells = 2 * 60
    scale = np.float32(cells / float(shares[-1] - shares[0]))
    edges = shares[0] + np.arange(cells + 1) / float(scale)
    return shares, anchor, np.minimum(np.searchsorted(shares, edges), points - 1).astype(np.int32), scale


@pytest.mark.parametrize("seed", range(30))
def test_the_walk_is_a_product_at_each_point(seed: int) -> None:
    """Against plain numpy in float64; sums and slopes of 0 and -0, and crossings at the points themselves."""
    random = np.random.default_rng(seed)
    samples, units, outputs = random.integers(1, 12, 3)
    shares, anchor, before, scale = row_of(random, int(random.integers(2, 30)))
    sums, slopes = random.standard_normal((2, samples, units)).astype(np.float32)
    for each in (sums, slopes):
        each[random.random(each.shape) < 0.2] = random.choice([0.0, -0.0])
    crosses = random.random(sums.shape) < 0.2
    sums[crosses] = (-slopes * random.choice(shares, sums.shape))[crosses]
    weights, tilts = random.standard_normal((2, units, outputs)).astype(np.float32)
    biases = random.standard_normal((2, outputs)).astype(np.float32)
    reach = np.abs(shares).max()
    frozen = np.stack(
        [np.where(sums > 0, sums + t * slopes, 0) @ (weights + t * tilts) for t in (0, reach, -reach)]
    ).astype(np.float32)
    walk = compiled()
    assert walk is not None
    for rectify in (False, True):
        out = np.full((len(shares), samples, outputs), np.nan, np.float32)
        walk(
            sums, slopes, frozen, biases, weights, tilts, reach, shares, anchor, before, scale, rectify, out
        )  # fmt: skip
        for t, found in zip(shares.astype(float), out, strict=True):
            truth = np.maximum(sums + t * slopes, 0.0) @ (weights + t * tilts) + biases[0] + t * biases[1]
            np.testing.assert_allclose(found, np.maximum(truth, 0) if rectify else truth, atol=3e-5)


@pytest.mark.parametrize("what", ["second direction", "inputs"])
def test_directions_and_samples_of_zeros_are_rows_like_others(what: str) -> None:
    """No unit ever flips, or all of them add up 0."""
    network = mlp(20, 64, 64, 5, bias=what == "second direction")
    first, second = random_plane(weights_of(network), "filter", False, True, 0)
    samples = samples_of(20, 50)
    if what == "inputs":
        samples = {split: Samples(0 * own.inputs, own.targets) for split, own in samples.items()}
    else:
        second = {name: torch.zeros_like(own) for name, own in second.items()}
    losses = ChainLosses(network, (weights_of(network), first, second), samples, SCORE)
    found, expected = losses._by_flips(0.3, ROW), losses._by_points(0.3, ROW)
    assert found is not None
    for split in samples:
        torch.testing.assert_close(found[split], expected[split], rtol=1e-6, atol=0)


@pytest.mark.parametrize("size", [1e6, 1e13, 1e22, 1e38, float("inf"), float("nan")])
def test_where_sums_overflow_the_same_points_are_holes(size: float) -> None:
    network = mlp(20, 64, 64, 5)
    losses = losses_of(network, count=50, reach=size)
    for split, found in losses.row(0.4, ROW).items():
        expected = losses._by_points(0.4, ROW)[split]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=0, equal_nan=True)


def test_points_that_are_the_same_have_the_same_losses() -> None:
    losses = losses_of(mlp(20, 64, 64, 5), count=50)
    row = [0.5, *ROW, 0.5]
    assert torch.equal(losses.row(0.4, row)["train"], losses._by_points(0.4, row)["train"])


def test_two_threads_walk_without_disturbing_each_other() -> None:
    losses = losses_of(mlp(20, 64, 64, 5))
    expected = {a: losses.row(a, ROW)["train"] for a in (-0.5, 0.5)}
    wrong: list[float] = []

    def work(a: float) -> None:
        for _ in range(20):
            if not torch.equal(losses.row(a, ROW)["train"], expected[a]):
                wrong.append(a)

    threads = [threading.Thread(target=work, args=(a,)) for a in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.fixture
def uncompiled() -> Iterator[None]:
    landscape_flips._compiled.cache_clear()
    yield
    landscape_flips._compiled.cache_clear()


@pytest.mark.parametrize("reason", ["missing", "no folder"])
def test_without_a_compiler_each_point_is_computed(
    reason: str, uncompiled: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if reason == "missing":
        monkeypatch.setitem(sys.modules, "numba", None)
    else:
        import numba

        def refused(**options: object) -> None:
            raise RuntimeError("cannot cache function: no locator available")

        monkeypatch.setattr(numba, "njit", refused)
    losses = losses_of(mlp(20, 64, 64, 5), count=50)
    assert torch.equal(losses.row(0.4, ROW)["train"], losses._by_points(0.4, ROW)["train"])
    assert capfd.readouterr() == ("", "")


def test_the_first_pictures_wait_for_no_compiler() -> None:
    assert max(FIRST_LOOK, PLANE_LEVELS[0]) < landscape_flips.FEWEST_POINTS


def test_what_is_no_such_chain_is_computed_point_by_point() -> None:
    narrow, shallow, other = mlp(20, 64, 32, 5), mlp(20, 64, 70), mlp(20, 64, 64, 5)
    other[2] = nn.Tanh()
    assert [losses_of(each).flips for each in (narrow, shallow, other)] == [None] * 3
    assert "switch on or off" in losses_of(mlp(20, 64, 64, 5)).title


@pytest.mark.parametrize(("side", "way"), [(13, False), (25, True)])
def test_a_compiler_is_started_only_where_it_saves_more_than_it_takes(side: int, way: bool) -> None:
    network = mlp(20, 200, 200, 5)
    plane = (weights_of(network), *random_plane(weights_of(network), "filter", False, True, 0))
    losses = ChainLosses(network, plane, samples_of(20, 4000), SCORE, points=side**2)
    assert (losses.flips is not None) == way
