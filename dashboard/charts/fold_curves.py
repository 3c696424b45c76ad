"""K learning curves on one pane: each fold's own, their mean, and the band they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT
from logs.thinning import thin

POINTS = 300  # of each fold's curve, where many share the pane
SINGLE = 60  # curves drawn one by one; of more the band speaks
FEW = 12  # epochs; of so few each has its tick, and none stands between two

Spread = Literal["deviation", "range", "none"]


@dataclass(frozen=True)
class FoldCurve:
    """One fold's values of a metric, by epoch."""

    name: str
    x: np.ndarray  # float64, epochs
    y: np.ndarray  # float64
    failed: bool = False  # it ends where its numbers did


@dataclass(frozen=True)
class Band:
    """At each x: what the curves that reach so far say together. `count` says how many these are."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray


def fold_band(curves: Sequence[FoldCurve], spread: Spread = "deviation") -> Band:
    """Mean of the curves, and the sample standard deviation about it, or lowest and highest.

    Curves are read between their own points by straight lines, and count where they reach: none is
    continued, so a fold that stopped early leaves the mean. With one curve the band has no width.
    """
    kept = [(curve.x[known], curve.y[known]) for curve in curves if (known := _known(curve)).any()]
    if not kept:
        nothing = np.empty(0)
        return Band(nothing, nothing, nothing, nothing, nothing)
    x = np.unique(np.concatenate([own for own, _ in kept]))
    if len(x) > 2 * POINTS:
        x = np.linspace(x[0], x[-1], 2 * POINTS)
    table = np.stack([np.interp(x, own, y, left=np.nan, right=np.nan) for own, y in kept])
    count = np.isfinite(table).sum(axis=0)
    x, table, count = x[count > 0], table[:, count > 0], count[count > 0]
    mean = np.nanmean(table, axis=0)
    if spread == "range":
        return Band(x, mean, np.nanmin(table, axis=0), np.nanmax(table, axis=0), count)
    squares = np.nansum((table - mean) ** 2, axis=0)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    return Band(x, mean, mean - deviation, mean + deviation, count)


def fold_curves_chart(
    curves: Sequence[FoldCurve],
    view: str = "",
    color: str = LIGHT.categorical[0],
    spread: Spread = "deviation",
    chosen: str = "",
    log_y: bool = False,
    percent: bool = False,
) -> go.Figure:
    """Every curve thin, the one named `chosen` bold, the mean of all boldest, and the band behind them.

    A fold that failed ends in a cross, and is no part of mean and band: its last values would pull them down,
    and its end would let them jump. `view` names what is shown: a zoom is kept until it changes. Of shares
    (`percent`) the band ends where they do: no accuracy is above 100%.
    """
    figure = go.Figure()
    whole = [curve for curve in curves if not curve.failed]
    band = fold_band(whole, spread)
    single = len(curves) <= SINGLE
    if spread != "none" and len(whole) > 1 and len(band.x):
        ends = np.concatenate([band.high, band.low[::-1]])
        figure.add_scatter(
            x=np.concatenate([band.x, band.x[::-1]]),
            y=np.clip(ends, 0, 1) if percent else ends,
            fill="toself",
            fillcolor=color,
            opacity=0.16,
            line={"width": 0},
            mode="lines",
            name="mean ± standard deviation" if spread == "deviation" else "lowest to highest",
            hoverinfo="skip",
        )
    for curve in curves if single else [curve for curve in curves if curve.name == chosen]:
        figure.add_trace(_line(curve, color, curve.name == chosen, alone=len(curves) == 1))
    if cuts := [(curve, int(np.flatnonzero(_known(curve))[-1])) for curve in curves if _cut(curve)]:
        figure.add_scatter(
            x=[curve.x[last] for curve, last in cuts],
            y=[curve.y[last] for curve, last in cuts],
            mode="markers",
            name="failed",
            marker={"symbol": "x", "size": 8, "color": LIGHT.quiet},
            text=[curve.name for curve, _ in cuts],
            hovertemplate="%{text} failed after this: epoch %{x:.3g}, %{y:.4g}<extra></extra>",
        )
    if len(whole) > 1 and len(band.x):
        figure.add_scatter(
            x=band.x,
            y=band.mean,
            mode="lines",
            name=f"mean of {len(whole)}",
            line={"color": color, "width": 3},
            customdata=np.stack([band.low, band.high, band.count], axis=1),
            hovertemplate="epoch %{x:.3g}<br>mean %{y:.4g} of %{customdata[2]}<br>"
            "%{customdata[0]:.4g} to %{customdata[1]:.4g}<extra></extra>",
        )
    figure.update_layout(
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 56, "r": 12, "t": 34, "b": 44},
    )
    reach = np.concatenate([curve.x[_known(curve)] for curve in curves] or [np.empty(0)])
    few = len(reach) > 0 and float(np.ptp(reach)) <= FEW
    figure.update_xaxes(title="epoch", uirevision=view, dtick=1 if few else None)
    figure.update_yaxes(
        type="log" if log_y else "linear",
        uirevision=f"{view} {log_y}",
        tickformat=".1~%" if percent else None,
    )
    return figure


def _line(curve: FoldCurve, color: str, chosen: bool, alone: bool) -> go.Scatter:
    """Thin among others; bold where it is chosen, or the only one."""
    known = np.where(np.isfinite(curve.y), curve.y, np.nan)
    kept = thin(curve.x, known, POINTS)
    return go.Scatter(
        x=curve.x[kept],
        y=known[kept],
        mode="lines+markers" if len(known) == 1 else "lines",
        name=curve.name,
        opacity=1 if chosen or alone else 0.42,
        line={"color": LIGHT.text if chosen else color, "width": 2.5 if chosen or alone else 1},
        hovertemplate=f"{curve.name}<br>epoch %{{x:.3g}}: %{{y:.4g}}<extra></extra>",
        showlegend=chosen,
        uid=curve.name,
    )


def _cut(curve: FoldCurve) -> bool:
    return curve.failed and bool(_known(curve).any())


def _known(curve: FoldCurve) -> np.ndarray:
    return np.asarray(np.isfinite(curve.y) & np.isfinite(curve.x))
