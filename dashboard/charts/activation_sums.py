"""What goes into a trained network's activations: histograms, dead and flat shares; and softmax."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT
from models.saturation import Sums, flat_spans


def sums_chart(row: Sums) -> go.Figure:
    """Bars: the share of all sums at each place. Line: the activation, on the axis at the right. Grey: where
    it is flat.
    """
    figure = QuickFigure()
    middles = (row.edges[1:] + row.edges[:-1]) / 2
    figure.add_bar(
        x=middles.tolist(),
        y=(row.counts / max(1, row.counts.sum())).tolist(),
        width=float(row.edges[1] - row.edges[0]),
        name="share of sums",
        marker={"color": LIGHT.categorical[0], "line": {"width": 0}},
        hovertemplate="around %{x:.3g}: %{y:.2%}<extra></extra>",
    )
    curve = row.curve
    figure.add_scatter(
        x=curve.x.tolist(),
        y=curve.y.tolist(),
        mode="lines",
        name="f(x)",
        yaxis="y2",
        line={"color": LIGHT.categorical[1], "width": 2.5},
        hovertemplate="f(%{x:.3g}) = %{y:.4g}<extra></extra>",
    )
    shade = {"type": "rect", "yref": "y domain", "y0": 0, "y1": 1, "line": {"width": 0}, "layer": "below"}
    spans = flat_spans(curve)
    figure.update_layout(
        shapes=[{**shade, "x0": begin, "x1": end, "fillcolor": LIGHT.border} for begin, end in spans],
        xaxis={"title": "x, the sum that goes in"},
        yaxis={"title": "share of sums", "tickformat": ".0%", "rangemode": "tozero"},
        yaxis2={
            "title": {"text": "f(x)"},
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "tickmode": "auto",
        },
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        showlegend=True,
        bargap=0,
        margin={"t": 40},
    )
    return figure.made()


def flat_shares_chart(rows: Sequence[Sums], chosen: str) -> go.Figure:
    """For each activation the share of its numbers where it is flat, and of its units that are dead."""
    names = [row.name for row in rows]
    figure = QuickFigure()
    bars = (
        ("flat", [row.saturated for row in rows], LIGHT.categorical[0]),
        ("dead units", [row.dead / max(1, row.units) for row in rows], LIGHT.categorical[1]),
    )
    for title, shares, color in bars:
        figure.add_bar(
            y=names,
            x=shares,
            orientation="h",
            name=title,
            marker={"color": color, "opacity": [1.0 if name == chosen else 0.55 for name in names]},
            hovertemplate=f"%{{y}}: %{{x:.1%}} {title}<extra></extra>",
        )
    figure.update_layout(
        xaxis={"title": "share", "tickformat": ".0%", "range": [0, 1]},
        yaxis={"autorange": "reversed", "automargin": True, "ticksuffix": "  "},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        showlegend=True,
        barmode="group",
        margin={"t": 40},
    )
    return figure.made()


def softmax_chart(logits: Sequence[float], tempered: np.ndarray, plain: np.ndarray) -> go.Figure:
    """Probabilities at the chosen temperature as bars, those at temperature 1 as marks."""
    names = [f"z<sub>{place + 1}</sub> = {logit:g}" for place, logit in enumerate(logits)]
    figure = QuickFigure()
    figure.add_bar(
        x=names,
        y=tempered.tolist(),
        name="at this temperature",
        marker={"color": LIGHT.categorical[0]},
        text=[f"{share:.1%}" for share in tempered],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x}: %{y:.2%}<extra></extra>",
    )
    figure.add_scatter(
        x=names,
        y=plain.tolist(),
        mode="markers",
        name="at temperature 1",
        marker={"symbol": "line-ew", "size": 34, "line": {"width": 3, "color": LIGHT.categorical[1]}},
        hovertemplate="at T = 1: %{y:.2%}<extra></extra>",
    )
    figure.update_layout(
        yaxis={"title": "probability", "tickformat": ".0%", "range": [0, 1.08]},
        legend={"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"},
        showlegend=True,
        margin={"t": 40},
    )
    return figure.made()
