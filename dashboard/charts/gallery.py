"""Pictures side by side, each to be pointed at and clicked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.samples import as_bytes, data_url
from dashboard.theme import LIGHT

ZOOM = 56  # pixels of a picture's longer side at least, each pixel enlarged by a whole number


def gallery_chart(
    pictures: np.ndarray,
    captions: Sequence[str],
    hovers: Sequence[str],
    keys: Sequence[int],
    columns: int = 10,
    chosen: int | None = None,
) -> go.Figure:
    """`pictures` [N, C, H, W] (C is 1 or 3), a caption below each, a text under the cursor.

    A click gives the picture's key as `customdata`; the one of key `chosen` has a frame.
    """
    figure = go.Figure()
    count = len(pictures)
    rows = -(-count // columns) if count else 1
    x, y = np.arange(count) % columns, np.arange(count) // columns
    bytes_ = as_bytes(pictures)
    for place in range(count):
        pixels = bytes_[place].transpose(1, 2, 0)
        factor = max(1, -(-ZOOM // max(pixels.shape[:2])))
        pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).repeat(factor, axis=0).repeat(factor, axis=1)
        figure.add_layout_image(
            source=data_url(np.ascontiguousarray(pixels)),
            x=x[place],
            y=y[place],
            sizex=0.92,
            sizey=0.74,
            xanchor="center",
            yanchor="middle",
            xref="x",
            yref="y",
            sizing="contain",
        )
    figure.add_scatter(
        x=x,
        y=y + 0.46,
        mode="text",
        text=list(captions),
        textfont={"size": 11},
        hoverinfo="skip",
        showlegend=False,
    )
    for place in [place for place, key in enumerate(keys) if key == chosen]:
        figure.add_shape(
            type="rect",
            x0=x[place] - 0.48,
            x1=x[place] + 0.48,
            y0=y[place] - 0.42,
            y1=y[place] + 0.57,
            line={"width": 3, "color": LIGHT.categorical[1]},
        )
    figure.add_scatter(  # what the cursor finds lies above the pictures, and is not seen
        x=x,
        y=y,
        mode="markers",
        marker={"symbol": "square", "size": 60, "color": "rgba(0,0,0,0)"},
        customdata=list(keys),
        text=list(hovers),
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    hidden = {"visible": False, "fixedrange": True}
    figure.update_xaxes(
        range=[-0.5, min(columns, max(count, 1)) - 0.5 if rows > 1 else columns - 0.5], **hidden
    )
    figure.update_yaxes(range=[rows - 0.4, -0.46], **hidden)
    nothing = {"l": 0, "r": 0, "t": 0, "b": 0}
    figure.update_layout(margin=nothing, hovermode="closest", dragmode=False, showlegend=False)
    return figure


def gallery_height(count: int, columns: int = 10) -> int:
    """Pixels that so many pictures need."""
    return max(1, -(-count // columns)) * 92 + 8
