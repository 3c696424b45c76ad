"""Learning curves over data: a score against the number of training samples, with bands over seeds."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.trials import empty
from dashboard.theme import LIGHT

DASHES = {"train": "dot", "validation": "solid", "test": "solid"}


@dataclass(frozen=True)
class SizeScores:
    """One network's scores of one split: a row for each size of the training set, a column a seed; or NaN."""

    name: str
    split: str
    sizes: np.ndarray  # int64 [sizes], ascending
    scores: np.ndarray  # float64 [sizes, seeds]


@dataclass(frozen=True)
class SizeBand:
    """What the seeds say at each size that has a score: their mean, and the standard deviation about it."""

    sizes: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray  # 0 for a single seed
    count: np.ndarray


def size_band(found: SizeScores) -> SizeBand:
    """Sizes without a score are left out."""
    known = np.isfinite(found.scores)
    count = known.sum(axis=1)
    kept = count > 0
    scores, count = found.scores[kept], count[kept]
    if not len(count):
        nothing = np.empty(0)
        return SizeBand(nothing, nothing, nothing, nothing)
    mean = np.nanmean(scores, axis=1)
    squares = np.nansum((scores - mean[:, None]) ** 2, axis=1)
    return SizeBand(found.sizes[kept], mean, np.sqrt(squares / np.maximum(count - 1, 1)), count)


def learning_curve_chart(
    curves: Sequence[SizeScores], y_title: str, percent: bool = False, log_y: bool = False
) -> go.Figure:
    """A colour for each name, a dash for each split; seeds as faint dots, bands of a standard deviation."""
    figure = go.Figure()
    colors: dict[str, str] = {}
    for curve in curves:
        colors.setdefault(curve.name, LIGHT.categorical[len(colors) % len(LIGHT.categorical)])
    drawn = [curve for curve in curves if len(size_band(curve).sizes)]
    if not drawn:
        return empty(figure, "The first training that ends begins these curves.")
    for curve in drawn:
        _add_curve(figure, curve, colors[curve.name], ".1%" if percent else ".4g")
    sizes = np.unique(np.concatenate([curve.sizes for curve in drawn]))
    figure.update_layout(hovermode="closest", legend={"groupclick": "toggleitem"}, margin={"t": 24})
    figure.update_xaxes(
        title="training samples", type="log", uirevision="sizes", tickmode="array", tickvals=sizes,
        ticktext=[f"{size:,}" for size in sizes],
    )  # fmt: skip
    figure.update_yaxes(
        title=y_title, tickformat=".0%" if percent else None, type="log" if log_y else "linear",
        uirevision=f"{y_title} {log_y}",
    )  # fmt: skip
    return figure


def _add_curve(figure: go.Figure, curve: SizeScores, color: str, number: str) -> None:
    band = size_band(curve)
    label = f"{html.escape(curve.name, quote=False)}, {curve.split}"
    if (band.count > 1).any() and len(band.sizes) > 1:
        figure.add_scatter(
            x=np.concatenate([band.sizes, band.sizes[::-1]]),
            y=np.concatenate([band.mean + band.deviation, (band.mean - band.deviation)[::-1]]),
            fill="toself", fillcolor=color, opacity=0.14, mode="lines", line={"width": 0, "color": color},
            hoverinfo="skip", showlegend=False, legendgroup=label,
        )  # fmt: skip
    rows, seeds = np.nonzero(np.isfinite(curve.scores))
    if curve.scores.shape[1] > 1:
        figure.add_scatter(
            x=curve.sizes[rows], y=curve.scores[rows, seeds], mode="markers", opacity=0.35,
            marker={"color": color, "size": 5}, hoverinfo="skip", showlegend=False, legendgroup=label,
        )  # fmt: skip
    figure.add_scatter(
        x=band.sizes,
        y=band.mean,
        mode="lines+markers",
        name=label,
        legendgroup=label,
        line={"color": color, "width": 2.5, "dash": DASHES.get(curve.split, "solid")},
        marker={"size": 7, "symbol": "circle-open" if curve.split == "train" else "circle"},
        customdata=np.stack([band.deviation, band.count], axis=1),
        hovertemplate=f"<b>{label}</b><br>%{{x:,}} samples: %{{y:{number}}} ± %{{customdata[0]:{number}}} "
        "over %{customdata[1]} seeds<extra></extra>",
        uid=label,
    )
