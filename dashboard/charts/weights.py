"""A network's weights as table, charts and pictures: data in, data frame, figure or pixels out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.feature_maps import map_sheet
from dashboard.charts.quick_figure import QuickFigure, level
from dashboard.charts.samples import picture_grid
from dashboard.language import _
from dashboard.theme import LIGHT
from models.weights import DEAD, Change, Weights

MOST_FILTERS = 96


def weight_table(rows: Sequence[Weights]) -> pd.DataFrame:
    """A row per tensor, with its histogram as a list of shares."""
    return pd.DataFrame(
        {
            "name": [row.name for row in rows],
            "shape": [" x ".join(map(str, row.shape)) for row in rows],
            "count": [row.count for row in rows],
            "histogram": [list(row.histogram) for row in rows],
            "low": [row.low for row in rows],
            "high": [row.high for row in rows],
            "mean": [row.mean for row in rows],
            "std": [row.std for row in rows],
            "norm": [row.norm for row in rows],
            "zeros": [row.zeros for row in rows],
            "dead": [len(row.dead) for row in rows],
            "broken": [row.broken for row in rows],
        }
    )


def spread_chart(values: np.ndarray, title: str) -> go.Figure:
    """How many weights lie in each of up to 80 bins, on a logarithmic axis: outliers are few and matter."""
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(finite, bins=int(np.clip(np.sqrt(finite.size), 8, 80)))
    figure = QuickFigure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts.astype(float),
        width=np.diff(edges),
        marker={"color": LIGHT.categorical[0], "line": {"width": 0}},
        hovertemplate=_("around %{x:.4g}: %{y:,} weights") + "<extra></extra>",
    )
    figure.update_layout(
        title=title,
        xaxis={"title": _("weight")},
        yaxis={
            "title": _("weights in a bin"),
            "type": "log",
            "range": [-0.3, np.log10(max(counts.max(initial=1), 1) * 1.5)],
        },
        bargap=0,
        showlegend=False,
    )
    return figure.made()


def ordered_chart(values: np.ndarray, title: str, y_title: str, limit: float = 0.0) -> go.Figure:
    """Numbers from the largest to the smallest on a logarithmic axis; those that are 0 are left out."""
    ordered = np.sort(np.asarray(values, np.float64))[::-1]
    shown = ordered[ordered > 0]
    figure = QuickFigure()
    figure.add_scatter(
        x=np.arange(1, len(shown) + 1),
        y=shown,
        mode="lines+markers" if len(shown) < 200 else "lines",
        line={"color": LIGHT.categorical[0], "width": 2},
        marker={"size": 4},
        hovertemplate="%{x}: %{y:.4g}<extra></extra>",
    )
    near = bool(limit) and len(ordered) > 0 and ordered[-1] < 10 * limit
    shapes = [] if not near else [level(limit, color=LIGHT.quiet, width=1, dash="dot")]
    figure.update_layout(
        title=title,
        xaxis={"title": _("from the largest to the smallest")},
        yaxis={"title": y_title, "type": "log", "exponentformat": "power"},
        shapes=shapes,
        showlegend=False,
    )
    return figure.made()


def change_table(rows: Sequence[Change]) -> pd.DataFrame:
    """A row per tensor, in the network's order."""
    return pd.DataFrame(
        {
            "name": [row.name for row in rows],
            "shape": [" x ".join(map(str, row.shape)) for row in rows],
            "relative": [row.relative for row in rows],
            "cosine": [row.cosine for row in rows],
            "largest": [row.largest for row in rows],
        }
    )


def filter_pictures(filters: np.ndarray, columns: int = 12, width: int = 720) -> np.ndarray:
    """Filters [N, C, h, w] as one picture uint8 [H, W, 3]: those of three channels in their colours, each
    stretched by itself; others as maps of their channels' mean, blue below 0 and orange above.
    """
    chosen = np.nan_to_num(filters[:MOST_FILTERS])
    columns = min(columns, len(chosen))
    if chosen.shape[1] != 3:
        return map_sheet(chosen.mean(axis=1), columns=columns, width=width)
    reach = np.abs(chosen).max(axis=(1, 2, 3), keepdims=True)
    shares = chosen / np.where(reach > 0, reach, 1) / 2 + 0.5
    return picture_grid((shares * 255).round().astype(np.uint8), columns=columns, width=width)


def dead_limit(norms: np.ndarray) -> float:
    """The norm below which a unit counts as dead."""
    return DEAD * float(np.median(norms))
