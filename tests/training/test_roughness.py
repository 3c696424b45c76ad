"""Roughness of a plane: closed forms of bowls and waves."""

from __future__ import annotations

import numpy as np
import pytest

from training.roughness import hills, share_not_convex

TICKS = np.linspace(-1, 1, 25)
A, B = np.meshgrid(TICKS, TICKS, indexing="ij")


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 4.0])
def test_a_valley_has_no_hills_whatever_its_shape(power: float) -> None:
    assert hills(1e-3 + (A**2 + 3 * B**2) ** power) == pytest.approx(0, abs=1e-12)


def test_a_hill_between_two_valleys_counts_its_height() -> None:
    """exp(h cos(2 pi a)) has valleys at a = -1/2 and 1/2 and a hill of 2 h between them; its ends are as high
    as the hill. Ways along b are level.
    """
    losses = np.exp(0.3 * np.cos(2 * np.pi * A))
    assert hills(losses) == pytest.approx(2 * 0.3 / 2), "half of the ways cross it"
    assert hills(7 * losses) == pytest.approx(0.3), "the loss's unit does not matter"


def test_what_is_no_number_counts_as_the_highest_that_is_one() -> None:
    losses = 0.1 + A**2 + B**2
    losses[0], losses[-1] = np.inf, np.nan
    assert hills(losses) == pytest.approx(0, abs=1e-12)
    assert share_not_convex(losses) == 0
    assert np.isnan(share_not_convex(np.full((3, 3), np.nan)))


def test_where_a_plane_bends_down() -> None:
    assert share_not_convex(A**2 + 3 * B**2 + A * B) == 0
    assert share_not_convex(A**2 - 0.1 * B**2) == 1
    assert share_not_convex(A + 2 * B) == 0, "rounding is no curvature"
    cubic = share_not_convex(
        A**3 + B**2
    )  # bends down for a < 0: 11 of 23 inner rows, and the middle is level
    assert cubic == pytest.approx(11 / 23)


def test_too_small_a_plane_is_refused() -> None:
    for measure in (hills, share_not_convex):
        with pytest.raises(ValueError, match="3 points a side"):
            measure(np.ones((2, 5)))
