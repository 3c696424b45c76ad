"""What is believed of a difference: a density, with a region in which it would change no decision."""

from __future__ import annotations

import html

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT


def posterior_chart(
    x: np.ndarray,
    density: np.ndarray,
    region: float,
    shares: tuple[float, float, float],
    names: tuple[str, str],
    percent: bool = False,
    higher_is_better: bool = True,
) -> go.Figure:
    """The density of first - second at `x`, cut at -region and region.

    `shares`: P(first better), P(equivalent), P(second better). Colours are those of the two models, and grey
    for the region.
    """
    scale = 100 if percent else 1
    names = html.escape(names[0], quote=False), html.escape(names[1], quote=False)
    first, equivalent, second = shares
    right, left = ((names[0], first, 0), (names[1], second, 1)) if higher_is_better else (
        (names[1], second, 1), (names[0], first, 0)
    )  # fmt: skip
    parts = (
        (x <= -region, f"{left[0]} better: {left[1]:.1%}", LIGHT.categorical[left[2]]),
        ((x >= -region) & (x <= region), f"no difference that matters: {equivalent:.1%}", LIGHT.quiet),
        (x >= region, f"{right[0]} better: {right[1]:.1%}", LIGHT.categorical[right[2]]),
    )
    figure = go.Figure()
    for inside, name, color in parts:
        figure.add_scatter(
            x=x[inside] * scale,
            y=density[inside],
            mode="lines",
            fill="tozeroy",
            line={"color": color, "width": 2},
            name=name,
            hoverinfo="skip",
        )
    for edge in (-region, region):
        figure.add_vline(x=edge * scale, line={"color": LIGHT.quiet, "width": 1, "dash": "dot"})
    figure.add_vline(x=0, line={"color": LIGHT.text, "width": 1})
    unit = " in percentage points" if percent else ""
    figure.update_xaxes(title=f"{names[0]} − {names[1]}{unit}", zeroline=False)
    figure.update_yaxes(visible=False, rangemode="tozero")
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 16, "r": 16, "t": 34, "b": 48},
    )
    return figure


def posterior_range(location: float, scale: float, region: float, points: int = 401) -> np.ndarray:
    """Where to draw it: five scales around the middle and the whole region, its edges among the points."""
    low, high = min(location - 5 * scale, -1.3 * region), max(location + 5 * scale, 1.3 * region)
    return np.unique(np.concatenate([np.linspace(low, high, points), [-region, region]]))
