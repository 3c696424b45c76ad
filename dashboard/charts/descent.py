"""The picture on the first page: a real gradient descent on a small landscape."""

from __future__ import annotations

from functools import cache

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT, color_scale


def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A bowl with hills in it: two valleys of different depth."""
    hills = 1.1 * np.exp(-((x - 0.1) ** 2 + (y - 0.2) ** 2) / 0.25) - 0.9 * np.exp(
        -((x - 1.1) ** 2 + (y + 0.6) ** 2) / 0.3
    )
    return 0.25 * (x**2 + y**2) + hills


def descend(start: tuple[float, float], learning_rate: float, momentum: float, steps: int) -> np.ndarray:
    """The points that gradient descent with momentum visits, the start included; shape (steps + 1, 2)."""
    point, velocity, small = np.array(start), np.zeros(2), 1e-5
    points = [point]
    for _ in range(steps):
        shifts = small * np.eye(2)
        gradient = np.array([(height(*(point + d)) - height(*(point - d))) / (2 * small) for d in shifts])
        velocity = momentum * velocity - learning_rate * gradient
        point = point + velocity
        points.append(point)
    return np.stack(points)


@cache
def descent_chart() -> go.Figure:
    """The landscape seen from above its rim, with the path of one descent."""
    side = np.linspace(-1.9, 1.9, 70)
    x, y = np.meshgrid(side, side)
    path = descend((1.5, 1.5), learning_rate=0.04, momentum=0.82, steps=70)
    level = height(path[:, 0], path[:, 1]) + 0.05  # a little above, else the surface hides it
    figure = go.Figure()
    figure.add_surface(
        x=side.astype("f4"), y=side.astype("f4"), z=height(x, y).astype("f4"),
        colorscale=color_scale(LIGHT.sequential[1:9]), reversescale=True, showscale=False, hoverinfo="skip",
        contours={"z": {"show": True, "start": -0.6, "end": 2.2, "size": 0.14, "color": LIGHT.background}},
        lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.05, "roughness": 0.9},
    )  # fmt: skip
    figure.add_scatter3d(
        x=path[:, 0], y=path[:, 1], z=level, mode="lines", hoverinfo="skip",
        line={"color": LIGHT.categorical[1], "width": 6},
    )  # fmt: skip
    figure.add_scatter3d(
        x=path[-1:, 0], y=path[-1:, 1], z=level[-1:], mode="markers", hoverinfo="skip",
        marker={"color": LIGHT.categorical[1], "size": 6},
    )  # fmt: skip
    hidden = {"visible": False}
    figure.update_layout(
        showlegend=False,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "aspectratio": {"x": 1.45, "y": 1.45, "z": 0.62},
            "camera": {"eye": {"x": 1.0, "y": -1.25, "z": 1.25}, "center": {"x": 0, "y": 0, "z": -0.12}},
        },
    )
    return figure
