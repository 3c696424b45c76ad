"""One metric of one split over the course of a run: four arrays of one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Series = tuple[str, str | None]  # metric and split: what one line in a chart shows


@dataclass(frozen=True, eq=False)
class Curve:
    """The values of one metric in the order in which they were logged; a step may come twice, or go back."""

    step: np.ndarray  # int64, optimizer updates since the start
    epoch: np.ndarray  # float64, NaN where none was given
    value: np.ndarray  # float64, NaN and infinities included
    wall_time: np.ndarray  # datetime64[us], UTC

    @classmethod
    def empty(cls) -> Curve:
        zero = np.zeros(0, np.int64)
        return cls(zero, zero.astype(np.float64), zero.astype(np.float64), zero.astype("datetime64[us]"))

    @classmethod
    def joined(cls, curves: Sequence[Curve]) -> Curve:
        """One after the other."""
        filled = [curve for curve in curves if len(curve)]
        if len(filled) < 2:
            return filled[0] if filled else cls.empty()
        return cls(
            np.concatenate([curve.step for curve in filled]),
            np.concatenate([curve.epoch for curve in filled]),
            np.concatenate([curve.value for curve in filled]),
            np.concatenate([curve.wall_time for curve in filled]),
        )

    def __len__(self) -> int:
        return len(self.step)

    def __getitem__(self, chosen: Any) -> Curve:
        """The rows that a slice, a mask or an array of places chooses."""
        return Curve(self.step[chosen], self.epoch[chosen], self.value[chosen], self.wall_time[chosen])


def in_order(series: Series) -> tuple[str, int, str]:
    """Sorts by metric, then train, validation, test, then without a split."""
    metric, split = series
    known = {"train": 0, "validation": 1, "test": 2, None: 3}
    return metric, known.get(split, 4), split or ""
