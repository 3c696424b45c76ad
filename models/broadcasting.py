"""Broadcasting: shapes aligned from the right, and what comes of each pair of sizes.

https://docs.pytorch.org/docs/stable/notes/broadcasting.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Aligned:
    """One dimension, counted from the right: the sizes of both shapes (None: it has none there), and of the
    result (None: they don't fit).
    """

    dimension: int  # -1 is the last
    first: int | None
    second: int | None
    result: int | None


def aligned(first: Sequence[int], second: Sequence[int]) -> list[Aligned]:
    """Every dimension from left to right."""
    longest = max(len(first), len(second))
    return [_pair(place - longest, first, second) for place in range(longest)]


def _pair(place: int, first: Sequence[int], second: Sequence[int]) -> Aligned:
    one, other = (shape[place] if len(shape) >= -place else None for shape in (first, second))
    sizes = {size for size in (one, other) if size is not None and size != 1}
    if len(sizes) > 1:
        return Aligned(place, one, other, None)
    return Aligned(place, one, other, sizes.pop() if sizes else 1)
