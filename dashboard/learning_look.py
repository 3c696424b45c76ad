"""Learning curves over data, as data: sweeps over the training set's size, and what they have found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashboard.charts.learning_curves import SizeScores
from dashboard.panels.run_store import run_catalog
from logs.catalog import RunSummary
from logs.errors import LogsError
from training.config import ConfigError, RunConfig
from training.guided_set import Variant, set_of
from training.jobs import members
from training.sweep_judge import trial_of

VARIES = "train_samples"


@dataclass(frozen=True)
class LearningSweep:
    """A sweep that is the learning curve of a variant."""

    run: RunSummary
    variant: Variant


def learning_sweeps(runs: Path, config: RunConfig) -> list[LearningSweep]:
    """The newest of each variant of the guided set that `config` begins, the oldest of these first."""
    found: dict[Variant, LearningSweep] = {}
    for row in run_catalog(runs).rows():  # the newest first
        variant = _variant(row, config)
        if variant is not None and variant not in found:
            found[variant] = LearningSweep(row, variant)
    return sorted(found.values(), key=lambda sweep: sweep.run.created)


def size_scores(runs: Path, sweep: LearningSweep, metric: str, split: str) -> SizeScores:
    """The scores of its trainings that have ended: of the last epoch, the test's of the weights kept."""
    assert sweep.run.info is not None
    spec = str(sweep.run.info.study["space"][VARIES])
    sizes = np.array([int(word) for word in spec.split(",")], np.int64)
    seeds = int(sweep.run.info.study.get("seeds", 1))
    scores = np.full((len(sizes), seeds), np.nan)
    name = f"epoch_{metric}" if split == "train" else metric
    for key, row in members(runs, sweep.run.id).items():
        trial, seed = trial_of(key), dict(key).get("seed", 0)
        if row.state == "finished" and trial < len(sizes) and seed < seeds:
            place = int(np.flatnonzero(sizes == row.config.get(VARIES, sizes[trial]))[0])
            scores[place, seed] = row.last(name, split)
    order = np.argsort(sizes)
    return SizeScores(sweep.variant.title, split, sizes[order], scores[order])


def _variant(row: RunSummary, config: RunConfig) -> Variant | None:
    """The variant whose learning curve the run is; None where it is none, or of another set."""
    if row.kind != "sweep" or row.info is None or set(row.info.study.get("space", {})) != {VARIES}:
        return None
    try:
        variant = Variant.parse(row.info.tags[-1]) if row.info.tags else None
        if variant is None or row.info.config["dataset"] != config.dataset:
            return None
        own = RunConfig.from_dict(row.info.config)
        same = {"train_samples": own.train_samples, "batch_size": own.batch_size}
        return variant if set_of(own) == set_of(variant.config(config).replace(**same)) else None
    except (ConfigError, LogsError, KeyError, TypeError):
        return None
