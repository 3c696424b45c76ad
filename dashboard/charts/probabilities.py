"""What a network says of one sample: the likeliest classes, as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT

MOST = 10  # classes shown
LONGEST = 18  # letters of a name


def probability_chart(
    probabilities: np.ndarray,
    class_names: Sequence[str],
    target: int | None = None,
    before: np.ndarray | None = None,
    title: str = "",
) -> go.Figure:
    """Bars of the likeliest classes [classes], the likeliest on top; the true class in green.

    `before` are probabilities of the same classes at an earlier moment, shown as thin marks.
    """
    order = np.argsort(-probabilities, kind="stable")[:MOST][::-1]
    names = [_short(class_names[place]) for place in order]
    figure = QuickFigure()
    figure.add_bar(
        x=probabilities[order],
        y=list(range(len(order))),
        orientation="h",
        marker={
            "color": [LIGHT.categorical[2] if place == target else LIGHT.categorical[0] for place in order]
        },
        text=[f"{probabilities[place]:.1%}" for place in order],
        textposition="auto",
        cliponaxis=False,
        hovertemplate="%{x:.2%}<extra></extra>",
        showlegend=False,
    )
    if before is not None:
        figure.add_scatter(
            x=before[order],
            y=list(range(len(order))),
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 16, "color": LIGHT.text, "line": {"width": 2}},
            hovertemplate="before: %{x:.2%}<extra></extra>",
            showlegend=False,
        )
    figure.update_layout(
        title=title,
        xaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "probability"},
        yaxis={"tickvals": list(range(len(order))), "ticktext": names, "showgrid": False},
        bargap=0.25,
        margin={"l": 80, "r": 12, "t": 40 if title else 8, "b": 44},
    )
    return figure.made()


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
