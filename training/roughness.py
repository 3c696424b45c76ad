"""How uneven the picture of a landscape is: hills on straight ways over a plane, and where it isn't convex.

Li et al. 2018 (arXiv:1712.09913, section 6) judge by eye whether a surface is convex or chaotic, and by the
signs of curvatures. Both numbers here are of the picture alone, so that two planes on the same directions,
span and points can be compared; they say nothing about directions that the plane doesn't have.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from training.landscape_grid import positive

LOWEST = 1e-9  # in ln(loss): a lower hill is rounding
ROUNDING = 1e-9  # of the plane's whole range, from point to point
LEVEL = 1e-3  # of the larger curvature at a point: a smaller one that is so much less is none


def hills(losses: Float[np.ndarray, "a b"]) -> float:
    """The height that a straight way over the plane climbs for nothing: what a walker along a row or a column
    goes up and down beyond one valley, in ln(loss), as a mean over all rows and columns.

    A way through one valley, whatever its shape, has none: it goes down once and up once. A hill of height h
    between two valleys counts h. Monotone changes of scale keep 0. Points that are no number count as the
    highest that is one. ValueError for fewer than 3 points a side.
    """
    if losses.ndim != 2 or min(losses.shape) < 3:
        raise ValueError(f"losses have shape {losses.shape}; a plane of 3 points a side or more is needed")
    heights = np.log(positive(losses))
    ways = [*heights, *heights.T]
    return float(np.mean([_climbed(way) for way in ways]))


def _climbed(way: Float[np.ndarray, "points"]) -> float:
    lowest = way.min()
    one_valley = (way[0] - lowest) + (way[-1] - lowest)
    climbed = float(np.abs(np.diff(way)).sum() - one_valley) / 2
    return climbed if climbed > LOWEST else 0.0


def share_not_convex(losses: Float[np.ndarray, "a b"]) -> float:
    """The share of a plane's inner points at which the loss bends down in some direction of the plane: where
    the smaller eigenvalue of its second differences is below 0.

    The plane is that of the picture: both sides have length 1, whatever their number of points. Points with
    a neighbour that is no number are left out; NaN where none is left. ValueError as for `hills`.
    """
    if losses.ndim != 2 or min(losses.shape) < 3:
        raise ValueError(f"losses have shape {losses.shape}; a plane of 3 points a side or more is needed")
    rows, columns = (count - 1 for count in losses.shape)
    centre = losses[1:-1, 1:-1]
    with np.errstate(invalid="ignore"):  # infinite minus infinite is no number, and left out
        aa = (losses[2:, 1:-1] - 2 * centre + losses[:-2, 1:-1]) * rows**2
        bb = (losses[1:-1, 2:] - 2 * centre + losses[1:-1, :-2]) * columns**2
        ab = (losses[2:, 2:] - losses[2:, :-2] - losses[:-2, 2:] + losses[:-2, :-2]) * (rows * columns / 4)
    known = np.isfinite(aa) & np.isfinite(bb) & np.isfinite(ab)
    if not known.any():
        return float("nan")
    aa, bb, ab = aa[known], bb[known], ab[known]
    middle, half = (aa + bb) / 2, np.hypot((aa - bb) / 2, ab)
    smaller, larger = middle - half, middle + half
    rounding = ROUNDING * float(np.ptp(losses[np.isfinite(losses)])) * rows * columns
    return float(np.mean(smaller < -np.maximum(LEVEL * np.abs(larger), rounding)))
