"""Points of a line or a plane, coarse to fine: each level takes over every point of the one before it.

Places are counted on a lattice that all levels share, so that a point is computed once whatever level asks
for it, and a picture that was left half done goes on where it stopped.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float64
from scipy.interpolate import CubicSpline, RectBivariateSpline
from torch import Tensor

from training.memory import keep_freed_memory

PLANE_LEVELS = (9, 13, 25, 49)  # points a side; 51 would share nothing with 25, and 49 shares all of it
FIRST_LOOK = 5  # a side: what a plane begins with, a third of its coarsest level
LINE_LEVELS = (13, 25, 49, 97, 193)
SMALLEST = 1e-30  # a loss that float32 calls 0 has a logarithm too

Place = tuple[int, int]  # on the lattice, from 0


@runtime_checkable
class Losses(Protocol):
    """What computes a row: sums [points, 2] of losses and right answers for each split."""

    def row(self, a: float, b: Sequence[float]) -> dict[str, Tensor]: ...


@dataclass
class Grid:
    """Points that are known, and those that a level still needs. A line has one row of them, b = 0."""

    a_range: tuple[float, float]
    b_range: tuple[float, float] | None  # None: a line
    counts: Mapping[str, int]  # samples of each split
    finest: int
    known: dict[Place, dict[str, tuple[float, float]]] = field(default_factory=dict)  # loss, accuracy

    def __post_init__(self) -> None:
        if self.finest not in self.levels_of():
            known = ", ".join(map(str, self.levels_of()))
            raise ValueError(f"points is {self.finest}; it must be one of {known}, whose points nest")

    def levels_of(self) -> tuple[int, ...]:
        return LINE_LEVELS if self.b_range is None else (FIRST_LOOK, *PLANE_LEVELS)

    @property
    def levels(self) -> tuple[int, ...]:
        """Points a side of each level up to the finest."""
        return tuple(level for level in self.levels_of() if level <= self.finest)

    @property
    def lattice(self) -> int:
        """Steps of the lattice from end to end."""
        return self.levels_of()[-1] - 1

    def ticks(self, level: int) -> list[int]:
        """Places of a level along one side."""
        return list(range(0, self.lattice + 1, self.lattice // (level - 1)))

    def a(self, place: int) -> float:
        return self._at(self.a_range, place)

    def b(self, place: int) -> float:
        return 0.0 if self.b_range is None else self._at(self.b_range, place)

    def _at(self, ends: tuple[float, float], place: int) -> float:
        share = place / self.lattice
        return ends[0] * (1 - share) + ends[1] * share

    def missing(self, level: int) -> list[tuple[int, list[int]]]:
        """Rows of a level that are not whole: the place of a, and those of b that are not known."""
        across = [0] if self.b_range is None else self.ticks(level)
        rows = []
        for a in self.ticks(level):
            wanted = [b for b in across if (a, b) not in self.known]
            if wanted:
                rows.append((a, wanted))
        return rows

    def points(self, level: int) -> int:
        """How many a level has."""
        return level if self.b_range is None else level * level

    def whole(self) -> int:
        """How many points all levels have, each counted once: of 9 and 13 a side only 25 are the same."""
        lines = [self.ticks(level) for level in self.levels]
        if self.b_range is None:
            return len(set().union(*lines))
        return len({(a, b) for line in lines for a in line for b in line})

    def put(self, a: int, b: Sequence[int], sums: Mapping[str, Float64[Tensor, "points 2"]]) -> None:
        """Takes in a row's sums."""
        means = {split: (values / self.counts[split]).tolist() for split, values in sums.items()}
        for place, second in enumerate(b):
            self.known[a, second] = {split: tuple(rows[place]) for split, rows in means.items()}

    def columns(self) -> dict[str, np.ndarray]:
        """A table's columns: lattice places, coordinates, and each split's loss and accuracy."""
        places = sorted(self.known)
        found: dict[str, np.ndarray] = {
            "row": np.array([a for a, _ in places], np.int64),
            "column": np.array([b for _, b in places], np.int64),
            "a": np.array([self.a(a) for a, _ in places]),
            "b": np.array([self.b(b) for _, b in places]),
        }
        for split in self.counts:
            for number, name in enumerate(("loss", "accuracy")):
                found[f"{split}_{name}"] = np.array(
                    [self.known[place][split][number] for place in places], np.float64
                )
        return found

    def take(self, columns: Mapping[str, np.ndarray]) -> None:
        """Puts in what `columns` gave out."""
        for number in range(len(columns["row"])):
            place = int(columns["row"][number]), int(columns["column"][number])
            self.known[place] = {
                split: (float(columns[f"{split}_loss"][number]), float(columns[f"{split}_accuracy"][number]))
                for split in self.counts
            }

    def values(self, level: int, split: str, what: int = 0) -> np.ndarray:
        """Losses (`what` 0) or accuracies (1) of a level, [a, b], or [a] of a line; NaN where not known."""
        across = [0] if self.b_range is None else self.ticks(level)
        nothing = {split: (np.nan, np.nan)}
        found = [[self.known.get((a, b), nothing)[split][what] for b in across] for a in self.ticks(level)]
        return np.array(found)[:, 0] if self.b_range is None else np.array(found)

    def refinement(self, coarse: int, fine: int, split: str) -> dict[str, float]:
        """How far a spline of the log loss through the points of `coarse` is from the ones that `fine` added,
        in ln(loss): root mean square, and the largest.
        """
        places = self.ticks(fine)
        guess = spline(self.ticks(coarse), np.log(positive(self.values(coarse, split))), places)
        truth = np.log(positive(self.values(fine, split)))
        new = np.ones(truth.shape, bool)
        old = np.isin(places, self.ticks(coarse))
        new[np.ix_(old, old) if truth.ndim == 2 else old] = False
        error = np.abs(guess - truth)[new]
        return {"rms": float(np.sqrt(np.mean(error**2))), "largest": float(error.max())}


def positive(losses: np.ndarray) -> np.ndarray:
    """Losses that have a logarithm: 0 becomes SMALLEST, and what is no number the largest that is one."""
    finite = losses[np.isfinite(losses)]
    top = float(finite.max()) if len(finite) else 1.0
    return np.clip(np.where(np.isfinite(losses), losses, top), SMALLEST, None)


def spline(ticks: Sequence[float], values: np.ndarray, places: Sequence[float]) -> np.ndarray:
    """A cubic spline through values at ticks [t] or ticks x ticks [t, t], at other places of these sides."""
    if values.ndim == 1:
        return np.asarray(CubicSpline(ticks, values)(places))
    return np.asarray(RectBivariateSpline(ticks, ticks, values)(places, places))


def compute(
    grid: Grid,
    level: int,
    make: Callable[[int], Losses],
    workers: int,
    should_stop: Callable[[], bool],
    tick: Callable[[int, list[int]], None] = lambda a, b: None,
    at_once: int | None = None,
) -> bool:
    """Computes what a level lacks, row by row, in `workers` threads of one torch thread each; whether it is
    whole. `make` gives thread 0, 1, ... what it computes with, before any of them begins, and `tick` hears
    of points as they come, by their places. `at_once`: points that are computed together, where whole rows
    save nothing (None: a row).

    An exception in a thread ends the others and is raised here; rows that are done are kept.
    """
    keep_freed_memory()
    rows = [
        (a, b[start : start + (at_once or len(b))])
        for a, b in grid.missing(level)
        for start in range(0, len(b), at_once or len(b))
    ]
    waiting: queue.SimpleQueue[tuple[int, list[int]]] = queue.SimpleQueue()
    for row in rows:
        waiting.put(row)
    done: queue.SimpleQueue[tuple[int, list[int], dict[str, Tensor]] | BaseException] = queue.SimpleQueue()
    ended = threading.Event()

    def work(losses: Losses) -> None:
        torch.set_num_threads(1)
        try:
            for a, b in _until_empty(waiting):
                if ended.is_set():
                    return
                done.put((a, b, losses.row(grid.a(a), [grid.b(place) for place in b])))
        except BaseException as error:
            done.put(error)

    count = max(1, min(workers, len(rows)))
    threads = [
        threading.Thread(target=work, args=(losses,), name=f"rows-{number}", daemon=True)
        for number, losses in enumerate([make(number) for number in range(count)])
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in rows:
            found = _next(done, should_stop)
            if found is None:
                return False
            if isinstance(found, BaseException):
                raise found
            grid.put(*found)
            tick(found[0], found[1])
        return True
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _until_empty[Item](waiting: queue.SimpleQueue[Item]) -> Iterator[Item]:
    while True:
        try:
            yield waiting.get_nowait()
        except queue.Empty:
            return


def _next[Item](done: queue.SimpleQueue[Item], should_stop: Callable[[], bool]) -> Item | None:
    while not should_stop():
        try:
            return done.get(timeout=0.2)
        except queue.Empty:
            continue
    return None
