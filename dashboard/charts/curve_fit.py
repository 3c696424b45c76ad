"""A curve fitted to points, and what its capacity does to the error."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure, level, upright
from dashboard.theme import DASHES, LIGHT, SPLITS

FIT = LIGHT.categorical[1]
LEGEND = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
CELLS = (121, 81)  # places in a picture that a click can name, along x and y
WILD = 0.6  # of the height of the values: how far the picture goes beyond them


def value_range(*values: np.ndarray) -> tuple[float, float]:
    """The lowest and highest value, with room: a wild fit leaves the picture instead of flattening the
    rest.
    """
    known = np.concatenate([np.ravel(each) for each in values])
    known = known[np.isfinite(known)]
    if not len(known):
        return -1.0, 1.0
    low, high = float(known.min()), float(known.max())
    room = WILD / 2 * ((high - low) or 1.0)
    return low - room, high + room


def fit_chart(
    places: np.ndarray,
    fitted: np.ndarray | None,
    x: np.ndarray,
    y: np.ndarray,
    truth: np.ndarray | None = None,
    held: tuple[np.ndarray, np.ndarray] | None = None,
    name: str = "fit",
    others: Sequence[np.ndarray] = (),
    sources: Sequence[int] | None = None,
    stopping: Sequence[int] = (),
    ends: tuple[float, float, float, float] | None = None,
) -> go.Figure:
    """The samples, the truth where there is one, and the fitted curve at `places`; `others`: faint curves.

    `held`: places and values of points that were held out; `stopping`: which of the samples early stopping
    looks at. With `sources`, the number of each sample and
    then of each point held out, a click on one has it as its customdata, and a click anywhere else is one on
    a trace named "anywhere" with that place as its x and y. `ends`: low and high of x, and of y.
    """
    figure = QuickFigure()
    known = [y, *([truth] if truth is not None else []), *([held[1]] if held else [])]
    x_low, x_high = (float(places[0]), float(places[-1])) if ends is None else ends[:2]
    low, high = value_range(*known) if ends is None else ends[2:]
    if sources is not None:
        figure.add_heatmap(
            x=np.linspace(x_low, x_high, CELLS[0]),
            y=np.linspace(low, high, CELLS[1]),
            z=np.zeros((CELLS[1], CELLS[0]), np.int8),
            colorscale=[[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
            showscale=False,
            hoverinfo="none",
            name="anywhere",
        )
    if truth is not None:
        figure.add_scatter(
            x=places, y=truth, mode="lines", name="truth", hoverinfo="skip",
            line={"color": LIGHT.quiet, "width": 2, "dash": "dash"},
        )  # fmt: skip
    for number, other in enumerate(others):
        figure.add_scatter(
            x=places, y=_within(other, low, high), mode="lines", hoverinfo="skip", showlegend=number == 0,
            name="other seeds", line={"color": FIT, "width": 1}, opacity=0.35,
        )  # fmt: skip
    if fitted is not None:
        figure.add_scatter(
            x=places, y=_within(fitted, low, high), mode="lines", name=name, line={"color": FIT, "width": 3},
            hovertemplate="fit at %{x:.3g}: %{y:.4g}<extra></extra>",
        )  # fmt: skip
    watched = np.isin(np.arange(len(x)), stopping)
    for chosen, split, symbol, label in (
        (~watched, "train", "circle", "training samples"),
        (watched, "validation", "square", "watched by early stopping"),
    ):
        if not chosen.any() and split == "validation":
            continue
        figure.add_scatter(
            x=x[chosen], y=y[chosen], mode="markers", name=label,
            customdata=sources and np.asarray(sources)[: len(x)][chosen].tolist(),
            marker={
                "color": SPLITS[split], "size": 8, "symbol": symbol,
                "line": {"color": LIGHT.background, "width": 1},
            },
            hovertemplate=f"x %{{x:.3g}}, y %{{y:.4g}}<extra>{label}</extra>",
        )  # fmt: skip
    if held is not None and len(held[0]):
        figure.add_scatter(
            x=held[0], y=held[1], mode="markers", name="held out", customdata=sources and sources[len(x) :],
            marker={"color": SPLITS["test"], "size": 9, "symbol": "diamond-open", "line": {"width": 2}},
            hovertemplate="x %{x:.3g}, y %{y:.4g}<extra>held out</extra>",
        )  # fmt: skip
    sign = f"{x_low:.3g} {x_high:.3g} {low:.2g} {high:.2g}"
    room = 0.02 * (x_high - x_low)
    across = {"title": "x", "range": [x_low - room, x_high + room], "zeroline": False, "uirevision": sign}
    up = {"title": "y", "range": [low, high], "zeroline": False, "uirevision": sign}
    figure.update_layout(
        xaxis=across,
        yaxis=up,
        hovermode="closest",
        legend=LEGEND,
        margin={"l": 52, "r": 12, "t": 36, "b": 44},
    )
    return figure.made()


def residuals_chart(x: np.ndarray, residuals: np.ndarray, held_x: np.ndarray, held: np.ndarray) -> go.Figure:
    """What the fit leaves of each sample: value minus fit."""
    figure = QuickFigure()
    for places, left, split, name in (
        (x, residuals, "train", "training samples"),
        (held_x, held, "test", "held out"),
    ):
        if not len(places):
            continue
        stems = np.full((len(places), 3), np.nan)
        stems[:, 0], stems[:, 1] = 0, left
        figure.add_scatter(
            x=np.repeat(places, 3), y=stems.ravel(), mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": SPLITS[split], "width": 1.5},
        )  # fmt: skip
        figure.add_scatter(
            x=places, y=left, mode="markers", name=name,
            marker={"color": SPLITS[split], "size": 7, "symbol": "circle" if split == "train" else "diamond"},
            hovertemplate="at %{x:.3g}: %{y:.4g}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        title="Residuals",
        shapes=[level(0, color=LIGHT.quiet, width=1)],
        xaxis={"title": "x", "zeroline": False},
        yaxis={"title": "value − fit", "zeroline": False},
        showlegend=len(held_x) > 0,
        hovermode="closest",
        legend=LEGEND,
        margin={"l": 56, "r": 12, "t": 44, "b": 44},
    )
    return figure.made()


def capacity_chart(
    capacities: Sequence[int],
    train: np.ndarray,
    test: np.ndarray,
    chosen: int,
    capacity_name: str,
    noise: float | None = None,
    test_name: str = "test",
    unit: str = "mean squared error",
    log_x: bool = False,
    spread: tuple[np.ndarray, np.ndarray] | None = None,
) -> go.Figure:
    """Training and test error against capacity on a logarithmic scale, the chosen capacity marked.

    `noise`: its variance, below which no test error is expected. `spread`: lowest and highest test error of
    the seeds. A click on a point has the capacity as its x.
    """
    x = np.asarray(capacities)
    figure = QuickFigure()
    if spread is not None:
        figure.add_scatter(
            x=np.concatenate([x, x[::-1]]), y=np.concatenate([spread[1], spread[0][::-1]]), fill="toself",
            fillcolor=SPLITS["test"], opacity=0.15, line={"width": 0}, mode="lines", hoverinfo="skip",
            name="seeds",
        )  # fmt: skip
    for values, split, name in ((train, "train", "training"), (test, "test", test_name)):
        if not np.isfinite(values).any():
            continue
        figure.add_scatter(
            x=x, y=_positive(values), mode="lines+markers", name=name,
            line={"color": SPLITS[split], "width": 2, "dash": DASHES[split]}, marker={"size": 5},
            hovertemplate=f"{capacity_name} %{{x}}<br>{name} error %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
    place = int(np.abs(x - chosen).argmin())
    for values, split in ((train, "train"), (test, "test")):
        if np.isfinite(values[place]):
            figure.add_scatter(
                x=[x[place]], y=_positive(values[place : place + 1]), mode="markers", showlegend=False,
                marker={"color": SPLITS[split], "size": 12, "line": {"color": FIT, "width": 2.5}},
                hovertemplate=f"{capacity_name} %{{x}}, chosen<br>%{{y:.4g}}<extra></extra>",
            )  # fmt: skip
    shapes, notes = [upright(x[place], color=FIT, width=1.5)], []
    if noise:
        shapes.append(level(noise, color=LIGHT.quiet, width=1, dash="dot"))
        notes.append(
            {
                "text": "noise", "font": {"color": LIGHT.quiet, "size": 11}, "showarrow": False,
                "x": 0, "xref": "x domain", "xanchor": "left", "y": math.log10(noise), "yanchor": "bottom",
            }
        )  # fmt: skip
    figure.update_layout(
        title="Error against capacity",
        shapes=shapes,
        annotations=notes,
        xaxis=_capacity_axis(x, capacity_name, log_x),
        yaxis={"title": unit, "type": "log", "range": _error_range(train, test, noise)},
        hovermode="closest",
        legend=LEGEND,
        margin={"l": 64, "r": 12, "t": 44, "b": 44},
    )
    return figure.made()


def weights_chart(weights: np.ndarray) -> go.Figure:
    """The weight of each term of a polynomial, by its degree; those that are exactly 0 are said."""
    degrees = np.arange(len(weights))
    figure = QuickFigure()
    figure.add_bar(
        x=degrees,
        y=weights,
        marker={"color": LIGHT.categorical[0]},
        hovertemplate="term of degree %{x}: %{y:.4g}<extra></extra>",
    )
    zeros = degrees[weights == 0]
    if len(zeros):
        figure.add_scatter(
            x=zeros, y=np.zeros(len(zeros)), mode="markers", name="exactly 0",
            marker={"color": LIGHT.quiet, "symbol": "x-thin-open", "size": 7, "line": {"width": 1.5}},
            hovertemplate="term of degree %{x}: exactly 0<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        title="Weights",
        xaxis={"title": "degree of the term", "zeroline": False},
        yaxis={"title": "weight", "zeroline": True, "exponentformat": "power"},
        showlegend=False,
        bargap=0.3,
        margin={"l": 64, "r": 12, "t": 44, "b": 44},
    )
    return figure.made()


def sizes_chart(
    capacities: Sequence[int], sizes: np.ndarray, chosen: int, name: str, log_x: bool = False
) -> go.Figure:
    """The size of all weights against capacity."""
    x = np.asarray(capacities)
    figure = QuickFigure()
    figure.add_scatter(
        x=x, y=np.where(sizes > 0, sizes, np.nan), mode="lines+markers", marker={"size": 5},
        line={"color": LIGHT.categorical[3], "width": 2},
        hovertemplate=f"{name} %{{x}}: %{{y:.4g}}<extra></extra>",
    )  # fmt: skip
    place = int(np.abs(x - chosen).argmin())
    figure.update_layout(
        title="Size of the weights",
        shapes=[upright(x[place], color=FIT, width=1.5)],
        xaxis=_capacity_axis(x, name, log_x),
        yaxis={"title": "root of the sum of squares", "type": "log", "exponentformat": "power"},
        showlegend=False,
        margin={"l": 64, "r": 12, "t": 44, "b": 44},
    )
    return figure.made()


def history_chart(
    steps: np.ndarray, train: np.ndarray, test: np.ndarray, stopped: int | None = None
) -> go.Figure:
    """Both errors over the steps of a training; `stopped`: the step whose weights early stopping has kept."""
    figure = QuickFigure()
    for values, split in ((train, "train"), (test, "test")):
        if np.isfinite(values).any():
            figure.add_scatter(
                x=steps, y=_positive(values), mode="lines", name="training" if split == "train" else "test",
                line={"color": SPLITS[split], "width": 2, "dash": DASHES[split]},
                hovertemplate="step %{x}: %{y:.4g}<extra></extra>",
            )  # fmt: skip
    notes: list[dict[str, object]] = []
    if stopped is not None:
        font = {"color": FIT, "size": 11}
        where = {"x": stopped, "y": 1, "yref": "y domain", "xanchor": "left", "yanchor": "top"}
        notes = [{"text": "kept", "showarrow": False, "font": font, **where}]
    figure.update_layout(
        title="Error over the steps",
        shapes=[] if stopped is None else [upright(stopped, color=FIT, width=1.5)],
        annotations=notes,
        xaxis={"title": "step", "zeroline": False},
        yaxis={"title": "mean squared error", "type": "log"},
        hovermode="closest",
        legend=LEGEND,
        margin={"l": 64, "r": 12, "t": 44, "b": 44},
    )
    return figure.made()


def _capacity_axis(capacities: np.ndarray, name: str, log: bool) -> dict[str, object]:
    if not log:
        return {"title": name, "zeroline": False}
    said = {"tickvals": capacities, "ticktext": [str(each) for each in capacities]}
    return {"title": name, "zeroline": False, "type": "log", **said}


def _within(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Cut far outside of the picture: Plotly loses its way along lines that leave it by a factor of 1e6."""
    span = high - low
    return np.clip(np.nan_to_num(values, nan=np.nan, posinf=high + 50 * span, neginf=low - 50 * span),
                   low - 50 * span, high + 50 * span)  # fmt: skip


def _positive(values: np.ndarray) -> np.ndarray:
    """For a logarithmic axis: what is 0 but for rounding is drawn at its foot."""
    values = np.asarray(values, np.float64)
    return np.where(np.isfinite(values), np.maximum(values, 1e-12), np.nan)


def _error_range(train: np.ndarray, test: np.ndarray, noise: float | None) -> list[float]:
    """Decades of the axis: what matters lies around the noise and the first errors, not at 1e-30 or 1e+20."""
    known = np.concatenate([train, test, [noise or np.nan]])
    known = known[np.isfinite(known) & (known > 0)]
    if not len(known):
        return [-2.0, 0.5]
    middle = float(np.median(known))
    low = max(float(known.min()), middle * 1e-3)
    high = min(float(known.max()), middle * 1e3)
    return [np.log10(low) - 0.25, np.log10(high) + 0.25]
