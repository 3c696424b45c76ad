"""Columns of numbers made ready for a network: holes filled, constants left out, each column standardised.

Everything is measured on the training samples alone: nothing of the validation or test data leaks into
training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.datasets.errors import DataError


@dataclass(frozen=True)
class Prepared:
    """`values`: float32 [N, F], standardised by the training samples; `mean` and `std` undo that."""

    values: np.ndarray
    names: tuple[str, ...]
    mean: np.ndarray  # float64 [F], in each feature's own unit
    std: np.ndarray
    notes: tuple[str, ...]


def prepare(columns: np.ndarray, names: Sequence[str], train: np.ndarray, used: np.ndarray) -> Prepared:
    """From float64 [N, F] with NaN or an infinity where a value is missing; rows that are not in `used` are
    in no part.

    DataError where no column varies.
    """
    columns = np.where(np.isfinite(columns), columns, np.nan)
    filled, filled_names, notes = _without_holes(columns, list(names), train, used)
    varies = filled[train].min(axis=0) < filled[train].max(axis=0)
    constant = [name for name, does in zip(filled_names, varies, strict=True) if not does]
    if not varies.any():
        raise DataError(
            f"no feature varies over the {len(train):,} training samples ({', '.join(constant[:10])}); "
            "choose others"
        )
    if constant:
        notes.append(f"left out, as they have one value in all training samples: {', '.join(constant)}")
    kept = filled[:, varies]
    mean, std = kept[train].mean(axis=0), kept[train].std(axis=0)
    return Prepared(
        values=((kept - mean) / std).astype(np.float32),  # subtracted in float64: a year keeps its digits
        names=tuple(name for name, does in zip(filled_names, varies, strict=True) if does),
        mean=mean,
        std=std,
        notes=tuple(notes),
    )


def _without_holes(
    columns: np.ndarray, names: list[str], train: np.ndarray, used: np.ndarray
) -> tuple[np.ndarray, list[str], list[str]]:
    """Each hole filled with the column's training median, and marked in a column of its own."""
    holes = np.isnan(columns)
    marks, mark_names, notes = [], [], []
    filled = columns.copy()
    for place in np.flatnonzero(holes[used].any(axis=0)):
        name, known = names[place], columns[train, place][~holes[train, place]]
        median = float(np.median(known)) if len(known) else 0.0  # then the column is constant, and left out
        filled[holes[:, place], place] = median
        marks.append(holes[:, place].astype(np.float64))
        mark_names.append(f"{name} is missing")
        notes.append(
            f"{name}: {int(holes[used, place].sum()):,} of {len(used):,} values are missing; they are filled "
            f"with the training median {median:g} and marked in a column of their own"
        )
    return np.column_stack([filled, *marks]), names + mark_names, notes
