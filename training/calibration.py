"""Are the probabilities honest? Calibration, log loss and Brier score of out-of-fold predictions.

Expected calibration error after Naeini et al. 2015 and Guo et al. 2017 (arXiv:1706.04599): samples are sorted
into bins by the probability of the class that was said, and in each the mean probability is set against the
share that is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from training.resampling import same_length

FULL_BIN = 10  # samples; with fewer a bin's share of right ones is mostly chance
SUM_TOLERANCE = 1e-3  # float16 probabilities of many classes add up to 1 within this


@dataclass(frozen=True)
class Calibration:
    """The reliability diagram, bin by bin (NaN where a bin is empty), and what it comes to."""

    edges: tuple[float, ...]  # bins + 1 of them, 0 to 1; a bin holds its upper edge
    counts: tuple[int, ...]
    confidence: tuple[float, ...]  # mean probability of the class that was said
    accuracy: tuple[float, ...]  # share that is right
    expected_error: float  # mean of |accuracy - confidence|, weighted by counts
    largest_error: float
    mean_confidence: float
    mean_accuracy: float
    reading: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ProbabilityScores:
    """Both are lowest for the true probabilities. The baselines are of always saying the classes' shares."""

    log_loss: float  # nats
    brier: float  # 0 to 1 for two classes, 0 to 2 for more, as scikit-learn has it
    baseline_log_loss: float
    baseline_brier: float
    reading: str
    warnings: tuple[str, ...]


def calibration(targets: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> Calibration:
    """`targets` [samples] class indices, `probabilities` [samples, classes], each row adding up to 1.

    ValueError for what are no probabilities, a class that has none, or fewer than 1 bin.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; it must be 1 or more: 15 is usual")
    truth, shares = _checked(targets, probabilities)
    stated = shares.max(axis=1)
    right = shares.argmax(axis=1) == truth
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], stated)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of an empty bin
        confidence = np.bincount(place, stated, bins) / counts
        accuracy = np.bincount(place, right, bins) / counts
    gaps = np.abs(accuracy - confidence)[counts > 0]
    error = float((gaps * counts[counts > 0]).sum() / len(truth))
    thin = int(((counts > 0) & (counts < FULL_BIN)).sum())
    return Calibration(
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        confidence=tuple(confidence.tolist()),
        accuracy=tuple(accuracy.tolist()),
        expected_error=error,
        largest_error=float(gaps.max()),
        mean_confidence=float(stated.mean()),
        mean_accuracy=float(right.mean()),
        reading=_calibration_reading(error, float(stated.mean()), float(right.mean())),
        warnings=(
            f"{thin} of {int((counts > 0).sum())} bins in use {'holds' if thin == 1 else 'hold'} fewer than "
            f"{FULL_BIN} samples: part of "
            "the error is chance, which never makes it smaller. Use fewer bins, or more samples.",
        )
        if thin
        else (),
    )


def probability_scores(targets: ArrayLike, probabilities: ArrayLike) -> ProbabilityScores:
    """`targets` [samples] class indices, `probabilities` [samples, classes], each row adding up to 1."""
    from sklearn.metrics import brier_score_loss, log_loss

    truth, shares = _checked(targets, probabilities)
    classes = np.arange(shares.shape[1])
    counts = np.bincount(truth, minlength=len(classes))
    baseline = np.tile(counts / len(truth), (len(classes), 1))  # of one sample a class, as often as there are
    loss, brier = (float(score(truth, shares, labels=classes)) for score in (log_loss, brier_score_loss))
    known, known_brier = (
        float(score(classes, baseline, sample_weight=counts, labels=classes))
        for score in (log_loss, brier_score_loss)
    )
    impossible = int((shares[np.arange(len(truth)), truth] == 0).sum())
    better = "better" if loss < known else "no better"
    return ProbabilityScores(
        log_loss=loss,
        brier=brier,
        baseline_log_loss=known,
        baseline_brier=known_brier,
        reading=f"Log loss {loss:.3f} and Brier score {brier:.3f}, {better} than always saying how frequent "
        f"each class is (log loss {known:.3f}, Brier score {known_brier:.3f}).",
        warnings=(
            f"{impossible:,} samples belong to a class that was given probability 0: their log loss is "
            "infinite, and counted as 36 each.",
        )
        if impossible
        else (),
    )


def _checked(targets: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Class indices int64 [samples] and probabilities float64 [samples, classes] that add up to 1 exactly."""
    truth, shares = np.asarray(targets), np.asarray(probabilities, np.float64)
    if shares.ndim != 2 or shares.shape[1] < 2 or not len(shares):
        raise ValueError(
            f"probabilities have the shape {shares.shape}; it must be samples x classes, with 1 sample and 2 "
            "classes at least"
        )
    same_length(truth, shares, "targets and probabilities")
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= shares.shape[1]:
        raise ValueError(
            f"targets run from {truth.min()} to {truth.max()} ({truth.dtype}); they must be class indices "
            f"from 0 to {shares.shape[1] - 1}, one for each column of the probabilities"
        )
    sums = shares.sum(axis=1)
    wrong = ~((shares >= 0).all(axis=1) & (np.abs(sums - 1) <= SUM_TOLERANCE))  # NaN is wrong too
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"the probabilities of sample {row} are {np.round(shares[row], 4).tolist()[:10]}; they must be 0 "
            "or more and add up to 1: give softmax outputs, not logits"
        )
    return truth.astype(np.int64), shares / sums[:, None]


def _calibration_reading(error: float, stated: float, right: float) -> str:
    start = f"Stated confidence and accuracy are {100 * error:.1f} percentage points apart on average"
    if abs(stated - right) <= 0.01:
        return f"{start}; over all samples they agree ({100 * stated:.1f}% and {100 * right:.1f}%)."
    manner = "too sure of themselves" if stated > right else "surer to be right than they say"
    return (
        f"{start}; the networks are {manner}: they state {100 * stated:.1f}%, and "
        f"{100 * right:.1f}% are right."
    )
