"""Fewer points, the same picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from logs.thinning import thin

CURVES = hnp.arrays(np.float64, st.integers(0, 400), elements=st.floats(width=64))


@settings(max_examples=200, deadline=None)
@given(y=CURVES, points=st.integers(4, 60))
def test_extremes_and_ends_are_kept(y: np.ndarray, points: int) -> None:
    kept = thin(np.arange(len(y)), y, points)
    assert np.all(np.diff(kept) > 0), "ascending, each once"
    assert len(kept) <= max(len(y) if len(y) <= points else 0, 2 * points)
    if not len(y):
        return
    assert kept[0] == 0
    assert kept[-1] == len(y) - 1
    finite = y[~np.isnan(y)]
    if len(finite):
        chosen = y[kept][~np.isnan(y[kept])]
        assert chosen.max() == finite.max()
        assert chosen.min() == finite.min()


def test_a_single_spike_among_a_million_rows_is_kept() -> None:
    y = np.random.default_rng(0).normal(size=1_000_003)
    y[765_432] = 1e9
    y[123_456] = -np.inf
    kept = thin(np.arange(len(y)), y, 1000)
    assert {765_432, 123_456} <= set(kept.tolist())
    assert len(kept) <= 1000


def test_every_run_of_rows_keeps_its_own_extremes() -> None:
    y = np.random.default_rng(1).normal(size=10_000)
    kept = thin(np.arange(len(y)), y, 202)
    for start in range(0, len(y), 100):
        inside = kept[(kept >= start) & (kept < start + 100)]
        assert y[start : start + 100].argmax() + start in inside
        assert y[start : start + 100].argmin() + start in inside


def test_a_gap_stays_visible_beside_its_neighbours_extremes() -> None:
    y = np.zeros(10_000)
    y[5_000:5_005] = np.nan
    y[5_010] = 7.0
    y[5_011] = -7.0
    kept = thin(np.arange(len(y)), y, 100)
    assert np.isnan(y[kept]).any()
    assert {5_010, 5_011} <= set(kept.tolist())


def test_nothing_but_gaps_is_no_error() -> None:
    y = np.full(1000, np.nan)
    assert len(thin(np.arange(1000), y, 10)) >= 2


def test_few_rows_all_come_back() -> None:
    assert thin(np.arange(10), np.arange(10.0), 10).tolist() == list(range(10))
    assert thin(np.zeros(0), np.zeros(0), 10).tolist() == []


def test_the_same_rows_are_chosen_at_each_call() -> None:
    y = np.random.default_rng(2).normal(size=12_345)
    assert np.array_equal(thin(np.arange(12_345), y, 500), thin(np.arange(12_345), y, 500))


def test_whole_numbers_can_be_thinned_too() -> None:
    assert len(thin(np.arange(1000), np.arange(1000), 50)) <= 50


@pytest.mark.parametrize(("x", "y", "points"), [(3, 4, 10), (4, 4, 3)])
def test_what_does_not_fit_is_refused(x: int, y: int, points: int) -> None:
    with pytest.raises(ValueError, match=r"belong together|4 or more"):
        thin(np.zeros(x), np.zeros(y), points)
