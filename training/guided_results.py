"""What the studies of a guided set have found, read from their run directories alone: a row a variant.

    for result in read_guided(Path("runs"), IMAGE_SETS["digits"].config()):
        result.variant.title, result.mean("test_accuracy"), result.mean("gap")

Every study of the same set counts, whoever started it and when: of several trainings of one variant with one
seed, the newest one that has come to its end.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from logs.catalog import RunCatalog, RunSummary
from logs.curve import Curve
from logs.errors import LogsError
from logs.reader import RunReader
from training.config import ConfigError, RunConfig
from training.guided_set import KIND, SIZES, Variant, set_of

MEASURES = (
    "test_accuracy", "validation_accuracy", "train_accuracy", "test_loss", "validation_loss", "train_loss",
    "gap", "accuracy_gap", "epochs", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """One training of a variant: its run and what came of it. NaN: not known yet."""

    run: RunSummary
    seed: int
    train_loss: float  # of the newest epoch, like all but the test's
    validation_loss: float
    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    test_loss: float
    epochs: float  # that were trained
    seconds: float  # from the first to the last epoch's end, without start and test

    @property
    def gap(self) -> float:
        """Validation loss minus training loss."""
        return self.validation_loss - self.train_loss

    @property
    def accuracy_gap(self) -> float:
        """Training accuracy minus validation accuracy."""
        return self.train_accuracy - self.validation_accuracy


@dataclass(frozen=True)
class VariantResult:
    """A variant and its trainings, by seed."""

    variant: Variant
    trained: tuple[Trained, ...]

    def values(self, measure: str) -> list[float]:
        """One for each training that has it; `measure` is one of MEASURES."""
        found = [float(getattr(one, measure)) for one in self.trained]
        return [value for value in found if math.isfinite(value)]

    def mean(self, measure: str) -> float:
        values = self.values(measure)
        return statistics.fmean(values) if values else math.nan

    def spread(self, measure: str) -> float:
        """The standard deviation over seeds (n - 1); NaN for fewer than two."""
        values = self.values(measure)
        return statistics.stdev(values) if len(values) > 1 else math.nan

    @property
    def state(self) -> str:
        """running where one of them runs, failed where one has failed, else finished, or stopped."""
        states = {one.run.state for one in self.trained}
        order = ("running", "failed", "lost", "stopped", "finished")
        return next((state for state in order if state in states), "finished")


def guided_studies(runs: Path, config: RunConfig) -> list[RunSummary]:
    """The studies of the guided set that `config` begins, the newest first."""
    wanted = set_of(config)
    return [row for row in _catalog(runs).rows() if row.kind == KIND and _set_of_study(row) == wanted]


def read_guided(runs: Path, config: RunConfig) -> list[VariantResult]:
    """Every variant of the set that has been begun: the sizes first, then those with remedies as begun."""
    studies = {study.id: study for study in guided_studies(runs, config)}
    newest: dict[tuple[Variant, int], RunSummary] = {}
    for row in _catalog(runs).rows():  # the newest first
        study = studies.get(row.group)
        if study is None or study.info is None or row.info is None or row.kind != "variant":
            continue
        variant = _variant(study, row)
        if variant is None:
            continue
        key = (variant, int(row.info.seed or 0))
        former = newest.get(key)
        if former is None or (former.state in ("lost", "stopped") and row.state == "finished"):
            newest[key] = row
    grouped: dict[Variant, list[Trained]] = {}
    for (variant, seed), row in sorted(newest.items(), key=lambda item: (item[1].created, item[1].id)):
        grouped.setdefault(variant, []).append(_trained(row, seed))
    results = [
        VariantResult(variant, tuple(sorted(trained, key=lambda one: one.seed)))
        for variant, trained in grouped.items()
    ]
    sizes = SIZES.names()

    def place(result: VariantResult) -> int:
        return len(sizes) if result.variant.remedies else sizes.index(result.variant.size)

    return sorted(results, key=place)


def curves(result: VariantResult, metric: str, split: str) -> list[Curve]:
    """A learning curve for each training that has logged one; training curves are means over epochs."""
    name = f"epoch_{metric}" if split == "train" else metric
    found = []
    for one in result.trained:
        try:
            curve = _current(one.run).curve(name, split)
        except LogsError:  # damaged, or removed meanwhile
            continue
        if len(curve):
            found.append(curve)
    return found


def report_lines(results: Iterable[VariantResult]) -> list[str]:
    """The table for a terminal, a line a variant."""
    rows = list(results)
    if not rows:
        return ["nothing has been trained yet"]
    width = max(len(result.variant.title) for result in rows)
    lines = [f"{'':{width}}  {'test':>14}  {'train':>6}  {'gap':>6}  {'epochs':>6}"]
    for result in rows:
        spread = result.spread("test_accuracy")
        test = f"{result.mean('test_accuracy'):.1%}" + (f" ± {spread:.1%}" if spread == spread else "")
        lines.append(
            f"{result.variant.title:{width}}  {test:>14}  {result.mean('train_accuracy'):>6.1%}  "
            f"{result.mean('gap'):>6.3f}  {result.mean('epochs'):>6.0f}"
        )
    return lines


def stopping_epoch(values: np.ndarray, patience: int, higher_is_better: bool) -> int | None:
    """The place (from 0) after which a training with this patience would end: the first with `patience`
    values behind the best before. None where that does not happen.

    As the training loop counts: an equal value is no better one.
    """
    if patience < 1:
        raise ValueError(f"patience is {patience}; it must be at least 1")
    best, best_at = -math.inf, -1
    for place, value in enumerate(values if higher_is_better else -np.asarray(values)):
        if value > best:
            best, best_at = float(value), place
        if place - best_at >= patience:
            return place
    return None


@functools.lru_cache(maxsize=1024)
def run_reader(path: Path) -> RunReader:
    """A reader reads each part once."""
    return RunReader(path)


def _current(row: RunSummary) -> RunReader:
    """The run's reader as of now. What has ended is looked at once: of forty runs that takes a tenth of a
    second.
    """
    beat = row.status.heartbeat if row.status is not None else 0.0
    if row.state == "running":
        reader = run_reader(row.path)
        reader.refresh()
        return reader
    return _ended(row.path, row.state, beat)


@functools.lru_cache(maxsize=1024)
def _ended(path: Path, _state: str, _heartbeat: float) -> RunReader:
    """The last two are in the cache's key: a run that was resumed is read again."""
    reader = run_reader(path)
    reader.refresh()
    return reader


def _trained(row: RunSummary, seed: int) -> Trained:
    epochs, seconds = _time(row)
    return Trained(
        run=row,
        seed=seed,
        train_loss=row.last("epoch_loss", "train"),
        validation_loss=row.last("loss", "validation"),
        train_accuracy=row.last("epoch_accuracy", "train"),
        validation_accuracy=row.last("accuracy", "validation"),
        test_accuracy=row.last("accuracy", "test"),
        test_loss=row.last("loss", "test"),
        epochs=epochs,
        seconds=seconds,
    )


def _time(row: RunSummary) -> tuple[float, float]:
    """Epochs done and seconds between the first and the last validation, stretched by the first epoch."""
    try:
        curve = _current(row).curve("loss", "validation")
    except LogsError:
        return math.nan, math.nan
    count = len(curve)
    if count < 2:
        return float(count) if count else math.nan, math.nan
    took = float((curve.wall_time[-1] - curve.wall_time[0]) / np.timedelta64(1, "s"))
    return float(count), took * count / (count - 1)


def _variant(study: RunSummary, row: RunSummary) -> Variant | None:
    assert study.info is not None
    assert row.info is not None
    try:
        return Variant.parse(str(study.info.study["add"][int(row.info.member["variant"])]))
    except (ConfigError, KeyError, IndexError, TypeError, ValueError):
        return None  # of another version


def _set_of_study(row: RunSummary) -> RunConfig | None:
    try:
        return None if row.info is None else _known_set(json.dumps(dict(row.info.config), sort_keys=True))
    except (ConfigError, TypeError):  # of another version
        return None


@functools.lru_cache(maxsize=512)
def _known_set(config_text: str) -> RunConfig:
    return set_of(RunConfig.from_dict(json.loads(config_text)))


@functools.lru_cache(maxsize=8)
def _catalog(runs: Path) -> RunCatalog:
    return RunCatalog(runs)  # a catalog reads again only what has changed
