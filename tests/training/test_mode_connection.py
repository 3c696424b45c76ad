"""Curves between networks: their points, their training, and that they pass under the straight line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import BPoly
from sklearn.datasets import load_digits
from torch import Tensor, nn

from models.catalog import UnknownNameError
from training.mode_connection import (
    CURVES,
    Curve,
    DivergedError,
    Height,
    connect,
    heights,
    straight_line,
)
from training.objective import Objective

KINDS = pytest.mark.parametrize("kind", CURVES.names())
CROSS_ENTROPY = nn.CrossEntropyLoss(reduction="none")


def digits(count: int = 500) -> tuple[Tensor, Tensor]:
    data = load_digits()
    return torch.from_numpy(data.data[:count] / 16).float(), torch.from_numpy(data.target[:count])


def trained(seed: int, normalised: bool = False, steps: int = 150) -> nn.Sequential:
    """A network trained on digits, from a start of its own."""
    torch.manual_seed(seed)
    norm = [nn.BatchNorm1d(24)] if normalised else []
    network = nn.Sequential(nn.Linear(64, 24), *norm, nn.ReLU(), nn.Linear(24, 10))
    inputs, targets = digits()
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    return network


def pair(normalised: bool = False) -> tuple[Objective, Tensor, Tensor]:
    """Two networks from different seeds: the loss, and both ends."""
    first, second = (trained(seed, normalised) for seed in (1, 2))
    statistics = "batch" if normalised else "saved"
    objective = Objective(first, *digits(), CROSS_ENTROPY, statistics=statistics)  # type: ignore[arg-type]
    return objective, objective.point, objective.flatten(dict(second.named_parameters()))


@KINDS
@pytest.mark.parametrize("bends", [0, 1, 3])
def test_a_curve_goes_from_end_to_end_as_scipys_does(kind: str, bends: int) -> None:
    controls = torch.randn(bends + 2, 5, dtype=torch.float64)
    curve = Curve(kind, controls[0], controls[1:-1], controls[-1])
    t = torch.linspace(0, 1, 23, dtype=torch.float64)
    found = curve.points(t)
    if kind == "bezier":
        expected = BPoly(controls.numpy()[:, None, :], [0, 1])(t.numpy())
    else:
        knots = np.linspace(0, 1, bends + 2)
        expected = np.stack([np.interp(t, knots, column) for column in controls.numpy().T], axis=1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(found[0], controls[0])
    assert torch.equal(found[-1], controls[-1])
    assert all(curve.shares(place).sum() == pytest.approx(1) for place in t.tolist())


def test_without_middle_points_it_is_the_straight_line() -> None:
    start, end = torch.randn(4), torch.randn(4)
    torch.testing.assert_close(straight_line(start, end).at(0.25), 0.75 * start + 0.25 * end)


@pytest.mark.parametrize("normalised", [False, True], ids=["plain", "batch norm"])
def test_the_trained_curves_highest_loss_is_under_the_straight_lines(normalised: bool) -> None:
    objective, start, end = pair(normalised)
    line = heights(objective, straight_line(start, end), 31)
    assert line.highest > 3 * max(line.losses[0], line.losses[-1])  # there is a barrier to go around
    for kind in CURVES.names():
        found = connect(objective, start, end, kind=kind, steps=400, seed=3)
        curve = heights(objective, found.curve, 31)
        assert curve.highest < line.highest / 2
        assert curve.barrier < line.barrier / 2
        assert (curve.losses[0], curve.losses[-1]) == (line.losses[0], line.losses[-1])
        assert curve.distance[-1] > line.distance[-1]
        assert np.mean(found.losses[-50:]) < np.mean(found.losses[:50])


def test_a_chain_may_have_several_bends() -> None:
    objective, start, end = pair()
    found = connect(objective, start, end, kind="chain", bends=3, steps=60)
    assert found.curve.middle.shape == (3, objective.numbers)
    moved = found.curve.middle - straight_line(start, end).points(torch.tensor([0.25, 0.5, 0.75]))
    assert (moved.norm(dim=1) > 0.1).all()


class Valley(nn.Module):
    """Two numbers; the loss (x^2 + y^2 - 1)^2 is 0 on a circle."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.tensor([x, y], dtype=torch.float64))

    def forward(self, samples: Tensor) -> Tensor:
        return (self.place.square().sum() - 1) * samples


def test_around_a_round_hill_the_best_bend_is_known() -> None:
    """Between two places on the circle, over its top: a grid finds the best middle point."""
    samples, high = torch.ones(4, dtype=torch.float64), 0.4
    wide = np.sqrt(1 - high**2)
    objective = Objective(Valley(-wide, high), samples, samples, lambda outputs, _: outputs.square())
    end = torch.tensor([wide, high], dtype=torch.float64)
    found = connect(objective, objective.point, end, steps=3000, batch=4, learning_rate=0.05, seed=1)
    t, tried = np.linspace(0, 1, 1001), np.linspace(0.5, 3, 1001)
    x, y = wide * (2 * t - 1), ((1 - t) ** 2 + t**2) * high + 2 * t * (1 - t) * tried[:, None]
    best = tried[((x**2 + y**2 - 1) ** 2).mean(1).argmin()]
    assert found.curve.middle[0].tolist() == pytest.approx([0, best], abs=0.03)


def test_the_same_seed_gives_the_same_curve_and_leaves_the_ends() -> None:
    objective, start, end = pair()
    ends = start.clone(), end.clone()
    first, again, other = (connect(objective, start, end, steps=20, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.curve.middle, again.curve.middle)
    assert np.array_equal(first.losses, again.losses)
    assert not torch.equal(first.curve.middle, other.curve.middle)
    assert torch.equal(start, ends[0])
    assert torch.equal(end, ends[1])
    assert not first.curve.middle.requires_grad


def test_progress_is_told_and_a_stop_keeps_what_is_there() -> None:
    objective, start, end = pair()
    told = list[tuple[int, int]]()
    found = connect(
        objective,
        start,
        end,
        steps=30,
        progress=lambda *done: told.append(done),
        should_stop=lambda: len(told) >= 5,
    )
    assert told == [(step, 30) for step in range(1, 6)]
    assert found.steps == 5
    none = connect(objective, start, end, steps=30, should_stop=lambda: True)
    torch.testing.assert_close(none.curve.at(0.3), straight_line(start, end).at(0.3))
    told.clear()
    part = heights(
        objective,
        found.curve,
        9,
        progress=lambda *done: told.append(done),
        should_stop=lambda: len(told) >= 4,
    )
    assert told == [(1, 9), (2, 9), (3, 9), (4, 9)]
    assert len(part.losses) == len(part.t) == len(part.distance) == 4
    assert part.losses[0] == objective.value(start)


def test_distances_are_along_the_way() -> None:
    objective, start, end = pair()
    line = heights(objective, straight_line(start, end), 5)
    np.testing.assert_allclose(line.distance, float((end - start).norm()) * line.t, rtol=1e-4)


def test_a_barrier_is_what_stands_above_the_line_between_the_ends() -> None:
    t = np.linspace(0, 1, 5)
    assert Height(t, t, np.array([1.0, 2, 5, 2, 3])).barrier == 3
    assert Height(t, t, np.array([1.0, 1, 1, 1, 3])).barrier == 0
    broken = Height(t, t, np.array([1.0, np.nan, 1, 1, 3]))
    assert broken.barrier == broken.highest == np.inf


def test_what_can_not_be_is_said_in_a_sentence() -> None:
    objective, start, end = pair()
    with pytest.raises(UnknownNameError, match="did you mean 'bezier'"):
        connect(objective, start, end, kind="bezir")
    with pytest.raises(ValueError, match="a curve joins two networks of one shape"):
        connect(objective, start[:-1], end[:-1])
    for setting, value in (("bends", 0), ("bends", 10), ("steps", 0), ("batch", 0), ("learning_rate", -1.0)):
        with pytest.raises(ValueError, match=f"{setting} is|{setting} "):
            connect(objective, start, end, **{setting: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="points is 1"):
        heights(objective, straight_line(start, end), 1)
    with pytest.raises(DivergedError, match="take a learning rate below"):
        connect(objective, start * torch.inf, end, steps=50)
