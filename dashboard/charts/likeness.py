"""Two networks side by side: how alike their layers are, how alike their answers, and size against score."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT, color_scale


def cka_chart(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], titles: tuple[str, str]
) -> go.Figure:
    """Linear CKA of every layer of the first network (rows, from below) with every one of the second."""
    figure = QuickFigure()
    figure.add_heatmap(
        z=values,
        x=list(range(len(columns))),
        y=list(range(len(rows))),
        customdata=[[f"{first} and {second}" for second in columns] for first in rows],
        hovertemplate="%{customdata}<br>CKA %{z:.3f}<extra></extra>",
        colorscale=color_scale(LIGHT.sequential),
        zmin=0,
        zmax=1,
        colorbar={"title": {"text": "CKA"}, "thickness": 12},
    )
    figure.update_layout(
        xaxis=_layers(columns, titles[1]),
        yaxis=_layers(rows, titles[0]),
        margin={"l": 120, "r": 12, "t": 12, "b": 110},
    )
    return figure.made()


def size_chart(
    parameters: Sequence[int], scores: Sequence[float], names: Sequence[str], marked: Sequence[int]
) -> go.Figure:
    """Scores over the number of parameters, a point for each network; the `marked` ones with their names."""
    others = [place for place in range(len(names)) if place not in marked]
    figure = QuickFigure()
    for places, color, title in (
        (others, LIGHT.quiet, "other runs on this data"),
        (list(marked), LIGHT.categorical[1], "these two"),
    ):
        figure.add_scatter(
            x=[parameters[place] for place in places],
            y=[scores[place] for place in places],
            mode="markers+text" if places == list(marked) else "markers",
            text=[html.escape(names[place]) for place in places],
            textposition="top center",
            cliponaxis=False,
            name=title,
            marker={"size": 10, "color": color},
            hovertemplate="%{text}<br>%{x:,} parameters<br>%{y:.2%}<extra></extra>",
        )
    figure.update_layout(
        xaxis={"title": "parameters", "type": "log"},
        yaxis={"title": "test accuracy", "tickformat": ".1%"},
        margin={"l": 64, "r": 24, "t": 24, "b": 48},
        hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure.made()


def agreement_chart(names: Sequence[str], agreements: Sequence[float]) -> go.Figure:
    """Rank agreement of an attribution with that of networks whose last layers are random."""
    figure = QuickFigure()
    figure.add_scatter(
        x=list(range(len(names))),
        y=list(agreements),
        mode="lines+markers",
        line={"color": LIGHT.categorical[0], "width": 2},
        hovertemplate="%{y:.2f}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(
        xaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [_short(name) for name in names],
            "tickangle": -35,
            "title": "random from the output down to this layer",
        },
        yaxis={"title": "rank agreement", "range": [-0.4, 1.05]},
        margin={"l": 56, "r": 12, "t": 12, "b": 100},
    )
    return figure.made()


def _layers(names: Sequence[str], title: str) -> dict[str, object]:
    """At most about 16 names on an axis; the others are under the cursor."""
    every = -(-len(names) // 16)
    shown = list(range(0, len(names), every))
    return {
        "title": html.escape(title),
        "tickvals": shown,
        "ticktext": [_short(names[place]) for place in shown],
        "showgrid": False,
        "zeroline": False,
    }


def _short(name: str) -> str:
    return html.escape(name if len(name) <= 22 else "…" + name[-21:])
