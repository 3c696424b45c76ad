"""Fewer points, the same picture: what a chart can show of a long curve, extremes kept."""

from __future__ import annotations

import numpy as np


def thin(x: np.ndarray, y: np.ndarray, points: int) -> np.ndarray:
    """Ascending places of at most about `points` rows that draw the same line as all of them.

    The rows are cut into equal runs, in their order; of each the lowest and the highest value are kept,
    infinities included, so no spike is lost. The first and the last row are kept, and one NaN of each run
    that has some, so gaps stay visible. Nothing is random, nothing is averaged: every chosen row was logged.
    `x` decides nothing but must have the length of `y`; all rows come back where there are few.
    """
    count = len(y)
    if len(x) != count:
        raise ValueError(f"x has {len(x)} values and y has {count}; they must belong together")
    if points < 4:
        raise ValueError(f"a curve can't be drawn with {points} points; ask for 4 or more")
    if count <= points:
        return np.arange(count)
    length = -(-count // max(1, (points - 2) // 2))
    whole = count // length * length
    kept = [np.array([0, count - 1]), *_extremes(np.asarray(y)[:whole].reshape(-1, length))]
    if whole < count:  # the last run is shorter
        kept += [places + whole for places in _extremes(np.asarray(y)[whole:].reshape(1, -1))]
    return np.unique(np.concatenate(kept))


def _extremes(rows: np.ndarray) -> list[np.ndarray]:
    """Places in the flattened `rows` of each row's lowest and highest value, and of a NaN if it has one."""
    starts = np.arange(len(rows)) * rows.shape[1]
    lowest, highest = rows.argmin(1), rows.argmax(1)  # the place of a NaN where there is one
    kept = [starts + lowest, starts + highest]
    broken = np.flatnonzero(np.isnan(rows[np.arange(len(rows)), lowest]))
    if len(broken):
        holes = rows[broken]
        missing = np.isnan(holes)
        kept.append(starts[broken] + np.where(missing, np.inf, holes).argmin(1))
        kept.append(starts[broken] + np.where(missing, -np.inf, holes).argmax(1))
    return kept
