"""Sharpness of closed forms: linear and quadratic functions in a box, one step uphill, along directions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from training.directions import random_direction
from training.krylov import drawn
from training.objective import Objective, Product
from training.sharpness import average_sharpness, box_sharpness, sam_sharpness

METHODS = pytest.mark.parametrize("method", ["lbfgs", "ascent"])


@dataclass(frozen=True)
class Made:
    """A function from its formula, differentiated by torch."""

    formula: Callable[[Tensor], Tensor]
    point: Tensor

    def value(self, vector: Tensor) -> float:
        return float(self.formula(vector))

    def gradient(self, vector: Tensor) -> Tensor:
        leaf = vector.detach().clone().requires_grad_()
        return torch.autograd.grad(self.formula(leaf), leaf)[0]

    def hessian(self, vector: Tensor) -> Product:
        raise NotImplementedError


def numbers(count: int) -> Tensor:
    return torch.randn(count, dtype=torch.float64)


@METHODS
def test_a_linear_function_is_highest_in_a_corner(method: str) -> None:
    slope, point = numbers(40) * torch.logspace(-3, 0, 40), numbers(40)
    function = Made(lambda vector: slope @ vector + 5, point)
    found = box_sharpness(function, epsilon=0.01, method=method, steps=40)  # type: ignore[arg-type]
    rise = 0.01 * float((slope.abs() * (point.abs() + 1)).sum())
    assert found.loss == pytest.approx(float(slope @ point) + 5)
    assert found.highest - found.loss == pytest.approx(rise, rel=1e-6)
    assert found.value == pytest.approx(100 * rise / (1 + found.loss), rel=1e-6)
    assert found.evaluations < 100


@METHODS
@pytest.mark.parametrize("place", ["at its lowest point", "on a slope"])
def test_a_bowl_is_highest_in_a_corner(method: str, place: str) -> None:
    """sum a x^2 / 2 with every a above 0: each coordinate on the side that lies further out."""
    steep = torch.logspace(-1, 1, 30, dtype=torch.float64)
    point = torch.zeros(30, dtype=torch.float64) if place == "at its lowest point" else numbers(30)
    function = Made(lambda vector: (steep * vector.square()).sum() / 2, point)
    found = box_sharpness(function, epsilon=0.05, method=method, steps=40)  # type: ignore[arg-type]
    corner = point.abs() + 0.05 * (point.abs() + 1)
    assert found.highest == pytest.approx(float((steep * corner.square()).sum() / 2), rel=1e-6)


@METHODS
def test_in_a_subspace_the_box_is_that_of_its_coordinates(method: str) -> None:
    slope, point = numbers(25), numbers(25)
    function = Made(lambda vector: slope @ vector + 50, point)
    found = box_sharpness(function, epsilon=0.01, subspace=4, method=method, seed=3)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(3)
    axes = 5 * torch.stack([drawn(point, generator) for _ in range(4)], dim=1).numpy()
    sides = 0.01 * (np.abs(np.linalg.pinv(axes) @ point.numpy()) + 1)
    rise = float((np.abs(axes.T @ slope.numpy()) * sides).sum())
    assert found.highest - found.loss == pytest.approx(rise, rel=1e-6)


def trained() -> Objective:
    digits = load_digits(n_class=4)
    torch.manual_seed(0)
    inputs, targets = torch.from_numpy(digits.data[:200] / 16).float(), torch.from_numpy(digits.target[:200])
    network = nn.Sequential(nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 4))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    return Objective(network, inputs, targets, nn.CrossEntropyLoss(reduction="none"))


@METHODS
def test_no_point_that_chance_finds_in_a_networks_box_is_higher(method: str) -> None:
    objective = trained()
    found = box_sharpness(objective, epsilon=0.01, method=method)  # type: ignore[arg-type]
    sides = 0.01 * (objective.point.abs() + 1)
    within = (2 * torch.rand(100, objective.numbers) - 1) * sides
    corners = (2 * torch.randint(0, 2, (100, objective.numbers)) - 1) * sides
    uphill = objective.gradient(objective.point).sign() * sides
    tried = [objective.value(objective.point + move) for move in (*within, *corners, uphill)]
    assert found.highest >= max(tried) * (1 - 1e-4)
    assert found.highest > found.loss


def test_both_ways_up_find_about_the_same_height() -> None:
    objective = trained()
    heights = [
        box_sharpness(objective, epsilon=0.02, method=way, steps=30).value for way in ("lbfgs", "ascent")
    ]
    assert heights[0] == pytest.approx(heights[1], rel=0.1)


@METHODS
def test_a_loss_that_stops_being_finite_is_infinitely_sharp(method: str) -> None:
    function = Made(lambda vector: -torch.log(1 - vector).sum(), torch.full((3,), 0.9, dtype=torch.float64))
    found = box_sharpness(function, epsilon=0.2, method=method)  # type: ignore[arg-type]
    assert found.highest == math.inf
    assert found.value == math.inf


@METHODS
def test_a_climb_tells_how_far_it_is_and_may_be_stopped(method: str) -> None:
    objective, told = trained(), list[tuple[int, int]]()
    whole = box_sharpness(
        objective,
        epsilon=0.01,
        method=method,
        progress=lambda *done: told.append(done),  # type: ignore[arg-type]
    )
    assert told == [(step, 10) for step in range(1, 11)]
    told.clear()
    stopped = box_sharpness(
        objective,
        epsilon=0.01,
        method=method,  # type: ignore[arg-type]
        progress=lambda *done: told.append(done),
        should_stop=lambda: len(told) >= 2,
    )
    assert len(told) == 2
    assert whole.loss <= stopped.highest <= whole.highest
    before = objective.point.clone()
    assert torch.equal(objective.point, before)


def test_one_step_uphill_on_a_bowl_has_a_closed_form() -> None:
    raised = torch.randn(8, 8, dtype=torch.float64)
    matrix, point = raised @ raised.T, numbers(8)
    bowl = Made(lambda vector: vector @ matrix @ vector / 2, point)
    gradient = matrix @ point
    for rho in (0.01, 0.05, 1.0):
        rise = rho * gradient.norm() + rho**2 / 2 * (gradient @ matrix @ gradient) / gradient.square().sum()
        assert sam_sharpness(bowl, rho=rho) == pytest.approx(float(rise), rel=1e-9)
    assert sam_sharpness(bowl, torch.zeros(8, dtype=torch.float64)) == 0
    assert sam_sharpness(bowl, 2 * point, rho=0.1) > sam_sharpness(bowl, point, rho=0.1)


def test_the_mean_rise_of_least_squares_has_a_closed_form() -> None:
    inputs, targets = torch.randn(30, 5).double(), torch.randn(30, 1).double()
    network = nn.Linear(5, 1).double()
    objective = Objective(network, inputs, targets, lambda o, t: (o - t).square()[:, 0])
    found = average_sharpness(objective, radius=0.3, directions=7, ignore_biasbn=False, seed=5)
    generator, point = torch.Generator().manual_seed(5), objective.point
    expected = []
    for _ in range(7):
        direction = objective.flatten(
            random_direction(objective.unflatten(point), "filter", False, generator)
        )
        along = objective.gradient(point) @ direction
        bend = direction @ objective.hvp(point, direction)
        expected.append(float(0.3 * along + 0.3**2 / 2 * bend))
    np.testing.assert_allclose(found.rises, expected, rtol=1e-9)
    assert found.value == pytest.approx(np.mean(expected))
    assert found.standard_error == pytest.approx(np.std(expected, ddof=1) / math.sqrt(7))
    assert average_sharpness(objective, directions=1).standard_error == math.inf


def test_rescaled_networks_that_compute_the_same_are_equally_sharp_on_average_and_only_there() -> None:
    """A ReLU network's first layer times 10, its second a tenth (Dinh et al. 2017)."""
    objective = trained()
    parts = {name: own.clone() for name, own in objective.unflatten(objective.point).items()}
    parts["0.weight"] *= 10
    parts["0.bias"] *= 10
    parts["2.weight"] /= 10
    rescaled = objective.flatten(parts)
    assert objective.value(rescaled) == pytest.approx(objective.value(objective.point), rel=1e-4)
    same = average_sharpness(objective, seed=1).value
    assert same > 0
    assert average_sharpness(objective, rescaled, seed=1).value == pytest.approx(same, rel=1e-3)
    plain = average_sharpness(objective, seed=1, normalisation="none").value
    assert average_sharpness(objective, rescaled, seed=1, normalisation="none").value > 2 * plain
    assert sam_sharpness(objective, rescaled) > 2 * sam_sharpness(objective)


def test_directions_are_told_and_a_stop_keeps_those_that_are_done() -> None:
    objective, told = trained(), list[tuple[int, int]]()
    whole = average_sharpness(objective, directions=5, progress=lambda *done: told.append(done))
    assert told == [(done, 5) for done in range(1, 6)]
    stopped = average_sharpness(objective, directions=5, should_stop=lambda: True)
    np.testing.assert_array_equal(stopped.rises, whole.rises[:1])


def test_what_can_not_be_is_said_in_a_sentence() -> None:
    objective = trained()
    with pytest.raises(ValueError, match="epsilon is 0"):
        box_sharpness(objective, epsilon=0.0)
    with pytest.raises(ValueError, match="steps 0"):
        box_sharpness(objective, steps=0)
    with pytest.raises(ValueError, match="rho is -1"):
        sam_sharpness(objective, rho=-1.0)
    with pytest.raises(ValueError, match="directions 0"):
        average_sharpness(objective, directions=0)
