"""What a model does from one training set to the next: the cloud of its fits, and its error in parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.curve_fit import FIT, LEGEND, value_range
from dashboard.charts.quick_figure import QuickFigure, upright
from dashboard.theme import LIGHT, SPLITS

PLACES = 41  # of each curve of the cloud, at most: 200 of them share the picture
PARTS = {
    "bias²": LIGHT.categorical[0],
    "variance": LIGHT.categorical[1],
    "noise": LIGHT.sequential[2],
}
ROOM = 1.25  # of the axis, above what is to be seen
WILD = 4.0  # times the middle error: what is higher leaves a linear picture


def cloud_chart(
    places: np.ndarray, curves: np.ndarray, truth: np.ndarray, grid: np.ndarray, title: str = ""
) -> go.Figure:
    """Every fit thin ([sets, places]), their mean bold, the truth dashed (at `grid`). What lies between mean
    and truth is bias, how far the curves lie apart is variance.
    """
    low, high = value_range(truth)
    step = max(1, -(-len(places) // PLACES))
    kept = np.unique(np.r_[np.arange(0, len(places), step), len(places) - 1])
    span = high - low
    drawn = np.clip(curves[:, kept], low - 3 * span, high + 3 * span)
    gap = np.full((len(drawn), 1), np.nan)
    figure = QuickFigure()
    figure.add_scatter(
        x=np.tile(np.r_[places[kept], np.nan], len(drawn)), y=np.concatenate([drawn, gap], axis=1).ravel(),
        mode="lines", name=f"{len(drawn)} fits", hoverinfo="skip", opacity=0.22,
        line={"color": FIT, "width": 1},
    )  # fmt: skip
    mean = curves.mean(axis=0)
    figure.add_scatter(
        x=places, y=np.clip(mean, low - 9 * span, high + 9 * span), mode="lines", name="their mean",
        line={"color": LIGHT.categorical[0], "width": 3},
        hovertemplate="mean at %{x:.3g}: %{y:.4g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=grid, y=truth, mode="lines", name="truth", hoverinfo="skip",
        line={"color": LIGHT.text, "width": 2, "dash": "dash"},
    )  # fmt: skip
    figure.update_layout(
        title=title,
        xaxis={"title": "x", "zeroline": False, "range": [places[0], places[-1]]},
        yaxis={"title": "y", "zeroline": False, "range": [low, high], "uirevision": f"{low:.3g} {high:.3g}"},
        hovermode="closest",
        legend=LEGEND,
        margin={"l": 52, "r": 12, "t": 44, "b": 44},
    )
    return figure.made()


def parts_chart(
    capacities: Sequence[int],
    bias_squared: np.ndarray,
    variance: np.ndarray,
    noise: float,
    measured: np.ndarray,
    doubt: np.ndarray,
    chosen: int,
    name: str,
    log: bool = False,
) -> go.Figure:
    """Bias squared, variance and noise on top of each other, with the measured error and twice its standard
    error.

    With `log`, each part is a line of its own on a logarithmic scale. A click on a capacity has its place
    among them as its x.
    """
    x = np.arange(len(capacities))
    floor = np.full(len(x), noise)
    parts = dict(zip(PARTS, (bias_squared, variance, floor), strict=True))
    total = bias_squared + variance + floor
    figure = QuickFigure()
    for part, color in PARTS.items():
        hover = f"{name} %{{customdata}}<br>{part} %{{y:.4g}}<extra></extra>"
        if log:
            figure.add_scatter(
                x=x, y=np.where(parts[part] > 0, parts[part], np.nan), mode="lines+markers", name=part,
                line={"color": LIGHT.quiet if part == "noise" else color, "width": 2}, marker={"size": 6},
                customdata=list(capacities), hovertemplate=hover,
            )  # fmt: skip
        else:
            figure.add_bar(
                x=x,
                y=parts[part],
                name=part,
                customdata=list(capacities),
                hovertemplate=hover,
                marker={"color": color},
            )
    if log:
        figure.add_scatter(
            x=x, y=total, mode="lines", name="sum", customdata=list(capacities),
            line={"color": LIGHT.text, "width": 2, "dash": "dot"},
            hovertemplate=f"{name} %{{customdata}}<br>sum %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=x, y=measured, mode="markers", name="measured", customdata=list(capacities),
        marker={"color": SPLITS["test"], "size": 8, "symbol": "diamond"},
        error_y={"type": "data", "array": 2 * doubt, "color": LIGHT.text, "thickness": 1, "width": 3},
        hovertemplate=f"{name} %{{customdata}}<br>measured %{{y:.4g}}<extra></extra>",
    )  # fmt: skip
    place = int(np.abs(np.asarray(capacities) - chosen).argmin()) if len(x) else 0
    known = total[np.isfinite(total)]
    up: dict[str, object] = {"title": "mean squared error"}
    if log or not len(known):
        up |= {"type": "log", "exponentformat": "power", "dtick": 1}
    else:
        high = min(WILD * float(np.median(known)), ROOM * 2 * max(float(known[0]), noise))
        up |= {"range": [0, ROOM * min(float(known.max()), high)]}
    figure.update_layout(
        title="Expected error",
        shapes=[upright(place, color=FIT, width=1.5, dash="dot")],
        xaxis={
            "title": name,
            "tickvals": x,
            "ticktext": [str(each) for each in capacities],
            "zeroline": False,
        },
        yaxis={**up, "uirevision": f"{log}"},
        barmode="stack",
        bargap=0.25,
        hovermode="closest",
        legend={**LEGEND, "traceorder": "normal"},
        margin={"l": 60, "r": 12, "t": 44, "b": 44},
    )
    return figure.made()
