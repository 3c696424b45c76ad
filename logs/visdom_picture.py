"""What of a run is shown in Visdom: its directory in, panes out. Drawn anew only where it has changed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from logs.directory import RunDirectory
from logs.media_reader import MediaEntry
from logs.reader import RunReader
from logs.status import Status, duration_text, effective_state, state_sentence
from logs.thinning import thin
from logs.visdom_panes import (
    MAX_LAYERS,
    Pane,
    curves_pane,
    histograms_pane,
    image_pane,
    matrix_pane,
    representative,
    short_text,
    table_pane,
)

POINTS = 500  # of each curve: more than a pane has pixels across
MAX_CURVES = 12  # panes of metrics; a foreign run may log hundreds
MAX_PICTURES = 4  # panes of images, and of matrices
MAX_NOTES = 3
CAPTION = 80  # characters: more would push the picture out of its pane
EPOCH = "epoch_"  # begins the name of what was measured over all batches of an epoch
FIRST_METRICS = {"loss": 0, "accuracy": 1, "learning_rate": 2, "gradient_norm": 3}  # others follow by name


class Picture:
    """The panes of one run. `panes` gives the very same list again while nothing has changed."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.last_request = ""  # what a person asked for in the controls, and what came of it
        self._reader: RunReader | None = None  # made by the thread that reads
        self._version: Hashable = None
        self._panes: list[Pane] = []
        self._drawn: dict[str, tuple[Hashable, Pane]] = {}  # what a pane was drawn from, and the pane

    def panes(self) -> list[Pane]:
        """Progress first, then curves, matrices, images, histograms, configuration. Raises LogsError."""
        if self._reader is None:
            self._reader = RunReader(self.directory.path)
        reader, status = self._reader, self._reader.status()
        state = effective_state(reader.info, status)
        steady = dataclasses.replace(status, heartbeat=0.0) if status is not None else None
        # As a text: a status with a NaN differs from itself.
        version = (reader.version(), state, repr(steady), self.last_request)
        if version != self._version:
            reader.refresh()
            entries = _newest(reader.media())
            self._panes = [
                _progress_pane(reader, status, state, entries, self.last_request),
                *self._curves(reader),
                *self._pictures(reader, entries),
                *self._histograms(reader, entries),
                table_pane(
                    "configuration", {_words(key): value for key, value in reader.info.config.items()}
                ),
            ]
            self._version = version
        return self._panes

    def _curves(self, reader: RunReader) -> Iterator[Pane]:
        known = reader.metrics()
        shown = {metric for metric, _ in known}
        series: dict[str, list[tuple[str | None, str, str | None]]] = {}  # metric -> label, metric, split
        for metric, split in known:
            whole = metric.removeprefix(EPOCH)  # over all batches of an epoch: on the pane of each batch's
            if whole != metric and whole in shown:
                series.setdefault(whole, []).append((f"{split or whole} (epoch)", metric, split))
            else:
                series.setdefault(metric, []).append((split, metric, split))
        for metric in _in_order(series)[:MAX_CURVES]:
            # The metric itself before its epochs' means
            ordered = sorted(series[metric], key=lambda one: one[1] != metric)
            curves = [(label, reader.curve(name, split)) for label, name, split in ordered]

            def draw(metric: str = metric, curves: list[Any] = curves) -> Pane:
                kept = [(split, curve[thin(curve.step, curve.value, POINTS)]) for split, curve in curves]
                return curves_pane(metric, [(split, curve.step, curve.value) for split, curve in kept])

            yield self._once(f"curve {metric}", tuple((split, len(curve)) for split, curve in curves), draw)

    def _pictures(self, reader: RunReader, entries: list[MediaEntry]) -> Iterator[Pane]:
        """The newest matrix and image of each name."""
        for kind, draw in (("matrix", _draw_matrix), ("image", _draw_image)):
            for entry in [entry for entry in entries if entry.kind == kind][:MAX_PICTURES]:
                yield self._once(
                    f"{kind} {entry.name}",
                    (entry.number, entry.wall_time.item()),
                    lambda entry=entry, draw=draw: draw(reader.load(entry)),
                )

    def _histograms(self, reader: RunReader, entries: list[MediaEntry]) -> Iterator[Pane]:
        """A pane for what stands before the slash of the names: weights, gradients."""
        families: dict[str, list[MediaEntry]] = {}
        for entry in entries:
            if entry.kind == "histogram":
                families.setdefault(entry.name.partition("/")[0], []).append(entry)
        for family, every in families.items():
            layers = [entry for entry in every if _is_kernel(entry.name)] or every
            shown = representative(layers, MAX_LAYERS)

            def draw(family: str = family, shown: list[MediaEntry] = shown, of: int = len(layers)) -> Pane:
                loaded: list[Any] = [reader.load(entry) for entry in shown]
                named = [(_layer(item.name), item.counts, item.edges) for item in loaded]
                return histograms_pane(family, named, _when(shown[0]), of)

            yield self._once(f"histograms {family}", tuple(entry.number for entry in shown), draw)

    def _once(self, name: str, source: Hashable, draw: Callable[[], Pane]) -> Pane:
        """The pane as it was drawn before, while what it was drawn from is the same."""
        if name not in self._drawn or self._drawn[name][0] != source:
            self._drawn[name] = (source, draw())
        return self._drawn[name][1]


def _is_kernel(name: str) -> bool:
    """Whether a histogram is of a layer's weights proper: no bias, and no scale of a normalisation."""
    return name.endswith("weight") and "norm" not in name


def _layer(name: str) -> str:
    return name.partition("/")[2].removesuffix(".weight") or name


def _words(name: str) -> str:
    return name.replace("_", " ")


def _when(entry: MediaEntry) -> str:
    time = f"epoch {entry.epoch:g}" if math.isfinite(entry.epoch) else f"step {entry.step}"
    return f"{entry.split}, {time}" if entry.split else time


def _newest(entries: list[MediaEntry]) -> list[MediaEntry]:
    """Of each kind and name the one that was logged last, in the order in which the names came up."""
    newest: dict[tuple[str, str], MediaEntry] = {}
    for entry in entries:
        newest[entry.kind, entry.name] = entry
    return list(newest.values())


def _in_order(metrics: Any) -> list[str]:
    """The usual ones first."""
    return sorted(metrics, key=lambda name: (FIRST_METRICS.get(name, len(FIRST_METRICS)), name))


def _draw_matrix(matrix: Any) -> Pane:
    return matrix_pane(matrix.name, matrix.values, matrix.labels, _when(matrix.entry))


def _draw_image(image: Any) -> Pane:
    caption = f"{_when(image.entry)}: {image.caption}" if image.caption else _when(image.entry)
    return image_pane(
        image.name, image.png, caption if len(caption) <= CAPTION else caption[: CAPTION - 1] + "…"
    )


def _progress_pane(
    reader: RunReader, status: Status | None, state: str, entries: list[MediaEntry], last_request: str
) -> Pane:
    rows: dict[str, Any] = {"run": reader.info.id}
    if reader.info.name:
        rows["name"] = reader.info.name
    rows["state"] = state_sentence(state, status)
    if status is not None:
        rows |= _status_rows(status)
    if last_request:
        rows["last request"] = last_request
    for entry in [entry for entry in entries if entry.kind == "text"][:MAX_NOTES]:
        rows[f"{_words(entry.name)} at step {entry.step}"] = getattr(reader.load(entry), "text", "")
    left_out = len({metric for metric, _ in reader.metrics()}) - MAX_CURVES
    if left_out > 0:
        rows["not shown"] = f"{left_out} more metrics; the dashboard has all of them"
    return table_pane("progress", rows)


def _status_rows(status: Status) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    if status.epochs:
        rows["epoch"] = f"{short_text(status.epoch)} of {short_text(status.epochs)}"
    rows["step"] = f"{status.step} of {status.steps}" if status.steps else status.step
    if math.isfinite(status.rate):
        rows["steps per second"] = status.rate
    if status.state == "running" and duration_text(status.eta_seconds):
        rows["time left"] = duration_text(status.eta_seconds)
    metrics = {metric: None for values in status.last.values() for metric in values}
    return rows | {_words(metric): _last_values(status, metric) for metric in _in_order(metrics)}


def _last_values(status: Status, metric: str) -> str:
    """Of every split, with the best of the validation: train 0.12, validation 0.2 (best 0.19), test 0.2."""
    texts = []
    for split, values in status.last.items():
        if metric in values:
            text = f"{split} {short_text(float(values[metric]))}".strip()
            best = status.best.get(split, {}).get(metric)
            if split == "validation" and best is not None:
                text += f" (best {short_text(float(best['value']))})"
            texts.append(text)
    return ", ".join(texts)
