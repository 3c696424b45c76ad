"""The loss of a linear model before and after its inputs were scaled, with the way of gradient descent on
each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT, color_scale
from training.input_scaling import Bowl

GRID = 61
LOWEST, HIGHEST = -4.0, 1.5  # powers of ten of the loss, as a share of the first one
LEAST = 1e-12  # of the first loss: what is below it lies beyond the curves' axis
COLORS = (LIGHT.categorical[1], LIGHT.categorical[0])


@dataclass(frozen=True)
class Way:
    """A surface, its name, and the weights [steps + 1, 2] that gradient descent took on it."""

    title: str
    surface: Bowl
    path: np.ndarray

    @property
    def losses(self) -> np.ndarray:
        """As shares of the first one."""
        return self.surface.loss(self.path) / float(self.surface.loss(self.path[0]))


def scaling_chart(ways: Sequence[Way]) -> go.Figure:
    """Two surfaces side by side, both axes of each in one scale; below, the loss over the steps of both."""
    figure = QuickFigure()
    axes: dict[str, Any] = {}
    notes = []
    for number, way in enumerate(ways):
        axis = str(number + 1) if number else ""
        centre, reach = way.surface.best, 1.35 * float(np.linalg.norm(way.path[0] - way.surface.best))
        _surface(figure, way, centre, reach, axis, number)
        domain = [0.0, 0.45] if number == 0 else [0.55, 1.0]
        looks = {"zeroline": False, "uirevision": f"{way.title} {reach:.3g}"}
        axes[f"xaxis{axis}"] = {
            "domain": domain, "anchor": f"y{axis}", "title": "w1", "constrain": "domain",
            "range": [centre[0] - reach, centre[0] + reach], **looks,
        }  # fmt: skip
        axes[f"yaxis{axis}"] = {
            "domain": [0.42, 0.96], "anchor": f"x{axis}", "title": "w2", "scaleanchor": f"x{axis}",
            "constrain": "domain", "range": [centre[1] - reach, centre[1] + reach], **looks,
        }  # fmt: skip
        notes.append(
            {"text": f"{way.title}: condition number {_short(way.surface.condition)}", "x": sum(domain) / 2,
             "y": 0.97, "xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "center",
             "yanchor": "bottom"}
        )  # fmt: skip
        _losses(figure, way, COLORS[number])
    steps = max(len(way.path) for way in ways) - 1
    axes["xaxis3"] = {
        "domain": [0, 1],
        "anchor": "y3",
        "title": "step",
        "range": [0, steps],
        "uirevision": steps,
    }
    axes["yaxis3"] = {
        "domain": [0, 0.28], "anchor": "x3", "title": "loss / first loss", "type": "log",
        "exponentformat": "power", "nticks": 6,
    }  # fmt: skip
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 0.285, "yanchor": "bottom"}
    figure.update_layout(
        **axes,
        annotations=notes,
        legend=legend,
        hovermode="closest",
        margin={"l": 60, "r": 12, "t": 14, "b": 44},
    )
    return figure.made()


def _surface(figure: QuickFigure, way: Way, centre: np.ndarray, reach: float, axis: str, number: int) -> None:
    across, up = (np.linspace(middle - reach, middle + reach, GRID) for middle in centre)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    shares = way.surface.loss(grid) / float(way.surface.loss(way.path[0]))
    figure.add(
        "contour",
        x=across,
        y=up,
        z=np.log10(np.maximum(shares, 10**LOWEST)),
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        zmin=LOWEST,
        zmax=HIGHEST,
        contours={"start": LOWEST, "end": HIGHEST, "size": 0.5},
        colorscale=color_scale(LIGHT.sequential[::-1]),
        line={"width": 0.6, "color": LIGHT.background},
        showscale=False,
        hovertemplate="w1 %{x:.3g}, w2 %{y:.3g}: 10^%{z:.2f} of the first loss<extra></extra>",
    )
    color = COLORS[number]
    figure.add_scatter(
        x=way.path[:, 0],
        y=way.path[:, 1],
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        mode="lines+markers",
        line={"color": color, "width": 2},
        marker={"size": 4, "color": color},
        showlegend=False,
        hovertemplate="step %{pointNumber}: w1 %{x:.3g}, w2 %{y:.3g}<extra></extra>",
    )
    figure.add_scatter(
        x=[way.path[0, 0], way.surface.best[0]],
        y=[way.path[0, 1], way.surface.best[1]],
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        mode="markers",
        marker={
            "symbol": ["circle", "star"],
            "size": [9, 13],
            "color": color,
            "line": {"width": 1.5, "color": LIGHT.background},
        },
        showlegend=False,
        text=["the start", "the least loss"],
        hovertemplate="%{text}<extra></extra>",
    )


def _losses(figure: QuickFigure, way: Way, color: str) -> None:
    losses = way.losses
    figure.add_scatter(
        x=np.arange(len(losses)),
        y=np.where(losses > LEAST, losses, np.nan),
        xaxis="x3",
        yaxis="y3",
        mode="lines",
        name=way.title,
        line={"color": color, "width": 2.2},
        hovertemplate=f"{way.title}, step %{{x}}: %{{y:.3g}}<extra></extra>",
    )


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
