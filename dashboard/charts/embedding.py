"""Samples as points, coloured by class or by whether the network is right."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT

SYMBOLS = ("circle", "diamond", "square", "cross", "x")


def embedding_chart(
    points: np.ndarray,
    groups: np.ndarray,
    group_names: Sequence[str],
    places: np.ndarray,
    axis_titles: Sequence[str],
    picked: int | None = None,
    near: np.ndarray | None = None,
    uirevision: str = "",
) -> go.Figure:
    """Points [samples, 2 or 3]. `groups` [samples] are places in `group_names`; `places` come back from a
    click as customdata. `picked` and `near` are rows of `points` that get rings.
    """
    deep = points.shape[1] == 3
    figure = QuickFigure()
    for number, name in enumerate(group_names):
        chosen = np.flatnonzero(groups == number)
        if not len(chosen):
            continue
        figure.add(
            "scatter3d" if deep else "scattergl",
            **_axes(points[chosen]),
            mode="markers",
            name=html.escape(name),
            customdata=places[chosen],
            marker={
                "size": 3 if deep else 6,
                "opacity": 0.8,
                "color": LIGHT.categorical[number % 10],
                "symbol": SYMBOLS[(number // 10) % 5],
            },
            hovertemplate=f"{html.escape(name)}<br>sample %{{customdata}}<extra></extra>",
        )
    rings: list[tuple[int | np.ndarray, int, str, str]]
    rings = [(picked, 18, LIGHT.text, "picked")] if picked is not None else []
    if near is not None and len(near):
        rings.insert(0, (near, 13, LIGHT.categorical[1], "nearest"))
    for rows, size, color, name in rings:
        figure.add(
            "scatter3d" if deep else "scattergl",
            **_axes(points[np.atleast_1d(rows)]),
            mode="markers",
            name=name,
            hoverinfo="skip",
            marker={
                "size": size / (2 if deep else 1),
                "symbol": "circle-open",
                "color": color,
                "line": {"width": 2, "color": color},
            },
        )
    titles = [{"title": {"text": text}, "zeroline": False} for text in axis_titles]
    axes = dict(zip(("xaxis", "yaxis", "zaxis"), titles, strict=False))
    layout = {"scene": {**axes, "aspectmode": "cube"}} if deep else axes
    figure.update_layout(
        **layout,
        uirevision=f"{uirevision}{points.shape[1]}",
        hovermode="closest",
        margin={"l": 50, "r": 8, "t": 8, "b": 44},
        legend={"itemsizing": "constant"},
    )
    return figure.made()


def _axes(points: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(("x", "y", "z"), points.T, strict=False))
