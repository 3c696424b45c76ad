"""A schedule's curve, small: the learning rate at each step as a share of the largest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT

MOST = 400  # points


def schedule_chart(shares: Sequence[float]) -> go.Figure:
    """Shares against the step, from 0 to 1."""
    kept = np.unique(np.linspace(0, len(shares) - 1, min(MOST, len(shares))).round().astype(int))
    figure = QuickFigure()
    figure.add_scatter(
        x=kept, y=np.asarray(shares)[kept], mode="lines", name="learning rate",
        line={"color": LIGHT.categorical[0], "width": 2, "shape": "hv"},
        hovertemplate="step %{x}: %{y:.3g} of the largest<extra></extra>",
    )  # fmt: skip
    figure.update_layout(
        margin={"l": 30, "r": 6, "t": 4, "b": 22}, showlegend=False,
        xaxis={"range": [0, len(shares)], "nticks": 4}, yaxis={"range": [0, 1.06], "nticks": 3},
        uirevision=str(len(shares)),
    )  # fmt: skip
    return figure.made()
