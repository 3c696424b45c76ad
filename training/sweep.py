"""Sweeps over hyperparameters: `python -m training.sweep --help`.

Each trial is a setting of what varies, trained with one or several seeds; each of its trainings is a run like
any other. Trials of one architecture train at the same time as one network where that is faster.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logs.catalog import RunSummary
from training.arguments import asked, config_from
from training.config import SEED_LIMIT, ConfigError, RunConfig
from training.datasets import DATASETS
from training.jobs import Job, Judge, Key
from training.places import data_folder, found_run, runs_folder
from training.pruning import PRUNING, Pruning
from training.samplers import SAMPLERS, Ended, Request
from training.search_space import SearchSpace
from training.studies import Means
from training.study_script import (
    MEANS,
    TOLD,
    apart,
    driven,
    means_of,
    opened_study,
    resumable,
    study_parser,
    with_workers,
)
from training.sweep_data import refuse_data
from training.sweep_judge import SweepJudge, trial_of
from training.sweep_report import report_lines, table_text
from training.sweep_results import compared_by, parameters_of, read_sweep, trials_of, varies_loss
from training.train import Stop

PROGRAM = "python -m training.sweep"
EXAMPLES = """
examples:
  python -m training.sweep --set learning_rate=log:1e-4:1e-1 --set hidden_width=16,64,256 --seeds 5
  python -m training.sweep --set learning_rate=log:1e-4:1e-1:8 --set weight_decay=0,1e-4 --sampler grid
  python -m training.sweep --set dropout=0:0.5 --set hidden_layers=int:1:4 --sampler tpe --trials 40
  python -m training.sweep --resume STUDY               go on where a stopped or killed sweep ended
  python -m training.sweep --table STUDY --csv FILE     what a sweep has found, by now

What varies is NAME=A,B,C (these values), NAME=LOW:HIGH (any number between), NAME=log:LOW:HIGH (on a
logarithmic scale) or NAME=int:LOW:HIGH (whole numbers). A fourth part is the number of values that a grid
takes of a range. NAME is any field or setting above that changes what is learned.
"""
OPTIONS = ("set", "sampler", "trials", "seeds", "prune", "at_once")
TRIALS = 20  # of a sampler that doesn't exhaust its space
NO_PRUNING = Pruning("none", {})
AT_ONCE = 8  # trials that a learning sampler proposes together: more train faster, fewer learn faster


@dataclass(frozen=True)
class SweepOptions:
    """What is tried and how; valid when it exists."""

    space: SearchSpace
    sampler: str
    trials: int
    seeds: int = 1
    pruning: Pruning = NO_PRUNING
    at_once: int = AT_ONCE

    @classmethod
    def of(cls, values: Mapping[str, Any], config: RunConfig) -> SweepOptions:
        """From parsed options, or from the study in run.json. ConfigError for what can't be."""
        specs = values.get("space")
        space = (
            SearchSpace.from_dict(specs, config)
            if specs
            else SearchSpace.parse(values.get("set", ()), config)
        )
        sampler = values.get("sampler") or ("grid" if space.is_finite else "random")
        trials = _trials(space, sampler, values.get("trials"))
        pruning = Pruning.parse(values.get("prune", "none"))
        options = cls(space, sampler, trials, values.get("seeds", 1), pruning, values.get("at_once", AT_ONCE))
        options._check(config)
        return options

    def _check(self, config: RunConfig) -> None:
        for name in ("trials", "seeds", "at_once"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if config.seed + self.seeds - 1 > SEED_LIMIT:
            raise ConfigError(
                f"seeds are {config.seed} and the next {self.seeds - 1}, and the largest is {SEED_LIMIT}; "
                "begin with a lower --seed"
            )
        if (
            self.pruning.rule != "none"
            and varies_loss(self.space)
            and "regression" in DATASETS[config.dataset].tasks
        ):
            raise ConfigError(
                "losses of different kinds can't be compared while they train; leave --prune out"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for run.json."""
        return {
            "space": self.space.to_dict(),
            "sampler": self.sampler,
            "trials": self.trials,
            "seeds": self.seeds,
            "prune": str(self.pruning),
            "at_once": self.at_once,
        }


def _trials(space: SearchSpace, sampler: str, given: int | None) -> int:
    """How many trials there are: as many as were asked for, and never more than there is to try."""
    row = SAMPLERS[sampler]
    if row.exhausts:
        count = len(space.grid())
        if given not in (None, count):
            raise ConfigError(
                f"a {row.name} tries all {count} combinations, not {given}; leave --trials out, or use "
                "--sampler random"
            )
        return count
    if space.is_finite:
        count = len(space.grid())
        if given is not None and given > count:
            raise ConfigError(
                f"trials is {given}, and there are {count} combinations to try; ask for at most {count}"
            )
        return min(TRIALS, count) if given is None else given
    return TRIALS if given is None else given


class Sweep:
    """The study: trials as the sampler proposes them, each with every seed."""

    unit = "trial"

    def __init__(self, config: RunConfig, options: SweepOptions, study: str, runs: Path) -> None:
        self.config, self.options, self.study, self.runs = config, options, study, runs
        self.sampler = SAMPLERS[options.sampler]

    @property
    def count(self) -> int:
        return self.options.trials * self.options.seeds

    @property
    def title(self) -> str:
        options = self.options
        seeds = f", {options.seeds} seeds each" if options.seeds > 1 else ""
        return f"{options.trials} trials ({self.sampler.title}{seeds}) of {', '.join(options.space.names)}"

    def jobs(self, done: Mapping[Key, RunSummary]) -> list[Job]:
        """All trials, or the next ones of a sampler that learns: those of the first round with one left."""
        options = self.options
        size = min(options.at_once, options.trials) if self.sampler.learns else options.trials
        for first in range(0, options.trials, size):
            numbers = range(first, min(first + size, options.trials))
            keys = {self._key(number, seed) for number in numbers for seed in range(options.seeds)}
            if not keys <= done.keys():
                proposed = self._proposed(numbers, done)
                return [
                    self._job(number, seed, parameters)
                    for number, parameters in zip(numbers, proposed, strict=True)
                    for seed in range(options.seeds)
                    if self._key(number, seed) not in done
                ]
        return []

    def judge(self, jobs: Sequence[Job]) -> Judge | None:
        options = self.options
        if options.pruning.rule == "none":
            return None
        return SweepJudge.of(options.pruning, self.runs, jobs, others=len(jobs) < self.count)

    def _proposed(self, numbers: range, done: Mapping[Key, RunSummary]) -> list[dict[str, Any]]:
        """The parameters of these trials. A trial that has begun keeps those it has."""
        options = self.options
        metric = compared_by(done.values(), options.space)
        earlier = {key: row for key, row in done.items() if trial_of(key) < numbers.start}
        ended = [
            Ended(trial.parameters, float("nan") if trial.state == "failed" else trial.score)
            for trial in trials_of(earlier, options.space, metric, options.seeds)
        ]
        request = Request(
            options.space, self.config.seed, numbers.start, len(numbers), ended, metric.higher_is_better
        )
        begun = {trial_of(key): row for key, row in done.items() if trial_of(key) in numbers}
        proposed = self.sampler.propose(request)
        return [
            (parameters_of(begun[number], options.space) if number in begun else None) or parameters
            for number, parameters in zip(numbers, proposed, strict=True)
        ]

    def _job(self, trial: int, seed: int, parameters: Mapping[str, Any]) -> Job:
        config = self.options.space.config(self.config, parameters).replace(seed=self.config.seed + seed)
        return Job(config, "trial", {"trial": trial, "seed": seed}, self.study)

    @staticmethod
    def _key(trial: int, seed: int) -> Key:
        return (("seed", seed), ("trial", trial))


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every trial has ended or the sweep was stopped, 1 when it failed, 2 when it could not start."""
    namespace = command_parser().parse_args(arguments)
    data_root, runs = data_folder(namespace), runs_folder(namespace)
    with Stop() as stop, contextlib.ExitStack() as stack:
        try:
            rest, own = apart(namespace, (*OPTIONS, *MEANS, "table", "csv"))
            if "table" in own or "csv" in own:
                return show(own, runs)
            config, options, means = chosen(rest, own)
            if "resume" not in rest:
                refuse_data(options.space, config, data_root)  # before there is a run
            means = stack.enter_context(
                with_workers(means, config, options.trials * options.seeds, data_root)
            )
            run = opened_study(rest, config, "sweep", options.to_dict() | means.asked)
        except TOLD as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        folder, study_id = run.directory.path.parent, run.directory.id
        study = Sweep(config, options, study_id, folder)

        def conclude(console: Any) -> None:
            for line in report_lines(read_sweep(folder, study_id)):
                console.say(line)

        return driven(study, run, config, data_root, means, stop, conclude)


def show(own: Mapping[str, Any], runs: Path) -> int:
    """Prints the table of a sweep, and writes it to a file where one is named."""
    if "table" not in own:
        raise ConfigError("--csv writes the table of a sweep; name it with --table STUDY")
    directory = found_run(own["table"], runs)
    results = read_sweep(directory.path.parent, directory.id)
    if "csv" in own:
        results.table().to_csv(own["csv"], index=False)
    print(table_text(results))
    for line in report_lines(results, rows=0):
        print(line)
    return 0


def command_parser() -> argparse.ArgumentParser:
    result = study_parser(PROGRAM, "Trains a network with many settings, to find which are good.", EXAMPLES)
    group = result.add_argument_group("What is tried")
    group.add_argument(
        "--set", action="append", metavar="NAME=VALUES", help="what varies; once for each NAME"
    )
    samplers = "; ".join(f"{row.name}: {row.summary}" for row in SAMPLERS)
    group.add_argument(
        "--sampler", metavar="NAME", help=f"{samplers} (default: grid where it can be, else random)"
    )
    group.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help=f"settings that are tried (default: {TRIALS}, or the whole grid)",
    )
    group.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="trainings of each trial, with --seed and the next ones (default: 1)",
    )
    rules = "; ".join(f"{row.name}: {row.summary}" for row in PRUNING)
    group.add_argument(
        "--prune", metavar="RULE", help=f"{rules} Settings: halving:factor=3,first=1 (default: none)"
    )
    group.add_argument(
        "--at-once",
        type=int,
        metavar="N",
        help=f"trials that a sampler which learns proposes at a time (default: {AT_ONCE})",
    )
    shown = result.add_argument_group("Results")
    shown.add_argument("--table", metavar="STUDY", help="print what this sweep has found, and train nothing")
    shown.add_argument(
        "--csv", type=Path, metavar="FILE", help="with --table: write the table into this file"
    )
    return result


def chosen(rest: argparse.Namespace, own: Mapping[str, Any]) -> tuple[RunConfig, SweepOptions, Means]:
    """The configuration, what is tried, and the means: of the options, or of the study to resume."""
    if "resume" not in rest:
        config = asked(rest)
        return config, SweepOptions.of(own, config), means_of(own)
    info = resumable(rest, "sweep")
    config = RunConfig.from_dict(info.config)
    if config_from(rest, config) != config or set(own) & set(OPTIONS):
        raise ConfigError("--resume goes on with the sweep's own options; start a new one for others")
    return config, SweepOptions.of(info.study, config), means_of({**info.study, **own})


if __name__ == "__main__":
    sys.exit(main())
