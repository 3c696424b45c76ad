"""Error and norm over the size of a model, through the interpolation threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT, SPLITS

FLOOR = 0.3  # of the least test error: training errors below it are off the picture
CEILING = 3.0  # of the largest mean


@dataclass(frozen=True)
class Extra:
    """One more curve of test errors: another ridge, a theory."""

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str = LIGHT.categorical[2]
    dash: str = "dash"


def descent_chart(
    sizes: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    threshold: float,
    x_title: str,
    y_title: str = "mean squared error",
    extras: Sequence[Extra] = (),
    chosen: float | None = None,
    unit: str = "features",
    threshold_text: str = "as many features as samples",
) -> go.Figure:
    """`sizes` [sizes], `train` and `test` [sizes, seeds]: the mean over seeds thick, each seed's test faint.

    Both axes are logarithmic. `threshold` is marked by a line, `chosen` by a ring on the test errors.
    """
    figure = QuickFigure()
    seeds = test.shape[1]
    if seeds > 1:
        figure.add_trace(_seeds(sizes, test, SPLITS["test"]))
    named = {"train": train, "test": test}
    for split, errors in named.items():
        mean = _mean(errors)
        spread = np.stack([_low(errors), _high(errors)], axis=1)
        figure.add_scatter(
            x=sizes,
            y=np.where(mean > 0, mean, np.nan),
            mode="lines+markers",
            name=split if seeds == 1 else f"{split}, mean of {seeds} seeds",
            line={"color": SPLITS[split], "width": 2.5, "dash": "dot" if split == "train" else "solid"},
            marker={"size": 5},
            customdata=spread,
            hovertemplate=f"{split}: %{{y:.3g}}<br>seeds %{{customdata[0]:.3g}} to %{{customdata[1]:.3g}}"
            f"<br>%{{x:,}} {unit}<extra></extra>",
        )
    for extra in extras:
        figure.add_scatter(
            x=extra.x,
            y=np.where(np.isfinite(extra.y), extra.y, np.nan),
            mode="lines",
            name=extra.name,
            line={"color": extra.color, "width": 2, "dash": extra.dash},
            hovertemplate=f"{extra.name}: %{{y:.3g}}<br>%{{x:,}} {unit}<extra></extra>",
        )
    if chosen is not None:
        at = int(np.abs(sizes - chosen).argmin())
        _ring(figure, float(sizes[at]), float(_mean(test)[at]))
    shown = _range(test, extras)
    steps = {"dtick": 1} if shown[1] - shown[0] > 2 else {}  # else 2 and 5 between the powers of ten
    errors_axis = {"type": "log", "range": shown, "uirevision": f"{y_title} {shown}", **steps}
    return _laid_out(
        figure,
        _size_axis(sizes, x_title),
        {"title": y_title, "exponentformat": "power", **errors_axis},
        threshold,
        threshold_text,
        top=72,
    )


def norm_chart(sizes: np.ndarray, norm: np.ndarray, threshold: float, x_title: str) -> go.Figure:
    """`norm` [sizes, seeds]: the length of the weights, mean thick, seeds faint."""
    figure = QuickFigure()
    if norm.shape[1] > 1:
        figure.add_trace(_seeds(sizes, norm, LIGHT.categorical[6]))
    figure.add_scatter(
        x=sizes,
        y=_mean(norm),
        mode="lines",
        line={"color": LIGHT.categorical[6], "width": 2.5},
        hovertemplate="norm %{y:.3g}<br>at %{x:,}<extra></extra>",
        showlegend=False,
    )
    norm_axis = {"title": "‖w‖", "type": "log", "uirevision": "norm", "exponentformat": "power", "dtick": 1}
    return _laid_out(figure, _size_axis(sizes, x_title), norm_axis, threshold)


def mistakes_chart(sizes: np.ndarray, mistakes: np.ndarray, threshold: float, x_title: str) -> go.Figure:
    """`mistakes` [sizes, seeds]: the share of test samples given a wrong class."""
    figure = QuickFigure()
    if mistakes.shape[1] > 1:
        figure.add_trace(_seeds(sizes, mistakes, SPLITS["test"]))
    figure.add_scatter(
        x=sizes,
        y=_mean(mistakes),
        mode="lines",
        line={"color": SPLITS["test"], "width": 2.5},
        hovertemplate="%{y:.1%} wrong<br>at %{x:,}<extra></extra>",
        showlegend=False,
    )
    shares = {"title": "test mistakes", "tickformat": ".0%", "rangemode": "tozero", "uirevision": "mistakes"}
    return _laid_out(figure, _size_axis(sizes, x_title), shares, threshold)


def ridge_chart(ridges: np.ndarray, errors: np.ndarray, chosen: float, count: int) -> go.Figure:
    """`errors` [ridges, seeds] of the models with `count` features; the first ridge is 0, at the left end."""
    figure = QuickFigure()
    places = np.arange(len(ridges))
    figure.add_scatter(
        x=places,
        y=_mean(errors),
        mode="lines+markers",
        line={"color": SPLITS["test"], "width": 2.5},
        marker={"size": 6},
        text=[f"{ridge:g}" for ridge in ridges],
        hovertemplate=f"ridge %{{text}}: %{{y:.3g}}<br>{count:,} features<extra></extra>",
        showlegend=False,
    )
    at = int(np.abs(ridges - chosen).argmin())
    _ring(figure, float(at), float(_mean(errors)[at]))
    stops = {"tickvals": places, "ticktext": [f"{ridge:g}" for ridge in ridges], "zeroline": False}
    return _laid_out(
        figure, {"title": "ridge", **stops}, {"title": "test error", "type": "log", "uirevision": "ridge"}
    )


def fits_chart(
    points: np.ndarray,
    said: np.ndarray,
    truth: np.ndarray,
    train_inputs: np.ndarray,
    train_targets: np.ndarray,
) -> go.Figure:
    """Fits to one input: `said` [seeds, points] over `points`, the first seed's in front with its samples."""
    figure = QuickFigure()
    if len(said) > 1:
        figure.add_trace(_seeds(points, said[1:].T, LIGHT.categorical[1]) | {"opacity": 0.3})
    figure.add_scatter(
        x=points, y=truth, mode="lines", name="truth", hoverinfo="skip",
        line={"color": LIGHT.quiet, "width": 2, "dash": "dash"},
    )  # fmt: skip
    figure.add_scatter(
        x=points, y=said[0], mode="lines", name="fit", line={"color": LIGHT.categorical[1], "width": 2.5},
        hovertemplate="x %{x:.2f}: %{y:.3g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=train_inputs, y=train_targets, mode="markers", name="samples",
        marker={"size": 6, "color": LIGHT.categorical[0]},
        hovertemplate="sample %{x:.2f}, %{y:.3g}<extra></extra>",
    )  # fmt: skip
    heights = {"title": "y", "range": [-3, 3], "zeroline": False, "uirevision": "fits"}
    return _laid_out(figure, {"title": "x", "zeroline": False}, heights, top=30)


def _seeds(sizes: np.ndarray, values: np.ndarray, color: str) -> dict[str, Any]:
    """All seeds as one faint line with gaps between them."""
    gap = np.full((1, values.shape[1]), np.nan)
    x = np.tile(np.append(np.asarray(sizes, np.float64), np.nan), values.shape[1])
    return {
        "type": "scatter",
        "x": x,
        "y": np.concatenate([np.where(np.isfinite(values), values, np.nan), gap]).T.ravel(),
        "mode": "lines",
        "line": {"color": color, "width": 1},
        "opacity": 0.25,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _ring(figure: QuickFigure, x: float, y: float) -> None:
    figure.add_scatter(
        x=[x], y=[y], mode="markers", hoverinfo="skip", showlegend=False,
        marker={"size": 14, "symbol": "circle-open", "color": LIGHT.text, "line": {"width": 2.5}},
    )  # fmt: skip


def _laid_out(
    figure: QuickFigure,
    x_axis: dict[str, Any],
    y_axis: dict[str, Any],
    threshold: float | None = None,
    threshold_text: str = "",
    top: int = 12,
) -> go.Figure:
    """The figure with its layout.

    A dotted line at `threshold` on a logarithmic axis, and what it means above it. `top`: pixels above the
    axes, for a legend.
    """
    lines, notes = [], []
    if threshold is not None:
        lines.append(
            {"type": "line", "x0": threshold, "x1": threshold, "y0": 0, "y1": 1, "yref": "paper",
             "layer": "below", "line": {"color": LIGHT.text, "width": 1.3, "dash": "dot"}}
        )  # fmt: skip
    if threshold is not None and threshold_text:
        notes.append(
            {"x": np.log10(threshold), "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
             "text": threshold_text, "font": {"size": 12, "color": LIGHT.quiet}}
        )  # fmt: skip
    figure.update_layout(
        xaxis=x_axis,
        yaxis=y_axis,
        shapes=lines,
        annotations=notes,
        hovermode="closest",
        showlegend=top > 12,
        # Above what is said of the threshold
        legend={
            "orientation": "h", "x": 0, "xanchor": "left", "yanchor": "bottom", "y": 1.08 if notes else 1.02
        },
        margin={"l": 60, "r": 12, "t": top, "b": 46},
    )  # fmt: skip
    return figure.made()


def _size_axis(sizes: np.ndarray, title: str) -> dict[str, Any]:
    return {"title": title, "type": "log", "uirevision": title, **_ticks(sizes)}


def _ticks(sizes: np.ndarray) -> dict[str, Any]:
    """1, 2, 5, 10 ... as they lie within the sizes: a logarithmic axis names too few by itself."""
    low, high = float(np.min(sizes)), float(np.max(sizes))
    stops = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    kept = [stop for stop in stops if low <= stop <= high]
    return {"tickvals": kept, "ticktext": [f"{stop:,}" for stop in kept]}


def _range(test: np.ndarray, extras: Sequence[Extra]) -> list[float]:
    """What the logarithmic axis of errors shows: the means of the test errors, and a little more."""
    values = np.concatenate([_mean(test), *(np.asarray(extra.y, np.float64) for extra in extras)])
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known):
        return [-1.0, 1.0]
    return [float(np.log10(known.min() * FLOOR)), float(np.log10(known.max() * CEILING))]


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the seeds that are finite; NaN where none is."""
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)


def _low(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.inf).min(axis=1)


def _high(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, -np.inf).max(axis=1)
