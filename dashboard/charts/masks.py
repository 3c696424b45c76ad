"""Dropout's thinned networks: a cloud of them, their mean, and how soon a mean of few comes near it."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT

DRAWN = 80  # thin lines at most


def masks_chart(
    points: np.ndarray,
    some: np.ndarray,
    mean: np.ndarray,
    scaled: np.ndarray,
    truth: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
) -> go.Figure:
    """`some` [masks, points] thinned networks faint, the `mean` over all masks and the `scaled` network."""
    figure = QuickFigure()
    drawn = some[:DRAWN]
    gap = np.full((len(drawn), 1), np.nan)
    figure.add_scatter(
        x=np.tile(np.append(points, np.nan), len(drawn)),
        y=np.concatenate([drawn, gap], axis=1).ravel(),
        mode="lines",
        name=f"{len(drawn)} thinned networks",
        line={"color": LIGHT.categorical[5], "width": 1},
        opacity=0.3,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=inputs, y=targets, mode="markers", name="samples",
        marker={"size": 5, "color": LIGHT.quiet, "opacity": 0.7},
        hovertemplate="sample %{x:.2f}, %{y:.3g}<extra></extra>",
    )  # fmt: skip
    curves = {
        "truth": (truth, LIGHT.quiet, "dot", 1.5),
        "mean of these": (some.mean(axis=0), LIGHT.categorical[2], "dash", 2.0),
        "mean of all masks": (mean, LIGHT.categorical[0], "solid", 3.5),
        "scaled network": (scaled, LIGHT.categorical[1], "dash", 2.2),
    }
    for name, (values, color, dash, width) in curves.items():
        figure.add_scatter(
            x=points, y=values, mode="lines", name=name,
            line={"color": color, "width": width, "dash": dash},
            hovertemplate=f"{name}: %{{y:.4f}}<br>x %{{x:.2f}}<extra></extra>",
        )  # fmt: skip
    heights = {"title": "output", "range": [-2.2, 2.2], "zeroline": False, "uirevision": "output"}
    return _laid_out(figure, {"title": "x", "zeroline": False}, heights, 64)


def distances_chart(
    counts: np.ndarray, distances: np.ndarray, gap: float, count: int, distance: float
) -> go.Figure:
    """How far the mean of so many masks is from that of all, and the scaled network's distance as a line.

    `count` and `distance` are those of the masks that were drawn, marked by a ring.
    """
    figure = QuickFigure()
    positive = distances > 0
    figure.add_scatter(
        x=counts[positive], y=distances[positive], mode="lines+markers", name="mean of so many masks",
        line={"color": LIGHT.categorical[2], "width": 2.2}, marker={"size": 5},
        hovertemplate="%{x:,} masks: %{y:.3g}<extra></extra>",
    )  # fmt: skip
    if gap > 1e-6:  # below it is float32's rounding
        figure.add_scatter(
            x=[counts[0], counts[-1]], y=[gap, gap], mode="lines", name="scaled network",
            line={"color": LIGHT.categorical[1], "width": 2.2, "dash": "dash"},
            hovertemplate="scaled network: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    if distance > 0:
        figure.add_scatter(
            x=[count], y=[distance], mode="markers", showlegend=False,
            marker={"size": 13, "symbol": "circle-open", "color": LIGHT.text, "line": {"width": 2.5}},
            hovertemplate="the masks drawn: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    decades = {"type": "log", "dtick": 1}
    heights = {"title": "distance from the mean of all", "exponentformat": "power", **decades}
    return _laid_out(figure, {"title": "masks", "uirevision": "masks", **decades}, heights, 40)


def _laid_out(figure: QuickFigure, x_axis: dict[str, Any], y_axis: dict[str, Any], top: int) -> go.Figure:
    figure.update_layout(
        xaxis=x_axis,
        yaxis=y_axis,
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 60, "r": 12, "t": top, "b": 46},
    )
    return figure.made()
