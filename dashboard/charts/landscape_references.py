"""Small pictures that landscapes can be compared with, side by side on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT, color_scale

LOW, HIGH = -1.2, 1.5  # log10 of the loss: from 0.06 to 30
GAP = 0.03  # of the width, between two pictures


def references_chart(planes: Sequence[np.ndarray], titles: Sequence[str]) -> go.Figure:
    """Planes [a, b] of losses from -1 to 1 in both directions, as contours of log10 on the same scale."""
    figure = QuickFigure()
    width = (1 - GAP * (len(planes) - 1)) / len(planes)
    titled = []
    for number, (plane, title) in enumerate(zip(planes, titles, strict=True)):
        ticks = np.linspace(-1, 1, len(plane))
        which = "" if number == 0 else str(number + 1)
        left = number * (width + GAP)
        figure.add(
            "contour", x=ticks, y=ticks, z=np.clip(np.log10(plane.T), LOW, HIGH), customdata=plane.T,
            xaxis=f"x{which}", yaxis=f"y{which}", name=title, zmin=LOW, zmax=HIGH,
            colorscale=color_scale(tuple(reversed(LIGHT.sequential[1:]))), showscale=False,
            contours={"start": LOW, "end": HIGH, "size": (HIGH - LOW) / 18},
            line={"width": 0.6, "color": "rgba(255,255,255,0.6)"},
            hovertemplate="a %{x:.2f}, b %{y:.2f}<br>loss %{customdata:.4g}<extra>" + title + "</extra>",
        )  # fmt: skip
        axis = {"range": [-1, 1], "showticklabels": False, "ticks": "", "fixedrange": True}
        figure.update_layout(
            **{
                f"xaxis{which}": {**axis, "domain": [left, left + width], "anchor": f"y{which}"},
                f"yaxis{which}": {**axis, "anchor": f"x{which}"},
            }
        )
        place = {"x": left + width / 2, "xanchor": "center", "y": 1, "yanchor": "bottom"}
        paper = {"xref": "paper", "yref": "paper", "showarrow": False, "font": {"size": 13}}
        titled.append({"text": title, **place, **paper})
    margin = {"l": 2, "r": 2, "t": 26, "b": 4}
    figure.update_layout(annotations=titled, showlegend=False, margin=margin, uirevision="references")
    return figure.made()
