"""Basin maps: where a descent ends from every start on a grid, all starts one parameter of one optimizer.

Each start's way is bit for bit what a run by itself gives (a test), as long as torch's plain kernels are
used: the fused ones round the last numbers of a tensor otherwise. So `fused` is switched off here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from training.race import FAR, NEAR, Course, Racer, descend, filled, schedule_shares
from training.surfaces import SURFACES, Minimum, local_minima

NOWHERE, LEFT = -1, -2  # still under way at the last step; gone for good
MOMENTS = 50  # at which it is noted where everybody is: `steps` of a map are exact to a fiftieth of all


@dataclass(frozen=True)
class BasinMap:
    """For each start, [y, x]: the place among `minima` of the one it ends at, or NOWHERE or LEFT; and the
    step from which on it is in its reach (NaN where it is nowhere). `ends` [y, x, 2] is where it is last.
    """

    x: Float[np.ndarray, " side"]
    y: Float[np.ndarray, " side"]
    minima: tuple[Minimum, ...]
    reached: Int[np.ndarray, "side side"]
    steps: Float[np.ndarray, "side side"]
    ends: Float[np.ndarray, "side side 2"]

    def share(self, which: int) -> float:
        """Of all starts, those that end at this minimum (or NOWHERE, or LEFT)."""
        return float((self.reached == which).mean())


def basin_map(
    course: Course, racer: Racer, side: int = 100, progress: Callable[[float], None] | None = None
) -> BasinMap:
    """The map of a course with `side` times `side` starts over its window, in place of the course's own.

    ValueError for a schedule that watches losses: all starts share one learning rate.
    """
    if schedule_shares(course.schedule, course.steps, course.schedule_settings) is None:
        raise ValueError(
            f"the schedule is {course.schedule!r}, which watches one loss; a map has one for each start: "
            "take another schedule, such as 'constant'"
        )
    row = SURFACES[course.surface]
    left, right, bottom, top = row.window
    x, y = np.linspace(left, right, side), np.linspace(bottom, top, side)
    across, up = np.meshgrid(x, y)
    starts = torch.from_numpy(np.stack((across.ravel(), up.ravel()), axis=1))
    places = filled(starts)
    all_starts = nn.Parameter(places[: len(starts)])  # the same memory
    optimizer = racer.build([all_starts])
    for group in optimizer.param_groups:
        if group.get("fused"):
            group["fused"] = False
    every = max(1, course.steps // MOMENTS)
    moments: list[tuple[int, np.ndarray]] = [(0, all_starts.detach().numpy().copy())]

    def keep(step: int) -> None:
        if step % every == 0 or step == course.steps:
            moments.append((step, all_starts.detach().numpy().copy()))

    descend(course, places, [all_starts], [optimizer], keep, progress)
    minima = local_minima(course.surface, dict(course.settings))
    reached, steps = _arrivals(moments, minima, row.size, ((left + right) / 2, (bottom + top) / 2))
    ends = moments[-1][1].reshape(side, side, 2)
    return BasinMap(x, y, minima, reached.reshape(side, side), steps.reshape(side, side), ends)


def _arrivals(
    moments: list[tuple[int, np.ndarray]],
    minima: tuple[Minimum, ...],
    size: float,
    middle: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """What was reached, and the first noted step from which on it was."""
    last = moments[-1][1]
    where = np.array([(each.x, each.y) for each in minima])
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.hypot(last[:, :1] - where[:, 0], last[:, 1:] - where[:, 1])
        gaps = np.where(np.isnan(gaps), np.inf, gaps)
        nearest = gaps.argmin(axis=1)
        there = gaps[np.arange(len(last)), nearest] <= NEAR * size
        away = ~(np.abs(last - np.array(middle)).max(axis=1) <= FAR * size)
        reached = np.where(away, LEFT, np.where(there, nearest, NOWHERE))
        steps = np.where(there, float(moments[-1][0]), np.nan)
        staying = there.copy()
        for step, positions in reversed(moments[:-1]):
            staying &= np.hypot(*(positions - where[nearest]).T) <= NEAR * size
            if not staying.any():
                break
            steps[staying] = step
    return reached, steps
