"""A picture, what each of its pixels weighs for one unit, and the box of what that unit could see."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.charts.samples import as_bytes
from dashboard.theme import LIGHT, color_scale


def field_chart(picture: np.ndarray, weight: np.ndarray, box: tuple[int, int, int, int] | None) -> go.Figure:
    """`picture` [C, H, W] in pale grey at the left with the box (top, left, bottom, right, ends excluded),
    and `weight` [H, W] from 0 to 1 at the right with the same box.
    """
    grey = as_bytes(picture[None])[0].mean(axis=0)
    figure = QuickFigure()
    figure.add_heatmap(
        z=grey, colorscale=[[0, "#000000"], [1, "#ffffff"]], showscale=False, opacity=0.75, hoverinfo="skip"
    )
    figure.add_heatmap(
        z=weight,
        xaxis="x2",
        yaxis="y2",
        colorscale=color_scale(LIGHT.sequential),
        zmin=0,
        zmax=1,
        colorbar={"title": {"text": "weight"}, "thickness": 12},
        hovertemplate="row %{y}, column %{x}<br>weight %{z:.3f}<extra></extra>",
    )
    height, width = weight.shape
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "constrain": "domain"}
    left, top = {**bare, "constraintoward": "left"}, {**bare, "constraintoward": "top"}
    figure.update_layout(
        xaxis={"domain": [0, 0.46], "range": [-0.5, width - 0.5], **left},
        yaxis={"range": [height - 0.5, -0.5], "scaleanchor": "x", **top},
        xaxis2={"domain": [0.52, 0.98], "range": [-0.5, width - 0.5], "anchor": "y2", **left},
        yaxis2={"range": [height - 0.5, -0.5], "scaleanchor": "x2", "anchor": "x2", **top},
        shapes=[_frame(box, place) for place in ("", "2")] if box is not None else [],
        annotations=[
            {
                "text": text, "x": x, "y": 1.0, "xref": "paper", "yref": "paper", "xanchor": "left",
                "yanchor": "bottom", "showarrow": False, "font": {"size": 13},
            }
            for text, x in (("could matter: inside the frame", 0.0), ("does matter", 0.52))
        ],
        margin={"l": 8, "r": 8, "t": 32, "b": 8},
    )  # fmt: skip
    return figure.made()


def _frame(box: tuple[int, int, int, int], place: str) -> dict[str, object]:
    top, left, bottom, right = box
    return {
        "type": "rect", "x0": left - 0.5, "x1": right - 0.5, "y0": top - 0.5, "y1": bottom - 0.5,
        "xref": f"x{place}", "yref": f"y{place}", "line": {"color": LIGHT.categorical[1], "width": 3},
    }  # fmt: skip
