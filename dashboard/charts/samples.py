"""What data looks like before a network sees it: pictures side by side, points of two features, a target."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from dashboard.theme import LIGHT

GAP = 8  # a picture's pixels for each one between it and the next


def picture_grid(pictures: np.ndarray, columns: int = 8, width: int = 480) -> np.ndarray:
    """Pictures [N, C, H, W] (uint8, or floats of any range; C is 1 or 3) as one uint8 picture [h, w, 3].

    Each pixel is enlarged by a whole number, so that small pictures stay sharp; about `width` pixels wide.
    """
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3) or not len(pictures):
        raise ValueError(f"pictures have the shape [N, 1 or 3, H, W], and not {tuple(pictures.shape)}")
    bytes_ = as_bytes(pictures)
    count, channels, height, across = bytes_.shape
    columns, gap = min(columns, count), max(1, across // GAP)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (across + gap) - gap, channels), 128, np.uint8)
    for index, picture in enumerate(bytes_):
        top, left = (index // columns) * (height + gap), (index % columns) * (across + gap)
        sheet[top : top + height, left : left + across] = picture.transpose(1, 2, 0)
    factor = max(1, round(width / sheet.shape[1]))
    enlarged = sheet.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.broadcast_to(enlarged, (*enlarged.shape[:2], 3)).copy()


def enlarged(png: bytes, width: int = 960) -> np.ndarray:
    """A picture as uint8 [h, w, 3], each pixel a whole number of times as large: a browser would blur it."""
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    factor = max(1, width // pixels.shape[1])
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def data_url(pixels: np.ndarray, compression: int = 6) -> str:
    """The picture [h, w, 3] or [h, w] itself as an address: nothing is left to fetch. `compression` from 0
    to 9: a picture that follows a slider is better sent at 1, a little larger but twice as soon.

    A picture that Streamlit serves from memory is gone as soon as the next run of the page is interrupted, as
    by a slider that moves on, and the browser then shows a torn one.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", compress_level=compression)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def points_chart(
    points: np.ndarray, classes: np.ndarray, class_names: Sequence[str], title: str = ""
) -> go.Figure:
    """Points [N, 2] coloured by class, with equal scales on both axes."""
    figure = go.Figure()
    for number, name in enumerate(class_names):
        chosen = points[classes == number]
        figure.add_scatter(
            x=chosen[:, 0],
            y=chosen[:, 1],
            mode="markers",
            name=name,
            marker={
                "size": 5,
                "opacity": 0.75,
                "color": LIGHT.categorical[number % 10],
                "symbol": ("circle", "diamond", "square", "cross", "x")[number % 5],
            },
            hovertemplate="%{x:.3g}, %{y:.3g}",
        )
    figure.update_layout(title=title, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    figure.update_yaxes(scaleanchor="x", zeroline=False)
    figure.update_xaxes(zeroline=False)
    return figure


def targets_chart(targets: np.ndarray, title: str = "", unit: str = "target") -> go.Figure:
    """How a regression's targets are spread."""
    figure = go.Figure(go.Histogram(x=targets, nbinsx=40, marker_color=LIGHT.categorical[0]))
    figure.update_layout(title=title, bargap=0.05)
    figure.update_xaxes(title=unit)
    figure.update_yaxes(title="samples")
    return figure


def schedule_chart(rates: np.ndarray, epochs: float, title: str = "") -> go.Figure:
    """The learning rate over the epochs of a training, from its first update to its last."""
    figure = go.Figure(
        go.Scatter(
            x=np.linspace(0, epochs, len(rates)),
            y=rates,
            mode="lines",
            line={"color": LIGHT.categorical[0], "width": 2},
            hovertemplate="epoch %{x:.1f}<br>%{y:.3g}<extra></extra>",
        )
    )
    figure.update_layout(title=title, showlegend=False)
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title="learning rate", rangemode="tozero", exponentformat="power")
    return figure


def as_bytes(pictures: np.ndarray) -> np.ndarray:
    """Pictures as uint8; floats are stretched from their lowest to their highest value."""
    if pictures.dtype == np.uint8:
        return pictures
    values = np.asarray(pictures, np.float32)
    low, high = float(values.min()), float(values.max())
    return ((values - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)
