"""Signals through many layers with and without a normalisation, beside each other and beside the theory."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.activation_depth import LOWER, UPPER, spread_pane
from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT
from models.signal_depth import Signals

LEFT, RIGHT = [0, 0.42], [0.61, 1]  # room between for titles and exponents, in a narrow window too
COLORS = (LIGHT.categorical[1], LIGHT.categorical[0])


def normalised_depth_chart(plain: Signals, normed: Signals, title: str) -> go.Figure:
    """At the left how the numbers of each layer are spread, above without, below with the normalisation that
    is called `title`; at the right the root mean squares of activations and of gradients, measured and
    expected.
    """
    layers = np.arange(1, len(plain.activations) + 1)
    figure = QuickFigure()
    for found, pane in ((plain, ""), (normed, "2")):
        values = found.activations.flatten(1).numpy()
        reach = float(np.quantile(np.abs(values), 0.998, axis=1).max()) or 1.0
        spread_pane(figure, layers, values, (-reach, reach), pane, "activation")
    for found, name, color in ((plain, "without", COLORS[0]), (normed, title, COLORS[1])):
        for pane, measured, expected in (
            ("3", found.activation_sizes, found.expected_activations),
            ("4", found.gradient_sizes, found.expected_gradients),
        ):
            looks = {"legendgroup": name, "xaxis": f"x{pane}", "yaxis": f"y{pane}"}
            _line(figure, layers, expected.numpy(), f"{name}, theory", color, "dot", pane == "3", looks)
            _line(figure, layers, measured.numpy(), name, color, "solid", pane == "3", looks)
    figure.update_layout(**_layout(len(layers), title), annotations=_nothing_left(plain, normed))
    return figure.made()


def _line(
    figure: QuickFigure,
    layers: np.ndarray,
    sizes: np.ndarray,
    name: str,
    color: str,
    dash: str,
    named: bool,
    looks: dict[str, Any],
) -> None:
    figure.add_scatter(
        x=layers,
        y=np.where(sizes > 0, sizes, np.nan),
        mode="lines" if len(layers) > 1 else "markers",
        name=name,
        showlegend=named,
        line={"color": color, "dash": dash, "width": 3 if dash == "dot" else 2},
        hovertemplate=f"{name}, layer %{{x}}: %{{y:.3g}}<extra></extra>",
        **looks,
    )


def _nothing_left(plain: Signals, normed: Signals) -> list[dict[str, Any]]:
    """A logarithmic pane has no place for 0: it is said where there is nothing else."""
    sizes = {
        "3": (plain.activation_sizes, normed.activation_sizes),
        "4": (plain.gradient_sizes, normed.gradient_sizes),
    }
    return [
        {
            "text": "0 in every layer", "showarrow": False, "x": 0.5, "y": 0.5,
            "xref": f"x{pane} domain", "yref": f"y{pane} domain",
        }
        for pane, both in sizes.items()
        if not any((each > 0).any() for each in both)
    ]  # fmt: skip


def _layout(layers: int, title: str) -> dict[str, Any]:
    axes: dict[str, Any] = {}
    places = {"": (LEFT, UPPER), "2": (LEFT, LOWER), "3": (RIGHT, UPPER), "4": (RIGHT, LOWER)}
    titles = {
        "": "activation, without",
        "2": f"activation, {title}",
        "3": "size of activations",
        "4": "size of gradients",
    }
    for pane, (across, up) in places.items():
        log = {"type": "log", "exponentformat": "power", "dtick": None} if pane in ("3", "4") else {}
        below = {"title": "layer"} if pane in ("2", "4") else {}
        fixed = {"automargin": False}  # room is made below: to measure it draws all panes twice
        across_axis = {"domain": across, "anchor": f"y{pane}", "range": [0.5, layers + 0.5]}
        axes[f"xaxis{pane}"] = {**across_axis, **below, **fixed}
        axes[f"yaxis{pane}"] = {"domain": up, "anchor": f"x{pane}", "title": titles[pane], **log, **fixed}
    legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
    return {
        **axes,
        "legend": legend,
        "showlegend": True,
        "hovermode": "closest",
        "margin": {"t": 40, "r": 12, "l": 64, "b": 48},
    }
