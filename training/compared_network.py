"""One trained network of a landscape comparison: its landscape as a run of its own, and numbers under it.

The landscape is one of `training.landscape`, so that the page shows it like any other; its table `numbers`
has the rows of MEASURES that are of the landscape. What a killed worker left is taken over, point by point.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from logs.catalog import RunCatalog, RunSummary
from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.info import RunInfo
from logs.removal import remove
from logs.tables import read_table, write_table
from logs.writer import RunWriter
from training.curvature import NotFiniteError, hessian_trace, top_eigenpairs
from training.devices import choose_device
from training.lab_script import data_root, told_data_folder, worked
from training.lab_settings import LABORATORY
from training.landscape import KIND, POINTS, work
from training.landscape_numbers import NUMBERS, objective_of
from training.landscape_settings import LandscapeSettings
from training.landscape_subject import subject_of
from training.places import found_run
from training.roughness import hills, share_not_convex
from training.sharpness import box_sharpness, sam_sharpness
from training.studies import StopFile

TOLERANCE = 1e-3  # of the top eigenvalue: seeds differ by far more
TRACE_SAMPLES = 20
BOX_STEPS = 5

type Place = tuple[tuple[str, int], ...]  # of a network in its study, such as seed 0 and side 1


@dataclass(frozen=True)
class Measuring:
    """A network to be measured; it can be pickled."""

    settings: LandscapeSettings
    member: Place
    study: str
    runs: Path
    data_root: Path


def landscapes_of(runs: Path, study: str, catalog: RunCatalog | None = None) -> dict[Place, RunSummary]:
    """The landscape of each network of a study: one that has come to its end, else the newest. A `catalog`
    that is kept reads again only what has changed.
    """
    found: dict[Place, RunSummary] = {}
    for row in (catalog or RunCatalog(runs)).rows():  # the newest first
        if row.kind != KIND or row.group != study or row.info is None:
            continue
        key = tuple(sorted((str(name), int(place)) for name, place in row.info.member.items()))
        former = found.get(key)
        if former is None or (row.state == "finished" and former.state != "finished"):
            found[key] = row
    return found


def measure(piece: Measuring, should_stop: Callable[[], bool] | None = None) -> str:
    """Computes the landscape and its numbers in this process; the id of its run. One that was finished for
    the same network is kept. RuntimeError with the sentence where it fails.
    """
    stop = should_stop or StopFile(piece.runs / piece.study)
    former = landscapes_of(piece.runs, piece.study).get(piece.member)
    if former is not None and former.state == "finished" and former.config.get("run") == piece.settings.run:
        return former.id
    run = opened(piece)
    with (
        told_data_folder(piece.data_root),
        run.directory.output_log.open("a", encoding="utf-8") as output,
        contextlib.redirect_stdout(output),
    ):
        code = worked(piece.settings, run, _landscape_and_numbers, stop)
    if code == 1:
        status = RunCatalog(piece.runs).find(run.directory.id).status
        raise RuntimeError(status.error if status is not None else f"{run.directory.id} failed")
    if former is not None and former.state != "running":
        with contextlib.suppress(LogsError):  # its points are in the new one
            remove(former.directory)
    return run.directory.id


def opened(piece: Measuring) -> RunWriter:
    """The writer of the landscape's run, a member of the study."""
    settings = piece.settings
    directory = RunDirectory.create(piece.runs, KIND, "lab")
    about: dict[str, Any] = {
        "model": settings.model_name,
        "dataset": settings.dataset_name,
        "config": {LABORATORY: KIND, **settings.to_dict()},
        "kind": KIND,
        "group": piece.study,
        "member": dict(piece.member),
        "seed": settings.seed,
        "command": ["python", "-m", "training.landscape", *settings.options()],
        "higher_is_better": {"accuracy": True},
    }
    return RunWriter.open(directory, RunInfo.new(directory, **about))


def _landscape_and_numbers(
    settings: LandscapeSettings, run: RunWriter, should_stop: Callable[[], bool]
) -> None:
    work(settings, run, should_stop)
    if not should_stop():
        write_measures(settings, run, should_stop)


def write_measures(settings: LandscapeSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    """The table `numbers` of a landscape whose points are there: a row a measure, written anew as each is
    known. What is not finite is told in a line and left out.
    """
    directory = found_run(settings.run, run.directory.path.parent)
    device = choose_device(settings.device)
    subject = subject_of(directory, settings.checkpoint, settings.samples, settings.seed, device, data_root())
    objective = objective_of(subject, settings.statistics)
    rows: list[tuple[str, float, float, str]] = []

    def add(name: str, value: float, error: float, how: str) -> None:
        if not np.isfinite(value):
            print(f"{name}: is {value}, and left out", flush=True)
            return
        rows.append((name, value, error, how))
        names, values, errors, ways = zip(*rows, strict=True)
        columns = {"name": list(names), "value": np.array(values), "error": np.array(errors)}
        write_table(run.directory, NUMBERS, {**columns, "how": list(ways)})
        print(f"{name}: {value:.6g}", flush=True)

    def plane() -> None:
        found = plane_losses(run.directory)
        add("hills", hills(found), np.nan, "mean climb beyond one valley along rows and columns, in ln(loss)")
        add("not convex", share_not_convex(found), np.nan, "share of the plane that bends down somewhere")
        middle = tuple(count // 2 for count in found.shape)
        add("train loss", float(found[middle]), np.nan, "at the network, on the landscape's samples")

    def eigenvalue() -> None:
        found = top_eigenpairs(objective, 1, tolerance=TOLERANCE, seed=settings.seed, should_stop=should_stop)
        value, error = float(found.values[0]), float(found.errors[0])
        add("eigenvalue", value, error, "largest of the Hessian, Lanczos")

    def trace() -> None:
        found = hessian_trace(objective, samples=TRACE_SAMPLES, seed=settings.seed, should_stop=should_stop)
        add("trace", found.value, found.standard_error, f"Hutchinson, {len(found.samples)} random vectors")

    def sharpness() -> None:
        add("SAM sharpness", sam_sharpness(objective), np.nan, "rise a step of 0.05 up the gradient (Foret)")
        found = box_sharpness(objective, steps=BOX_STEPS, seed=settings.seed, should_stop=should_stop)
        add("box sharpness", found.value, np.nan, "highest in a box of 0.001 (|w| + 1), in % (Keskar)")

    for compute in (plane, eigenvalue, trace, sharpness):
        if should_stop():
            return
        try:
            compute()
        except (NotFiniteError, ValueError) as problem:
            print(f"{compute.__name__}: {problem}", flush=True)


def plane_losses(directory: RunDirectory) -> np.ndarray:
    """Training losses [a, b] of the finest level of a landscape's plane that is whole."""
    table = read_table(directory, POINTS)
    if table is None or not int(table.about["level"]):
        raise ValueError("no level of the plane is whole")
    lattice, level = int(table.about["lattice"]), int(table.about["level"])
    places = range(0, lattice + 1, lattice // (level - 1))
    grid = table.frame.pivot(index="row", columns="column", values="train_loss")
    return grid.reindex(index=places, columns=places).to_numpy(dtype=float)
