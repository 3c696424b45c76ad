"""One optimizer in detail: how long its steps are, how steep it is there, what a unit of slope is worth."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT

MOST = 800  # points of a line
LEAST = 1e-16  # what is smaller has no digits


def steps_chart(lengths: np.ndarray, slopes: np.ndarray) -> go.Figure:
    """Length of each step, [steps], and the slope's size where it was made, [steps], on a log axis."""
    figure = QuickFigure()
    kept = _kept(len(lengths))
    for name, values, color, dash in (
        ("length of the step", lengths, LIGHT.categorical[0], "solid"),
        ("slope", slopes, LIGHT.categorical[1], "dot"),
    ):
        figure.add_scatter(
            x=kept + 1, y=_positive(values)[kept], mode="lines", name=name,
            line={"color": color, "width": 2, "dash": dash}, hovertemplate="%{y:.3g}",
        )  # fmt: skip
    return _finished(figure, len(lengths), "units of the surface")


def worth_chart(moves: np.ndarray, slopes: np.ndarray) -> go.Figure:
    """How far each coordinate moved for each unit of slope, [steps, 2] each: against the slope is above 0.

    For plain gradient descent this is the learning rate; adaptive optimizers have one for each coordinate.
    """
    figure = QuickFigure()
    kept = _kept(len(moves))
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(np.abs(slopes) > LEAST, -moves / slopes, np.nan)
    for axis, color in enumerate((LIGHT.categorical[2], LIGHT.categorical[6])):
        values = worth[:, axis]
        figure.add_scatter(
            x=kept + 1, y=np.where(values > 0, values, np.nan)[kept], mode="markers", name="xy"[axis],
            marker={"color": color, "size": 4, "symbol": ("circle", "diamond-open")[axis]},
            hovertemplate="%{y:.3g}",
        )  # fmt: skip
    return _finished(figure, len(moves), "step per unit of slope")


def _kept(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, max(0, count - 1), min(MOST, count)).round().astype(int))


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values) & (values > 0), np.maximum(values, LEAST), np.nan)


def _finished(figure: QuickFigure, steps: int, title: str) -> go.Figure:
    figure.update_layout(
        margin={"l": 62, "r": 8, "t": 28, "b": 42}, hovermode="x unified",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        xaxis={"title": "step", "range": [0, steps + 1]},
        yaxis={"title": title, "type": "log", "exponentformat": "power", "nticks": 7},
        uirevision=f"{steps}",
    )  # fmt: skip
    return figure.made()
