"""Two models on the same samples, right or wrong: McNemar's test, in its exact binomial form
(McNemar 1947, doi:10.1007/BF02295996; for classifiers Dietterich 1998, doi:10.1162/089976698300017197).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from training.paired_tests import show_p
from training.resampling import checked_confidence, refuse_repeated, same_length

# With fewer, even a split of all against none has p > 0.05: 2 / 2^5 = 0.0625
DECIDABLE = 6


@dataclass(frozen=True, eq=False)
class PredictedPair:
    """Out-of-fold predictions of two models for the same samples: classes [samples], one for each sample.

    `index` [samples] are the samples' places in the data set, where known. ValueError where lengths differ,
    nothing is given, or a sample comes twice, as repeated folds make it do: take one repeat.
    """

    targets: ArrayLike
    first: ArrayLike
    second: ArrayLike
    names: tuple[str, str] = ("A", "B")
    confidence: float = 0.95
    index: ArrayLike | None = None
    first_right: np.ndarray = field(init=False)  # bool [samples]
    second_right: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        checked_confidence(self.confidence)
        targets = np.asarray(self.targets)
        for name, given in zip(self.names, (self.first, self.second), strict=True):
            same_length(targets, np.asarray(given), f"targets and predictions of {name}")
        refuse_repeated(self.index, len(targets))
        object.__setattr__(self, "first_right", np.asarray(self.first) == targets)
        object.__setattr__(self, "second_right", np.asarray(self.second) == targets)


@dataclass(frozen=True)
class McNemarTest:
    """How often one alone is right. `better` is a name where p < 1 - confidence, else None."""

    name: str  # in COMPARISONS
    both: int  # are right
    only_first: int
    only_second: int
    neither: int
    difference: float  # accuracy of the first - that of the second
    p_value: float  # two-sided, exact
    better: str | None
    reading: str
    warnings: tuple[str, ...]


def mcnemar_p(only_first: np.ndarray | int, only_second: np.ndarray | int) -> np.ndarray:
    """Two-sided exact p of any shape: a fair coin for each sample that one alone gets right; 1 for none."""
    from scipy import stats

    fewer, all_of_them = np.minimum(only_first, only_second), np.add(only_first, only_second)
    return np.asarray(np.minimum(1.0, 2 * stats.binom.cdf(fewer, all_of_them, 0.5)))


def compare_predictions(pair: PredictedPair) -> McNemarTest:
    """McNemar's test on the predictions that each fold's networks made for samples they never saw."""
    first, second = pair.first_right, pair.second_right
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    p_value = float(mcnemar_p(only_first, only_second))
    warnings: tuple[str, ...] = ()
    if only_first + only_second < DECIDABLE:
        warnings = (
            f"The models differ on {only_first + only_second} samples only: below {DECIDABLE}, no outcome "
            "can reach p < 0.05. Use more samples.",
        )
    found = p_value < 1 - pair.confidence
    better = pair.names[0] if only_first > only_second else pair.names[1]
    end = (
        f"so uneven that {better} is better on such samples, as far as these trained networks go"
        if found
        else "which chance alone explains: no winner is shown, and no equality either"
    )
    return McNemarTest(
        name="mcnemar",
        both=int((first & second).sum()),
        only_first=only_first,
        only_second=only_second,
        neither=int((~first & ~second).sum()),
        difference=(only_first - only_second) / len(first),
        p_value=p_value,
        better=better if found else None,
        reading=f"Of {len(first):,} samples {pair.names[0]} alone gets {only_first:,} right and "
        f"{pair.names[1]} alone {only_second:,}, {end} (p {show_p(p_value)}).",
        warnings=warnings,
    )
