"""How a distribution moves while a network learns: one histogram per logged step, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT, color_scale

BINS = 60  # of the common axis onto which all steps are brought
RIDGES = 24  # more would hide each other
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

Shape = Literal["heatmap", "ridges", "percentiles"]


@dataclass(frozen=True)
class Histograms:
    """Histograms of one quantity at ascending steps (optimizer updates); their bins may differ."""

    step: np.ndarray  # int64[N]
    epoch: np.ndarray  # float64[N], NaN where unknown
    counts: Sequence[np.ndarray]  # N arrays of float64, one number per bin
    edges: Sequence[np.ndarray]  # N arrays of float64, ascending, one more than counts

    def x(self, axis: str) -> np.ndarray:
        """Steps, or epochs where they are asked for and known."""
        known = axis == "epoch" and np.isfinite(self.epoch).all()
        return self.epoch if known else self.step.astype(np.float64)


def rebinned(counts: np.ndarray, edges: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The counts on other bins, each old bin spread evenly over its width.

    No count is lost where `target` covers `edges`. A bin of no width goes to the bin that holds its place.
    """
    counts, edges = np.asarray(counts, np.float64), np.asarray(edges, np.float64)
    widths = np.diff(edges)
    narrow = widths <= 0
    below = np.concatenate([[0.0], np.cumsum(np.where(narrow, 0.0, counts))])
    result = np.diff(np.interp(target, edges, below, left=0.0, right=below[-1]))
    if narrow.any():
        places = np.clip(np.searchsorted(target, edges[:-1][narrow], side="right") - 1, 0, len(result) - 1)
        np.add.at(result, places, counts[narrow])
    return result


def common_edges(histograms: Histograms, bins: int = BINS) -> np.ndarray:
    """Even bins over the range in which any of the histograms has counts."""
    lows, highs = zip(*map(_occupied, histograms.counts, histograms.edges), strict=True)
    low, high = min(lows), max(highs)
    if not high > low:
        room = abs(low) * 1e-3 or 1e-3
        low, high = low - room, high + room
    return np.linspace(low, high, bins + 1)


def quantiles(counts: np.ndarray, edges: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
    """The values below which the wanted shares of the counts lie; NaN where there are no counts."""
    counts = np.asarray(counts, np.float64)
    total = counts.sum()
    if not total > 0:
        return np.full(len(wanted), np.nan)
    low, high = _occupied(counts, edges)
    below = np.concatenate([[0.0], np.cumsum(counts)]) / total
    return np.clip(np.interp(wanted, below, edges), low, high)


def histogram_chart(
    histograms: Histograms,
    shape: Shape = "heatmap",
    axis: str = "step",
    title: str = "",
    value_title: str = "value",
) -> go.Figure:
    """The distribution over steps or epochs, in one of three shapes. ValueError without any histogram."""
    if not len(histograms.step):
        raise ValueError("there is no histogram to draw; this run has logged none of that name")
    x_title = "epoch" if axis == "epoch" and np.isfinite(histograms.epoch).all() else "step"
    draw = {"heatmap": _heatmap, "ridges": _ridges, "percentiles": _percentiles}[shape]
    figure = draw(histograms, histograms.x(axis), x_title, value_title)
    figure.update_layout(title=title, uirevision=f"{shape} {x_title}")
    return figure


def _heatmap(histograms: Histograms, x: np.ndarray, x_title: str, value_title: str) -> go.Figure:
    edges = common_edges(histograms)
    rows = [
        rebinned(counts, own, edges) for counts, own in zip(histograms.counts, histograms.edges, strict=True)
    ]
    share = np.stack([row / max(row.sum(), 1e-300) for row in rows], axis=1)  # bins x steps
    figure = go.Figure(
        go.Heatmap(
            z=share,
            x=x,
            y=(edges[:-1] + edges[1:]) / 2,
            colorscale=color_scale(LIGHT.sequential),
            zmin=0,
            colorbar={"thickness": 12, "tickformat": ".2~%", "outlinewidth": 0, "title": {"text": "share"}},
            hovertemplate=f"{x_title} %{{x}}<br>{value_title} %{{y:.4g}}<br>%{{z:.2%}}<extra></extra>",
        )
    )
    figure.update_xaxes(title=x_title, showgrid=False)
    figure.update_yaxes(title=value_title, showgrid=False, zeroline=False)
    return figure


def _ridges(histograms: Histograms, x: np.ndarray, x_title: str, value_title: str) -> go.Figure:
    """One outline per step, the newest in front and below; each is as high as its own peak."""
    edges = common_edges(histograms)
    middles = (edges[:-1] + edges[1:]) / 2
    chosen = np.unique(np.linspace(0, len(x) - 1, min(RIDGES, len(x))).round().astype(int))
    figure = go.Figure()
    for place, index in enumerate(chosen):
        counts = rebinned(histograms.counts[index], histograms.edges[index], edges)
        height = counts / max(counts.max(), 1e-300) * 2.2  # overlaps the two ridges behind it
        level = float(len(chosen) - 1 - place)
        color = LIGHT.sequential[min(9, 3 + 7 * place // max(len(chosen), 1))]
        figure.add_scatter(
            x=np.concatenate([middles, middles[::-1]]),
            y=np.concatenate([height + level, np.full(len(middles), level)]),
            fill="toself",
            fillcolor=color,
            line={"color": LIGHT.background, "width": 1},
            hoverinfo="skip",
            showlegend=False,
        )
    labelled = chosen[:: max(1, len(chosen) // 8)]
    levels = [float(len(chosen) - 1 - np.flatnonzero(chosen == index)[0]) for index in labelled]
    figure.update_yaxes(
        title=x_title, tickvals=levels, ticktext=[f"{x[index]:,.6g}" for index in labelled], zeroline=False
    )
    figure.update_xaxes(title=value_title)
    return figure


def _percentiles(histograms: Histograms, x: np.ndarray, x_title: str, value_title: str) -> go.Figure:
    """The median, and bands that hold 50%, 90% and all of the values."""
    rows = np.stack(
        [
            quantiles(counts, own, QUANTILES)
            for counts, own in zip(histograms.counts, histograms.edges, strict=True)
        ]
    )
    figure = go.Figure()
    for low, high, name, color in ((0, 6, "all", 1), (1, 5, "90%", 3), (2, 4, "50%", 5)):
        shared = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "legendgroup": name}
        figure.add_scatter(x=x, y=rows[:, low], showlegend=False, **shared)
        figure.add_scatter(
            x=x, y=rows[:, high], fill="tonexty", fillcolor=LIGHT.sequential[color], name=name, **shared
        )
    figure.add_scatter(
        x=x,
        y=rows[:, 3],
        name="median",
        mode="lines",
        line={"color": LIGHT.sequential[9], "width": 2},
        hovertemplate=f"{x_title} %{{x}}<br>median %{{y:.4g}}<extra></extra>",
    )
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=value_title)
    return figure


def _occupied(counts: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """From the first bin with counts to the last one; all of it without counts."""
    filled = np.flatnonzero(np.asarray(counts) > 0)
    if not len(filled):
        return float(edges[0]), float(edges[-1])
    return float(edges[filled[0]]), float(edges[filled[-1] + 1])
