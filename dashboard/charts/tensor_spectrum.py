"""Singular values of a layer's weights beside those of numbers without structure."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT


def spectrum_chart(trained: Sequence[float], random: Sequence[float]) -> go.Figure:
    """Two lines of singular values, the largest first."""
    figure = QuickFigure()
    for name, sizes, color, dash in (
        ("these weights", trained, LIGHT.categorical[0], "solid"),
        ("random numbers of the same size", random, LIGHT.categorical[1], "dash"),
    ):
        figure.add_scatter(
            x=list(range(1, len(sizes) + 1)),
            y=list(sizes),
            mode="lines+markers" if len(sizes) <= 40 else "lines",
            name=name,
            line={"color": color, "width": 2, "dash": dash},
            marker={"size": 5},
            hovertemplate="singular value %{x}: %{y:.3g}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        xaxis={"title": "direction, the strongest first"},
        yaxis={"title": "singular value", "rangemode": "tozero"},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        showlegend=True,
        margin={"t": 40},
    )
    return figure.made()
