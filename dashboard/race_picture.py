"""A race as a browser shows it: the surface in shades, and paths thinned, as arrays in base64."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from training.race import NEAR, SETTING_PAIRS, Arrival, Course, Path, arrival
from training.surfaces import SURFACES, Minimum, local_minima, surface_grid

SIDE = 101  # points of the surface's picture
MOST_PLACES = 1200  # of a path; between them it is drawn straight
LOWEST_POWER = -16.0  # of ten, for a gap that rounds to nothing
USUAL_SHARE = 0.1  # of the window lies lower than the gap at which shades turn from even to logarithmic


@dataclass(frozen=True)
class Shades:
    """Heights as shades from 0 (the lowest minimum) to 1: log(1 + gap / scale) / reach, whatever the size."""

    lowest: float
    scale: float
    reach: float

    def of(self, values: np.ndarray) -> np.ndarray:
        gaps = np.maximum(np.asarray(values, np.float64) - self.lowest, 0)
        return np.log1p(gaps / self.scale) / self.reach


@dataclass(frozen=True)
class Shown:
    """One racer as it is shown: its place in the palette, its path, and what is said of it."""

    name: str
    title: str
    rate: str
    palette: int
    path: Path
    dashed: bool = False


@lru_cache(maxsize=32)
def shaded(surface: str, settings: SETTING_PAIRS = ()) -> tuple[Shades, str]:
    """How the surface is shaded, and its grid of shades [y, x] as text."""
    _x, _y, values = surface_grid(surface, dict(settings), SIDE)
    lowest = min(each.value for each in SURFACES[surface].minima)
    gaps = values - lowest
    scale = float(np.quantile(gaps, USUAL_SHARE)) or 1.0
    shades = Shades(lowest, scale, math.log1p(float(gaps.max()) / scale))
    return shades, packed(shades.of(values))


def race_picture(
    course: Course, shown: Sequence[Shown], reached: Callable[[Minimum, int], str]
) -> dict[str, Any]:
    """What the component is given. `reached` says in words which minimum was reached, and at which step."""
    row = SURFACES[course.surface]
    shades, grid = shaded(course.surface, course.settings)
    minima = local_minima(course.surface, dict(course.settings))
    deepest = min(each.value for each in minima)
    stride = max(1, -(-course.steps // MOST_PLACES))
    return {
        "surface": {
            "given": f"{course.surface} {course.settings}",
            "window": row.window,
            "side": SIDE,
            "shades": grid,
            "lowest": shades.lowest,
            "scale": shades.scale,
            "reach": shades.reach,
            "minima": [[each.x, each.y, each.value <= deepest + 1e-9] for each in minima],
        },
        "start": list(course.start),
        "steps": course.steps,
        "stride": stride,
        "racers": [
            _racer(each, shades, stride, arrival(each.path, minima, NEAR * row.size), minima, reached)
            for each in shown
        ],
    }


def _racer(
    each: Shown,
    shades: Shades,
    stride: int,
    found: Arrival | None,
    minima: Sequence[Minimum],
    reached: Callable[[Minimum, int], str],
) -> dict[str, Any]:
    last = len(each.path.losses) - 1
    kept = sorted({*range(0, last, stride), last})
    losses = each.path.losses[kept]
    gaps = np.log10(np.maximum(losses - shades.lowest, 10**LOWEST_POWER))
    return {
        "name": each.name,
        "title": each.title,
        "rate": each.rate,
        "palette": each.palette,
        "dashed": each.dashed,
        "last": last,
        "left": each.path.left,
        "places": packed(each.path.positions[kept].ravel()),
        "gaps": packed(gaps),
        "reached": None if found is None else reached(minima[found.minimum], found.step),
        "reached_step": None if found is None else found.step,
    }


def packed(numbers: np.ndarray) -> str:
    """As little-endian float32 in base64."""
    return base64.b64encode(np.ascontiguousarray(numbers, "<f4").tobytes()).decode("ascii")
