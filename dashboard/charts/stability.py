"""Descents on a quadratic: what a step leaves of the distance, over learning rate and momentum."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure, level, upright
from dashboard.theme import LIGHT, color_scale
from training.stability import Stability

ACROSS = 4.0  # the rates drawn: from 0 to this over the largest curvature, the end of what momentum allows
POINTS = 161
LEAST = 1e-16


def plane_chart(known: Stability, rate: float, momentum: float) -> go.Figure:
    """What a step leaves in the long run, over rate and momentum; the limit, the optima, the reader's own.

    Only shapes change with the reader's own, so that it is drawn anew in no time.
    """
    rates = np.linspace(0, ACROSS / known.high, POINTS)
    momenta = np.linspace(0, 0.99, 100)
    left = known.left(rates[None], momenta[:, None])
    figure = QuickFigure()
    figure.add_heatmap(
        x=rates, y=momenta, z=np.where(left < 1, left, np.nan), zmin=float(left.min()), zmax=1,
        colorscale=color_scale(tuple(reversed(LIGHT.sequential[1:]))), hoverongaps=False,
        colorbar={"thickness": 10, "title": {"text": "left<br>a step"}, "tickformat": ".0%"},
        hovertemplate="η %{x:.3g}, μ %{y:.2f}: a step leaves %{z:.4f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=2 * (1 + momenta) / known.high, y=momenta, mode="lines", name="limit 2(1 + μ)/λmax",
        hoverinfo="skip",
        line={"color": LIGHT.categorical[1], "width": 2, "dash": "dash"},
    )  # fmt: skip
    best = known.best_momentum
    for name, at, symbol in (
        ("best of gradient descent", (known.best_rate, 0.0), "circle"),
        ("best with momentum", best, "star"),
    ):
        figure.add_scatter(
            x=[at[0]], y=[at[1]], mode="markers", name=name, cliponaxis=False,
            marker={"symbol": symbol, "size": 13, "color": LIGHT.categorical[1],
                    "line": {"color": LIGHT.background, "width": 1.5}},
            hovertemplate=f"{name}: η %{{x:.3g}}, μ %{{y:.3g}}<extra></extra>",
        )  # fmt: skip
    line = {"color": LIGHT.text, "width": 1.5, "dash": "dot"}
    figure.update_layout(
        margin={"l": 52, "r": 8, "t": 44, "b": 44},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "learning rate η", "range": [0, rates[-1]], "constrain": "domain"},
        yaxis={"title": "momentum μ", "range": [0, 1]},
        shapes=[upright(rate, **line), level(momentum, **line)],
        uirevision=f"{known.low:g} {known.high:g}",
    )
    return figure.made()


def rates_chart(known: Stability, rate: float, momentum: float) -> go.Figure:
    """What a step leaves against the learning rate: along each direction, without momentum and with it."""
    rates = np.linspace(0, ACROSS / known.high, 401)
    figure = QuickFigure()
    for name, curvature, dash in (("flattest", known.low, "dot"), ("steepest", known.high, "dash")):
        figure.add_scatter(
            x=rates, y=np.abs(1 - rates * curvature), mode="lines", name=f"SGD, {name}: |1 - ηλ|",
            line={"color": LIGHT.categorical[0], "width": 1.5, "dash": dash}, hovertemplate="%{y:.3f}",
        )  # fmt: skip
    figure.add_scatter(
        x=rates, y=known.left(rates, np.array(momentum)), mode="lines", name=f"with momentum {momentum:g}",
        line={"color": LIGHT.categorical[1], "width": 2.5}, hovertemplate="%{y:.3f}",
    )  # fmt: skip
    quiet = {"color": LIGHT.quiet, "width": 1.5}
    figure.update_layout(
        margin={"l": 52, "r": 8, "t": 62, "b": 44}, hovermode="x unified",
        legend={"orientation": "h", "y": 1.14, "yanchor": "bottom", "x": 0},
        xaxis={"title": "learning rate η", "range": [0, rates[-1]]},
        yaxis={"title": "left by a step", "range": [0, 1.25]},
        shapes=[
            level(1.0, **quiet),
            upright(known.limit, **quiet, dash="dash"),
            upright(rate, color=LIGHT.text, width=1.5, dash="dot"),
        ],
        annotations=[
            {"x": known.limit, "y": 1.0, "yref": "paper", "yanchor": "bottom", "text": "2/λmax",
             "showarrow": False, "font": {"color": LIGHT.quiet}}
        ],
        uirevision=f"{known.low:g} {known.high:g}",
    )  # fmt: skip
    return figure.made()


def decay_chart(distances: np.ndarray, left: float) -> go.Figure:
    """Distance to the minimum after each step of torch's SGD, [steps + 1], beside `left` to that power."""
    figure = QuickFigure()
    steps = np.arange(len(distances))
    figure.add_scatter(
        x=steps, y=np.maximum(distances, LEAST), mode="lines", name="torch.optim.SGD",
        line={"color": LIGHT.categorical[0], "width": 2}, hovertemplate="%{y:.3g}",
    )  # fmt: skip
    with np.errstate(over="ignore", under="ignore"):
        theory = distances[0] * np.float64(left) ** steps
    figure.add_scatter(
        x=steps, y=np.where((theory > LEAST) & np.isfinite(theory), theory, np.nan), mode="lines",
        name=f"theory: {left:.4f} a step", line={"color": LIGHT.categorical[1], "width": 2, "dash": "dash"},
        hovertemplate="%{y:.3g}",
    )  # fmt: skip
    figure.update_layout(
        margin={"l": 62, "r": 8, "t": 30, "b": 44}, hovermode="x unified",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        xaxis={"title": "step"},
        yaxis={"title": "distance to the minimum", "type": "log", "exponentformat": "power", "nticks": 7},
    )  # fmt: skip
    return figure.made()
