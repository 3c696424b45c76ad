"""A K-fold as its page needs it: what training.kfold_results reads, and what follows, computed once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dashboard.charts.fold_curves import FoldCurve
from dashboard.charts.fold_split import fold_name
from dashboard.panels.run_store import run_catalog
from dashboard.study_runs import members_of
from logs.catalog import RunSummary
from training.fold_schemes import Fold
from training.fold_statistics import Summary, summarise_folds
from training.kfold_results import FoldRow, KFoldResults, curves, read_results
from training.out_of_fold import Proportion, RocArea, pooled_accuracy, roc_areas
from training.resampling import Measure, Resampling

KEPT = 8  # studies whose figures are kept
EPOCH = "epoch_"  # a training metric over all batches of an epoch, beside that of each batch


@dataclass(frozen=True, eq=False)
class KFoldStudy:
    """One moment of a study. What is of folds is in their order: repeat by repeat, fold by fold."""

    runs: Path
    summary_row: RunSummary
    results: KFoldResults

    @property
    def id(self) -> str:
        return self.summary_row.id

    @property
    def config(self) -> Mapping[str, Any]:
        return self.summary_row.config

    @property
    def options(self) -> Mapping[str, Any]:
        return self.summary_row.info.study if self.summary_row.info is not None else {}

    @property
    def config_text(self) -> str:
        """As text, for a key."""
        return json.dumps(self.config, sort_keys=True, default=str)

    @property
    def title(self) -> str:
        name = self.summary_row.name
        return name if name != self.id else f"{self.summary_row.model} on {self.summary_row.dataset}"

    @property
    def seed(self) -> int:
        return int(self.config.get("seed", 0))

    @property
    def running(self) -> bool:
        return self.summary_row.state == "running"

    @property
    def rows(self) -> tuple[FoldRow, ...]:
        return self.results.rows

    @property
    def unfinished(self) -> bool:
        """True while folds may still come."""
        return self.running and any(row.state not in ("finished", "failed") for row in self.rows)

    @property
    def over(self) -> bool:
        """True where every fold has come to its end, and no more scores will come."""
        return bool(self.rows) and all(row.state in ("finished", "failed") for row in self.rows)

    @property
    def regression(self) -> bool:
        """True where numbers are predicted, and there are no classes."""
        return self.score == "rmse"

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1: of a nested study by trainings, else by their epochs too."""
        status, epochs = self.summary_row.status, float(self.config.get("epochs", 0))
        by_trainings = status.step / status.steps if status is not None and status.steps else 0.0
        if not self.rows or not epochs or (status is not None and status.steps > len(self.rows)):
            return by_trainings
        parts = [
            1.0 if row.state in ("finished", "failed") else min(1.0, np.nan_to_num(row.epoch) / epochs)
            for row in self.rows
        ]
        return float(np.mean(parts))

    @property
    def score(self) -> str:
        return self.results.score

    @property
    def measure(self) -> Measure:
        return self.results.measure

    @property
    def resampling(self) -> Resampling | None:
        return self.results.resampling

    @property
    def folds(self) -> tuple[Fold, ...]:
        return self.results.folds

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.results.class_names

    @property
    def predictions(self) -> pd.DataFrame:
        """Out of fold, of the folds that have finished; columns as training.kfold_results has them."""
        return self.results.predictions

    @property
    def version(self) -> tuple[Any, ...]:
        """Changes when a fold begins or ends: a key for what is computed from predictions."""
        return self.id, tuple((row.run, row.state) for row in self.rows)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the folds, counted from 1."""
        repeats = len({row.repeat for row in self.rows}) > 1
        return tuple(fold_name(row.repeat, row.fold, repeats) for row in self.rows)

    @property
    def short_names(self) -> tuple[str, ...]:
        """For an axis: "3", and where folds were dealt more than once "2.3", the repeat first."""
        repeats = len(set(self.repeats)) > 1
        return tuple(
            f"{row.repeat + 1}.{row.fold + 1}" if repeats else f"{row.fold + 1}" for row in self.rows
        )

    @cached_property
    def chosen_settings(self) -> tuple[str, ...]:
        """Of each fold: what the inner folds of a nested study chose, as "learning rate 0.01"; else ""."""
        named = [str(said).partition("=")[0] for said in self.options.get("set", ()) or ()]
        if not named:
            return ("",) * len(self.rows)
        configs = {row.id: row.config for row in members_of(self.id, run_catalog(self.runs).rows())}
        return tuple(_settings_words(configs.get(row.run, {}), named) for row in self.rows)

    @property
    def repeats(self) -> list[int]:
        return [row.repeat for row in self.rows]

    @property
    def repeat_count(self) -> int:
        """How many networks judge a sample, most often."""
        judged = Counter(self.predictions["index"].tolist())
        return max(judged.values(), default=1)

    @cached_property
    def scores(self) -> np.ndarray:
        """On the fold's held-out samples, NaN where there is none (yet)."""
        return self.results.scores()

    @cached_property
    def summary(self) -> Summary | None:
        """Mean and corrected interval; None where fewer than 2 folds have a score."""
        if self.resampling is None or np.isfinite(self.scores).sum() < 2:
            return None
        return summarise_folds(self.scores, self.resampling, self.measure)

    @cached_property
    def pooled(self) -> Proportion | None:
        """Accuracy over all samples; None in a regression, while folds are missing, and for repeats."""
        frame = self.predictions
        if not self.class_names or not len(frame) or self.unfinished or frame["index"].duplicated().any():
            return None
        return pooled_accuracy(frame["target"], frame["prediction"])

    @cached_property
    def probabilities(self) -> np.ndarray | None:
        """Float64 [predictions, classes]; None where networks gave none. A single column is of class 1."""
        if self.results.probabilities is None:
            return None
        shares = self.results.probabilities.astype(np.float64)
        return np.hstack([1 - shares, shares]) if shares.shape[1] == 1 else shares

    @cached_property
    def fold_places(self) -> np.ndarray:
        """Of each prediction, the place of its fold in `rows`."""
        return self.place_of(self.predictions)

    def place_of(self, predictions: pd.DataFrame) -> np.ndarray:
        places = {(row.repeat, row.fold): place for place, row in enumerate(self.rows)}
        pairs = zip(predictions["repeat"].tolist(), predictions["fold"].tolist(), strict=True)
        return np.array([places[pair] for pair in pairs], np.int64)

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts [target, prediction] over all folds."""
        size = len(self.class_names)
        target, said = (self.predictions[name].to_numpy(np.int64) for name in ("target", "prediction"))
        return np.bincount(target * size + said, minlength=size * size).reshape(size, size)

    @cached_property
    def areas(self) -> tuple[RocArea, ...]:
        """Under the ROC curve, of each class against the rest."""
        assert self.probabilities is not None
        targets = self.predictions["target"].to_numpy(np.int64)
        return roc_areas(targets, self.probabilities, self.fold_places, self.class_names)

    @cached_property
    def missed(self) -> pd.DataFrame | None:
        """The samples that some network got wrong, the hardest first; None in a regression.

        Columns index, target, said (the commonest wrong answer), missed and judged (networks), confidence
        (the mean probability of what was said wrongly, NaN where unknown).
        """
        if not self.class_names:
            return None
        frame = self.predictions[["index", "target", "prediction"]].copy()
        frame["wrong"] = frame["prediction"] != frame["target"]
        shares = self.probabilities
        rows = np.arange(len(frame))
        frame["confidence"] = (
            np.nan if shares is None else shares[rows, frame["prediction"].to_numpy(np.int64)]
        )
        wrong = frame[frame["wrong"]].groupby("index")
        if not len(wrong):
            return pd.DataFrame(columns=["index", "target", "said", "missed", "judged", "confidence"])
        table = pd.DataFrame(
            {
                "target": wrong["target"].first().astype(int),
                "said": wrong["prediction"].agg(lambda said: said.mode().iloc[0]).astype(int),
                "missed": wrong.size(),
                "confidence": wrong["confidence"].mean(),
            }
        )
        table["judged"] = frame.groupby("index").size().loc[table.index]
        share = table["missed"] / table["judged"]
        order = np.lexsort((-table["confidence"].fillna(0), -table["missed"], -share))
        return table.iloc[order].reset_index()

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """That the folds have logged on their validation samples, the score and the loss first."""
        found = {name for row in self.rows for name in row.validation}
        return tuple(sorted(found, key=lambda name: (name != self.score, name != "loss", name)))

    def curves(self, metric: str, split: str) -> list[FoldCurve]:
        """Of the folds that have logged any, by epoch; training metrics over whole epochs where known."""
        found = curves(self.results, EPOCH + metric, split) if split == "train" else []
        if not any(len(curve) for curve in found):
            found = curves(self.results, metric, split)
        named = zip(self.names, self.rows, found, strict=True)
        return [
            FoldCurve(name, curve.epoch, curve.value, failed=row.state == "failed")
            for name, row, curve in named
            if len(curve)
        ]


def _settings_words(config: Mapping[str, Any], names: Sequence[str]) -> str:
    own = config.get("model_settings")
    found = {**(own if isinstance(own, Mapping) else {}), **config}
    return " · ".join(f"{name.replace('_', ' ')} {found[name]}" for name in names if name in found)


def read_study(runs: Path, study: str) -> KFoldStudy:
    """The study as it is now; UnknownRunError for one that is not there.

    What has not changed since the last time is given back with everything that was computed from it.
    """
    rows = run_catalog(runs).rows()
    row = run_catalog(runs).find(study)
    members = members_of(row.id, rows)
    token = (row.state, row.labels, *((each.id, each.state, each.status) for each in members))
    known = _KNOWN.get(row.path)
    if known is not None and known[0] == token:
        return known[1]
    made = KFoldStudy(runs, row, read_results(runs, row.id))
    while len(_KNOWN) >= KEPT:
        _KNOWN.pop(next(iter(_KNOWN)), None)
    _KNOWN[row.path] = (token, made)
    return made


_KNOWN: dict[Path, tuple[Any, KFoldStudy]] = {}
