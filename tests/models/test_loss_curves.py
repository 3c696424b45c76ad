"""Losses against one prediction: their slopes against finite differences and closed forms."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.loss_curves import SITUATIONS, loss_points, losses_for
from models.losses import LOSSES

DRAWN = [(kind.name, row.name) for kind in SITUATIONS for row in losses_for(kind.name)]


def test_every_loss_of_one_prediction_can_be_drawn() -> None:
    """One that compares samples with each other can't."""
    tasks = {task for kind in SITUATIONS for task in kind.tasks}
    assert {name for _, name in DRAWN} == {row.name for row in LOSSES if tasks & set(row.tasks)}


@pytest.mark.parametrize(("situation", "name"), DRAWN)
@pytest.mark.parametrize("classes", [2, 5])
def test_the_slope_is_that_of_the_curve(situation: str, name: str, classes: int) -> None:
    low, high = SITUATIONS[situation].ends or (-4.3, 4.3)
    x = torch.linspace(low + 0.05, high - 0.05, 24, dtype=torch.float64)  # no place is a corner
    found = loss_points(name, situation, x, 0.7, classes)
    small = 1e-7
    above, below = (loss_points(name, situation, x + step, 0.7, classes).y for step in (small, -small))
    torch.testing.assert_close(found.derivative, (above - below) / (2 * small), atol=1e-5, rtol=1e-5)


@given(st.floats(-12, 12), st.integers(2, 10))
def test_cross_entropy_pulls_by_what_is_missing_and_the_square_by_less(lead: float, classes: int) -> None:
    x = torch.tensor([lead], dtype=torch.float64)
    p = torch.exp(x) / (torch.exp(x) + classes - 1)
    torch.testing.assert_close(loss_points("cross_entropy", "lead", x, classes=classes).derivative, p - 1)
    two = torch.sigmoid(x)
    torch.testing.assert_close(loss_points("binary_cross_entropy", "lead", x).derivative, two - 1)
    square = loss_points("brier", "lead", x).derivative
    torch.testing.assert_close(square, -4 * two * (1 - two).square(), atol=1e-12, rtol=1e-6)


@given(st.floats(0.01, 0.99), st.integers(2, 10))
def test_against_the_probability_it_is_minus_its_logarithm(probability: float, classes: int) -> None:
    p = torch.tensor([probability], dtype=torch.float64)
    for name in ("cross_entropy", "nll", "kl_divergence", "binary_cross_entropy"):
        found = loss_points(name, "probability", p, classes=classes)
        torch.testing.assert_close(found.y, -p.log())
        torch.testing.assert_close(found.derivative, -1 / p)


def test_a_loss_that_does_not_fit_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="choose from mse, l1"):
        loss_points("hinge", "number", torch.zeros(2))
