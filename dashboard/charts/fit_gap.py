"""Training and validation curve of one network, the gap between them shaded, and the epochs that matter."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.fold_curves import FoldCurve, fold_band
from dashboard.theme import LIGHT, SPLITS
from logs.thinning import thin

POINTS = 300  # of each curve
GAP = LIGHT.quiet  # shade of the gap


@dataclass(frozen=True)
class Mark:
    """An epoch worth a line: where, what it is called there, and the value of the curve that it is about."""

    epoch: float
    text: str
    value: float = float("nan")
    dash: str = "dot"


@dataclass(frozen=True)
class Context:
    """Another network's mean validation curve, drawn in grey."""

    name: str
    curves: tuple[FoldCurve, ...]
    compared: bool = False  # the one that this is compared with: dashed, and named in the legend


def gap_chart(
    train: Sequence[FoldCurve],
    validation: Sequence[FoldCurve],
    y_title: str,
    marks: Sequence[Mark] = (),
    context: Sequence[Context] = (),
    log_y: bool = False,
    percent: bool = False,
    title: str = "",
    x_title: str = "epoch",
) -> go.Figure:
    """Means over the seeds bold, the seeds faint, the band of their standard deviation; `marks` as vertical
    lines, the gap between the two means in grey.
    """
    figure = go.Figure()
    _add_others(figure, [other for other in context if not other.compared])
    for other in context:
        if other.compared:
            _add_compared(figure, other)
    _add_gap(figure, train, validation)
    for split, curves in (("train", train), ("validation", validation)):
        _add_split(figure, split, curves)
    last = max((curve.x[-1] for curve in (*train, *validation) if len(curve.x)), default=1.0)
    for place, mark in enumerate(marks):
        left = mark.epoch > 0.6 * last  # the words are where no curve is, mostly
        figure.add_vline(x=mark.epoch, line={"color": LIGHT.text, "width": 1.5, "dash": mark.dash})
        figure.add_annotation(
            x=mark.epoch, y=0 if percent else 1, yref="paper", yanchor="bottom" if percent else "top",
            yshift=18 * place if percent else -18 * place,
            xanchor="right" if left else "left", xshift=-4 if left else 4,
            text=html.escape(mark.text, quote=False), showarrow=False, font={"color": LIGHT.text, "size": 12},
        )  # fmt: skip
        if np.isfinite(mark.value):
            figure.add_scatter(
                x=[mark.epoch], y=[mark.value], mode="markers", showlegend=False, hoverinfo="skip",
                marker={"color": SPLITS["validation"], "size": 9, "line": {"color": LIGHT.text, "width": 1}},
            )  # fmt: skip
    figure.update_layout(
        title=title,
        hovermode="x unified",
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 56, "r": 12, "t": 48, "b": 44},
    )
    figure.update_xaxes(title=x_title, uirevision=x_title)
    figure.update_yaxes(
        title=y_title, type="log" if log_y else "linear", uirevision=f"{y_title} {log_y}",
        tickformat=".0%" if percent else None, rangemode="normal" if log_y else "tozero",
    )  # fmt: skip
    return figure


def gap_over_epochs(
    train: Sequence[FoldCurve], validation: Sequence[FoldCurve]
) -> tuple[np.ndarray, np.ndarray]:
    """Epochs, and at each the mean validation curve minus the mean training curve; where both are known."""
    ours, theirs = fold_band(train), fold_band(validation)
    if not len(ours.x) or not len(theirs.x):
        return np.empty(0), np.empty(0)
    x = theirs.x[(theirs.x >= ours.x[0]) & (theirs.x <= ours.x[-1])]
    return x, np.interp(x, theirs.x, theirs.mean) - np.interp(x, ours.x, ours.mean)


def _add_gap(figure: go.Figure, train: Sequence[FoldCurve], validation: Sequence[FoldCurve]) -> None:
    ours, theirs = fold_band(train), fold_band(validation)
    if len(ours.x) < 2 or len(theirs.x) < 2:
        return
    x = theirs.x[(theirs.x >= ours.x[0]) & (theirs.x <= ours.x[-1])]
    kept = x[thin(x, np.interp(x, theirs.x, theirs.mean), POINTS)]
    upper, lower = np.interp(kept, theirs.x, theirs.mean), np.interp(kept, ours.x, ours.mean)
    figure.add_scatter(
        x=np.concatenate([kept, kept[::-1]]),
        y=np.concatenate([upper, lower[::-1]]),
        fill="toself",
        fillcolor=GAP,
        opacity=0.13,
        mode="lines",
        line={"width": 0, "color": GAP},
        name="gap",
        hoverinfo="skip",
        uid="gap",
    )


def _add_split(figure: go.Figure, split: str, curves: Sequence[FoldCurve]) -> None:
    band = fold_band(curves)
    if not len(band.x):
        return
    color, dash = SPLITS[split], "solid" if split == "train" else "dash"
    if len(curves) > 1:
        for curve in curves:
            kept = thin(curve.x, curve.y, POINTS)
            figure.add_scatter(
                x=curve.x[kept], y=_finite(curve.y[kept]), mode="lines", line={"color": color, "width": 1},
                opacity=0.3, hoverinfo="skip", showlegend=False, legendgroup=split,
                uid=f"{split} {curve.name}",
            )  # fmt: skip
    kept = thin(band.x, band.mean, POINTS)
    figure.add_scatter(
        x=band.x[kept],
        y=_finite(band.mean[kept]),
        mode="lines" if len(kept) > 1 else "markers",
        name=split if len(curves) == 1 else f"{split}, mean of {len(curves)}",
        line={"color": color, "width": 2.5, "dash": dash},
        legendgroup=split,
        hovertemplate="%{y:.4g}",
        uid=f"{split} mean",
    )


def _add_others(figure: go.Figure, others: Sequence[Context]) -> None:
    """All of them as one trace with gaps between: a trace each would make every redrawing slow."""
    bands = [band for other in others if len((band := fold_band(other.curves)).x)]
    if not bands:
        return
    x: list[Any] = []
    y: list[Any] = []
    for band in bands:
        kept = thin(band.x, band.mean, POINTS)
        x += [band.x[kept], [np.nan]]
        y += [_finite(band.mean[kept]), [np.nan]]
    figure.add_scatter(
        x=np.concatenate(x), y=np.concatenate(y), mode="lines", name="others, validation", opacity=0.35,
        line={"color": LIGHT.quiet, "width": 1}, hoverinfo="skip", connectgaps=False, uid="others",
    )  # fmt: skip


def _add_compared(figure: go.Figure, other: Context) -> None:
    band = fold_band(other.curves)
    if not len(band.x):
        return
    kept = thin(band.x, band.mean, POINTS)
    figure.add_scatter(
        x=band.x[kept],
        y=_finite(band.mean[kept]),
        mode="lines",
        name=f"{html.escape(other.name, quote=False)}, validation",
        line={"color": LIGHT.quiet, "width": 2, "dash": "dashdot"},
        opacity=0.9,
        hovertemplate="%{y:.4g}",
        uid="compared",
    )


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)
