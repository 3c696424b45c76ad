"""Curves of a metric over steps, epochs or time, one or many on one pane."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import DASHES, LIGHT
from logs.thinning import thin

POINTS = 1500  # more than a screen has pixels for; 21 kB for each thousand
FEW = 40  # so many points or fewer are also drawn as dots, as one epoch's worth makes no line

XAxis = Literal["step", "epoch", "time"]


class CurveLike(Protocol):
    """What logs.curve.Curve has: arrays of one length, in the order in which they were logged."""

    @property
    def step(self) -> np.ndarray: ...  # int64, optimizer updates since the start
    @property
    def epoch(self) -> np.ndarray: ...  # float64, NaN where none was given
    @property
    def value(self) -> np.ndarray: ...  # float64
    @property
    def wall_time(self) -> np.ndarray: ...  # datetime64[us], UTC


@dataclass(frozen=True)
class Line:
    """One curve to draw. NaN and infinite values are gaps."""

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str = LIGHT.categorical[0]  # of the light page; see dashboard.theme
    dash: str = "solid"
    group: str = ""  # lines of one group appear and vanish together when the legend is clicked


def x_values(curve: CurveLike, axis: XAxis, start: float | None = None) -> np.ndarray:
    """Steps, epochs, or seconds since `start` (seconds since 1970; None: the curve's first value)."""
    if axis == "step":
        return np.asarray(curve.step)
    if axis == "epoch":
        return np.asarray(curve.epoch, dtype=np.float64)
    seconds = curve.wall_time.astype("datetime64[us]").astype(np.int64) / 1e6
    if not len(seconds):
        return seconds
    return seconds - (seconds[0] if start is None else start)


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average with its start-up bias removed (Kingma and Ba 2015, section 3).

    `weight` from 0 (as it was) to below 1 is what remains of the past at each value. Gaps stay gaps and leave
    no trace in what follows.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"the smoothing is {weight!r}; it must be at least 0 and below 1")
    known = np.where(np.isfinite(values), values, np.nan)
    if weight == 0 or not len(known):
        return known
    average = pd.Series(known).ewm(alpha=1 - weight, adjust=True, ignore_na=True).mean().to_numpy()
    return np.where(np.isnan(known), np.nan, average)


def curves_chart(
    lines: Sequence[Line],
    title: str = "",
    x_title: str = "",
    y_title: str = "",
    smoothing: float = 0.0,
    log_x: bool = False,
    log_y: bool = False,
    points: int = POINTS,
    looks: Mapping[str, Mapping[str, Any]] | None = None,
) -> go.Figure:
    """The lines on one pane, each thinned to `points`; when smoothed, the raw values lie faint below. `looks`
    are added to parts of the layout, such as yaxis or legend.
    """
    figure = QuickFigure()
    for line in lines:
        known = np.where(np.isfinite(line.y), line.y, np.nan)
        if smoothing:
            figure.add_trace(_trace(line, known, points, faint=True))
            figure.add_trace(_trace(line, smoothed(known, smoothing), points))
        else:
            figure.add_trace(_trace(line, known, points))
    figure.update_layout(
        title=title,
        showlegend=len(lines) > 1,
        hovermode="x unified" if 1 < len(lines) <= 8 else "closest",
        legend={"groupclick": "toggleitem"},
        # The view is kept while the axis means the same; on another axis, an old range would show nothing.
        xaxis={"title": x_title, "type": _kind(log_x), "uirevision": f"{x_title} {log_x}"},
        yaxis={"title": y_title, "type": _kind(log_y), "uirevision": f"{y_title} {log_y}"},
    )
    for part, more in (looks or {}).items():
        figure.layout[part] = {**figure.layout.get(part, {}), **more}
    return figure.made()


def split_dash(split: str | None) -> str:
    """How the lines of a split are drawn, so that runs can keep their colour."""
    return DASHES.get(split or "", "solid")


def _trace(line: Line, values: np.ndarray, points: int, faint: bool = False) -> dict[str, Any]:
    kept = thin(line.x, values, points)
    few = int(np.isfinite(values).sum()) <= FEW
    how = {"hoverinfo": "skip"} if faint else {"hovertemplate": "%{y:.5g}"}
    return {
        "type": "scatter",
        "x": line.x[kept],
        "y": values[kept],
        "name": html.escape(line.name, quote=False),  # a name is data: Plotly would read tags in it
        "mode": "lines+markers" if few else "lines",
        "line": {"color": line.color, "dash": "solid" if faint else line.dash, "width": 1 if faint else 2},
        "marker": {"size": 3 if faint else 5},
        "opacity": 0.3 if faint else 1.0,
        **how,
        "showlegend": not faint,
        "legendgroup": line.group or line.name,
        "connectgaps": False,
        "uid": f"{line.name} {'raw' if faint else 'line'}",  # a hidden line stays hidden when others come, go
    }


def _kind(logarithmic: bool) -> str:
    return "log" if logarithmic else "linear"
