"""What a cross-validation says, in sentences that can be defended, and whether one model beats another.

    for line in report_lines(results): print(line)
    compared = compare(results_a, results_b)      # each row of COMPARISONS, or why not

Numbers come from the statistics of this folder, each with its source; nothing is computed twice here. Pooled
numbers are of one repeat, in which each sample was judged once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.calibration import Calibration, ProbabilityScores, calibration, probability_scores
from training.comparisons import COMPARISONS, Comparison
from training.evaluation import threshold_curve
from training.fold_statistics import Summary, summarise_folds
from training.kfold_results import KFoldResults
from training.mcnemar import PredictedPair
from training.out_of_fold import Proportion, RocArea, pooled_accuracy, roc_areas
from training.paired_tests import Pair
from training.variance_sources import VarianceSources, separate_variance

NOTHING_YET = "No fold has finished yet."
NOTHING = "Every fold failed: there is no score."
LISTED = 10  # samples, or folds, named in a sentence
AT_STEP = re.compile(r" at step [\d,]+")


@dataclass(frozen=True)
class Precision:
    """Area under the precision-recall curve, as average precision: the mean of precisions at each recall."""

    class_name: str
    pooled: float
    share: float  # of the class: what saying anything at random would reach
    reading: str


@dataclass(frozen=True)
class HardSample:
    """A sample and how often it was judged wrong, once in each repeat."""

    index: int
    target: int
    missed: int
    judged: int
    said: tuple[int, ...]  # classes, in the order of repeats
    confidence: float  # mean probability that its networks gave the right class; NaN without probabilities


@dataclass(frozen=True)
class KFoldReport:
    """None and empty where the results don't say it: too few folds, or a regression."""

    summary: Summary | None
    accuracy: Proportion | None
    areas: tuple[RocArea, ...]
    precisions: tuple[Precision, ...]
    calibration: Calibration | None
    probabilities: ProbabilityScores | None
    hardest: tuple[HardSample, ...]  # missed in every repeat, the surest mistakes first
    readings: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """A comparison that can't be made, and why."""

    comparison: Comparison
    reason: str


@dataclass(frozen=True)
class Compared:
    """Two studies on the same folds. A result has a `reading` and `warnings`, whatever its kind."""

    names: tuple[str, str]
    results: tuple[tuple[Comparison, Any], ...]  # in the order of COMPARISONS
    refused: tuple[Refused, ...]
    warnings: tuple[str, ...]


def report(results: KFoldResults, repeat: int = 0, confidence: float = 0.95) -> KFoldReport:
    """Of the folds that have finished; pooled numbers of `repeat`."""
    summary = _summary(results, confidence)
    pool = results.of_repeat(repeat)
    frame = results.predictions[pool]
    accuracy = areas = precisions = honest = scored = None
    hardest: tuple[HardSample, ...] = ()
    if results.probabilities is not None and len(frame):
        targets = frame["target"].to_numpy().astype(np.int64)
        chances = results.probabilities[pool].astype(np.float64)
        index, places = frame["index"].to_numpy(), frame["fold"].to_numpy()
        names = results.class_names or tuple(str(place) for place in range(chances.shape[1]))
        if not _drawn_again(results):
            accuracy = pooled_accuracy(targets, frame["prediction"].to_numpy(), confidence, index)
        areas = roc_areas(targets, chances, places, names)
        precisions = average_precisions(targets, chances, names)
        honest, scored = calibration(targets, chances), probability_scores(targets, chances)
        hardest = hard_samples(results)
    parts = [part for part in (summary, accuracy, *_areas_told(areas), honest, scored) if part is not None]
    readings = [part.reading for part in parts]
    if hardest:
        readings.append(_hard_reading(hardest))
    return KFoldReport(
        summary=summary,
        accuracy=accuracy,
        areas=areas or (),
        precisions=precisions or (),
        calibration=honest,
        probabilities=scored,
        hardest=hardest,
        readings=tuple(readings) or (NOTHING if results.all_failed else NOTHING_YET,),
        warnings=tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
    )


def report_lines(results: KFoldResults) -> list[str]:
    """The report as a terminal shows it: readings, why folds failed, then warnings."""
    found = report(results)
    return [*found.readings, *failures(results), *(f"warning: {warning}" for warning in found.warnings)]


def failures(results: KFoldResults) -> list[str]:
    """Why folds failed, a sentence for each reason: "Folds 1, 2, 4 failed: the loss became nan ...".

    Folds whose reasons differ only in the step at which it happened share one, without the step.
    """
    several = any(row.repeat for row in results.rows)
    told: dict[str, dict[str, str]] = {}  # by reason without its step: each fold's own words
    for row in results.rows:
        if row.state == "failed":
            said = (row.error.strip().splitlines() or ["it doesn't say why"])[-1]
            name = f"{row.repeat + 1}.{row.fold + 1}" if several else str(row.fold + 1)
            told.setdefault(AT_STEP.sub("", said), {})[name] = said
    sentences = []
    for shared, folds in told.items():
        names = [*folds][:LISTED]
        listed = ", ".join(names) + (f" and {len(folds) - LISTED} more" if len(folds) > LISTED else "")
        reason = shared if len(set(folds.values())) > 1 else next(iter(folds.values()))
        sentences.append(f"{'Fold' if len(folds) == 1 else 'Folds'} {listed} failed: {reason}")
    return sentences


def average_precisions(
    targets: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> tuple[Precision, ...]:
    """Of each class against the rest, pooled; for two classes of the second alone. Classes that no sample has
    are left out. `targets` int64 [samples], `probabilities` [samples, classes].
    """
    found = []
    for place in [1] if len(class_names) == 2 else range(len(class_names)):
        positive = targets == place
        if positive.any():
            pooled = threshold_curve(targets, probabilities[:, place], place).average_precision
            share = positive.mean()
            reading = (
                f"Average precision of {class_names[place]} is {pooled:.3f}; always guessing would reach "
                f"{share:.3f}."
            )
            found.append(Precision(class_names[place], pooled, float(share), reading))
    return tuple(found)


def hard_samples(results: KFoldResults) -> tuple[HardSample, ...]:
    """The samples that no network which had not seen them got right, the surest mistakes first."""
    frame = results.predictions
    if results.probabilities is None or not len(frame):
        return ()
    targets = frame["target"].to_numpy().astype(np.int64)
    said = frame["prediction"].to_numpy().astype(np.int64)
    own = results.probabilities[np.arange(len(frame)), targets]
    index = frame["index"].to_numpy()
    present, first, place, judged = np.unique(
        index, return_index=True, return_inverse=True, return_counts=True
    )
    missed = np.bincount(place, said != targets, len(present)).astype(np.int64)
    confidence = np.bincount(place, own, len(present)) / judged
    rows = np.flatnonzero((missed == judged)[place])
    answers: dict[int, list[int]] = {}
    for each, answer in zip(place[rows].tolist(), said[rows].tolist(), strict=True):
        answers.setdefault(each, []).append(answer)
    found = [
        HardSample(
            index=int(present[each]),
            target=int(targets[first[each]]),
            missed=int(missed[each]),
            judged=int(judged[each]),
            said=tuple(given),
            confidence=float(confidence[each]),
        )
        for each, given in answers.items()
    ]
    return tuple(sorted(found, key=lambda sample: (sample.confidence, sample.index)))


def fold_and_seed_variance(studies: Sequence[KFoldResults], confidence: float = 0.95) -> VarianceSources:
    """Studies of the same folds that differ in the seed: what the samples move, and what the seed. ValueError
    where their folds are not the same, or fewer than 2 of either are left.
    """
    for other in studies[1:]:
        if (reason := why_not_paired(studies[0], other)) is not None:
            raise ValueError(reason)
    table = np.stack([study.scores() for study in studies], axis=1)
    return separate_variance(table, studies[0].measure, confidence)


def compare(
    first: KFoldResults,
    second: KFoldResults,
    names: tuple[str, str] | None = None,
    confidence: float = 0.95,
    repeat: int = 0,
) -> Compared:
    """Every comparison of the two on their scores, and on the predictions of one repeat. ValueError where
    they were not judged by the same samples in the same folds, or fewer than 2 folds have finished in both.
    """
    if (reason := why_not_paired(first, second)) is not None:
        raise ValueError(reason)
    labels = names or _names(first, second)
    assert first.resampling is not None
    pair = Pair(first.scores(), second.scores(), first.resampling, first.measure, labels, confidence)
    made: list[tuple[Comparison, Any]] = []
    refused: list[Refused] = []
    for row in COMPARISONS:
        reason = row.refusal(first.resampling)
        given: Pair | PredictedPair = pair
        if not reason and row.inputs == "predictions":
            predicted = _predicted(first, second, labels, confidence, repeat)
            if isinstance(predicted, str):
                reason = predicted
            else:
                given = predicted
        if reason:
            refused.append(Refused(row, reason))
        else:
            made.append((row, row.compare(given)))
    return Compared(labels, tuple(made), tuple(refused), _unequal(first, second))


def why_not_paired(first: KFoldResults, second: KFoldResults) -> str | None:
    """Why two studies can't be compared fold by fold, and the way out; None where they can."""
    way_out = "start one of them with the other's data set, scheme, folds, repeats and split seed"
    if first.info.dataset != second.info.dataset:
        return f"one is of {first.info.dataset} and the other of {second.info.dataset}; {way_out}"
    if first.score != second.score:
        return f"one is scored by {first.score} and the other by {second.score}; {way_out}"
    if not first.folds or len(first.folds) != len(second.folds):
        return f"one has {len(first.folds)} folds and the other {len(second.folds)}; {way_out}"
    for one, other in zip(first.folds, second.folds, strict=True):
        if not np.array_equal(one.split.test, other.split.test):
            place = f"fold {one.fold + 1} of repeat {one.repeat + 1}"
            return f"{place} is not judged by the same samples in both; {way_out}"
    return None


def _summary(results: KFoldResults, confidence: float) -> Summary | None:
    if results.resampling is None or np.isfinite(results.scores()).sum() < 2:
        return None
    return summarise_folds(results.scores(), results.resampling, results.measure, confidence)


def _drawn_again(results: KFoldResults) -> bool:
    """Random splits, each a repeat of one fold: their test samples are no partition to be pooled."""
    return results.resampling is not None and results.resampling.folds == 1 and results.resampling.repeats > 1


def _areas_told(areas: tuple[RocArea, ...] | None) -> Iterator[RocArea]:
    """The one of two classes; of more, that with the smallest area: a line for each would hide it."""
    known = [area for area in areas or () if not np.isnan(area.mean)]
    if known:
        yield min(known, key=lambda area: area.mean)


def _hard_reading(hardest: Sequence[HardSample]) -> str:
    listed = ", ".join(str(sample.index) for sample in hardest[:LISTED])
    more = f" and {len(hardest) - LISTED} more" if len(hardest) > LISTED else ""
    judged = max(sample.judged for sample in hardest)
    how = "every time" if judged > 1 else "by the network that never saw them"
    return f"Missed {how}, the surest mistakes first: samples {listed}{more}."


def _names(first: KFoldResults, second: KFoldResults) -> tuple[str, str]:
    """What a person called them, else the models; with the id's end where that does not tell them apart."""
    one, other = (each.info.name or each.info.model for each in (first, second))
    return (one, other) if one != other else (f"{one} {first.id[-4:]}", f"{other} {second.id[-4:]}")


def _predicted(
    first: KFoldResults, second: KFoldResults, names: tuple[str, str], confidence: float, repeat: int
) -> PredictedPair | str:
    """The samples that both have judged in this repeat; or why there are none to compare."""
    if first.probabilities is None or second.probabilities is None:
        return (
            "It counts right and wrong answers, and there are none of both: numbers are predicted, or no "
            "fold of one has finished."
        )
    columns = ["index", "target", "prediction"]
    one, other = (each.predictions[each.of_repeat(repeat)][columns] for each in (first, second))
    both = one.merge(other, on="index", suffixes=("", "_other"))
    if not len(both):
        return "No sample has been judged by both yet."
    index, target, said, said_other = (
        both[name].to_numpy() for name in ("index", "target", "prediction", "prediction_other")
    )
    return PredictedPair(target, said, said_other, names, confidence, index)


def _unequal(first: KFoldResults, second: KFoldResults) -> tuple[str, ...]:
    """What makes the comparison one of more than the models."""
    warnings: list[str] = []
    for one, other in zip(first.folds, second.folds, strict=True):
        if not np.array_equal(one.split.train, other.split.train):
            warnings.append(
                "The two were trained on different samples of the same folds (their validation parts "
                "differ): part of the difference may be that."
            )
            break
    seeds = first.info.config.get("seed"), second.info.config.get("seed")
    if seeds[0] != seeds[1]:
        warnings.append(f"The seeds differ ({seeds[0]} and {seeds[1]}): part of the difference is theirs.")
    return tuple(warnings)
