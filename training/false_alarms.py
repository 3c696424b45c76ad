"""How often is a test wrong when there is nothing to find? Two equal learners, simulated many times over.

Samples are of two classes, equally many, and have two features that tell the classes apart equally well.
Learner A knows the first feature only, learner B the second, and each puts its threshold midway between the
class means of its training samples. By symmetry neither is better, so every winner a test names is a false
alarm; and A's expected accuracy is known in closed form, so coverage can be counted too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from training.comparisons import COMPARISONS
from training.correlated_t import posterior_shares
from training.fold_statistics import corrected_interval
from training.mcnemar import mcnemar_p
from training.out_of_fold import wilson_interval
from training.resampling import Resampling, checked_confidence

SEPARATION = 2.0  # between class means, in a feature's standard deviations: 84% are right at best


@dataclass(frozen=True)
class Rate:
    """How often something happened in the repetitions, with its Wilson interval at 95%."""

    name: str  # in COMPARISONS, or "corrected" and "naive" for intervals
    title: str
    resampling: str  # "10 x 10-fold"
    events: int
    repetitions: int
    rate: float
    low: float
    high: float
    p_values: np.ndarray = field(repr=False, compare=False)  # [repetitions]; empty where there are none


@dataclass(frozen=True)
class Demonstration:
    """False alarms of each test and coverage of A's expected accuracy by each interval."""

    level: float  # what each test promises at most
    samples: int
    expected_accuracy: float  # of A, trained on the samples of one fold's training part
    alarms: tuple[Rate, ...]
    coverage: tuple[Rate, ...]
    reading: str
    warnings: tuple[str, ...]


def simulate_false_alarms(
    repetitions: int = 1000,
    samples: int = 200,
    folds: int = 10,
    repeats: int = 10,
    level: float = 0.05,
    region: float = 0.01,
    seed: int = 0,
) -> Demonstration:
    """Simulates `repetitions` studies of two equal learners, and makes every test of COMPARISONS on each.

    A false alarm is p < level; for the Bayesian test, a model better by more than `region` with probability
    1 - level or more. The same seed gives the same rates. ValueError where samples do not fall into equal,
    stratified folds.
    """
    _refuse(repetitions, samples, folds, repeats)
    checked_confidence(1 - level)
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((repetitions, 2, samples // 2, 2))  # [studies, class, sample, learner]
    features += np.array([-SEPARATION / 2, SEPARATION / 2])[:, None, None]
    right = np.stack([_out_of_fold(features, folds, rng) for _ in range(repeats)], axis=1)
    halves = np.stack([_out_of_fold(features, 2, rng) for _ in range(5)], axis=1)
    once, whole = Resampling.k_fold(samples, folds), Resampling.k_fold(samples, folds, repeats)
    scores = _scores(right)  # [studies, J, learner]
    alarms: list[Rate] = []
    if repeats > 1:
        alarms += _alarms(_scores(right[:, :1]), once, level, region)
    alarms += _alarms(scores, whole, level, region)
    alarms += _alarms(_scores(halves), Resampling.k_fold(samples, 2, 5), level, region, five_by_two=True)
    alarms.append(_mcnemar_alarms(right[:, 0], once, level))
    expected = expected_accuracy(samples - samples // folds)
    coverage = tuple(_coverage(scores[..., 0], whole, 1 - level, expected))
    return Demonstration(
        level=level,
        samples=samples,
        expected_accuracy=expected,
        alarms=tuple(alarms),
        coverage=coverage,
        reading=_reading(alarms, whole, level),
        warnings=("Fewer than 200 repetitions: the rates are rough.",) if repetitions < 200 else (),
    )


def expected_accuracy(train_samples: int) -> float:
    """Of either learner, over all training sets of this size with both classes equally often.

    The threshold is normal about the true middle with variance (1/n0 + 1/n1)/4, and a sample is right where
    it lies on its side: Phi((separation/2) / sqrt(1 + variance)).
    """
    from scipy import stats

    variance = 1 / train_samples  # n0 = n1 = train_samples / 2
    return float(stats.norm.cdf(SEPARATION / 2 / math.sqrt(1 + variance)))


def _out_of_fold(features: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """One stratified k-fold of each study: which samples are right, bool [studies, folds, sample, "
    "learner]."""
    studies, classes, each, learners = features.shape
    order = rng.random((studies, classes, each, 1)).argsort(axis=2)
    dealt = np.take_along_axis(features, order, axis=2).reshape(studies, classes, folds, -1, learners)
    held_out = dealt.sum(axis=3)
    means = (held_out.sum(axis=2, keepdims=True) - held_out) / (each - each // folds)  # of the training parts
    threshold = means.mean(axis=1)[:, :, None]
    return np.concatenate([dealt[:, 0] < threshold, dealt[:, 1] >= threshold], axis=2)


def _scores(right: np.ndarray) -> np.ndarray:
    """Accuracies [studies, J, learner] of [studies, repeats, folds, sample, learner]."""
    accuracy = right.mean(axis=3)
    return accuracy.reshape(len(accuracy), -1, accuracy.shape[-1])


def _alarms(
    scores: np.ndarray, way: Resampling, level: float, region: float, five_by_two: bool = False
) -> Iterator[Rate]:
    """The tests on scores that are made for this resampling: the 5x2cv tests, or all others."""
    differences = scores[..., 0] - scores[..., 1]
    for row in COMPARISONS:
        if row.inputs != "scores" or row.name.startswith("five_by_two") != five_by_two:
            continue
        if row.p_values is not None:
            p_values = row.p_values(differences, way)
            yield _rate(row.name, row.title, way, p_values < level, p_values)
        else:
            below, _, above = posterior_shares(differences, way.test_train_ratio, region)
            yield _rate(row.name, row.title, way, np.maximum(below, above) >= 1 - level)


def _mcnemar_alarms(right: np.ndarray, way: Resampling, level: float) -> Rate:
    first, second = right[..., 0], right[..., 1]
    p_values = mcnemar_p((first & ~second).sum(axis=(1, 2)), (~first & second).sum(axis=(1, 2)))
    row = COMPARISONS["mcnemar"]
    return _rate(row.name, row.title, way, p_values < level, p_values)


def _coverage(scores: np.ndarray, way: Resampling, confidence: float, truth: float) -> Iterator[Rate]:
    for name, title, ratio in (
        ("corrected", "Corrected interval", way.test_train_ratio),
        ("naive", "s / sqrt(J), as if folds were independent", 0.0),
    ):
        low, high = corrected_interval(scores, ratio, confidence)
        yield _rate(name, title, way, (low <= truth) & (truth <= high))


def _rate(
    name: str, title: str, way: Resampling, events: np.ndarray, p_values: np.ndarray | None = None
) -> Rate:
    count, repetitions = int(events.sum()), len(events)
    low, high = wilson_interval(count, repetitions)
    return Rate(
        name=name,
        title=title,
        resampling=way.title,
        events=count,
        repetitions=repetitions,
        rate=count / repetitions,
        low=low,
        high=high,
        p_values=np.empty(0) if p_values is None else p_values,
    )


def _reading(alarms: list[Rate], way: Resampling, level: float) -> str:
    rates = {rate.name: 100 * rate.rate for rate in alarms if rate.resampling == way.title}
    return (
        f"Neither learner is better, and each test promises at most {100 * level:g}% false alarms. On "
        f"{way.title} the plain t test names a winner in {rates['paired_t']:.1f}% of studies, the corrected "
        f"one in {rates['corrected_paired_t']:.1f}%."
    )


def _refuse(repetitions: int, samples: int, folds: int, repeats: int) -> None:
    if repetitions < 1 or repeats < 1:
        raise ValueError(f"repetitions is {repetitions} and repeats {repeats}; both must be 1 or more")
    if folds < 2:
        raise ValueError(f"folds is {folds}; it must be 2 or more")
    step = math.lcm(2 * folds, 4)
    if samples < 2 * step or samples % step:
        raise ValueError(
            f"samples is {samples}; for stratified folds of one size, {folds} and 2 of them, it must be a "
            f"multiple of {step}, and {2 * step} at least"
        )
