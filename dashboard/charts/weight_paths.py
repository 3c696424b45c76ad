"""Where weights go as a penalty grows, what they are at one of them, and how they got to zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT, color_scale

L1, L2 = LIGHT.categorical[0], LIGHT.categorical[1]
RULE_SYMBOLS = ("x", "circle-open", "diamond")
MOST_GREY = 16  # lines without a colour that can be pointed at; more are one trace
PENALTY_AXIS = {
    "title": "penalty",
    "type": "log",
    "dtick": 1,
    "exponentformat": "power",
    "uirevision": "penalty",
}
FLOOR = 1e-9  # where a weight of exactly 0 is drawn on a logarithmic axis


def paths_chart(
    penalties: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str],
    chosen: float,
    colored: np.ndarray,
    limit: float,
    legend: bool = True,
) -> go.Figure:
    """`weights` [penalties, inputs] over a logarithmic axis of penalties, the `chosen` one marked.

    `colored` [inputs]: which lines have a colour (ten at most); the others are grey. `limit`: the axis goes
    from minus to plus that, so that two charts can be compared.
    """
    figure = QuickFigure()
    place = {int(index): order for order, index in enumerate(np.flatnonzero(colored))}
    grey = np.flatnonzero(~colored)
    if len(grey) > MOST_GREY:
        figure.add_trace(_together(penalties, weights[:, grey]))
        grey = grey[:0]
    for index in [*grey, *np.flatnonzero(colored)]:
        inked = int(index) in place
        figure.add_scatter(
            x=penalties,
            y=weights[:, index],
            mode="lines",
            name=names[index],
            line={
                "color": LIGHT.categorical[place[int(index)] % 10] if inked else LIGHT.quiet,
                "width": 2 if inked else 1,
            },
            opacity=1.0 if inked else 0.4,
            hovertemplate=f"<b>{names[index]}</b> %{{y:.3g}}<br>penalty %{{x:.2g}}<extra></extra>",
            showlegend=inked and legend,
        )
    heights = {"title": "weight", "range": [-limit, limit], "uirevision": f"{limit:.3g}"}
    return _laid_out(figure, PENALTY_AXIS, heights, chosen)


def bars_chart(names: Sequence[str], values: Mapping[str, np.ndarray]) -> go.Figure:
    """Weights side by side, a colour for each of `values`; one of exactly 0 has a ring in place of a bar."""
    figure = QuickFigure()
    colors = [L1, L2, LIGHT.categorical[2]]
    count = len(values)
    for order, (name, weights) in enumerate(values.items()):
        figure.add_bar(
            x=np.arange(len(weights)),
            y=weights,
            name=name,
            marker={"color": colors[order % 3]},
            customdata=list(names),
            hovertemplate=f"{name}, %{{customdata}}: %{{y:.4g}}<extra></extra>",
        )
        zero = np.flatnonzero(weights == 0) if order < 2 else np.array([], int)  # of the truth it is no news
        figure.add_scatter(
            x=zero + (order - (count - 1) / 2) * 0.8 / count,
            y=np.zeros(len(zero)),
            mode="markers",
            marker={"symbol": "circle-open", "size": 7, "color": colors[order % 3], "line": {"width": 1.6}},
            showlegend=False,
            customdata=[names[int(index)] for index in zero],
            hovertemplate=f"{name}, %{{customdata}}: exactly 0<extra></extra>",
        )
    return _laid_out(
        figure, {"showgrid": False, **_ticks(names)}, {"title": "weight"}, barmode="group", bargap=0.2
    )


def pixels_chart(weights: np.ndarray, size: tuple[int, int], limit: float) -> go.Figure:
    """Weights of a picture's pixels as the picture; an exact 0 has the page's own colour and a dot."""
    grid = weights.reshape(size)
    figure = QuickFigure()
    figure.add_heatmap(
        z=grid,
        zmin=-limit,
        zmax=limit,
        colorscale=color_scale(LIGHT.diverging),
        showscale=False,  # two such pictures share a scale; the pointer tells the numbers
        hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
        xgap=1,
        ygap=1,
    )
    rows, columns = np.nonzero(grid == 0)
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        marker={"size": 4, "color": LIGHT.quiet},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(
        xaxis={"visible": False, "constrain": "domain"},
        yaxis={"visible": False, "autorange": "reversed", "scaleanchor": "x"},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
    return figure.made()


def penalty_errors_chart(
    penalties: np.ndarray, errors: Mapping[str, tuple[np.ndarray, np.ndarray]], chosen: float
) -> go.Figure:
    """`errors` by name: training and held-out error over the penalties; the least held-out one is marked."""
    figure = QuickFigure()
    for (name, (train, held)), color in zip(errors.items(), (L1, L2), strict=False):
        for split, values, dash in (("train", train, "dot"), ("held out", held, "solid")):
            figure.add_scatter(
                x=penalties,
                y=values,
                mode="lines",
                name=f"{name}, {split}",
                line={"color": color, "width": 2, "dash": dash},
                hovertemplate=f"{name}, {split}: %{{y:.3f}}<br>penalty %{{x:.2g}}<extra></extra>",
            )
        best = int(held.argmin())
        figure.add_scatter(
            x=[penalties[best]],
            y=[held[best]],
            mode="markers",
            showlegend=False,
            hoverinfo="skip",
            marker={"symbol": "star", "size": 12, "color": color},
        )
    heights = {"title": "mean squared error", "rangemode": "tozero", "uirevision": "errors"}
    return _laid_out(figure, PENALTY_AXIS, heights, chosen)


def gaps_chart(gaps: Mapping[str, np.ndarray], step: int) -> go.Figure:
    """How far each rule's objective is above the best, over the steps; `step` is marked."""
    figure = QuickFigure()
    for order, (name, gap) in enumerate(gaps.items()):
        figure.add_scatter(
            x=np.arange(len(gap)),
            y=np.where(gap > 1e-14, gap, np.nan),
            mode="lines",
            name=name,
            line={"color": LIGHT.categorical[order], "width": 2, "dash": ("solid", "dash", "dot")[order % 3]},
            hovertemplate=f"{name}: %{{y:.2g}}<br>step %{{x}}<extra></extra>",
        )
    heights = {"title": "above the best objective", "type": "log", "exponentformat": "power", "dtick": 2}
    return _laid_out(figure, {"title": "step", "rangemode": "tozero"}, heights, step)


def sizes_chart(names: Sequence[str], weights: Mapping[str, np.ndarray], title: str = "") -> go.Figure:
    """|weight| of each input on a logarithmic axis, a mark for each rule; exact zeros on a line below.

    With a `title` it stands below the axis in the place of the names.
    """
    figure = QuickFigure()
    for order, (name, values) in enumerate(weights.items()):
        size = np.abs(values)
        figure.add_scatter(
            x=np.arange(len(values)) + (order - (len(weights) - 1) / 2) * 0.25,  # beside each other
            y=np.where(size > 0, np.maximum(size, FLOOR * 3), FLOOR),
            mode="markers",
            name=name,
            marker={
                "symbol": RULE_SYMBOLS[order % 3],
                "size": 7,
                "color": LIGHT.categorical[order],
                "line": {"width": 1.5, "color": LIGHT.categorical[order]},
            },
            customdata=np.stack([np.array(names, object), values], axis=1),
            hovertemplate=f"{name}, %{{customdata[0]}}: %{{customdata[1]:.3g}}<extra></extra>",
        )
    ticks = [FLOOR, 1e-6, 1e-4, 1e-2, 1]
    heights = {
        "title": "|weight|",
        "type": "log",
        "tickvals": ticks,
        "ticktext": ["exactly 0", "10⁻⁶", "10⁻⁴", "0.01", "1"],
        "range": [np.log10(FLOOR) - 0.6, 0.8],
    }
    below = {"title": title, "showticklabels": False} if title else _ticks(names)
    return _laid_out(figure, {"showgrid": False, "zeroline": False, **below}, heights)


def _ticks(names: Sequence[str]) -> dict[str, Any]:
    """Every name where they are few, slanted where they are long; of many, some."""
    step = max(1, -(-len(names) // 10))
    places = np.arange(0, len(names), step)
    slanted = max(len(name) for name in names) > 4
    return {
        "tickvals": places,
        "ticktext": [names[int(place)] for place in places],
        "tickangle": -40 if slanted else 0,
    }


def _together(x: np.ndarray, lines: np.ndarray) -> dict[str, Any]:
    """Many lines [points, lines] as one grey trace with gaps."""
    count = lines.shape[1]
    gaps = np.full((1, count), np.nan)
    return {
        "type": "scatter",
        "x": np.tile(np.append(x, np.nan), count),
        "y": np.concatenate([lines, gaps]).T.ravel(),
        "mode": "lines",
        "line": {"color": LIGHT.quiet, "width": 1},
        "opacity": 0.4,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _laid_out(
    figure: QuickFigure,
    x_axis: Mapping[str, Any],
    y_axis: Mapping[str, Any],
    marked: float | None = None,
    **more: Any,
) -> go.Figure:
    """The figure with its layout; a dotted line at `marked`."""
    lines = []
    if marked is not None:
        lines.append(
            {"type": "line", "x0": marked, "x1": marked, "y0": 0, "y1": 1, "yref": "paper",
             "line": {"color": LIGHT.text, "width": 1.3, "dash": "dot"}}
        )  # fmt: skip
    figure.update_layout(
        xaxis=dict(x_axis),
        yaxis=dict(y_axis),
        shapes=lines,
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 56, "r": 12, "t": 40, "b": 46},
        **more,
    )
    return figure.made()
