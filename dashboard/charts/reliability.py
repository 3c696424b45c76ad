"""Are the probabilities honest? Stated confidence against the share that is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT


def reliability_chart(
    edges: Sequence[float],
    counts: Sequence[int],
    confidence: Sequence[float],
    accuracy: Sequence[float],
    intervals: Sequence[tuple[float, float]] = (),
    title: str = "",
    series: str = "folds' networks",
) -> go.Figure:
    """Bins as training.calibration makes them; NaN where one is empty. `intervals`: of each bin's accuracy;
    `series`: whose probabilities they are.

    The upper part holds the curve and the diagonal of honest probabilities, the lower how many samples there
    are in each bin.
    """
    stated, right, number = (np.asarray(values, np.float64) for values in (confidence, accuracy, counts))
    used = number > 0
    ends = (
        np.array(intervals, np.float64).reshape(-1, 2)
        if len(intervals)
        else np.full((len(number), 2), np.nan)
    )
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="honest", hoverinfo="skip",
        line={"color": LIGHT.quiet, "width": 1.2, "dash": "dash"},
    )  # fmt: skip
    figure.add_scatter(
        x=stated[used],
        y=right[used],
        mode="lines+markers",
        name=series,
        line={"color": LIGHT.categorical[0], "width": 2.5},
        marker={"size": 8},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(ends[used, 1] - right[used]),
            "arrayminus": np.nan_to_num(right[used] - ends[used, 0]),
            "color": LIGHT.categorical[0],
            "thickness": 1,
            "width": 3,
        },
        customdata=number[used],
        hovertemplate="state %{x:.1%}, right %{y:.1%}<br>%{customdata:,} samples<extra></extra>",
    )
    middle = (np.asarray(edges)[1:] + np.asarray(edges)[:-1]) / 2
    figure.add_bar(
        x=middle,
        y=number,
        width=np.diff(edges) * 0.9,
        yaxis="y2",
        marker={"color": LIGHT.sequential[4]},
        name="samples",
        hovertemplate="%{y:,} samples<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(
        title=title,
        hovermode="closest",
        xaxis={"title": "stated confidence", "range": [0, 1.01], "tickformat": ".0%", "anchor": "y2"},
        yaxis={"title": "share right", "range": [0, 1.03], "tickformat": ".0%", "domain": [0.32, 1]},
        yaxis2={"title": "samples", "domain": [0, 0.24], "anchor": "x", "nticks": 3},
        legend={"x": 0.02, "xanchor": "left", "y": 0.98, "yanchor": "top"},
        margin={"l": 60, "r": 12, "t": 44, "b": 48},
    )
    return figure
