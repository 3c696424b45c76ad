"""What a cross-validation has come to by now: every fold's scores, and what its network said of samples that
it never saw.

    results = read_results(runs, study_id)     # again and again while it runs: what has ended is read once
    results.scores()                           # [folds], NaN where a fold has not finished
    results.predictions                        # a row for each sample that was judged, and each repeat

The run directories are the truth: a fold's row is read from its own run, whoever trained it.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from logs.catalog import RunSummary, read_summary
from logs.curve import Curve
from logs.directory import RunDirectory, read_json
from logs.errors import BrokenRunError, LogsError
from logs.info import RunInfo
from logs.reader import RunReader
from logs.status import duration_text
from training.config import AUTO, RunConfig
from training.datasets import DATASETS
from training.fold_files import assignment_file, read_assignment
from training.fold_schemes import Fold, FoldPlan
from training.jobs import members
from training.resampling import ACCURACY, Measure, Resampling
from training.splits import Split
from training.tasks import TASKS, Task

if TYPE_CHECKING:
    import pandas

WAITING = "waiting"  # the state of a fold without a run
KEPT_RUNS = 4096  # finished folds whose content stays in memory
PLACE = ("repeat", "fold")  # what a fold's run has in run.json; a nested study's inner runs have more


@dataclass(frozen=True)
class FoldRow:
    """One fold. Numbers are NaN, texts empty and mappings empty where there is nothing to say yet."""

    repeat: int
    fold: int
    run: str  # id of its run; "" while it waits
    state: str  # waiting, running, finished, stopped, failed or lost
    error: str
    epoch: float  # passes over its training samples
    best_epoch: float  # that of the weights that were tested; until then the best validation score's
    validation: Mapping[str, float]  # by metric: at the weights that were tested, else the newest
    test: Mapping[str, float]  # by metric, of the samples held out
    seconds: float
    n_train: int  # samples trained on; 0 where the study has not written its folds
    n_test: int


@dataclass(frozen=True, eq=False)
class KFoldResults:
    """A study and its folds, in the order of the split: repeat after repeat."""

    runs: Path
    info: RunInfo
    state: str  # of the study
    rows: tuple[FoldRow, ...]
    folds: tuple[Fold, ...]  # who is in which; empty where the study has not written it
    score: str  # the metric that folds are compared by
    measure: Measure  # of that metric: its title, its direction and how it is shown
    class_names: tuple[str, ...]  # empty in a regression, and until a fold has finished
    # index, repeat, fold, target, prediction, probabilities (an array, or None)
    predictions: pandas.DataFrame = field(repr=False)
    probabilities: np.ndarray | None = field(repr=False)  # float32 [predictions, classes]; None in regression

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def higher_is_better(self) -> bool:
        return self.measure.higher_is_better

    @property
    def finished(self) -> int:
        """Folds whose test score is there."""
        return sum(row.state == "finished" for row in self.rows)

    @property
    def all_failed(self) -> bool:
        """True where no score can come any more."""
        return bool(self.rows) and all(row.state == "failed" for row in self.rows)

    @property
    def classification(self) -> bool:
        return self.probabilities is not None

    @functools.cached_property
    def resampling(self) -> Resampling | None:
        """The sizes of the folds, for the statistics; None where the study has not written them."""
        return FoldPlan("", self.folds).resampling if self.folds else None

    def scores(self, metric: str = "", split: str = "test") -> np.ndarray:
        """float64 [folds], of the finished ones; NaN for the others. Without a metric: the score."""
        found = [
            (row.test if split == "test" else row.validation).get(metric or self.score, math.nan)
            if row.state == "finished"
            else math.nan
            for row in self.rows
        ]
        numbers = np.array(found, np.float64)
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def of_repeat(self, repeat: int) -> np.ndarray:
        """bool [predictions]: those of one repeat, in which no sample comes twice."""
        return np.asarray(self.predictions["repeat"] == repeat)


def read_results(runs: Path, study_id: str) -> KFoldResults:
    """The study's results by now. BrokenRunError where it can't be read or is no cross-validation."""
    directory = RunDirectory.within(runs, study_id)
    study = read_summary(directory)
    if study.info is None or study.info.kind != "kfold":
        kind = "unreadable" if study.info is None else f"of kind {study.info.kind}"
        raise BrokenRunError(
            directory.path, f"is {kind}, not a cross-validation", "name a study that training.kfold has made"
        )
    folds = _folds(directory)
    found = {
        (int(place["repeat"]), int(place["fold"])): row
        for key, row in members(runs, study_id).items()
        if (place := dict(key)).keys() == set(PLACE)
    }
    places = [(fold.repeat, fold.fold) for fold in folds] or sorted(found)
    splits = {(fold.repeat, fold.fold): fold.split for fold in folds}
    looked = {place: _ended(row) for place, row in found.items() if row.state == "finished"}
    ended = {place: content for place, content in looked.items() if isinstance(content, _Ended)}
    task = _task(study.info, found)
    score = "rmse" if task.name == "regression" else task.best.name  # a fold's loss is in units of its own
    names = next((content.class_names for content in ended.values() if content.class_names), ())
    predictions, probabilities = _pooled({place: ended[place] for place in places if place in ended})
    return KFoldResults(
        runs=runs,
        info=study.info,
        state=study.state,
        rows=tuple(
            _row(place, found.get(place), looked.get(place), splits.get(place), score) for place in places
        ),
        folds=folds,
        score=score,
        measure=_measure(task, score),
        class_names=names,
        predictions=predictions,
        probabilities=probabilities,
    )


def look_ahead(runs: Path, ids: Iterable[str]) -> Told:
    """What `read_results` will ask of these runs, for `keep_told` in another process."""
    found: Told = []
    for run in ids:
        with contextlib.suppress(LogsError):  # whoever asks says what is wrong with it
            row = read_summary(RunDirectory.within(runs, run))
            is_fold = row.info is not None and row.info.member.keys() == set(PLACE)  # and no inner one
            if is_fold and row.state == "finished":
                found.append((_key(row), _read(row.path)))
    return found


def keep_told(told: Told) -> None:
    """`read_results` of this process need not read again what another one has read."""
    _told.update(told)


def curves(results: KFoldResults, metric: str, split: str | None = "validation") -> list[Curve]:
    """Each fold's curve, in the order of the rows; empty for a fold that waits or can't be read."""
    return [_curve(results.runs, row, metric, split) for row in results.rows]


def fold_table(results: KFoldResults) -> str:
    """The folds as lines of text: state, best epoch, scores, time."""
    score = results.measure.title.lower()
    several = any(row.repeat for row in results.rows)
    lines: list[tuple[str, ...]] = [
        ("fold", "state", "best epoch", f"validation {score}", f"test {score}", "time")
    ]
    for row in results.rows:
        name = f"{row.repeat + 1}.{row.fold + 1}" if several else str(row.fold + 1)
        shown = [
            results.measure.show(values[results.score]) if results.score in values else "-"
            for values in (row.validation, row.test)
        ]
        best = f"{row.best_epoch:g}" if math.isfinite(row.best_epoch) else "-"
        lines.append((name, row.state, best, *shown, duration_text(row.seconds)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = (zip(line, widths, strict=True) for line in lines)
    return "\n".join("  ".join(text.rjust(width) for text, width in row).rstrip() for row in rows)


@dataclass(frozen=True, eq=False)
class _Ended:
    """What a finished fold's run says, which never changes any more."""

    epoch: float  # of the weights that were tested
    validation: Mapping[str, float]
    test: Mapping[str, float]
    class_names: tuple[str, ...]
    index: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    probabilities: np.ndarray | None


Told = list[tuple[tuple[Path, float], _Ended]]
_told: dict[tuple[Path, float], _Ended] = {}  # by other processes, until somebody asks


def _folds(directory: RunDirectory) -> tuple[Fold, ...]:
    try:
        token = assignment_file(directory).stat().st_mtime_ns
    except FileNotFoundError:
        return ()
    return _assigned(directory, token)


@functools.lru_cache(maxsize=8)
def _assigned(directory: RunDirectory, token: int) -> tuple[Fold, ...]:
    return read_assignment(directory)


def _ended(row: RunSummary) -> _Ended | str:
    """What a finished run says, or why it can't be read."""
    try:
        return _content(*_key(row))
    except LogsError as error:
        return str(error)


def _key(row: RunSummary) -> tuple[Path, float]:
    """The second part changes where the run was written again."""
    return row.path, row.status.heartbeat if row.status is not None else 0.0


@functools.lru_cache(maxsize=KEPT_RUNS)
def _content(path: Path, token: float) -> _Ended:
    """Of `_key`."""
    told = _told.pop((path, token), None)
    return _read(path) if told is None else told


def _read(path: Path) -> _Ended:
    from logs.columns import numpy_of

    reader = RunReader(path)
    curves = reader.curves(series for series in reader.metrics() if series[1] in ("test", "validation"))
    tests, validations = (
        {name: curve for (name, own), curve in curves.items() if own == split}
        for split in ("test", "validation")
    )
    epoch = max((curve.epoch[-1] for curve in tests.values()), default=math.nan)
    table = reader.predictions("test")
    chances = table["probabilities"].combine_chunks()
    known = len(chances) > 0 and chances.null_count == 0
    return _Ended(
        epoch=float(epoch),
        validation={name: _at(curve, epoch) for name, curve in validations.items()},
        test={name: float(curve.value[-1]) for name, curve in tests.items()},
        class_names=_class_names(reader),
        index=numpy_of(table["index"]),
        target=numpy_of(table["target"]),
        prediction=numpy_of(table["prediction"]),
        probabilities=chances.flatten().to_numpy().reshape(len(chances), -1) if known else None,
    )


def _at(curve: Curve, epoch: float) -> float:
    """The value of that epoch, or the newest where it has none."""
    same = np.flatnonzero(curve.epoch == epoch)
    return float(curve.value[same[-1] if len(same) else -1])


def _class_names(reader: RunReader) -> tuple[str, ...]:
    """As the checkpoints' descriptions have them, else the confusion matrix of the test samples."""
    for name in ("best", "last"):
        try:
            found = read_json(reader.directory.checkpoints / f"{name}.json").get("info", {}).get("classes")
        except BrokenRunError:
            continue
        if found:
            return tuple(str(each) for each in found)
    matrices = reader.matrices("confusion", last=1)
    return tuple(matrices[0].labels) if matrices else ()


def _row(
    place: tuple[int, int],
    row: RunSummary | None,
    ended: _Ended | str | None,
    split: Split | None,
    score: str,
) -> FoldRow:
    sizes = [len(getattr(split, name)) if split is not None else 0 for name in ("train", "test")]
    if row is None:
        return FoldRow(*place, "", WAITING, "", math.nan, math.nan, {}, {}, math.nan, *sizes)
    status = row.status
    best = status.best.get("validation", {}).get(score, {}) if status is not None else {}
    validation = dict(status.last.get("validation", {})) if status is not None else {}
    known = ended if isinstance(ended, _Ended) else None
    damage = ended if isinstance(ended, str) else ""
    return FoldRow(
        repeat=place[0],
        fold=place[1],
        run=row.id,
        state=row.state,
        error=damage or (status.error if status is not None else ""),
        epoch=status.epoch if status is not None else math.nan,
        best_epoch=known.epoch if known is not None else float(best.get("epoch", math.nan)),
        validation=known.validation if known is not None else validation,
        test=known.test if known is not None else {},
        seconds=row.duration,
        n_train=sizes[0],
        n_test=sizes[1],
    )


def _pooled(ended: Mapping[tuple[int, int], _Ended]) -> tuple[pandas.DataFrame, np.ndarray | None]:
    import pandas

    parts = list(ended.values())
    sizes = [len(part.index) for part in parts]
    chances = [part.probabilities for part in parts if part.probabilities is not None and len(part.index)]
    whole = len(chances) == sum(size > 0 for size in sizes) > 0
    probabilities = np.concatenate(chances) if whole else None

    def joined(name: str, kind: type) -> np.ndarray:
        return np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)])

    frame = pandas.DataFrame(
        {
            "index": joined("index", np.int64),
            "repeat": np.repeat(np.array([repeat for repeat, _ in ended], np.int32), sizes),
            "fold": np.repeat(np.array([fold for _, fold in ended], np.int32), sizes),
            "target": joined("target", np.float64),
            "prediction": joined("prediction", np.float64),
            "probabilities": pandas.Series(
                [None] * sum(sizes) if probabilities is None else list(probabilities), dtype=object
            ),
        }
    )
    return frame, probabilities


def _task(info: RunInfo, found: Mapping[tuple[int, int], RunSummary]) -> Task:
    """The task of the folds: the one whose metrics they log, until then as the configuration says."""
    logged: set[str] = set()
    for row in found.values():
        logged |= row.status.last.get("validation", {}).keys() if row.status is not None else set()
    fitting = [task for task in TASKS if task.higher_is_better().keys() <= logged]
    if fitting:
        return max(fitting, key=lambda task: len(task.metrics))
    config = RunConfig.from_dict(info.config)
    return TASKS[DATASETS[config.dataset].tasks[0] if config.task == AUTO else config.task]


def _measure(task: Task, score: str) -> Measure:
    if score == "accuracy":
        return ACCURACY
    metric = next(metric for metric in task.metrics if metric.name == score)
    return Measure(metric.title, metric.higher_is_better)


def _curve(runs: Path, row: FoldRow, metric: str, split: str | None) -> Curve:
    if not row.run:
        return Curve.empty()
    try:
        if row.state in ("finished", "failed", "stopped"):
            return _whole_curve(runs / row.run, row.seconds, metric, split)
        reader = _reader(runs / row.run)
        reader.refresh()
        return reader.curve(metric, split)
    except LogsError:
        return Curve.empty()


@functools.lru_cache(maxsize=KEPT_RUNS)
def _whole_curve(path: Path, token: float, metric: str, split: str | None) -> Curve:
    return RunReader(path).curve(metric, split)


@functools.lru_cache(maxsize=64)
def _reader(path: Path) -> RunReader:
    """Of a run that is being written: each part of it is read once."""
    return RunReader(path)
