"""What a sweep has found so far, read from its run directories alone: one row a trial, the best, and which
hyperparameters mattered.

    results = read_sweep(Path("runs"), study_id)
    results.table()        # a DataFrame: trial, parameters, score over seeds, state, epochs, seconds, runs
    results.best           # the trial with the best mean score of those whose seeds all finished

Trials are compared on the validation data; the test score of the chosen one is the one to report. It is
cheap to ask again while trials train: files that have not changed are not read again.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logs.catalog import RunSummary, read_summary
from logs.curve import Curve
from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.info import RunInfo
from logs.reader import RunReader
from models.losses import LOSSES
from training.arguments import command_text
from training.config import ConfigError, RunConfig
from training.jobs import Key, members
from training.samplers import Ended, optuna_study
from training.search_space import SearchSpace, shown_value
from training.sweep_judge import is_pruned, score_metric, trial_of
from training.tasks import TASKS, Metric

if TYPE_CHECKING:
    import pandas

WAITING, INCOMPLETE = "waiting", "incomplete"  # states of a trial with seeds that have no run
LEAST_FOR_IMPORTANCE = 4  # trials: of fewer, chance says more than any hyperparameter


@dataclass(frozen=True)
class Trial:
    """One setting of the hyperparameters, trained with one or several seeds."""

    number: int
    parameters: Mapping[str, Any]
    state: str  # finished, failed, pruned, running, stopped, lost; waiting or, of a sweep that is over,
    # incomplete where seeds are missing
    scores: tuple[float, ...]  # on the validation data, a seed each; NaN where there is none
    tests: tuple[float, ...]  # on the test data
    epochs: float  # passes that are done, the mean over seeds
    seconds: float  # from the start of the first to the last sign of life of its trainings, their mean
    runs: tuple[str, ...]  # ids, by seed
    error: str  # why it failed or was pruned

    @property
    def score(self) -> float:
        """The mean over its seeds; NaN where one of them has none."""
        return statistics.fmean(self.scores) if self.scores else math.nan

    @property
    def test(self) -> float:
        return statistics.fmean(self.tests) if self.tests else math.nan

    @property
    def spread(self) -> float:
        """The standard deviation over seeds (n - 1); NaN for one seed, or where one of them has no score."""
        if len(self.scores) < 2 or not all(map(math.isfinite, self.scores)):
            return math.nan
        return statistics.stdev(self.scores)  # which raises for NaN


@dataclass(frozen=True)
class SweepResults:
    """A sweep at one moment."""

    info: RunInfo
    state: str  # of the study
    config: RunConfig  # what every trial starts from
    space: SearchSpace
    metric: Metric  # by which trials are compared
    count: int  # trials that were asked for
    seeds: int  # of each trial
    trials: tuple[Trial, ...]  # in the order of their numbers; those that have not begun are missing

    @property
    def finished(self) -> tuple[Trial, ...]:
        """Those whose seeds all finished."""
        found = (trial for trial in self.trials if trial.state == "finished")
        return tuple(trial for trial in found if math.isfinite(trial.score))

    @property
    def failed(self) -> int:
        """Trials of which a seed failed."""
        return sum(trial.state == "failed" for trial in self.trials)

    @property
    def all_failed(self) -> bool:
        """True where no score can come any more."""
        return self.missing == 0 and self.failed == len(self.trials) > 0

    @property
    def missing(self) -> int:
        """Trainings without a run: not begun yet, or removed since."""
        return self.count * self.seeds - sum(len(trial.runs) for trial in self.trials)

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """The finished ones, the best first; of equal ones the earlier."""
        sign = -1.0 if self.metric.higher_is_better else 1.0
        return tuple(sorted(self.finished, key=lambda trial: (sign * trial.score, trial.number)))

    @property
    def best(self) -> Trial | None:
        return self.ranked[0] if self.finished else None

    def best_config(self) -> RunConfig | None:
        """The configuration of a single run with the best settings and the first seed."""
        return None if self.best is None else self.space.config(self.config, self.best.parameters)

    def best_command(self) -> str:
        """What starts that run; "" while there is none."""
        config = self.best_config()
        return "" if config is None else command_text(config)

    def importance(self) -> dict[str, float]:
        """The share of each hyperparameter in what the score varied by, the largest first; they add up to 1.

        By functional analysis of variance on a random forest (fANOVA, Hutter et al. 2014, through Optuna),
        over the finished trials. Empty where there are fewer than four, or nothing varied. The only one there
        is has it all, and no forest is grown for that.
        """
        finished = self.finished
        if len(finished) < LEAST_FOR_IMPORTANCE or len({trial.score for trial in finished}) == 1:
            return {}
        if len(self.space.names) == 1:
            return {self.space.names[0]: 1.0}
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        ended = [Ended(trial.parameters, trial.score) for trial in finished]
        study = optuna_study(self.space, ended, self.metric.higher_is_better)
        found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
        return {name: float(share) for name, share in found.items()}

    def table(self) -> pandas.DataFrame:
        """A row a trial: `trial` (from 1, as on the page), a column for each hyperparameter, `score` (mean
        over seeds) with `score_min`, `score_max`, `score_std`, `test`, `state`, `epochs_done`, `seconds`,
        `runs` and `error`.
        """
        import pandas

        rows = [
            {
                "trial": trial.number + 1,
                **{name: _cell(trial.parameters[name]) for name in self.space.names},
                "score": trial.score,
                "score_min": min(trial.scores, default=math.nan),
                "score_max": max(trial.scores, default=math.nan),
                "score_std": trial.spread,
                "test": trial.test,
                "state": trial.state,
                "epochs_done": trial.epochs,
                "seconds": trial.seconds,
                "runs": " ".join(trial.runs),
                "error": trial.error,
            }
            for trial in self.trials
        ]
        scores = ("score", "score_min", "score_max", "score_std", "test")
        columns = ["trial", *self.space.names, *scores, "state", "epochs_done", "seconds", "runs", "error"]
        return pandas.DataFrame(rows, columns=columns)


def read_sweep(runs: Path, study_id: str) -> SweepResults:
    """The sweep's results by now. LogsError where the study can't be read, ConfigError for no sweep."""
    study = read_summary(RunDirectory.within(runs, study_id))
    if study.info is None or study.info.kind != "sweep":
        kind = "unreadable" if study.info is None else f"of kind {study.info.kind}"
        raise ConfigError(f"{study_id} is {kind}, not a sweep; name a study that training.sweep has made")
    options, config = study.info.study, RunConfig.from_dict(study.info.config)
    space = SearchSpace.from_dict(options["space"], config)
    rows = members(runs, study_id)
    metric = compared_by(rows.values(), space)
    seeds = int(options["seeds"])
    trials = tuple(trials_of(rows, space, metric, seeds))
    if study.state != "running":  # a run was removed, or the sweep was ended before its time
        trials = tuple(replace(each, state=INCOMPLETE) if each.state == WAITING else each for each in trials)
    return SweepResults(study.info, study.state, config, space, metric, int(options["trials"]), seeds, trials)


def compared_by(rows: Iterable[RunSummary], space: SearchSpace) -> Metric:
    """The metric by which trials are compared: the one by which each chooses its best weights, but never a
    loss where the kind of loss varies.
    """
    logged: set[str] = set()
    for row in rows:
        if row.status is not None:
            logged |= row.status.last.get("validation", {}).keys()
    metric = score_metric(logged)
    if metric.name != "loss" or not varies_loss(space):
        return metric
    return next(one for task in TASKS for one in task.metrics if one.name == "rmse")


def varies_loss(space: SearchSpace) -> bool:
    """Whether trials differ in what they minimise, so that their losses can't be compared."""
    settings = {parameter.name for row in LOSSES for parameter in row.parameters} - {"label_smoothing"}
    return bool({"loss", *settings} & set(space.names))


def trials_of(rows: Mapping[Key, RunSummary], space: SearchSpace, metric: Metric, seeds: int) -> list[Trial]:
    """The trials that have begun, from the runs of their seeds."""
    grouped: dict[int, dict[int, RunSummary]] = {}
    for key, row in rows.items():
        grouped.setdefault(trial_of(key), {})[int(dict(key).get("seed", 0))] = row
    found: list[Trial] = []
    for number, by_seed in sorted(grouped.items()):
        own = [by_seed[seed] for seed in sorted(by_seed)]
        parameters = parameters_of(own[0], space)
        if parameters is not None:
            found.append(_trial(number, parameters, own, metric, seeds))
    return found


def parameters_of(row: RunSummary, space: SearchSpace) -> dict[str, Any] | None:
    """The hyperparameters of a trial's run; None where its configuration can't be read."""
    try:
        return space.parameters_of(RunConfig.from_dict(row.config))
    except (ConfigError, KeyError):
        return None


def curves(runs: Path, trial: Trial, metric: str, split: str | None = "validation") -> list[Curve]:
    """The trial's learning curves, one for each of its seeds whose run can be read."""
    found = []
    for run_id in trial.runs:
        try:
            reader = _reader(runs / run_id)
            reader.refresh()  # it may still be training
            found.append(reader.curve(metric, split))
        except LogsError:
            continue
    return found


@functools.lru_cache(maxsize=256)
def _reader(path: Path) -> RunReader:
    return RunReader(path)  # a reader reads each part once


def _trial(
    number: int, parameters: dict[str, Any], rows: list[RunSummary], metric: Metric, seeds: int
) -> Trial:
    states = ["pruned" if is_pruned(row) else row.state for row in rows]
    whole = len(rows) == seeds and set(states) == {"finished"}
    order = ("failed", "pruned", "running", "lost", "stopped")
    state = "finished" if whole else next((one for one in order if one in states), WAITING)
    errors = [row.status.error for row in rows if row.status is not None and row.status.error]
    passes = [row.status.epoch for row in rows if row.status is not None]
    seconds = [row.duration for row in rows if math.isfinite(row.duration)]
    return Trial(
        number,
        parameters,
        state,
        scores=tuple(score_of(row, metric) for row in rows),
        tests=tuple(row.last(metric.name, "test") for row in rows),
        epochs=statistics.fmean(passes) if passes else math.nan,
        seconds=statistics.fmean(seconds) if seconds else math.nan,
        runs=tuple(row.id for row in rows),
        error=errors[0] if errors else "",
    )


def score_of(row: RunSummary, metric: Metric) -> float:
    """A run's score on the validation data, of the weights that it keeps: its best, or its last."""
    look = row.last if row.config.get("keep") == "last" else row.best
    return look(metric.name, "validation")


def _cell(value: Any) -> Any:
    return shown_value(value) if isinstance(value, tuple) else value
