"""Optimizers on a surface: torch.optim's own, raced from one place, with one backward pass a step for all.

All positions are rows of one tensor, [racers, 2]. A step computes the surface and its gradient for all rows
at once, and each optimizer then moves its own row. Nothing of one racer reaches another: each path is what
the optimizer gives alone, bit for bit (a test).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.optimizers import build_optimizer
from training.running_schedule import RunningSchedule
from training.schedules import build_schedule
from training.surfaces import SURFACES, Minimum, values

FAR = 10.0  # windows away from the middle: who is there has left and does not come back
NEAR = 0.02  # of the window: who stays so near to a minimum has reached it
EPOCHS = 100  # a surface has none: for the schedules that count them, the hundredth part of all steps
MOST_STEPS = 5000
TRAVEL_STEPS = 30
LANES = 16  # numbers that the processor may take at once
SETTING_PAIRS = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Racer:
    """A row of OPTIMIZERS with its settings; those that are left out have their defaults."""

    optimizer: str
    learning_rate: float
    weight_decay: float = 0.0
    settings: SETTING_PAIRS = ()

    def build(self, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """UnknownNameError for the name, ValueError for a setting."""
        return build_optimizer(
            self.optimizer, parameters, self.learning_rate, self.weight_decay, dict(self.settings)
        )


@dataclass(frozen=True)
class Course:
    """What all racers share: the surface with its settings, where and how long they go, noise and schedule.

    Noise is the standard deviation of what is added to each number of the gradient, as by mini-batches: the
    same draw for every racer.
    """

    surface: str
    start: tuple[float, float]
    steps: int
    settings: SETTING_PAIRS = ()
    noise: float = 0.0
    seed: int = 0
    schedule: str = "constant"
    schedule_settings: SETTING_PAIRS = ()

    def __post_init__(self) -> None:
        SURFACES[self.surface].settings(dict(self.settings))
        if not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"steps are {self.steps!r}; a race has between 1 and {MOST_STEPS}")
        if not (np.isfinite(self.noise) and self.noise >= 0):
            raise ValueError(f"the noise is {self.noise!r}; it must be a finite number of at least 0")

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.steps // EPOCHS)

    def draws(self) -> Float[np.ndarray, "steps 2"] | None:
        """What is added to the gradient at each step."""
        if not self.noise:
            return None
        drawn = np.random.default_rng(self.seed).standard_normal((MOST_STEPS, 2))
        return self.noise * drawn[: self.steps]  # a longer race begins as the shorter one


@dataclass(frozen=True)
class Path:
    """Where a racer was after each step, [steps + 1, 2], and the surface there without noise, [steps + 1].

    `left` is the step at which it left for good, None where it did not: the path ends there.
    """

    positions: Float[np.ndarray, "places 2"]
    losses: Float[np.ndarray, " places"]
    left: int | None


@dataclass(frozen=True)
class Arrival:
    """The place of a minimum among those asked about, and the first step from which on it was kept."""

    minimum: int
    step: int


def race(
    course: Course, racers: Sequence[Racer], progress: Callable[[float], None] | None = None
) -> list[Path]:
    """The path of each racer. `progress` hears which share of the steps is done.

    UnknownNameError for a name, ValueError for a setting.
    """
    if not racers:
        return []
    places = filled(torch.tensor([course.start] * len(racers), dtype=torch.float64))
    rows = [
        nn.Parameter(row) for row in places[: len(racers)]
    ]  # each optimizer moves its own row of `places`
    optimizers = [racer.build([row]) for racer, row in zip(racers, rows, strict=True)]
    track = torch.empty(course.steps + 1, len(places), 2, dtype=torch.float64)
    track[0] = places

    def keep(step: int) -> None:
        track[step].copy_(places)

    descend(course, places, rows, optimizers, keep, progress)
    losses = values(course.surface, track.reshape(-1, 2), dict(course.settings)).reshape(-1, len(places))
    return [
        _path(course, track[:, row].numpy(), losses[:, row].numpy()) for row in range(len(racers))
    ]  # fmt: skip


def filled(starts: Float[Tensor, "starts 2"]) -> Float[Tensor, "places 2"]:
    """The starts, and copies of the last one behind them until all places are whole multiples of LANES.

    The processor takes the last few numbers of a tensor one by one, with another exponential function than
    the rest: without these a path would depend on how many race.
    """
    missing = -len(starts) % LANES
    return torch.cat((starts, starts[-1:].expand(missing, 2)))


def descend(
    course: Course,
    places: Float[Tensor, "places 2"],
    parameters: Sequence[nn.Parameter],
    optimizers: Sequence[torch.optim.Optimizer],
    keep: Callable[[int], None],
    progress: Callable[[float], None] | None = None,
) -> None:
    """The steps of a course. Parameters are the first rows of `places`, or one is many of them, and share its
    memory. `keep(step)` is called after every step, when `places` has moved.
    """
    row = SURFACES[course.surface]
    settings = row.settings(dict(course.settings))
    at = places.detach().requires_grad_()  # the same memory
    ones = torch.ones(len(places), dtype=places.dtype)
    slopes = torch.zeros_like(places)
    begin = 0
    for parameter in parameters:
        rows = parameter.numel() // 2
        parameter.grad = slopes[begin : begin + rows].view(parameter.shape)
        begin += rows
    draws = course.draws()
    noise = None if draws is None else torch.from_numpy(draws)
    rates = _Rates(course, optimizers)
    every = max(1, course.steps // 20)
    moves = [_bare_step(optimizer) for optimizer in optimizers]
    for step in range(course.steps):
        rates.before(step)
        x, y = at.unbind(1)
        (slope,) = torch.autograd.grad(row.function(x, y, **settings), at, ones)
        if noise is None:
            slopes.copy_(slope)
        else:
            torch.add(slope, noise[step], out=slopes)
        with torch.no_grad():
            for move in moves:
                move()
        keep(step + 1)
        rates.after(step, places)
        if progress is not None and (step + 1) % every == 0:
            progress((step + 1) / course.steps)


def _bare_step(optimizer: torch.optim.Optimizer) -> Callable[[], object]:
    """The optimizer's own `step`, to be called without gradients, out of torch's wrappers for its profiler
    and compiler: on two numbers they take as long as the step.
    """
    step: Any = type(optimizer).step
    while hasattr(step, "__wrapped__"):
        step = step.__wrapped__
    return partial(step, optimizer)


class _Rates:
    """The schedule of a course on its optimizers. Its shares are computed once, unless it watches losses."""

    def __init__(self, course: Course, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self.course = course
        self.shares = schedule_shares(course.schedule, course.steps, course.schedule_settings)
        self.groups = [(group, group["lr"]) for each in optimizers for group in each.param_groups]
        self.watching: list[RunningSchedule] = []
        if self.shares is None:
            settings = dict(course.schedule_settings)
            self.watching = [
                build_schedule(course.schedule, each, course.steps, course.steps_per_epoch, settings)
                for each in optimizers
            ]
        elif course.schedule == "constant":
            self.shares = None

    def before(self, step: int) -> None:
        if self.shares is not None:
            share = self.shares[step]
            for group, top in self.groups:
                group["lr"] = top * share

    def after(self, step: int, places: Tensor) -> None:
        if self.watching and (step + 1) % self.course.steps_per_epoch == 0:
            losses = values(self.course.surface, places.detach(), dict(self.course.settings)).tolist()
            for schedule, loss in zip(self.watching, losses, strict=False):  # places end in filling
                schedule.step_epoch(loss)


@lru_cache(maxsize=32)
def schedule_shares(name: str, steps: int, settings: SETTING_PAIRS = ()) -> tuple[float, ...] | None:
    """The learning rate at each step as a share of the largest; None for a schedule that watches losses."""
    steps_per_epoch = max(1, steps // EPOCHS)
    dummy = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = build_schedule(name, dummy, steps, steps_per_epoch, dict(settings))
    if schedule.every == "loss":
        return None
    shares = []
    for step in range(steps):
        shares.append(schedule.learning_rate)
        schedule.step_batch()
        if (step + 1) % steps_per_epoch == 0:
            schedule.step_epoch()
    return tuple(shares)


def _path(course: Course, positions: np.ndarray, losses: np.ndarray) -> Path:
    left, right, bottom, top = SURFACES[course.surface].window
    reach = FAR * SURFACES[course.surface].size
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    away = ~(np.abs(positions - middle).max(axis=1) <= reach)  # NaN is away too
    if not away.any():
        return Path(positions.copy(), losses.copy(), None)
    first = int(away.argmax())
    return Path(positions[:first].copy(), losses[:first].copy(), first)


def arrival(path: Path, minima: Sequence[Minimum], near: float) -> Arrival | None:
    """Which minimum the path ends at, and when it came to stay within `near` of it; None for nowhere."""
    if path.left is not None or not minima:
        return None
    where = np.array([(each.x, each.y) for each in minima])
    nearest = int(np.hypot(*(where - path.positions[-1]).T).argmin())
    outside = np.hypot(*(path.positions - where[nearest]).T) > near
    if outside[-1]:
        return None
    return Arrival(nearest, int(np.flatnonzero(outside).max(initial=-1)) + 1)


@lru_cache(maxsize=64)
def travel(optimizer: str, slope: float = 1.0) -> float:
    """How far a learning rate of 1 takes the optimizer, with its other defaults, down an even slope in
    TRAVEL_STEPS steps.
    """
    parameter = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    parameter.grad = torch.full((1,), slope, dtype=torch.float64)
    moving = build_optimizer(optimizer, [parameter], 1.0)
    for _ in range(TRAVEL_STEPS):
        moving.step()
    return abs(float(parameter.detach()))


def follows_slope(optimizer: str) -> bool:
    """Whether ten times the slope takes it much farther, as SGD; Adam hardly."""
    return travel(optimizer, 1.0) > 3 * travel(optimizer, 0.1)


def usual_rate(optimizer: str, surface: str) -> float:
    """The learning rate that a race begins with. On an even slope all optimizers of a kind, those that follow
    the slope's size and those that do not, come equally far in TRAVEL_STEPS steps.
    """
    row = SURFACES[surface]
    step = row.slope_rate if follows_slope(optimizer) else row.stride
    return float(f"{step * TRAVEL_STEPS / travel(optimizer):.2g}")


def best_rate(course: Course, racer: Racer, rates: Sequence[float]) -> float:
    """The rate with which the racer comes first into the reach of a deepest minimum, else ends the lowest.

    All rates race at once. ValueError where there is none.
    """
    if not rates:
        raise ValueError("there is no learning rate to try; give some")
    racers = [Racer(racer.optimizer, rate, racer.weight_decay, racer.settings) for rate in rates]
    row = SURFACES[course.surface]

    def score(path: Path) -> tuple[float, float]:
        found = arrival(path, row.minima, NEAR * row.size)
        last = float("inf") if path.left is not None else float(path.losses[-1])
        return (float("inf") if found is None else found.step, last)

    scores = [score(path) for path in race(course, racers)]
    return rates[min(range(len(rates)), key=lambda place: scores[place])]
