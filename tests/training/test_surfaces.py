"""Each surface is what its row says: its minima, its formula, its curvature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.catalog import UnknownNameError
from training.surfaces import (
    SURFACES,
    Minimum,
    Surface,
    curvature,
    eigenvalues,
    local_minima,
    surface_grid,
    values,
)

# The formulas of Jamil and Yang (arXiv:1308.4008) and of the named books, written for numpy.
FORMULAS = {
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "rosenbrock": lambda x, y: 100 * (y - x**2) ** 2 + (x - 1) ** 2,
    "beale": lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    "booth": lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
    "rastrigin": lambda x, y: 20 + sum(z**2 - 10 * np.cos(2 * np.pi * z) for z in (x, y)),
    "ackley": lambda x, y: (
        -20 * np.exp(-0.2 * np.sqrt((x**2 + y**2) / 2))
        - np.exp((np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)) / 2)
        + 20
        + np.e
    ),
    "saddle": lambda x, y: 0.5 * x**2 + 0.25 * y**4 - 0.5 * y**2,
    "ravine": lambda x, y: 0.5 * (x**2 / 30 + y**2),
    "styblinski_tang": lambda x, y: 0.5 * sum(z**4 - 16 * z**2 + 5 * z for z in (x, y)),
}
COUNTS = {
    "himmelblau": 4,
    "rosenbrock": 1,
    "beale": 1,
    "booth": 1,
    "rastrigin": 121,
    "ackley": 121,
    "saddle": 2,
    "ravine": 1,
    "styblinski_tang": 4,
}
every_surface = pytest.mark.parametrize("row", SURFACES, ids=lambda row: row.name)


def places_of(minima: tuple[Minimum, ...]) -> torch.Tensor:
    return torch.tensor([[each.x, each.y] for each in minima], dtype=torch.float64)


@every_surface
def test_a_known_minimum_has_its_value_no_slope_and_nothing_lower_around(row: Surface) -> None:
    at = places_of(row.minima)
    np.testing.assert_allclose(values(row.name, at).numpy(), [each.value for each in row.minima], atol=1e-12)
    assert curvature(row.name, at)[0].abs().max() < 1e-9
    angles = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
    for reach in (1e-4, 1e-2):
        ring = reach * row.size * torch.stack((angles.cos(), angles.sin()), dim=1)
        for each, place in zip(row.minima, at, strict=True):
            assert (values(row.name, place + ring) > each.value).all()


@every_surface
def test_nothing_in_the_window_is_lower_than_the_known_minima(row: Surface) -> None:
    deepest = min(each.value for each in row.minima)
    assert surface_grid(row.name, side=201)[2].min() >= deepest - 1e-9
    left, right, bottom, top = row.window
    assert left < row.start[0] < right
    assert bottom < row.start[1] < top


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_surface_and_its_slope_are_the_published_formulas(name: str, across: float, up: float) -> None:
    left, right, bottom, top = SURFACES[name].window
    x, y = left + across * (right - left), bottom + up * (top - bottom)
    at = torch.tensor([[x, y]], dtype=torch.float64)
    formula = FORMULAS[name]
    assert float(values(name, at)) == pytest.approx(float(formula(x, y)), rel=1e-9, abs=1e-9)
    h = 1e-6
    slope = [
        (formula(x + h, y) - formula(x - h, y)) / (2 * h),
        (formula(x, y + h) - formula(x, y - h)) / (2 * h),
    ]
    if name != "ackley" or math.hypot(x, y) > 1e-3:  # which has a tip
        np.testing.assert_allclose(curvature(name, at)[0][0].numpy(), slope, rtol=1e-4, atol=1e-4)


@every_surface
def test_every_local_minimum_in_the_window_is_found(row: Surface) -> None:
    found = local_minima(row.name)
    assert len(found) == COUNTS.get(row.name, len(found))
    assert found[: len(row.minima)] == row.minima
    others = found[len(row.minima) :]
    if others:
        slopes, bent = curvature(row.name, places_of(others))
        assert slopes.abs().max() < 1e-6
        assert torch.linalg.eigvalsh(bent).min() > 0


@every_surface
def test_a_quadratic_has_one_curvature_and_others_have_many(row: Surface) -> None:
    left, right, bottom, top = row.window
    drawn = torch.rand(20, 2, dtype=torch.float64) * torch.tensor([right - left, top - bottom])
    bent = curvature(row.name, drawn + torch.tensor([left, bottom]))[1]
    assert bool(torch.allclose(bent, bent[:1].expand_as(bent))) is row.quadratic


def test_curvatures_of_the_quadratics_are_known() -> None:
    assert eigenvalues("booth") == pytest.approx((2, 18))
    assert eigenvalues("ravine", {"condition": 50}) == pytest.approx((1 / 50, 1))
    with pytest.raises(ValueError, match="booth, ravine"):
        eigenvalues("himmelblau")


def test_a_tip_has_a_slope_of_0_not_of_nan() -> None:
    assert curvature("ackley", torch.zeros(1, 2, dtype=torch.float64))[0].tolist() == [[0, 0]]


def test_a_wrong_name_or_setting_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'ravine'"):
        surface_grid("ravin")
    with pytest.raises(ValueError, match="condition of ravine is 0"):
        surface_grid("ravine", {"condition": 0})


def test_a_new_row_is_all_that_a_surface_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Surface(
        name="bowl",
        title="Bowl",
        formula="x^2 + y^2",
        summary="Round.",
        source="here",
        function=lambda x, y: x * x + y * y,
        window=(-1, 1, -1, 1),
        start=(0.5, 0.5),
        minima=(Minimum(0.0, 0.0, 0.0),),
    )
    monkeypatch.setitem(SURFACES._rows, "bowl", row)
    assert len(local_minima("bowl")) == 1
    assert surface_grid("bowl", side=3)[2].tolist() == [[2, 1, 2], [1, 0, 1], [2, 1, 2]]
