"""Loss landscapes of a run's checkpoint: `python -m training.landscape RUN [RUN] --kind plane`.

A landscape is a run of its own, of the kind landscape. What it finds lies in its tables: `points` (the
losses, level by level), `path` (networks drawn on it, with their own losses: training/landscape_path.py),
`curve` (of low loss between two networks), `numbers` and `spectrum` (training/landscape_numbers.py); the
directions lie in directions.safetensors. Points that an earlier landscape of the same checkpoint, directions,
samples and settings has are taken from there, however it ended.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from logs.catalog import RunCatalog
from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.tables import read_table, write_table
from logs.writer import RunWriter
from training.checkpoints import CheckpointError
from training.devices import DeviceError, choose_device
from training.engines import cores
from training.lab_script import LabError, data_root, lab_main
from training.landscape_batched import BatchedLosses
from training.landscape_chain import ChainLosses, chain_of
from training.landscape_grid import Grid, Losses, compute
from training.landscape_journal import Journal, read_journal
from training.landscape_modules import FoldedLosses, ModuleLosses, PointLosses, convolves
from training.landscape_numbers import normalises, write_curve, write_numbers
from training.landscape_path import write_path
from training.landscape_plane import Cut, cut_of
from training.landscape_preview import PreviewLosses
from training.landscape_settings import KINDS, LandscapeSettings
from training.landscape_subject import Subject, subject_of
from training.places import found_run

KIND = "landscape"
POINTS = "points"
WRITE_SECONDS = 0.7  # between two writings of a level that is under way
SKETCHED = 10  # a sketch takes every so many samples
SKETCH_SAMPLES = 20  # at least, or there is none
DECIDES = (
    "kind", "normalisation", "ignore_biasbn", "orthogonal", "reach", "seed", "samples", "statistics",
    "preview",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """A landscape under way."""

    settings: LandscapeSettings
    run: RunWriter
    subject: Subject
    cut: Cut
    grid: Grid
    way: Way
    statistics: str  # batch norm's: as was asked for, or as there is no other way
    key: str
    sketch: bool = False  # a first picture of few samples, which the real one takes the place of


@dataclass(frozen=True)
class Way:
    """How points are computed: what gives thread 0, 1, ... its own, in words, and how many points at once
    (None: rows, which take a moment). `workers`: how many threads it bears, 0 for any number.
    """

    make: Callable[[int], Losses]
    title: str
    at_once: int | None = None
    workers: int = 0


def work(settings: LandscapeSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    """Computes the landscape of these settings, coarse to fine, and what else they ask for."""
    torch.backends.cudnn.allow_tf32 = False  # three digits would show as ripples
    try:
        _worked(settings, run, should_stop)
    except (CheckpointError, DeviceError) as error:
        raise LabError(str(error)) from None
    except OSError:
        if not run.directory.path.is_dir():
            raise LabError(f"{run.directory.path} was deleted while the landscape was computed") from None
        raise


def _worked(settings: LandscapeSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    subject, other = subjects(settings, run.directory.path.parent)
    cut = cut_of(settings, subject, other, should_stop, lambda done, of: run.progress(step=done, steps=of))
    if should_stop():
        return
    statistics = statistics_of(settings, subject)
    way = way_of(settings, subject, cut, statistics)
    counts = {split: len(own) for split, own in subject.samples.items()}
    grid = Grid(cut.a_range, cut.b_range, counts, settings.points)
    key = key_of(settings, subject, other)
    job = Work(settings, run, subject, cut, grid, way, statistics, key)
    save_directions(run.directory, cut)
    print(f"{settings.row.title} of {subject.title}; {way.title}", flush=True)
    taken = take_known(grid, key, run.directory)
    if taken:
        print(f"{taken} points are known from an earlier landscape", flush=True)
    if not _levels(job, should_stop):
        return
    if cut.path:
        about = {"of": cut.about.get("path", "training"), "shares": cut.about.get("shares", [])}
        write_path(run, subject, cut.path, statistics == "recomputed", about, should_stop)
    if settings.connect and other is not None:
        write_curve(settings, run, subject, other, should_stop)
    if settings.numbers and not should_stop():
        write_numbers(settings, run, subject, should_stop)


def statistics_of(settings: LandscapeSettings, subject: Subject) -> str:
    """Batch norm's statistics at the points: around a curve between two networks those of neither fit."""
    if settings.kind == "connection" and normalises(subject.network):
        return "recomputed"
    return settings.statistics


def subjects(settings: LandscapeSettings, runs: Path) -> tuple[Subject, Subject | None]:
    """The network that is looked at and, for a line between two, the other one."""
    device = choose_device(settings.device)
    directory = found_run(settings.run, runs)
    about = (settings.samples, settings.seed, device, data_root())
    # Batch norm's statistics of a path's plane are those of its end
    checkpoint = "last" if settings.kind == "trajectory" else settings.checkpoint
    subject = subject_of(directory, checkpoint, *about)
    if not settings.row.ends:
        return subject, None
    second = found_run(settings.other_run, runs) if settings.other_run else directory
    return subject, subject_of(second, settings.other_checkpoint, *about, like=subject)


def way_of(
    settings: LandscapeSettings,
    subject: Subject,
    cut: Cut,
    statistics: str = "saved",
    together: bool | None = None,
) -> Way:
    """What computes points fastest for this network. `together`: whole rows at once, without a turn for each
    point; None: on an accelerator.
    """
    network, samples, score = subject.network, subject.samples, subject.score
    if together is None:
        together = next(network.parameters()).device.type != "cpu"
    recompute = statistics == "recomputed"
    measured = (
        "; batch norm's statistics are those of the training samples at each point" if recompute else ""
    )
    if not recompute and chain_of(network, samples) is not None:
        points = settings.points**2  # of a plane
        # It only reads: one for all threads
        shared = ChainLosses(network, cut.parts, samples, score, together, points)
        return Way(lambda number: shared, shared.title, workers=int(together))
    if together:
        try:
            every = BatchedLosses(network, cut.parts, samples, score, recompute)
            return Way(lambda number: every, every.title + measured, workers=1)
        except ValueError as problem:
            print(problem, flush=True)
    if recompute or not convolves(network):
        general = ModuleLosses(network, cut.parts, samples, score, recompute)
        return Way(_one_each(general), general.title + measured, at_once=1)
    folded = (PreviewLosses if settings.preview else FoldedLosses)(network, cut.parts, samples, score)
    return Way(_one_each(folded), folded.title, at_once=1)


def _one_each(losses: PointLosses) -> Callable[[int], Losses]:
    """Gives thread 0 these, and every other its own, the same for all levels."""
    return cache(lambda number: losses if number == 0 else losses.another())


def key_of(settings: LandscapeSettings, subject: Subject, other: Subject | None) -> str:
    """The same for landscapes whose points are the same: of checkpoint, directions, samples and settings."""
    decides: dict[str, Any] = {name: getattr(settings, name) for name in DECIDES}
    decides |= {"fingerprint": subject.fingerprint, "data": subject.config.dataset}
    if other is not None:
        decides["other"] = other.fingerprint
    if settings.kind == "connection":
        decides |= {"statistics": statistics_of(settings, subject), "curve_steps": settings.curve_steps}
    if settings.kind == "trajectory":
        folder = subject.directory.checkpoints
        decides["path"] = sorted(path.name for path in folder.glob("epoch-*.safetensors"))
    inputs = subject.samples["train"].inputs
    decides["samples"] = [len(inputs), float(inputs.double().sum())]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:24]


def take_known(grid: Grid, key: str, own: RunDirectory) -> int:
    """Takes the points of earlier landscapes with the same key, finished or not; how many."""
    for row in RunCatalog(own.path.parent).rows():
        if row.kind != KIND or row.id == own.id or row.broken:
            continue
        try:
            table = read_table(row.directory, POINTS)
        except (LogsError, OSError, ValueError):
            continue  # damaged: computed again
        if table is not None and table.about.get("key") == key:
            frame = table.frame
            grid.take({name: frame[name].to_numpy() for name in frame.columns})
        late = read_journal(row.directory, key)  # of one that was killed
        if late:
            grid.take(late)
    return len(grid.known)


def save_directions(directory: RunDirectory, cut: Cut) -> None:
    """`directions.safetensors`: the centre and each direction, by the names of the network's parameters."""
    names = ("centre", "first", "second")
    tensors = {
        f"{title}/{name}": own.contiguous().clone()
        for title, part in zip(names, cut.parts, strict=False)
        for name, own in part.items()
    }
    save_file(tensors, directory.path / "directions.safetensors")


def _levels(job: Work, should_stop: Callable[[], bool]) -> bool:
    """Every level up to the finest, each written as it is done; whether it came to the end."""
    journal = Journal(job.run.directory, job.key, list(job.grid.counts))
    whole = False
    try:
        whole = _every_level(job, journal, _sketched(job, should_stop), should_stop)
    finally:
        journal.close(keep=not whole)
    return whole


def _sketched(job: Work, should_stop: Callable[[], bool]) -> bool:
    """Writes the first level as a tenth of the samples have it, where a network takes long for a point: the
    shape is seen after seconds. Whether it was done.
    """
    few = {split: own.first(len(own) // SKETCHED) for split, own in job.subject.samples.items()}
    level = job.grid.levels[0]
    if job.way.at_once is None or min(map(len, few.values())) < SKETCH_SAMPLES or not job.grid.missing(level):
        return False
    subject = replace(job.subject, samples=few)
    counts = {split: len(own) for split, own in few.items()}
    grid = Grid(job.grid.a_range, job.grid.b_range, counts, level)
    way = way_of(job.settings, subject, job.cut, job.statistics)
    sketch = replace(job, subject=subject, grid=grid, way=way, key=f"{job.key}-sketch", sketch=True)
    workers = job.settings.workers or cores()
    whole = compute(grid, level, way.make, workers, should_stop, at_once=way.at_once)
    if whole:
        write_points(sketch, level, {})
        print(f"a sketch from {min(counts.values())} samples: {_said(grid, level)}", flush=True)
    return whole


def _every_level(job: Work, journal: Journal, sketched: bool, should_stop: Callable[[], bool]) -> bool:
    grid = job.grid
    whole = grid.whole()
    errors: dict[str, Any] = {}
    level_done = 0
    written = time.monotonic()

    def tick(a: int, b: list[int]) -> None:
        nonlocal written
        journal.add(a, b, [grid.known[a, place] for place in b])
        job.run.progress(step=len(grid.known), steps=whole)
        if time.monotonic() - written > WRITE_SECONDS and (level_done or not sketched):
            write_points(job, level_done, errors)
            written = time.monotonic()

    workers = job.way.workers or job.settings.workers or cores()
    for former, level in zip((0, *grid.levels), grid.levels, strict=False):
        if not compute(grid, level, job.way.make, workers, should_stop, tick, job.way.at_once):
            if level_done or not sketched:  # else the sketch stays; the journal has the points
                write_points(job, level_done, errors)
            return False
        if former:
            errors[str(level)] = {split: grid.refinement(former, level, split) for split in grid.counts}
        level_done = level
        write_points(job, level_done, errors)
        job.run.progress(step=len(grid.known), steps=whole)
        print(f"{level} points a side: {_said(grid, level)}", flush=True)
        written = time.monotonic()
    return True


def write_points(job: Work, level: int, errors: Mapping[str, Any]) -> None:
    """The table of points, with how the picture was made. `level`: the finest that is whole, 0 for none."""
    settings, grid = job.settings, job.grid
    about = {
        "key": job.key,
        "run": job.subject.directory.id,
        "title": job.subject.title,
        "epoch": job.subject.epoch,
        "kind": settings.kind,
        "method": job.way.title,
        "statistics": job.statistics,
        "preview": settings.preview,
        "sketch": job.sketch,
        "axes": list(job.cut.axes),
        "a_range": list(grid.a_range),
        "b_range": None if grid.b_range is None else list(grid.b_range),
        "level": level,
        "levels": list(grid.levels),
        "lattice": grid.lattice,
        "samples": dict(grid.counts),
        "accuracy": job.subject.score.classes,
        "refinement": dict(errors),
        **job.cut.about,
    }
    if grid.known:
        write_table(job.run.directory, POINTS, grid.columns(), about)


def _said(grid: Grid, level: int) -> str:
    losses = grid.values(level, "test")
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return "no test loss is a number"
    holes = losses.size - len(finite)
    said = f"test loss from {finite.min():.4g} to {finite.max():.4g}"
    return said + (f", {holes} points without a number" if holes else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """RUN [RUN ...] before the options: each gets its landscape; of a kind with two ends the second is the
    other end.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    names: list[str] = []
    while given and not given[0].startswith("-"):
        names.append(given.pop(0))
    if not names:
        told = any(word.split("=")[0] in ("--run", "--from-run", "--help", "-h") for word in given)
        if not told:
            print("error: no run is named; give its id, its name or its folder first", file=sys.stderr)
            return 2
        return lab_main(KIND, LandscapeSettings, work, given)
    joins = [row.name for row in KINDS if row.ends]
    if any(name in given or f"--kind={name}" in given for name in joins):
        ends = ["--run", names[0], *(["--other-run", names[1]] if len(names) > 1 else [])]
        return lab_main(KIND, LandscapeSettings, work, [*ends, *given])
    codes = [lab_main(KIND, LandscapeSettings, work, ["--run", name, *given]) for name in names]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
