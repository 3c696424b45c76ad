"""A real data set seen along a few directions: its samples, what each direction holds and is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure, upright
from dashboard.theme import LIGHT, color_scale

FEW = 16  # directions that each have a number under their bar


def projection_chart(
    coordinates: np.ndarray, labels: np.ndarray, class_names: Sequence[str], word: str
) -> go.Figure:
    """The first two coordinates [samples, components] of every sample, a colour for each class."""
    figure = QuickFigure()
    second = coordinates[:, 1] if coordinates.shape[1] > 1 else np.zeros(len(coordinates))
    for place, name in enumerate(class_names):
        chosen = labels == place
        figure.add_scatter(
            x=coordinates[chosen, 0], y=second[chosen], mode="markers", name=name,
            marker={"color": LIGHT.categorical[place % len(LIGHT.categorical)], "size": 6, "opacity": 0.75},
            hovertemplate=f"%{{x:.3g}}, %{{y:.3g}}<extra>{name}</extra>",
        )  # fmt: skip
    figure.update_layout(
        xaxis={"title": f"{word} 1", "zeroline": False},
        yaxis={"title": f"{word} 2", "zeroline": False},
        hovermode="closest",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        margin={"l": 56, "r": 12, "t": 36, "b": 44},
    )
    return figure.made()


def shares_chart(shares: np.ndarray, kept: int, cumulative: bool) -> go.Figure:
    """How much each direction holds, in order; `cumulative`: with the sum so far, for shares of a whole."""
    count = np.arange(1, len(shares) + 1)
    figure = QuickFigure()
    figure.add_bar(
        x=count, y=shares, name="each", marker={"color": LIGHT.categorical[0]},
        hovertemplate="direction %{x}: %{y:.3g}<extra></extra>",
    )  # fmt: skip
    if cumulative:
        figure.add_scatter(
            x=count, y=np.cumsum(shares), mode="lines+markers", name="so far",
            line={"color": LIGHT.categorical[1], "width": 2}, marker={"size": 4},
            hovertemplate="the first %{x}: %{y:.1%}<extra></extra>",
        )  # fmt: skip
    axis = {"title": "share of the variance", "tickformat": ".0%", "range": [0, 1.02]}
    figure.update_layout(
        shapes=[upright(kept + 0.5, color=LIGHT.text, width=1.5, dash="dot")],
        xaxis={
            "title": "direction",
            "zeroline": False,
            "range": [0.4, len(shares) + 0.6],
            **({"dtick": 1} if len(shares) < FEW else {}),
        },
        yaxis=axis if cumulative else {"title": "variance between over within", "rangemode": "tozero"},
        showlegend=cumulative,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        margin={"l": 64, "r": 12, "t": 36, "b": 44},
    )
    return figure.made()


def directions_chart(directions: np.ndarray, feature_names: Sequence[str]) -> go.Figure:
    """What each of the first directions [directions, features] is made of: a bar for each feature."""
    figure = QuickFigure()
    for place, direction in enumerate(directions[:3]):
        figure.add_bar(
            x=list(feature_names), y=direction, name=f"direction {place + 1}",
            marker={"color": LIGHT.categorical[place]}, hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        xaxis={"title": ""},
        yaxis={"title": "weight of the feature", "zeroline": True},
        barmode="group",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        margin={"l": 64, "r": 12, "t": 36, "b": 44},
    )
    return figure.made()


def pictures_chart(pictures: Sequence[np.ndarray], names: Sequence[str], signed: bool) -> go.Figure:
    """Small square pictures side by side; `signed`: around 0, each with a scale of its own."""
    figure = QuickFigure()
    layout: dict[str, object] = {}
    each = 1 / len(pictures)
    for place, picture in enumerate(pictures):
        suffix = "" if place == 0 else str(place + 1)
        largest = float(np.abs(picture).max()) or 1.0
        figure.add_heatmap(
            z=picture.tolist(), xaxis=f"x{suffix}", yaxis=f"y{suffix}", showscale=False,
            colorscale=color_scale(LIGHT.diverging if signed else LIGHT.sequential),
            zmin=-largest if signed else 0, zmax=largest if signed else 16,
            hovertemplate="%{z:.3g}<extra></extra>",
        )  # fmt: skip
        bare = {"visible": False, "constrain": "domain"}
        begin = place * each
        layout[f"xaxis{suffix}"] = {**bare, "domain": [begin + 0.01, begin + each - 0.01]}
        layout[f"yaxis{suffix}"] = {**bare, "autorange": "reversed", "scaleanchor": f"x{suffix}"}
    notes = [
        {
            "text": name, "x": (place + 0.5) * each, "y": 1, "xref": "paper", "yref": "paper",
            "showarrow": False,
            "xanchor": "center", "yanchor": "bottom", "font": {"size": 12, "color": LIGHT.text},
        }
        for place, name in enumerate(names)
    ]  # fmt: skip
    figure.update_layout(**layout, annotations=notes, margin={"l": 8, "r": 8, "t": 30, "b": 8})
    return figure.made()
