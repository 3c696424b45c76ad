"""What ails a training, told from its learning curves alone: rules with numbers, tried in a fixed order.

    verdict = diagnose(curves)
    verdict.row.title        # "Overfitting"
    verdict.decided.says     # "the validation loss was lowest (0.57) at epoch 7 and is 0.97 now: ..."

Each row of DIAGNOSES has one rule or several; the first row with a rule that holds is the diagnosis, and the
last one holds always. That training error and gap tell the cases apart is old knowledge (Goodfellow, Bengio
and Courville 2016, Deep Learning, sections 5.2 and 11.4). Losses are taken as shares of the loss of guessing
(ln K for K classes), so that the same thresholds serve two classes and ten. The thresholds are conventions,
not laws: a verdict carries every number that it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from models.catalog import Catalog
from training.evidence import Evidence, FitCurves, gathered

__all__ = ["DIAGNOSES", "Check", "Diagnosis", "Evidence", "FitCurves", "Verdict", "diagnose"]

LEAST_EPOCHS = 5  # of fewer, a curve has no shape
ABOVE = 1.1  # times the loss of guessing, which no training that works is above
CLIMB = 0.25  # training loss above its lowest, as a share of guessing, from which it diverges ...
CLIMB_TIMES = 1.5  # ... and this many times its lowest
TURNED = 0.03  # rise of the validation loss since its best, as a share of guessing
NOISES = 3.0  # such a rise is so many times the scatter of the curve
LOSS_GAP = 0.15  # validation loss above the training loss, as a share of guessing
ERROR_GAP = 0.2  # the same of errors, where the losses don't tell
FLAT = 0.02  # part of its level by which a training loss falls in the second half, at rest
STUCK = 0.5  # part of guessing's loss or errors that is left where nothing moves
POOR = 0.25  # part of guessing's errors (or of its loss) that is left by a poor fit


@dataclass(frozen=True)
class Check:
    """One rule with its numbers. `holds`: `value` is beyond `threshold`, and all else it asks is so."""

    rule: str  # what is asked, in general
    says: str  # what was found, with the numbers of this training
    value: float
    threshold: float
    holds: bool


@dataclass(frozen=True)
class Diagnosis:
    """A row of DIAGNOSES. It is the diagnosis where one of its checks holds and no earlier row's did."""

    name: str
    title: str
    summary: str  # how to tell it by eye
    meaning: str  # what it means for the network
    checks: Callable[[Evidence], list[Check]]


@dataclass(frozen=True)
class Verdict:
    """The diagnosis, the rule that decided, and every rule that was tried, in order."""

    row: Diagnosis
    decided: Check
    tried: tuple[tuple[Diagnosis, Check], ...]
    evidence: Evidence


def diagnose(curves: FitCurves) -> Verdict:
    """ValueError where there is no training loss at all, or arrays have different lengths."""
    evidence = gathered(curves)
    tried: list[tuple[Diagnosis, Check]] = []
    for row in DIAGNOSES:
        for check in row.checks(evidence):
            tried.append((row, check))
            if check.holds:
                return Verdict(row, check, tuple(tried), evidence)
    raise AssertionError("the last row of DIAGNOSES holds always")


def _number(value: float) -> str:
    return f"{value:.3g}"


def _percent(value: float) -> str:
    return "nothing known" if math.isnan(value) else f"{value:.0%}" if abs(value) >= 0.1 else f"{value:.1%}"


def _diverging(found: Evidence) -> list[Check]:
    broken = math.isfinite(found.broken_at)
    where = f"{found.curves.unit} {found.broken_at:g}"
    climbs = (
        found.climb >= CLIMB
        and found.train_end >= CLIMB_TIMES * found.train_low
        and found.train_low_at < float(found.curves.epochs[-1])
    )
    above = found.train_end / found.scale if found.curves.guess_loss > 0 else math.nan
    return [
        Check(
            "a loss is no number any more",
            f"a loss became infinite or no number at {where}" if broken else "every loss is a number",
            float(broken),
            1.0,
            broken,
        ),
        Check(
            f"the training loss is {ABOVE:g} times that of guessing or more, at the end",
            f"the training loss is {_number(found.train_end)} at the end, {_number(above)} times that of "
            f"guessing ({_number(found.scale)})"
            if above == above
            else "what guessing would lose is not known",
            above,
            ABOVE,
            above >= ABOVE,
        ),
        Check(
            f"the training loss has climbed from its lowest by {CLIMB:.0%} of the loss of guessing or more, "
            f"to {CLIMB_TIMES:g} times of it at least",
            f"the training loss was lowest ({_number(found.train_low)}) at {found.curves.unit} "
            f"{found.train_low_at:g} and is {_number(found.train_end)} at the end: "
            f"{_percent(found.climb)} of the loss of guessing ({_number(found.scale)})",
            found.climb,
            CLIMB,
            climbs,
        ),
    ]


def _too_early(found: Evidence) -> list[Check]:
    count = len(found.curves.epochs)
    return [
        Check(
            f"there are fewer than {LEAST_EPOCHS} values of the training loss",
            f"there are {count} values of the training loss",
            float(count),
            float(LEAST_EPOCHS),
            count < LEAST_EPOCHS,
        )
    ]


def _overfitting(found: Evidence) -> list[Check]:
    if not math.isfinite(found.validation_end):
        return []
    unit, last = found.curves.unit, float(found.curves.epochs[-1])
    beyond_noise = found.rise * found.scale >= NOISES * found.scatter
    learns_on = found.train_end <= found.train_low + 0.5 * CLIMB * found.scale
    turned = found.rise >= TURNED and beyond_noise and learns_on and found.validation_low_at < last
    checks = [
        Check(
            f"the validation loss has risen since its best by {TURNED:.0%} of the loss of guessing or more, "
            f"and by {NOISES:g} times its scatter, while the training loss has not",
            f"the validation loss was lowest ({_number(found.validation_low)}) at {unit} "
            f"{found.validation_low_at:g} and is {_number(found.validation_end)} at the end: a rise of "
            f"{_percent(found.rise)} of the loss of guessing ({_number(found.scale)}), its scatter being "
            f"{_number(found.scatter)}; the training loss is {_number(found.train_end)}",
            found.rise,
            TURNED,
            turned,
        ),
        Check(
            f"the validation loss is above the training loss by {LOSS_GAP:.0%} of the loss of guessing or "
            "more",
            f"at the end the validation loss is {_number(found.validation_end)} and the training loss "
            f"{_number(found.train_end)}: a gap of {_percent(found.loss_gap)} of the loss of guessing "
            f"({_number(found.scale)})",
            found.loss_gap,
            LOSS_GAP,
            found.loss_gap >= LOSS_GAP,
        ),
    ]
    if math.isfinite(found.error_gap):
        checks.append(
            Check(
                f"the validation errors are above the training errors by {ERROR_GAP:.0%} of those of "
                "guessing or more",
                f"at the end {_percent(found.validation_error)} of the validation samples are wrong and "
                f"{_percent(found.train_error)} of the training samples: a gap of "
                f"{_percent(found.error_gap)} of the errors of guessing ({_percent(found.guess_error)})",
                found.error_gap,
                ERROR_GAP,
                found.error_gap >= ERROR_GAP,
            )
        )
    return checks


def _plateau(found: Evidence) -> list[Check]:
    what = "errors" if found.measures_errors else "loss"
    return [
        Check(
            f"the training loss has fallen by less than {FLAT:.0%} in the second half, and {STUCK:.0%} or "
            "more of what guessing leaves is still there",
            f"the training loss went from {_number(found.half_train)} in the middle to "
            f"{_number(found.train_end)} at the end: {_percent(found.falls)} less; {_percent(found.left)} of "
            f"the {what} of guessing is left",
            found.falls,
            FLAT,
            found.falls < FLAT and found.left >= STUCK,
        )
    ]


def _underfitting(found: Evidence) -> list[Check]:
    what = "errors" if found.measures_errors else "loss"
    return [
        Check(
            f"{POOR:.0%} or more of what guessing leaves is still there, on the training data too",
            f"{_percent(found.left)} of the {what} of guessing is left: the training loss is "
            f"{_number(found.train_end)}, and guessing's {_number(found.scale)}",
            found.left,
            POOR,
            found.left >= POOR,
        )
    ]


def _good_fit(found: Evidence) -> list[Check]:
    what = "errors" if found.measures_errors else "loss"
    says = f"{_percent(found.left)} of the {what} of guessing is left"
    if found.loss_gap >= 0:
        says += f", and the validation loss is above the training loss by {_percent(found.loss_gap)} of the "
        says += "loss of guessing"
    elif math.isfinite(found.loss_gap):
        says += ", and the validation loss is not above the training loss"
    return [Check("none of the other rules holds", says, found.left, POOR, True)]


DIAGNOSES: Catalog[Diagnosis] = Catalog(
    "diagnosis",
    [
        Diagnosis(
            "diverging",
            "Diverging",
            "The training loss climbs, or is no number any more.",
            "The steps are too long for the slope that they stand on: each makes the loss larger.",
            _diverging,
        ),
        Diagnosis(
            "too_early",
            "Too early to say",
            "There are only a few epochs.",
            "Learning curves need some epochs before they have a shape.",
            _too_early,
        ),
        Diagnosis(
            "overfitting",
            "Overfitting",
            "The training loss falls, the validation loss rises or stays far above it.",
            "The network learns its training samples by heart: what it still gains there does not carry over "
            "to samples that it has not seen.",
            _overfitting,
        ),
        Diagnosis(
            "plateau",
            "Plateau",
            "The training loss stands still, high up.",
            "Nothing is learned any more, though most is still to be learned: the steps are too short or too "
            "long, the units have died, or the network can't express more.",
            _plateau,
        ),
        Diagnosis(
            "underfitting",
            "Underfitting",
            "The training loss is high, and the validation loss close to it.",
            "The network does not even learn its training samples: it is too small, too held back, or has "
            "not been trained for long enough. Where the data itself is that noisy, nothing helps.",
            _underfitting,
        ),
        Diagnosis(
            "good_fit",
            "Good fit",
            "Both losses are low, and close to each other.",
            "What is learned on the training samples carries over to others.",
            _good_fit,
        ),
    ],
)
