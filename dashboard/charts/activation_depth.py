"""Signals through many layers: how their numbers are spread, and how large they are beside the theory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT
from models.signal_depth import Signals

BINS = 45
SMALLEST = -40.0  # as a power of ten: what is smaller is drawn there
ALIKE = 0.15  # in powers of ten: sizes within a factor of two of each other
LEFT, RIGHT, UPPER, LOWER = [0, 0.46], [0.58, 1], [0.58, 1], [0, 0.42]


def signal_depth_chart(found: Signals) -> go.Figure:
    """Four panes over the layers: above activations, below gradients; their distribution at the left (each
    column adds up to 1), their root mean square at the right, measured and expected.
    """
    layers = np.arange(1, len(found.activations) + 1)
    figure = QuickFigure()
    values = found.activations.flatten(1).numpy()
    reach = float(np.quantile(np.abs(values), 0.998, axis=1).max()) or 1.0
    spread_pane(figure, layers, values, (-reach, reach), "", "activation")
    gradients = np.abs(found.gradients.flatten(1).numpy())
    powers = np.log10(gradients, out=np.full_like(gradients, np.nan), where=gradients > 0)
    known = powers[np.isfinite(powers)]
    low = max(SMALLEST, float(np.quantile(known, 0.002))) if len(known) else -1.0
    high = float(known.max()) if len(known) else 1.0
    spread_pane(figure, layers, powers, (low, max(high, low + 1)), "2", "gradient")
    activations = found.activation_sizes.numpy(), found.expected_activations.numpy()
    gradients_there = found.gradient_sizes.numpy(), found.expected_gradients.numpy()
    _sizes(figure, layers, *activations, "3", True)
    _sizes(figure, layers, *gradients_there, "4", False)
    layout = _layout(len(layers))
    for pane, sizes in (("3", activations), ("4", gradients_there)):
        layout[f"yaxis{pane}"] |= _reach(np.concatenate(sizes))
    figure.update_layout(**layout)
    return figure.made()


def spread_pane(
    figure: QuickFigure,
    layers: np.ndarray,
    values: np.ndarray,
    ends: tuple[float, float],
    pane: str,
    word: str,
) -> None:
    """The shares of numbers in each bin, a column for each layer; numbers beyond the ends are in the last."""
    edges = np.linspace(*ends, BINS + 1)
    clipped = np.clip(values, *ends)
    counts = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] for row in clipped], axis=1)
    shares = counts / max(1, values.shape[1])
    said = "|%{y:.3g}|" if word == "gradient" else "%{y:.3g}"
    figure.add_heatmap(
        x=layers.tolist(),
        y=((edges[1:] + edges[:-1]) / 2).tolist(),
        z=np.sqrt(shares).astype(np.float32).tolist(),  # the root: a peak would hide everything beside it
        customdata=shares.astype(np.float32).tolist(),
        xaxis=f"x{pane}",
        yaxis=f"y{pane}",
        zmin=0,
        colorscale=[[place / 9, color] for place, color in enumerate(LIGHT.sequential)],
        showscale=False,
        hovertemplate=f"layer %{{x}}, {said}: %{{customdata:.1%}}<extra></extra>",
    )


def _sizes(
    figure: QuickFigure,
    layers: np.ndarray,
    measured: np.ndarray,
    expected: np.ndarray,
    pane: str,
    named: bool,
) -> None:
    for name, sizes, dash, width, color in (
        ("theory of wide layers", expected, "dot", 3, LIGHT.categorical[1]),
        ("measured", measured, "solid", 2, LIGHT.categorical[0]),
    ):
        shown = np.where(sizes > 0, sizes, np.nan)
        figure.add_scatter(
            x=layers.tolist(),
            y=[None if math.isnan(size) else size for size in shown.tolist()],
            mode="lines" if np.isfinite(shown).sum() > 1 else "markers",  # a point alone has no line
            name=name,
            legendgroup=name,
            showlegend=named,
            line={"color": color, "dash": dash, "width": width},
            xaxis=f"x{pane}",
            yaxis=f"y{pane}",
            hovertemplate="layer %{x}: %{y:.3g}",
        )


def _reach(sizes: np.ndarray) -> dict[str, Any]:
    """The range of a logarithmic axis where all sizes are nearly the same: what chance does to them must not
    look large.
    """
    powers = np.log10(sizes[np.isfinite(sizes) & (sizes > 0)])
    if not len(powers) or np.ptp(powers) > 2 * ALIKE:
        return {}
    middle = float(powers.max() + powers.min()) / 2
    return {"range": [middle - 1.2 * ALIKE, middle + 1.2 * ALIKE]}


def _layout(layers: int) -> dict[str, Any]:
    axes: dict[str, Any] = {}
    places = {"": (LEFT, UPPER), "2": (LEFT, LOWER), "3": (RIGHT, UPPER), "4": (RIGHT, LOWER)}
    titles = {"": "activation", "2": "log10 |gradient|", "3": "size of activations", "4": "size of gradients"}
    for pane, (across, up) in places.items():
        log = {"type": "log", "exponentformat": "power", "dtick": None} if pane in "34" and pane else {}
        below = {"title": {"text": "layer"}} if pane in ("2", "4") else {}
        axes[f"xaxis{pane}"] = {"domain": across, "anchor": f"y{pane}", "range": [0.5, layers + 0.5], **below}
        title = {"text": titles[pane]}
        axes[f"yaxis{pane}"] = {"domain": up, "anchor": f"x{pane}", "title": title, **log}
    legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
    return {
        **axes,
        "legend": legend,
        "showlegend": True,
        "hovermode": "closest",
        "margin": {"t": 40, "r": 12},
    }
