"""Is it the samples or the seed? Two standard deviations side by side, and the table they come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT


def variance_chart(
    table: np.ndarray, fold_names: Sequence[str], seed_names: Sequence[str], percent: bool = False
) -> go.Figure:
    """`table` [folds, seeds]: a column of points for each fold, a dash at its mean, a colour per seed."""
    table = np.asarray(table, np.float64)
    places = np.arange(len(table))
    figure = go.Figure()
    for seed, name in enumerate(seed_names):
        offset = (seed - (len(seed_names) - 1) / 2) * 0.5 / max(1, len(seed_names))
        figure.add_scatter(
            x=places + offset,
            y=table[:, seed],
            mode="markers",
            name=name,
            marker={"size": 8, "color": LIGHT.categorical[seed % 10], "opacity": 0.85},
            text=list(fold_names),
            hovertemplate=f"%{{text}}, {name}: {'%{y:.2%}' if percent else '%{y:.4g}'}<extra></extra>",
        )
    figure.add_scatter(
        x=places,
        y=np.nanmean(table, axis=1) if table.size else [],
        mode="markers",
        marker={"symbol": "line-ew", "size": 26, "line": {"width": 2.5, "color": LIGHT.text}},
        name="mean of the fold",
        hoverinfo="skip",
    )
    ticks: np.ndarray | list[int] = (
        np.unique(np.linspace(0, len(table) - 1, min(len(table), 15)).round().astype(int))
        if len(table)
        else []
    )
    figure.update_xaxes(
        tickvals=ticks, ticktext=[fold_names[tick] for tick in ticks], showgrid=False, zeroline=False
    )
    figure.update_yaxes(tickformat=".1~%" if percent else ",.4~r", zeroline=False)
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 60, "r": 12, "t": 40, "b": 44},
    )
    return figure
