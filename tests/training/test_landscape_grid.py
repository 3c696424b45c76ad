"""Points coarse to fine: each is computed once, holes stay holes, and a stop loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from training.landscape_grid import LINE_LEVELS, PLANE_LEVELS, Grid, compute, positive


class Bowl:
    """(a^2 + 2 b^2 + 1) for each of four samples, and three of them right; counts the points."""

    def __init__(self, asked: list[tuple[float, float]]) -> None:
        self.asked = asked

    def row(self, a: float, b: Sequence[float]) -> dict[str, Tensor]:
        self.asked += [(a, second) for second in b]
        rows = [[4 * (a * a + 2 * second * second + 1), 3.0] for second in b]
        return {"test": torch.tensor(rows, dtype=torch.float64)}


def plane(finest: int = 25) -> Grid:
    return Grid((-1.0, 1.0), (-2.0, 2.0), {"test": 4}, finest)


def never() -> bool:
    return False


def test_every_level_nests_in_the_finest() -> None:
    for levels in (PLANE_LEVELS, LINE_LEVELS):
        assert all((levels[-1] - 1) % (level - 1) == 0 for level in levels)


def test_a_point_is_computed_once_whatever_level_asks_for_it() -> None:
    grid = plane()
    asked: list[tuple[float, float]] = []
    for level in grid.levels:
        assert compute(grid, level, lambda number: Bowl(asked), 2, never)
    assert len(asked) == len(set(asked)) == 25 * 25 == len(grid.known)
    values = grid.values(25, "test")
    ticks_a, ticks_b = np.linspace(-1, 1, 25)[:, None], np.linspace(-2, 2, 25)[None]
    assert values == pytest.approx(ticks_a**2 + 2 * ticks_b**2 + 1)
    assert (grid.values(9, "test", 1) == 0.75).all()


def test_a_line_has_one_row() -> None:
    grid = Grid((-1.0, 1.0), None, {"test": 4}, 25)
    asked: list[tuple[float, float]] = []
    for level in grid.levels:
        compute(grid, level, lambda number: Bowl(asked), 3, never)
    assert sorted(asked) == [(pytest.approx(a), 0.0) for a in np.linspace(-1, 1, 25)]
    assert grid.values(25, "test").shape == (25,)


def test_columns_give_the_grid_back_and_only_what_lacks_is_computed() -> None:
    first = plane()
    asked: list[tuple[float, float]] = []
    compute(first, 9, lambda number: Bowl(asked), 1, never)
    second = plane()
    second.take(first.columns())
    assert second.known == first.known
    again: list[tuple[float, float]] = []
    for level in second.levels:
        compute(second, level, lambda number: Bowl(again), 1, never)
    assert len(again) == 625 - 81
    assert not set(again) & set(asked)


def test_a_stop_keeps_the_rows_that_are_done() -> None:
    grid = plane()
    asked: list[tuple[float, float]] = []
    assert not compute(grid, 9, lambda number: Bowl(asked), 1, lambda: len(grid.known) >= 18)
    assert 18 <= len(grid.known) < 81
    assert compute(grid, 9, lambda number: Bowl(asked), 1, never)
    assert len(grid.known) == 81


def test_an_error_in_a_thread_is_raised_and_ends_the_others() -> None:
    class Broken(Bowl):
        def row(self, a: float, b: Sequence[float]) -> dict[str, Tensor]:
            if a > 0:
                raise RuntimeError("no memory left")
            return super().row(a, b)

    grid = plane()
    with pytest.raises(RuntimeError, match="no memory"):
        compute(grid, 9, lambda number: Broken([]), 2, never)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rows-")]


def test_refinement_is_the_splines_error_in_the_log_of_the_loss() -> None:
    grid = plane()
    for level in grid.levels:
        compute(grid, level, lambda number: Bowl([]), 2, never)
    error = grid.refinement(9, 13, "test")
    assert 0 < error["rms"] <= error["largest"] < 0.02
    finer = grid.refinement(13, 25, "test")
    assert finer["rms"] < error["rms"]


def test_losses_that_are_no_numbers_are_holes_and_spoil_no_spline() -> None:
    losses = np.array([0.0, 1.0, np.inf, np.nan, 3.0])
    assert positive(losses).tolist() == [1e-30, 1.0, 3.0, 3.0, 3.0]
    assert np.isfinite(np.log(positive(np.full(4, np.nan)))).all()


def test_points_that_nest_nowhere_are_refused() -> None:
    with pytest.raises(ValueError, match="must be one of 5, 9, 13, 25, 49"):
        plane(20)


@pytest.mark.parametrize("grid", [plane(9), plane(13), plane(25), Grid((-1.0, 1.0), None, {"test": 4}, 25)])
def test_what_is_to_be_done_is_what_will_have_been_done(grid: Grid) -> None:
    for level in grid.levels:
        assert compute(grid, level, lambda number: Bowl([]), 1, never)
    assert grid.whole() == len(grid.known)
