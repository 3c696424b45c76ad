"""Many rows at once: the arrays of `RunWriter.log_rows`, checked and packed as the records of the log."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from logs.wal import GROUP_VALUES, RECORD


@dataclass(frozen=True)
class RowBlock:
    """n rows of the same metrics, in the order in which n calls of `log` would write their records."""

    records: np.ndarray  # RECORD[n * groups], row after row; wall time, group and commit are not set yet
    groups: tuple[tuple[str, ...], ...]  # the metrics of each record of a row, at most four each
    split: str | None

    @classmethod
    def checked(
        cls, steps: Any, values: Mapping[str, Any], metrics: tuple[str, ...], split: str | None, epochs: Any
    ) -> RowBlock:
        """From steps[n], values {metric: [n]} and epochs[n], or one for all; None: none.

        TypeError or ValueError names what can't be logged.
        """
        places = _steps(steps)
        count = len(places)
        groups = tuple(
            metrics[start : start + GROUP_VALUES] for start in range(0, len(metrics), GROUP_VALUES)
        )
        rows = np.zeros((count, len(groups)), RECORD)
        rows["step"] = places[:, None]
        rows["epoch"] = _numbers("the epochs", math.nan if epochs is None else epochs, count, True)[:, None]
        for place, name in enumerate(metrics):
            column = rows["values"][:, place // GROUP_VALUES, place % GROUP_VALUES]
            column[...] = _numbers(name, values[name], count, False)
        return cls(rows.reshape(-1), groups, split)

    def values_from(self, record: int) -> int:
        """How many values are in the records from this one on."""
        sizes = np.array([len(group) for group in self.groups])
        rows, within = divmod(record, len(self.groups))
        whole = len(self.records) // len(self.groups) - rows
        return int(whole * sizes.sum() - sizes[:within].sum())


def _steps(steps: Any) -> np.ndarray:
    """int64[n]."""
    places = np.asarray(steps)
    if places.ndim != 1:
        raise ValueError(f"the steps have shape {places.shape}; they must be one whole number per row")
    if len(places) and places.dtype.kind not in "iu":
        raise TypeError(f"the steps are of {places.dtype}; they must be whole numbers of 64 bits")
    if len(places) and int(places.max()) >= 2**63:
        raise TypeError(f"a step is {int(places.max())}; it must be a whole number of 64 bits")
    return places.astype(np.int64)


def _numbers(name: str, values: Any, count: int, one_for_all: bool) -> np.ndarray:
    """float64[count]."""
    given = np.asarray(values)
    if given.size and given.dtype.kind not in "fiub":  # else NumPy would read texts as numbers
        raise TypeError(f"{name}: an array of {given.dtype}; it must be numbers, one per row")
    if one_for_all and given.ndim == 0:
        return np.full(count, given, np.float64)
    if given.shape != (count,):
        also = " or one for all" if one_for_all else ""
        raise ValueError(f"{name}: shape {given.shape} for {count} rows; it must be one number per row{also}")
    return given.astype(np.float64)
