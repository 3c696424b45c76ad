"""The newest and the best value of each metric, kept up to date from the rows themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from logs.curve import Curve, Series
from logs.status import NO_SPLIT


class Tally:
    """Fed with rows in the order of logging. The best is the highest or lowest finite value, the first of
    equals.

    `higher_is_better` says it for each metric; for one that is not named, lower is better.
    """

    def __init__(self, higher_is_better: Mapping[str, bool]) -> None:
        self._higher_is_better = higher_is_better
        self._last: dict[Series, float] = {}
        self._best: dict[Series, dict[str, float]] = {}
        self.step = 0  # of the newest row
        self.epoch = math.nan  # of the newest row that has one
        self._newest = np.datetime64(0, "us")

    def add(self, rows: Mapping[Series, Curve]) -> None:
        """Rows that are newer than all before."""
        self._newest = np.datetime64(
            0, "us"
        )  # of these rows: a clock may have been set back since the others
        for series, curve in rows.items():
            if len(curve):
                self._last[series] = float(curve.value[-1])
                self._note_newest(curve)
                self._note_best(series, curve)

    @property
    def last(self) -> dict[str, dict[str, float]]:
        """As in status.json: split, metric, value."""
        return _by_split(self._last)

    @property
    def best(self) -> dict[str, dict[str, dict[str, float]]]:
        """As in status.json: split, metric, then value, step and epoch."""
        return _by_split(self._best)

    def _note_newest(self, curve: Curve) -> None:
        if curve.wall_time[-1] >= self._newest:
            self._newest = curve.wall_time[-1]
            self.step = int(curve.step[-1])
            if not np.isnan(curve.epoch[-1]):
                self.epoch = float(curve.epoch[-1])

    def _note_best(self, series: Series, curve: Curve) -> None:
        sign = -1.0 if self._higher_is_better.get(series[0], False) else 1.0
        costs = np.where(np.isfinite(curve.value), sign * curve.value, math.inf)
        place = int(costs.argmin())
        known = self._best.get(series)
        if math.isfinite(costs[place]) and (known is None or costs[place] < sign * known["value"]):
            self._best[series] = {
                "value": float(curve.value[place]),
                "step": int(curve.step[place]),
                "epoch": float(curve.epoch[place]),
            }


def _by_split(values: Mapping[Series, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (metric, split), value in values.items():
        found.setdefault(split or NO_SPLIT, {})[metric] = value
    return found
