"""How samples were shared out to be trained on and tested, and how a score reads: what the statistics of
folds need to know about the scores they are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Measure:
    """What a score measures. `percent` scores are shares of 1 (accuracy), read as percentages."""

    title: str
    higher_is_better: bool
    percent: bool = False

    def show(self, value: float) -> str:
        return f"{100 * value:.1f}%" if self.percent else _number(value, 4)

    def show_difference(self, value: float) -> str:
        if not self.percent:
            return _number(value, 3)
        points = f"{100 * value:.1f}" if abs(value) >= 0.0005 or value == 0 else f"{100 * value:.1g}"
        return f"{points} percentage points"

    def show_range(self, low: float, high: float) -> str:
        """An interval of differences: the unit once, at its end."""
        if self.percent:
            return f"{100 * low:.1f} to {100 * high:.1f} percentage points"
        return f"{_number(low, 3)} to {_number(high, 3)}"


def _number(value: float, digits: int) -> str:
    """To so many significant digits; thousands written out, as prices are read."""
    if not 1000 <= abs(value) < 1e9:
        return f"{value:.{digits}g}"
    return f"{float(f'{value:.{digits}g}'):,.0f}"


ACCURACY = Measure("Accuracy", higher_is_better=True, percent=True)
LOSS = Measure("Loss", higher_is_better=False)


@dataclass(frozen=True)
class Resampling:
    """The sizes of every training and test part, in the order of the scores: repeat after repeat, and in
    each its folds.
    """

    train_sizes: tuple[int, ...]
    test_sizes: tuple[int, ...]
    repeats: int = 1  # how often the samples were dealt anew

    def __post_init__(self) -> None:
        if len(self.train_sizes) != len(self.test_sizes):
            raise ValueError(
                f"train_sizes has {len(self.train_sizes)} folds and test_sizes {len(self.test_sizes)}; give "
                "each fold both"
            )
        smallest = min((*self.train_sizes, *self.test_sizes), default=0)
        if smallest < 1:
            raise ValueError(
                f"a fold with {smallest} samples in one part; each needs 1 at least to train on and 1 to be "
                "tested on: leave empty folds out"
            )
        if self.repeats < 1 or self.count % self.repeats:
            raise ValueError(
                f"repeats is {self.repeats} for {self.count} folds in all; it must be 1 or more and divide "
                "them evenly"
            )

    @classmethod
    def k_fold(cls, samples: int, folds: int, repeats: int = 1) -> Resampling:
        """k-fold cross-validation, with scikit-learn's sizes: the first folds have one sample more."""
        if not 2 <= folds <= samples:
            raise ValueError(f"folds is {folds} for {samples} samples; it must be between 2 and {samples}")
        tests = [samples // folds + (fold < samples % folds) for fold in range(folds)] * max(0, repeats)
        return cls(tuple(samples - size for size in tests), tuple(tests), repeats)

    @property
    def count(self) -> int:
        """J, the number of scores."""
        return len(self.test_sizes)

    @property
    def folds(self) -> int:
        """k, the folds of one repeat."""
        return self.count // self.repeats

    @property
    def test_train_ratio(self) -> float:
        """n_test / n_train: 1/(k-1) for every k-fold, even where folds differ in size by a sample."""
        return sum(self.test_sizes) / sum(self.train_sizes)

    @property
    def correlation(self) -> float:
        """rho, how alike two folds' scores are taken to be: the share tested, 1/k for k-fold."""
        return self.test_train_ratio / (1 + self.test_train_ratio)

    @property
    def leave_one_out(self) -> bool:
        return max(self.test_sizes) == 1

    @property
    def five_by_two(self) -> bool:
        return self.repeats == 5 and self.folds == 2

    @property
    def title(self) -> str:
        if self.leave_one_out:
            return "leave-one-out"
        if self.folds == 1:
            return f"{self.count} random splits" if self.count > 1 else "one split"
        return f"{self.folds}-fold" if self.repeats == 1 else f"{self.repeats} x {self.folds}-fold"

    def size_warnings(self) -> tuple[str, ...]:
        """Where test parts differ by more than the sample that no division can avoid, and by over a tenth."""
        smallest, largest = min(self.test_sizes), max(self.test_sizes)
        if largest - smallest <= 1 or largest <= 1.1 * smallest:
            return ()
        return (
            f"The test parts hold {smallest:,} to {largest:,} samples: the formula takes them as equal, and "
            "scores of small parts scatter more.",
        )


def checked_numbers(values: ArrayLike, name: str, count: int | None = None) -> np.ndarray:
    """Scores as float64 [count]; NaN stands for a fold that failed. ValueError names what is wrong."""
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1:
        raise ValueError(f"{name} has the shape {scores.shape}; give one score for each fold, in one row")
    if count is not None and len(scores) != count:
        raise ValueError(
            f"{name} has {len(scores)} scores and the resampling {count} folds; give one score for each, NaN "
            "for a fold that failed"
        )
    if np.isinf(scores).any():
        place = int(np.isinf(scores).argmax())
        raise ValueError(
            f"score {place} of {name} is {scores[place]}; scores must be finite: give NaN for a fold that "
            "failed, and it is left out"
        )
    return scores


def refuse_few(kept: int, name: str, least: int = 2) -> None:
    """ValueError where fewer scores are left than a spread can be computed from."""
    if kept < least:
        raise ValueError(
            f"{name} has {kept} usable score{'s' if kept != 1 else ''}; it takes {least} at least: use more "
            "folds, or look why they failed"
        )


def checked_confidence(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1, as 0.95 does")
    return confidence


def left_out_warning(missing: np.ndarray, noun: str = "fold") -> tuple[str, ...]:
    """One sentence for the folds whose score is missing (bool [count]), counted from 1 as on the page."""
    places = [str(place + 1) for place in np.flatnonzero(missing)]
    if not places:
        return ()
    listed, many = ", ".join(places[:10]) + (" ..." if len(places) > 10 else ""), len(places) > 1
    return (
        f"Left out, because {'they have' if many else 'it has'} no score: {noun}{'s' if many else ''} "
        f"{listed} of {len(missing)}. If {'they' if many else 'it'} failed on hard samples, the rest looks "
        "too good.",
    )


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def same_length(
    first: Sequence[object] | np.ndarray, second: Sequence[object] | np.ndarray, names: str
) -> None:
    """ValueError where two rows that belong together differ in length; `names` as "targets, predictions"."""
    if len(first) != len(second):
        raise ValueError(
            f"{names} have {len(first)} and {len(second)} entries; give one of each for every sample"
        )


def refuse_repeated(index: ArrayLike | None, count: int) -> None:
    """ValueError for no samples, or a sample whose place in the data set comes twice."""
    if not count:
        raise ValueError(
            "there are no predictions; give one for each sample, from at least one finished fold"
        )
    if index is None:
        return
    same_length(np.arange(count), np.asarray(index), "predictions and index")
    places, times = np.unique(np.asarray(index), return_counts=True)
    if times.max() > 1:
        raise ValueError(
            f"sample {places[times.argmax()]} has {times.max()} predictions; each sample may count once: "
            "take the predictions of one repeat"
        )
