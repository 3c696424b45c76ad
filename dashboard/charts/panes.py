"""Which curves of one run share a pane, and the pane as a chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.curves import CurveLike, Line, XAxis, curves_chart, x_values
from dashboard.theme import DASHES, LIGHT, SPLITS

FIRST = ("loss", "accuracy")
LAST = ("learning_rate", "gradient_norm", "parameter_norm", "samples_per_second")
EPOCH = "epoch_"  # a metric over all batches of an epoch lies on the pane of the metric of each batch
UNITS = {"samples_per_second": "samples/s", "accuracy": "share of samples"}
X_TITLES = {"step": "step", "epoch": "epoch", "time": "seconds since the start"}


@dataclass(frozen=True)
class Pane:
    """One chart: a metric and everything that is measured in it."""

    metric: str
    curves: tuple[tuple[str, str | None], ...]  # (metric, split); split None: the metric has none

    @property
    def title(self) -> str:
        return self.metric.replace("_", " ")

    @property
    def unit(self) -> str:
        return UNITS.get(self.metric, self.title)


@dataclass(frozen=True)
class View:
    """How all panes of a run are drawn."""

    axis: XAxis = "step"
    smoothing: float = 0.0
    log_x: bool = False
    log_y: bool = False
    start: float | None = None  # seconds since 1970; "time" is counted from here


def panes(metrics: Iterable[tuple[str, str | None]]) -> list[Pane]:
    """A pane per metric: loss and accuracy first, what every training has last, the rest by name."""
    known = list(dict.fromkeys(metrics))
    names = {name for name, _split in known}
    grouped: dict[str, list[tuple[str, str | None]]] = {}
    for name, split in known:
        whole = name.removeprefix(EPOCH)
        grouped.setdefault(whole if whole in names else name, []).append((name, split))
    ordered = sorted(grouped, key=lambda name: (_place(name), name))
    return [Pane(name, tuple(sorted(grouped[name], key=_curve_place))) for name in ordered]


def pane_chart(pane: Pane, curves: Mapping[tuple[str, str | None], CurveLike], view: View) -> go.Figure:
    """The pane's curves; those without a value yet are left out."""
    lines = []
    for name, split in pane.curves:
        curve = curves.get((name, split))
        if curve is None or not len(curve.step):
            continue
        whole_epoch = name != pane.metric
        color = LIGHT.categorical[3] if whole_epoch else SPLITS.get(split or "", LIGHT.categorical[0])
        label = " ".join(part for part in (split or pane.title, "(epoch)" if whole_epoch else "") if part)
        dash = DASHES.get(split or "", "solid")
        lines.append(Line(label, x_values(curve, view.axis, view.start), curve.value, color, dash))
    looks: dict[str, Mapping[str, Any]] = {
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 56, "r": 12, "t": 48, "b": 44},
    }
    if pane.metric == "learning_rate":  # a constant one would else lie between -1 and 1, and be 250µ
        mode = "normal" if view.log_y else "tozero"
        looks["yaxis"] = {"rangemode": mode, "exponentformat": "power"}
    return curves_chart(
        lines,
        title=pane.title,
        x_title=X_TITLES[view.axis],
        y_title=pane.unit if pane.unit != pane.title else "",
        smoothing=view.smoothing,
        log_x=view.log_x,
        log_y=view.log_y,
        looks=looks,
    )


def _place(name: str) -> int:
    if name in FIRST:
        return FIRST.index(name)
    return len(FIRST) + 1 + LAST.index(name) if name in LAST else len(FIRST)


def _curve_place(curve: tuple[str, str | None]) -> tuple[int, bool]:
    name, split = curve
    splits = list(SPLITS)
    return splits.index(split) if split in splits else len(splits), name.startswith(EPOCH)
