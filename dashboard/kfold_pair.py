"""Two studies of the same folds as a pair that tests can be made on; studies that differ in the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dashboard.kfold_study import KFoldStudy
from logs.catalog import RunSummary
from training.correlated_t import Posterior, compare_bayesian
from training.kfold_report import Compared, compare
from training.paired_tests import Pair

SIDES = ("A", "B")
BAYESIAN = "bayesian_correlated_t"


@dataclass(frozen=True, eq=False)
class StudyPair:
    """`first` is A, `second` B. Differences are A - B, in the order of the folds, NaN where either failed."""

    first: KFoldStudy
    second: KFoldStudy
    compared: Compared

    @property
    def labels(self) -> tuple[str, str]:
        """Of the two studies: their names, and their ids where these are the same."""
        titles = self.first.title, self.second.title
        if titles[0] != titles[1]:
            return titles
        return f"{titles[0]} · {self.first.id[-4:]}", f"{titles[1]} · {self.second.id[-4:]}"

    @property
    def differences(self) -> np.ndarray:
        return self.first.scores - self.second.scores

    def result(self, name: str) -> Any | None:
        """What the test of that name says; None where it can't be made."""
        return next((result for row, result in self.compared.results if row.name == name), None)

    def posterior(self, region: float) -> Posterior | None:
        """The Bayesian test with this region of practical equivalence; None where it can't be made."""
        return None if self.result(BAYESIAN) is None else compare_bayesian(self._scores, region)

    def refusal(self, name: str) -> str:
        """Why the test of that name can't be made."""
        return next((each.reason for each in self.compared.refused if each.comparison.name == name), "")

    @cached_property
    def _scores(self) -> Pair:
        assert self.first.resampling is not None
        scores = self.first.scores, self.second.scores
        return Pair(*scores, self.first.resampling, self.first.measure, SIDES)


def paired(first: KFoldStudy, second: KFoldStudy) -> StudyPair:
    """ValueError, with the way out, where the two were not judged by the same samples in the same folds, or
    fewer than 2 folds have finished in both.
    """
    return StudyPair(first, second, compare(first.results, second.results, SIDES))


def seed_siblings(study: RunSummary, studies: Sequence[RunSummary]) -> list[RunSummary]:
    """The other studies of the same split and configuration but for the seed, the newest one of each seed."""
    found: dict[Any, RunSummary] = {}
    for other in studies:
        seed = other.config.get("seed")
        if seed != study.config.get("seed") and _signature(other) == _signature(study):
            found.setdefault(seed, other)
    return list(found.values())


_PASSED_OVER = ("seed", "name", "tags", "visdom", "device", "threads")
_MEANS = ("engine", "workers", "way", "gpus_per_worker")  # how it was trained changes no result


def _signature(study: RunSummary) -> tuple[str, ...]:
    options = study.info.study if study.info is not None else {}
    split = [(name, value) for name, value in options.items() if name not in _MEANS]
    config = [(name, value) for name, value in study.config.items() if name not in _PASSED_OVER]
    return tuple(f"{name}={value!r}" for name, value in sorted([*split, *config]))
