"""What of a run is shown in Visdom: its directory in, panes out. Read anew only where the run has changed."""

from __future__ import annotations

import math
from typing import Any

from logs.directory import RunDirectory
from logs.reader import RunReader
from logs.status import Status, duration_text, effective_state, state_sentence
from logs.thinning import thin
from logs.visdom_panes import (
    Pane,
    curves_pane,
    histograms_pane,
    image_pane,
    matrix_pane,
    short_text,
    table_pane,
)

POINTS = 500  # of each curve: more than a pane has pixels across
MAX_CURVES = 12  # panes of metrics; a foreign run may log hundreds
MAX_PICTURES = 4  # panes of images, and of matrices
FIRST_METRICS = {"loss": 0, "accuracy": 1, "learning_rate": 2, "gradient_norm": 3}  # others follow by name
SPLIT_ORDER = {"train": 0, "validation": 1, "test": 2, None: 3}


class Picture:
    """The panes of one run. `panes` gives the very same list again while nothing has changed."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.last_request = ""  # what a person asked for in the controls, and what came of it
        self._reader: RunReader | None = None  # made by the thread that reads
        self._version: object = None
        self._panes: list[Pane] = []

    def panes(self) -> list[Pane]:
        """Progress first, then curves, confusion, images, histograms, configuration. Raises LogsError."""
        if self._reader is None:
            self._reader = RunReader(self.directory.path)
        reader = self._reader
        reader.refresh()
        status = reader.status()
        version = (reader.version(), status, self.last_request)
        if version != self._version or not self._panes:
            self._panes = [
                self._progress(reader, status),
                *_curves(reader),
                *_matrices(reader),
                *_images(reader),
                *_histograms(reader),
                table_pane(
                    "configuration", {_words(name): item for name, item in reader.info.config.items()}
                ),
            ]
            self._version = version
        return self._panes

    def learning_rate(self) -> str:
        """The one the run started with, as a person would type it; empty where its configuration has none."""
        config = self._reader.info.config if self._reader is not None else {}
        value = config.get("learning_rate")
        return short_text(float(value)) if isinstance(value, int | float) else ""

    def _progress(self, reader: RunReader, status: Status | None) -> Pane:
        rows: dict[str, Any] = {"run": reader.info.id}
        if reader.info.name:
            rows["name"] = reader.info.name
        rows["state"] = state_sentence(effective_state(reader.info, status), status)
        if status is not None:
            rows |= _progress_rows(status)
        if self.last_request:
            rows["last request"] = self.last_request
        left_out = len(_metrics(reader)) - MAX_CURVES
        if left_out > 0:
            rows["not shown"] = f"{left_out} more metrics; the dashboard has all of them"
        return table_pane("progress", rows)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _progress_rows(status: Status) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    if status.epochs:
        rows["epoch"] = f"{short_text(status.epoch)} of {short_text(status.epochs)}"
    rows["step"] = f"{status.step} of {status.steps}" if status.steps else status.step
    if math.isfinite(status.rate):
        rows["steps per second"] = status.rate
    if duration_text(status.eta_seconds):
        rows["time left"] = duration_text(status.eta_seconds)
    for split, values in status.last.items():
        for metric, value in values.items():
            best = status.best.get(split, {}).get(metric)
            text = short_text(float(value))
            if best is not None:
                text += f" (best {short_text(float(best['value']))} at step {best['step']:.0f})"
            rows[_words(f"{metric} {split}".strip())] = text
    return rows


def _metrics(reader: RunReader) -> list[str]:
    """Names of metrics, the usual ones first."""
    names = {metric for metric, split in reader.metrics()}
    return sorted(names, key=lambda name: (FIRST_METRICS.get(name, len(FIRST_METRICS)), name))


def _curves(reader: RunReader) -> list[Pane]:
    splits: dict[str, list[str | None]] = {}
    for metric, split in reader.metrics():
        splits.setdefault(metric, []).append(split)
    panes = []
    for metric in _metrics(reader)[:MAX_CURVES]:
        curves = []
        for split in sorted(splits[metric], key=lambda split: SPLIT_ORDER.get(split, len(SPLIT_ORDER))):
            curve = reader.curve(metric, split)
            kept = thin(curve.step, curve.value, POINTS)
            curves.append((split, curve.step[kept], curve.value[kept]))
        panes.append(curves_pane(metric, curves))
    return panes
