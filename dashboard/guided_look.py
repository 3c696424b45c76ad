"""What the page of guided runs shows, as data: one moment of a guided set with what follows from it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dashboard.charts.fit_gap import Mark
from dashboard.charts.fold_curves import FoldCurve, fold_band
from logs.catalog import RunSummary
from logs.errors import LogsError
from training.config import ConfigError, RunConfig
from training.diagnosis import Verdict, diagnose
from training.fit_curves import read_fit_curves
from training.guided_results import (
    VariantResult,
    curves,
    guided_studies,
    read_guided,
    run_reader,
    stopping_epoch,
)
from training.guided_set import IMAGE_SETS, Variant
from training.remedies import REMEDIES, Remedy

METRICS = {"loss": "loss", "accuracy": "accuracy"}


@dataclass(frozen=True)
class GuidedLook:
    """A guided set at one moment."""

    config: RunConfig  # what its variants start from
    results: tuple[VariantResult, ...]
    studies: tuple[RunSummary, ...]  # the newest first

    @property
    def running(self) -> tuple[RunSummary, ...]:
        return tuple(study for study in self.studies if study.state == "running")

    def result(self, text: str) -> VariantResult | None:
        """The variant with this text, where it has been begun."""
        return next((result for result in self.results if result.variant.text == text), None)

    def has(self, variant: Variant, seeds: int) -> bool:
        """Whether these many seeds of it are trained, or being trained."""
        found = self.result(variant.text)
        wanted = {self.config.seed + seed for seed in range(seeds)}
        return found is not None and wanted <= {
            one.seed for one in found.trained if one.run.state in ("finished", "running")
        }


def look_at_set(runs: Path, config: RunConfig) -> GuidedLook:
    """Reads what is there by now; files that have not changed are not read again."""
    return GuidedLook(config, tuple(read_guided(runs, config)), tuple(guided_studies(runs, config)))


def set_config(
    dataset: str, samples: int | None = None, epochs: int | None = None, batch_size: int | None = None
) -> RunConfig:
    """The start of a guided set; what is None is as its row says. ConfigError where that can't be."""
    given = {"train_samples": samples, "epochs": epochs, "batch_size": batch_size}
    changes = {name: value for name, value in given.items() if value is not None}
    config = IMAGE_SETS[dataset].config()
    if samples is not None and samples < config.batch_size and batch_size is None:
        changes["batch_size"] = samples
    return config.replace(**changes)


def with_remedy(variant: Variant, remedy: str, strength: Any = None) -> Variant:
    """The variant with this remedy on top, in place of the same with another strength."""
    others = tuple(one for one in variant.remedies if one[0] != remedy)
    usual = REMEDIES[remedy].checked(None)
    checked = REMEDIES[remedy].checked(strength)
    return Variant(variant.size, (*others, (remedy, None if checked == usual else checked)))


def why_not(variant: Variant, config: RunConfig) -> str:
    """Why the variant can't be trained; "" where it can."""
    try:
        variant.config(config)
    except ConfigError as problem:
        return str(problem)
    return ""


def offered(against: str = "overfitting") -> list[Remedy]:
    """The remedies that the page has a button for."""
    return [remedy for remedy in REMEDIES if against in remedy.against]


def fold_curves(result: VariantResult, metric: str, split: str) -> list[FoldCurve]:
    """The learning curves of a variant by epoch, one for each seed."""
    return [
        FoldCurve(f"seed {place}", np.asarray(curve.epoch, np.float64), np.asarray(curve.value, np.float64))
        for place, curve in enumerate(curves(result, metric, split))
    ]


def marks_of(
    validation: Sequence[FoldCurve], patience: int, higher_is_better: bool, words: Mapping[str, str]
) -> list[Mark]:
    """Best epoch of the mean validation curve, and where early stopping would have ended it.

    `words`: "best" and "stop" with {epoch} in them.
    """
    band = fold_band(validation)
    if len(band.x) < 2:
        return []
    sign = -1.0 if higher_is_better else 1.0
    best = int(np.argmin(sign * band.mean))
    at, value = float(band.x[best]), float(band.mean[best])
    found = [Mark(at, words["best"].format(epoch=f"{at:g}"), value)]
    stop = stopping_epoch(band.mean, patience, higher_is_better)
    if stop is not None:
        found.append(Mark(float(band.x[stop]), words["stop"].format(epoch=f"{band.x[stop]:g}"), dash="solid"))
    return found


def verdict_of(path: Path) -> Verdict | None:
    """The diagnosis of a run by what it has logged by now; None where there is no training loss, or it can't
    be read.
    """
    try:
        reader = run_reader(path)
        return _verdict(path, reader.version())
    except LogsError:
        return None


@functools.lru_cache(maxsize=512)
def _verdict(path: Path, _version: object) -> Verdict | None:
    """`_version` is in the cache's key: new rows make a new verdict."""
    reader = run_reader(path)
    reader.refresh()
    found = read_fit_curves(reader)
    return None if found is None else diagnose(found)
