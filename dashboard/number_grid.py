"""A grid of numbers as a short text for the page's address: rows by semicolons, numbers by commas."""

from __future__ import annotations

import math

LARGEST_SIDE = 12
LARGEST = 1e6


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
