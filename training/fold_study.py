"""Cross-validation as a study: which trainings it takes, and from which samples each learns.

Nested, every fold has folds of its own: candidates are compared within the samples that the fold may learn
from, and only the best of them is trained on all of these and judged by the rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from logs.catalog import RunSummary
from training.config import ConfigError, RunConfig
from training.data import task_of
from training.fold_schemes import SCHEMES, Fold, FoldPlan, fold_plan, inner_plan, refuse_learning_from_test
from training.jobs import Job, Judge, Key, key_of, samples_of
from training.search_space import Parameters, SearchSpace
from training.splits import subset
from training.tasks import TASKS

AUTO = "auto"
NESTED = "nested"
OPTIONS = ("scheme", "folds", "repeats", "split_seed", "inner_folds", "set")


@dataclass(frozen=True)
class FoldOptions:
    """How the samples are shared out. ConfigError, or UnknownNameError for a scheme, for what can't be."""

    scheme: str = AUTO  # a row of SCHEMES; auto: stratified where there are classes, else kfold
    folds: int = 5
    repeats: int = 1
    split_seed: int = 0
    inner_folds: int = 3  # of the nested scheme
    set: tuple[str, ...] = ()  # its candidates, as `--set` takes them

    def __post_init__(self) -> None:
        if self.scheme != AUTO:
            SCHEMES[self.scheme]  # its error names the nearest row
        least = {"folds": 2, "repeats": 1, "split_seed": 0, "inner_folds": 2}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {lowest}")
        if self.set and self.scheme != NESTED:
            raise ConfigError("--set names candidates to choose from, which takes --scheme nested")
        if self.scheme == NESTED and not self.set:
            raise ConfigError(
                "nested folds choose between candidates, and none are named; say what differs, such as "
                "--set learning_rate=0.01,0.001"
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> FoldOptions:
        """From parsed options or run.json; what is missing gets its default."""
        given = {name: values[name] for name in OPTIONS if name in values}
        return cls(**{**given, "set": tuple(given.get("set", ()))})

    def resolved(self, config: RunConfig, data_root: Path) -> FoldOptions:
        """With a scheme of the table in place of auto."""
        if self.scheme != AUTO:
            return self
        task = task_of(config, samples_of(config, data_root))
        return replace(self, scheme="kfold" if task == "regression" else "stratified")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for run.json; what only nested folds have, only for those."""
        values = {name: getattr(self, name) for name in OPTIONS} | {"set": list(self.set)}
        if self.scheme != NESTED:
            del values["inner_folds"], values["set"]
        return values

    def plan(self, config: RunConfig, data_root: Path) -> FoldPlan:
        """Who is in which fold, as indices into the whole data set. DataError where it can't be.

        The samples of an official test set are left alone: the folds are cut from its training samples, and
        from `train_samples` of them where the configuration says so.
        """
        refuse_learning_from_test(config)
        samples = samples_of(config, data_root)
        classes = _classes(config, data_root)
        pool = np.sort(samples.predefined.get("train", np.arange(len(samples.targets))))
        pool = subset(pool, config.train_samples, classes, samples.class_names, config.seed)
        plan = fold_plan(
            self.scheme,
            None if classes is None else classes[pool],
            None if samples.groups is None else samples.groups[pool],
            len(pool),
            self.folds,
            self.repeats,
            self.split_seed,
            config.validation_share,
            config.keep,
            samples.class_names,
        )
        _refuse_batch(config, plan)
        return plan.within(pool)

    def study(self, config: RunConfig, plan: FoldPlan, study: str, data_root: Path) -> Folds:
        """The study of a plan that `plan` made. DataError where inner folds can't be."""
        if self.scheme != NESTED:
            return Folds(config, plan, study)
        candidates = SearchSpace.parse(self.set, config).grid()
        if len(candidates) < 2:
            raise ConfigError(
                f"nested folds choose between candidates, and --set {' '.join(self.set)} is only one; name "
                "another value, or use --scheme stratified with that setting"
            )
        samples, classes = samples_of(config, data_root), _classes(config, data_root)
        inner = [
            inner_plan(
                fold,
                self.inner_folds,
                self.split_seed,
                classes,
                config.validation_share,
                config.keep,
                samples.class_names,
            )
            for fold in plan.folds
        ]
        for each in inner:
            _refuse_batch(config, each)
        score = TASKS[task_of(config, samples)].best
        return NestedFolds(config, plan, study, candidates, inner, score.name, score.higher_is_better)


class Folds:
    """The study: a job for each fold of a plan."""

    unit = "fold"

    def __init__(self, config: RunConfig, plan: FoldPlan, study: str) -> None:
        self.config, self.plan, self.study = config, plan, study

    @property
    def count(self) -> int:
        return len(self.plan.folds)

    @property
    def title(self) -> str:
        number = len(self.plan.folds)
        trainings = "1 training" if number == 1 else f"{number} trainings"
        return f"{SCHEMES[self.plan.scheme].title} of {self.config.dataset}, {trainings}"

    def jobs(self, done: Mapping[Key, RunSummary]) -> list[Job]:
        """One for each fold that has not ended."""
        jobs = [self._job(self.config, fold) for fold in self.plan.folds]
        return [job for job in jobs if job.key not in done]

    def judge(self, jobs: Sequence[Job]) -> Judge | None:
        """Nobody ends a fold early for being worse than others."""
        return None

    def _job(self, config: RunConfig, fold: Fold) -> Job:
        return Job(config, "fold", {"repeat": fold.repeat, "fold": fold.fold}, self.study, fold.split)


class NestedFolds(Folds):
    """First every candidate on every fold's inner folds, then each fold with its best candidate."""

    def __init__(
        self,
        config: RunConfig,
        plan: FoldPlan,
        study: str,
        candidates: Sequence[Parameters],
        inner: Sequence[FoldPlan],
        score: str,
        higher_is_better: bool,
    ) -> None:
        super().__init__(config, plan, study)
        self.configs = [config.replace(**values) for values in candidates]
        self.inner, self.score, self.sign = inner, score, 1.0 if higher_is_better else -1.0

    @property
    def count(self) -> int:
        return len(self.plan.folds) + len(self.configs) * sum(len(plan.folds) for plan in self.inner)

    @property
    def title(self) -> str:
        return (
            f"{super().title} and {self.count - len(self.plan.folds)} to choose between {len(self.configs)}"
        )

    def jobs(self, done: Mapping[Key, RunSummary]) -> list[Job]:
        """The inner trainings that have not ended; those of the folds, where all inner ones have."""
        found: list[Job] = []
        for fold, plan in zip(self.plan.folds, self.inner, strict=True):
            left = [job for job in self._inner_jobs(fold, plan) if job.key not in done]
            outer = self._job(self.configs[0], fold)
            if left:
                found += left
            elif outer.key not in done:
                found.append(replace(outer, config=self.configs[self.chosen(fold, done)]))
        return found

    def chosen(self, fold: Fold, done: Mapping[Key, RunSummary]) -> int:
        """The candidate with the best mean score on what its inner folds held out; the first of equals. One
        that failed in any of them is not chosen while another is left.
        """
        plan = self.inner[self.plan.folds.index(fold)]
        means = []
        for candidate in range(len(self.configs)):
            keys = [key_of(self._member(fold, candidate, place)) for place in range(len(plan.folds))]
            scores = [self.sign * done[key].last(self.score, "test") for key in keys]
            mean = sum(scores) / len(scores)
            means.append(mean if math.isfinite(mean) else -math.inf)
        return int(np.argmax(means))

    def _inner_jobs(self, fold: Fold, plan: FoldPlan) -> list[Job]:
        return [
            Job(config, "fold", self._member(fold, candidate, place), self.study, own.split)
            for candidate, config in enumerate(self.configs)
            for place, own in enumerate(plan.folds)
        ]

    @staticmethod
    def _member(fold: Fold, candidate: int, inner: int) -> dict[str, int]:
        return {"repeat": fold.repeat, "fold": fold.fold, "candidate": candidate, "inner": inner}


def _classes(config: RunConfig, data_root: Path) -> np.ndarray | None:
    """The class of every sample; None in a regression."""
    samples = samples_of(config, data_root)
    return None if task_of(config, samples) == "regression" else samples.targets


def _refuse_batch(config: RunConfig, plan: FoldPlan) -> None:
    """Before any training, what `training.data` would say of the smallest fold in the middle of it."""
    smallest = min(len(fold.split.train) for fold in plan.folds)
    if config.batch_size > smallest:
        raise ConfigError(
            f"batch_size is {config.batch_size:,}, more than the {smallest:,} samples that a fold has to "
            "train on; make it smaller, or use fewer folds"
        )
