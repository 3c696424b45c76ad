"""Grids of numbers as a short text for the page's address: numbers by commas, rows by semicolons, and several
grids by slashes.
"""

from __future__ import annotations

import math

LARGEST_SIDE = 12
LARGEST = 1e6
MOST_GRIDS = 16


def packed_grid(rows: list[list[float]]) -> str:
    """Like "1,2,0;0,1,-0.5"."""
    return ";".join(",".join(f"{value:.6g}" for value in row) for row in rows)


def unpacked_grid(text: str) -> list[list[float]]:
    """The rows of such a text. ValueError with the rule where it is no grid."""
    try:
        rows = [[float(value) for value in row.split(",")] for row in text.split(";")]
    except ValueError:
        raise ValueError(
            f"the numbers are {text[:40]!r}; write rows by semicolons and numbers by commas, as in 1,2;0,1"
        ) from None
    if len({len(row) for row in rows}) != 1 or max(len(rows), len(rows[0])) > LARGEST_SIDE:
        raise ValueError(
            f"the numbers are {len(rows)} rows of {', '.join(str(len(row)) for row in rows[:6])}; rows must "
            f"be equally long, and {LARGEST_SIDE} x {LARGEST_SIDE} is the most"
        )
    if any(not math.isfinite(value) or abs(value) > LARGEST for row in rows for value in row):
        raise ValueError(f"the numbers must lie between -{LARGEST:,.0f} and {LARGEST:,.0f}")
    return rows


def packed_grids(grids: list[list[list[float]]]) -> str:
    """Like "1,2;0,1/3,4;5,6"."""
    return "/".join(map(packed_grid, grids))


def unpacked_grids(text: str) -> list[list[list[float]]]:
    """The grids of such a text, all of one size. ValueError with the rule where it is none."""
    parts = text.split("/")
    if len(parts) > MOST_GRIDS:
        raise ValueError(f"the numbers are {len(parts)} grids; {MOST_GRIDS} are the most")
    grids = [unpacked_grid(part) for part in parts]
    if len(sizes := {f"{len(grid)} x {len(grid[0])}" for grid in grids}) > 1:
        raise ValueError(f"the grids are {' and '.join(sorted(sizes))}; all must be equally large")
    return grids


def mirrored(grid: list[list[float]], number: int) -> list[list[float]]:
    """The grid as it is (0), mirrored left to right (1), upside down (2) or both (3); then again."""
    rows = grid[::-1] if number % 4 >= 2 else grid
    return [row[::-1] if number % 2 else list(row) for row in rows]
