"""Lines of loss landscapes: cuts through a plane, one direction, ways between networks, and the spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.landscape import Picture
from dashboard.charts.log_ticks import log_axis
from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT, SPLITS
from training.landscape_grid import positive

LEGEND = {"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"}  # above, where there is always room
DASHES = ("solid", "dash")  # along a, along b


def slice_chart(
    pictures: Sequence[Picture], at: tuple[float, float], limits: tuple[float, float]
) -> go.Figure:
    """Planes cut along both directions at one place. Each trace says in `meta` which cut it is, so that
    panels/landscape_link.js can move it with the cursor.
    """
    figure = QuickFigure()
    for number, picture in enumerate(pictures):
        row, column = picture.place(*at)
        which = f", picture {number + 1}" if len(pictures) > 1 else ""
        cuts = (
            ("a", picture.a, picture.values[row], f"along a, at b = {picture.b[row]:.3g}"),
            ("b", picture.b, picture.values[:, column], f"along b, at a = {picture.a[column]:.3g}"),
        )
        for (along, places, values, name), dash in zip(cuts, DASHES, strict=True):
            color = LIGHT.categorical[number if len(pictures) > 1 else DASHES.index(dash)]
            figure.add_scatter(
                x=places, y=positive(values) if picture.log else values, mode="lines", name=name + which,
                meta={"picture": number, "along": along, "which": which},
                line={"color": color, "width": 2.5, "dash": dash},
                hovertemplate="%{x:.3g}: %{y:.4g}<extra>" + name + which + "</extra>",
            )  # fmt: skip
    first = pictures[0]
    figure.update_layout(
        margin={"l": 64, "r": 8, "t": 32, "b": 48},
        legend=LEGEND,
        xaxis={"title": "place along a direction: a or b", "uirevision": "place"},
        yaxis={
            "title": first.title,
            **(log_axis(*limits) if first.log else {"type": "linear"}),
            "range": list(limits),
            "uirevision": f"{limits}",
            "tickformat": ".0%" if first.what == "accuracy" else None,
        },
    )
    return figure.made()


@dataclass(frozen=True)
class Line:
    """A landscape of one direction."""

    points: pd.DataFrame
    about: Mapping[str, Any]


def line_chart(line: Line, what: str = "loss", log: bool = True) -> go.Figure:
    """Train and test along a line; between two networks both ends are marked."""
    figure = go.Figure()
    points = line.points.sort_values("a")
    for split in ("train", "test"):
        values = points[f"{split}_{what}"].to_numpy()
        figure.add_scatter(
            x=points["a"], y=np.where(values > 0, values, np.nan) if log and what == "loss" else values,
            mode="lines+markers", name=split, marker={"size": 4},
            line={"color": SPLITS[split], "width": 2.5, "dash": "solid" if split == "train" else "dot"},
            hovertemplate=f"%{{x:.3g}}: {split} {what} %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
    ends = [(0.0, "first"), (1.0, "second")] if line.about["kind"] == "between" else [(0.0, "checkpoint")]
    for place, title in ends:
        figure.add_vline(
            x=place, line={"color": LIGHT.quiet, "width": 1, "dash": "dash"},
            annotation={"text": title, "yref": "paper", "y": 1.02, "yanchor": "bottom", "showarrow": False,
                        "font": {"color": LIGHT.quiet}},
        )  # fmt: skip
    between = line.about["kind"] == "between"
    figure.update_xaxes(
        title="share of the way" if between else "distance from the checkpoint, in lengths of the direction",
        uirevision="line",
    )
    every = points[[f"train_{what}", f"test_{what}"]].to_numpy()
    logarithmic = log and what == "loss" and bool((np.isfinite(every) & (every > 0)).any())
    figure.update_yaxes(
        title=what, uirevision=f"{what} {log}", tickformat=".0%" if what == "accuracy" else None,
        **(log_axis(*_decades(every)) if logarithmic else {"type": "linear"}),
    )  # fmt: skip
    return figure.update_layout(margin={"l": 64, "r": 16, "t": 48, "b": 48}, legend=LEGEND)


def connection_chart(curve: pd.DataFrame) -> go.Figure:
    """Training loss on the straight way and on the trained one, from one network to the other."""
    figure = go.Figure()
    ways = (("line", "straight line", LIGHT.categorical[1], "dash"),
            ("curve", "trained curve", LIGHT.categorical[0], "solid"))  # fmt: skip
    for column, name, color, dash in ways:
        figure.add_scatter(
            x=curve["t"], y=curve[column], mode="lines", name=name,
            line={"color": color, "width": 2.5, "dash": dash},
            hovertemplate=f"%{{x:.2f}} of the way: loss %{{y:.4g}}<extra>{name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title="share of the way", uirevision="t")
    losses = curve[["line", "curve"]].to_numpy()
    figure.update_yaxes(title="train loss", uirevision="loss", **log_axis(*_decades(losses)))
    return figure.update_layout(margin={"l": 64, "r": 16, "t": 32, "b": 48}, legend=LEGEND)


def spectrum_chart(spectrum: pd.DataFrame) -> go.Figure:
    """The density of the Hessian's eigenvalues; nearly all are near 0, so the density is logarithmic."""
    density = spectrum["density"].to_numpy()
    figure = go.Figure()
    figure.add_scatter(
        x=spectrum["value"], y=np.where(density > density.max() * 1e-8, density, np.nan), mode="lines",
        line={"color": LIGHT.categorical[0], "width": 2},
        hovertemplate="eigenvalue %{x:.4g}<br>density %{y:.3g}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="eigenvalue of the Hessian", uirevision="value")
    figure.update_yaxes(title="density", type="log", uirevision="density", exponentformat="power")
    return figure.update_layout(margin={"l": 64, "r": 16, "t": 16, "b": 48}, showlegend=False)


def _decades(values: np.ndarray) -> tuple[float, float]:
    """log10 of the smallest and the largest number above 0."""
    shown = values[np.isfinite(values) & (values > 0)]
    return (float(np.log10(shown.min())), float(np.log10(shown.max()))) if len(shown) else (-1.0, 0.0)
