"""Who ends hopeless trials of a sweep while they train, in whichever process that is.

The trials of one batch are known by what they tell after each epoch. Of all others, trained before or at this
moment in other processes, the run directories say how they do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.reader import RunReader
from training.jobs import PRUNED, Job, Key, members
from training.pruning import Look, Pruning
from training.tasks import TASKS, Metric


@dataclass
class SweepJudge:
    """A `training.jobs.Judge`. It can be pickled, and then knows no curves yet."""

    pruning: Pruning
    runs: Path
    study: str
    epochs: int  # of the longest job
    places: tuple[Key, ...]  # whose training each place of the batch is
    others: bool  # whether the study has trials that are not in this batch
    own: dict[int, list[float]] = field(default_factory=dict)  # place -> its scores so far
    known: dict[str, list[float]] = field(default_factory=dict)  # run id -> its curve: of those that ended

    @classmethod
    def of(cls, pruning: Pruning, runs: Path, jobs: Sequence[Job], others: bool) -> SweepJudge:
        epochs = max(job.config.epochs for job in jobs)
        return cls(pruning, runs, jobs[0].study, epochs, tuple(job.key for job in jobs), others)

    def __call__(self, epoch: int, scores: Mapping[int, float]) -> dict[int, str]:
        """The places to end after this epoch, and why ("pruned ...")."""
        for place, score in scores.items():
            self.own.setdefault(place, []).append(score)
        if epoch not in self.pruning.looks(self.epochs):
            return {}
        curves = {self.places[place]: curve for place, curve in self.own.items()}
        rows = members(self.runs, self.study)
        if self.others:
            curves = {key: self._curve(row) for key, row in rows.items() if key not in curves} | curves
        metric = self._metric(rows)
        sign = 1.0 if metric.higher_is_better else -1.0
        running = {self.places[place] for place in scores}
        going = running | {
            key for key, row in rows.items() if row.state == "running" and key not in self.places
        }
        trials = by_trial({key: [sign * value for value in curve] for key, curve in curves.items()})
        judged = {trial_of(key) for key in running}
        done = {trial_of(key) for key in curves} - {trial_of(key) for key in going}
        reasons = self.pruning.hopeless(Look(epoch, trials, judged, done))
        lost = {trial_of(key) for key, row in rows.items() if is_pruned(row) or row.state == "failed"}
        reasons |= dict.fromkeys(lost & judged, "another seed of it has ended early")
        return {
            place: f"{PRUNED}after epoch {epoch}: {reasons[trial]} ({metric.title.lower()})"
            for place in scores
            if (trial := trial_of(self.places[place])) in reasons
        }

    def _curve(self, row: RunSummary) -> list[float]:
        """The validation scores of another member, epoch after epoch; none where they can't be read."""
        if row.id in self.known:
            return self.known[row.id]
        try:
            reader = RunReader(row.path)
            curve = reader.curve(score_metric(logged(reader)).name, "validation").value.tolist()
        except LogsError:
            return []
        if row.state != "running":
            self.known[row.id] = curve
        return curve

    def _metric(self, rows: Mapping[Key, RunSummary]) -> Metric:
        """By what these are judged: their own logs name the task's metrics."""
        row = rows.get(self.places[next(iter(self.own))])
        names = logged(RunReader(row.path)) if row is not None else set()
        return score_metric(names)


def logged(reader: RunReader) -> set[str]:
    """The metrics that a run has of its validation data."""
    return {metric for metric, split in reader.metrics() if split == "validation"}


def score_metric(names: set[str]) -> Metric:
    """The metric by which runs with these validation metrics are compared: that of their task."""
    fitting = [task for task in TASKS if {metric.name for metric in task.metrics} <= names]
    return max(fitting, key=lambda task: len(task.metrics), default=next(iter(TASKS))).best


def trial_of(key: Key) -> int:
    return int(dict(key)["trial"])


def is_pruned(row: RunSummary) -> bool:
    return row.state == "stopped" and row.status is not None and row.status.error.startswith(PRUNED)


def by_trial(curves: Mapping[Key, Sequence[float]]) -> dict[int, list[float]]:
    """For each trial the mean over its seeds, as far as all of them have come; NaN is -inf."""
    grouped: dict[int, list[Sequence[float]]] = {}
    for key, curve in curves.items():
        if len(curve):
            grouped.setdefault(trial_of(key), []).append(curve)
    return {
        trial: [
            -math.inf if any(math.isnan(value) for value in values) else sum(values) / len(values)
            for values in zip(*found, strict=False)
        ]
        for trial, found in grouped.items()
    }
