"""The score over two things that vary: a heatmap of the trials' means, with the trials on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.trials import Score, Trial, TrialAxis, empty, failed, hover_text, scored
from dashboard.theme import LIGHT

FEWEST, MOST = 3, 12  # bins of a range


@dataclass(frozen=True)
class Bins:
    """The cells of one axis: `edges` are one more than there are cells."""

    edges: np.ndarray  # float64 [cells + 1], ascending
    cells: np.ndarray  # int64 [trials], -1: outside

    @property
    def count(self) -> int:
        return len(self.edges) - 1


def bins_of(axis: TrialAxis, trials: Sequence[Trial]) -> Bins:
    """A cell for each category; of a range, as many equally wide ones (on its own scale) as give a cell some
    trials: about the square root of their number.
    """
    places = axis.of(trials)
    if axis.kind == "category":
        edges = np.arange(len(axis.categories) + 1) - 0.5
        return Bins(edges, np.where(np.isfinite(places), places, -1).astype(np.int64))
    scaled = np.log10(places) if axis.kind == "log" else places
    known = scaled[np.isfinite(scaled)]
    ends = [math.log10(end) if axis.kind == "log" else end for end in (axis.low, axis.high) if end == end]
    low, high = min([*ends, *known]), max([*ends, *known])
    if not high > low:
        low, high = low - 0.5, high + 0.5
    number = int(np.clip(round(math.sqrt(len(known))), FEWEST, MOST))
    edges = np.linspace(low, high, number + 1)
    cells = np.clip(np.searchsorted(edges, scaled, side="right") - 1, 0, number - 1)
    cells = np.where(np.isfinite(scaled), cells, -1)
    return Bins(10**edges if axis.kind == "log" else edges, cells)


def trial_map(
    trials: Sequence[Trial], x_axis: TrialAxis, y_axis: TrialAxis
) -> tuple[Bins, Bins, np.ndarray, np.ndarray]:
    """The bins of both axes, the mean score of each cell [y, x] (NaN: no trial there) and how many it has."""
    x, y = bins_of(x_axis, trials), bins_of(y_axis, trials)
    total, count = np.zeros((y.count, x.count)), np.zeros((y.count, x.count), np.int64)
    for trial, column, row in zip(trials, x.cells, y.cells, strict=True):
        if column >= 0 and row >= 0:
            total[row, column] += trial.score
            count[row, column] += 1
    return x, y, np.where(count > 0, total / np.maximum(count, 1), np.nan), count


def trial_map_chart(
    trials: Sequence[Trial], x_axis: TrialAxis, y_axis: TrialAxis, score: Score, chosen: int | None = None
) -> go.Figure:
    """A cell has the mean of its trials; each of these is a point, one that failed without a score a cross,
    and a click on it gives its number.
    """
    figure = go.Figure()
    known = scored(trials)
    if not known:
        return empty(figure, "The first trial with a score begins this picture.")
    x, y, means, count = trial_map(known, x_axis, y_axis)
    colors = score.colors([trial.score for trial in known])
    figure.add_heatmap(
        x=x.edges,
        y=y.edges,
        z=means,
        customdata=count,
        colorscale=colors["colorscale"],
        zmin=colors["cmin"],
        zmax=colors["cmax"],
        colorbar=colors["colorbar"],
        hovertemplate=f"mean %{{z:{score.format}}} of %{{customdata}}<extra></extra>",
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    best = score.best(known)
    marker = [_marker(trial.number, best.number if best else None, chosen) for trial in known]
    figure.add_scatter(
        x=x_axis.of(known),
        y=y_axis.of(known),
        mode="markers",
        marker={
            "size": [size for size, _color in marker],
            "color": LIGHT.background,
            "line": {"width": [size / 4 for size, _ in marker], "color": [color for _, color in marker]},
        },
        text=[hover_text(trial, score) for trial in known],
        customdata=[trial.number for trial in known],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    if lost := failed(trials):
        figure.add_scatter(
            x=x_axis.of(lost),
            y=y_axis.of(lost),
            mode="markers",
            marker={"symbol": "x", "size": 7, "color": LIGHT.quiet},
            text=[hover_text(trial, score) for trial in lost],
            customdata=[trial.number for trial in lost],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(**_axis(x_axis, x), showgrid=False)
    figure.update_yaxes(**_axis(y_axis, y), showgrid=False)
    return figure


def _axis(axis: TrialAxis, bins: Bins) -> dict[str, Any]:
    """The axis, exactly as far as its cells go."""
    ends = [float(bins.edges[0]), float(bins.edges[-1])]
    if axis.kind == "log":
        ends = [math.log10(end) for end in ends]
    return {**axis.layout(), "range": ends, "zeroline": False}


def _marker(number: int, best: int | None, chosen: int | None) -> tuple[float, str]:
    """Size and colour of a trial's point."""
    if number == best:
        return 11, LIGHT.categorical[1]
    return (11, LIGHT.text) if number == chosen else (6, LIGHT.quiet)
