"""Planes of loss landscapes: surface and contours, from a landscape's table of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.log_ticks import log_ticks, round_ticks
from dashboard.charts.quick_figure import QuickFigure, level, upright
from dashboard.theme import LIGHT, color_scale
from training.landscape_grid import PLANE_LEVELS, positive, spline

SMOOTH = 101  # points a side of the picture that is drawn through a coarse grid's points
SHOWN = ("loss", "accuracy")
OF = ("test", "train", "difference")


@dataclass(frozen=True)
class Picture:
    """A plane as it is drawn: values [b, a] at the ticks of both directions, NaN where there is no number."""

    a: np.ndarray
    b: np.ndarray
    values: np.ndarray
    what: str  # loss or accuracy
    of: str  # test, train, or difference (test minus train)
    log: bool
    computed: int  # points a side that were computed; between them a spline is drawn

    @property
    def title(self) -> str:
        whose = "test minus train" if self.of == "difference" else self.of
        return f"{whose} {self.what}"

    @property
    def centre(self) -> tuple[int, int]:
        """The place of (0, 0), or the nearest: row and column."""
        return self.place(0.0, 0.0)

    def place(self, a: float, b: float) -> tuple[int, int]:
        """Row and column of the point that is nearest to (a, b)."""
        return int(np.abs(self.b - b).argmin()), int(np.abs(self.a - a).argmin())

    @property
    def drawn(self) -> np.ndarray:
        """The values on the axis they are drawn on: the logarithm, where that is asked for."""
        if not self.log:
            return self.values
        return np.where(np.isfinite(self.values), np.log10(positive(self.values)), np.nan)

    def limits(self) -> tuple[float, float]:
        """Smallest and largest of the numbers drawn."""
        finite = self.drawn[np.isfinite(self.drawn)]
        return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)

    def clipped(self, top: float) -> Picture:
        """Values above `top` are drawn as holes: one huge wall would flatten everything else."""
        return replace(self, values=np.where(self.values > top, np.nan, self.values))


def picture_of(
    points: pd.DataFrame, about: Mapping[str, Any], what: str = "loss", of: str = "test", log: bool = True
) -> Picture | None:
    """The finest level of a plane that is whole, smoothed where it is coarse; None before the first one is.

    A coarse level's log losses are drawn through a spline; accuracies and the finest levels as they are.
    """
    side = int(about["level"])
    if not side or about["b_range"] is None:
        return None
    lattice = int(about["lattice"])
    places = np.arange(0, lattice + 1, lattice // (side - 1))
    splits = ("test", "train") if of == "difference" else (of,)
    grids = [_grid(points, places, f"{split}_{what}") for split in splits]
    fine = places.astype(float)
    if what == "loss" and side < PLANE_LEVELS[-1]:
        fine = np.linspace(0, lattice, SMOOTH)
        grids = [_smoothed(places, grid, fine) for grid in grids]
    values = grids[0] - grids[1] if of == "difference" else grids[0]
    a, b = (_along(about[name], fine / lattice) for name in ("a_range", "b_range"))
    return Picture(a, b, values.T, what, of, log and what == "loss" and of != "difference", side)


def surface_chart(
    picture: Picture, limits: tuple[float, float], path: pd.DataFrame | None = None, of: str = "training"
) -> go.Figure:
    """The plane as a surface to turn, and the networks on it: the checkpoint, or the ends and the path (`of`
    training or of a curve). The last trace, named cursor, is moved by panels/landscape_link.js.
    """
    figure = QuickFigure()
    shown = np.clip(picture.drawn, *limits)
    depth = limits[1] - limits[0]
    figure.add(
        "surface", name="surface", x=picture.a, y=picture.b,
        z=np.where(np.isfinite(picture.drawn), shown, np.nan), customdata=picture.values,
        colorscale=scale_of(picture), cmin=limits[0], cmax=limits[1], showscale=False, connectgaps=False,
        contours={"z": {"show": True, "color": "rgba(255,255,255,0.35)", "width": 1,
                        "start": limits[0], "end": limits[1], "size": depth / 14 or 1}},
        lighting={"ambient": 0.7, "diffuse": 0.6, "specular": 0.08, "roughness": 0.8},
        hovertemplate=f"a %{{x:.3g}}, b %{{y:.3g}}<br>{picture.title} %{{customdata:.4g}}<extra></extra>",
    )  # fmt: skip
    lift = depth * 0.02
    marked = networks_on(picture, of)
    heights = [float(shown[row, column]) + lift for row, column in (picture.place(*at) for at, _ in marked)]
    figure.add(
        "scatter3d", x=[at[0] for at, _ in marked], y=[at[1] for at, _ in marked], z=heights, mode="markers",
        marker={"size": 5, "color": LIGHT.text, "symbol": "diamond"}, name="checkpoint",
        text=[title for _, title in marked], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    if path is not None:
        inside = _inside(path, picture)
        own = own_values(inside, picture)
        drawn = np.clip(np.log10(positive(own)) if picture.log else own, *limits)
        figure.add(
            "scatter3d", x=inside["a"].to_numpy(), y=inside["b"].to_numpy(), z=drawn + lift,
            mode="lines" if of == "curve" else "lines+markers", name="path",
            line={"color": LIGHT.categorical[1], "width": 5},
            marker={"size": 4, "color": LIGHT.categorical[1]},
            customdata=np.stack([inside["epoch"], own, inside["distance"]], axis=1),
            hovertemplate=_told(picture, of),
        )  # fmt: skip
    figure.add(
        "scatter3d", x=[None], y=[None], z=[None], mode="markers", name="cursor", hoverinfo="skip",
        marker={"size": 6, "color": LIGHT.categorical[1], "line": {"color": LIGHT.background, "width": 1}},
    )  # fmt: skip
    axis = {"gridcolor": LIGHT.border, "zerolinecolor": LIGHT.border, "showbackground": False}
    title = f"{picture.title} (log₁₀)" if picture.log else picture.title
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        showlegend=False,
        scene={
            "xaxis": {**axis, "title": {"text": "a"}, "range": [picture.a[0], picture.a[-1]]},
            "yaxis": {**axis, "title": {"text": "b"}, "range": [picture.b[0], picture.b[-1]]},
            "zaxis": {**axis, "title": {"text": title}, "range": [limits[0], limits[1] + lift]},
            "aspectmode": "manual",
            "aspectratio": {"x": 1.15, "y": 1.15, "z": 0.75},
            "camera": {"eye": {"x": 1.65, "y": -1.55, "z": 1.1}, "center": {"x": 0, "y": 0, "z": -0.12}},
        },
        uirevision="surface",
    )
    return figure.made()


def contour_chart(
    picture: Picture,
    limits: tuple[float, float],
    path: pd.DataFrame | None = None,
    at: tuple[float, float] | None = None,
    of: str = "training",
) -> go.Figure:
    """The same plane from above; each network of a path in the colour of its own loss, not the plane's. `at`
    is the place that the cuts go through.
    """
    figure = QuickFigure()
    figure.add(
        "contour", name="contours", x=picture.a, y=picture.b, z=np.clip(picture.drawn, *limits),
        customdata=picture.values,
        colorscale=scale_of(picture), zmin=limits[0], zmax=limits[1], colorbar=_bar(picture, limits),
        contours={"start": limits[0], "end": limits[1], "size": (limits[1] - limits[0]) / 18 or 1},
        line={"width": 0.6, "color": "rgba(255,255,255,0.6)"},
        hovertemplate=f"a %{{x:.3g}}, b %{{y:.3g}}<br>{picture.title} %{{customdata:.4g}}<extra></extra>",
    )  # fmt: skip
    if of == "curve":
        figure.add_scatter(
            x=[0, 1], y=[0, 0], mode="lines", hoverinfo="skip", name="straight line",
            line={"color": LIGHT.text, "width": 1.5, "dash": "dash"},
        )  # fmt: skip
    if path is not None:
        own = own_values(path, picture)
        colors = np.clip(np.log10(positive(own)) if picture.log else own, *limits)
        figure.add_scatter(  # light around dark: to be seen on every colour
            x=path["a"].to_numpy(), y=path["b"].to_numpy(), mode="lines+markers", name="halo",
            hoverinfo="skip", line={"color": LIGHT.background, "width": 4.5},
            marker={"size": 14, "color": LIGHT.background},
        )  # fmt: skip
        figure.add_scatter(
            x=path["a"].to_numpy(), y=path["b"].to_numpy(), mode="lines+markers", name="path",
            line={"color": LIGHT.text, "width": 1.5},
            marker={"size": 9, "color": colors, "colorscale": scale_of(picture), "cmin": limits[0],
                    "cmax": limits[1], "line": {"color": LIGHT.text, "width": 1.5}},
            customdata=np.stack([path["epoch"], own, path["distance"]], axis=1),
            hovertemplate=_told(picture, of),
        )  # fmt: skip
    marked = networks_on(picture, of)
    figure.add_scatter(
        x=[place[0] for place, _ in marked], y=[place[1] for place, _ in marked], mode="markers",
        hoverinfo="skip", name="checkpoint",
        marker={"symbol": "diamond", "size": 10, "color": LIGHT.text,
                "line": {"color": LIGHT.background, "width": 1.5}},
    )  # fmt: skip
    line = {"color": LIGHT.quiet, "width": 1, "dash": "dot"}
    figure.update_layout(
        margin={"l": 56, "r": 8, "t": 8, "b": 104},
        showlegend=False,
        uirevision="contour",
        shapes=[] if at is None else [upright(at[0], **line), level(at[1], **line)],
        xaxis={
            "title": "a",
            "constrain": "domain",
            "uirevision": "a",
            "range": [picture.a[0], picture.a[-1]],
        },
        yaxis={"title": "b", "uirevision": "b", "range": [picture.b[0], picture.b[-1]]},
    )
    return figure.made()


def networks_on(picture: Picture, of: str) -> list[tuple[tuple[float, float], str]]:
    """The networks that the plane was laid through, with what is said of them."""
    ends = [((0.0, 0.0), "first network"), ((1.0, 0.0), "second network")]
    found = []
    for at, title in ends if of == "curve" else [((0.0, 0.0), "the checkpoint")]:
        row, column = picture.place(*at)
        found.append((at, f"{title}<br>{picture.title} {picture.values[row, column]:.4g}"))
    return found


def common_limits(pictures: Sequence[Picture]) -> tuple[float, float]:
    """One scale for several pictures, so that they can be compared. A difference's is as long on both sides
    of 0, whose colour is that of the page.
    """
    found = [picture.limits() for picture in pictures]
    low, high = min(low for low, _ in found), max(high for _, high in found)
    if pictures and all(picture.of == "difference" for picture in pictures):
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _grid(points: pd.DataFrame, places: np.ndarray, column: str) -> np.ndarray:
    """The values of a level, [a, b]."""
    table = points.pivot(index="row", columns="column", values=column)
    return table.reindex(index=places, columns=places).to_numpy(dtype=float)


def _smoothed(places: np.ndarray, grid: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """A spline of the log loss; where the nearest point is no number, neither is the picture."""
    smooth = np.exp(spline(places.tolist(), np.log(positive(grid)), fine.tolist()))
    nearest = np.abs(fine[:, None] - places[None]).argmin(axis=1)
    return np.where(np.isfinite(grid[np.ix_(nearest, nearest)]), smooth, np.nan)


def _along(ends: Sequence[float], shares: np.ndarray) -> np.ndarray:
    return ends[0] * (1 - shares) + ends[1] * shares


def scale_of(picture: Picture) -> list[list[float | str]]:
    """Dark is low, as in a valley; a difference is blue where test is below train."""
    if picture.of == "difference":
        return color_scale(LIGHT.diverging)
    return color_scale(tuple(reversed(LIGHT.sequential[1:])))


def own_values(path: pd.DataFrame, picture: Picture) -> np.ndarray:
    """What each network of a path was measured to have."""
    if picture.of == "difference":
        return (path[f"test_{picture.what}"] - path[f"train_{picture.what}"]).to_numpy(dtype=float)
    return path[f"{picture.of}_{picture.what}"].to_numpy(dtype=float)


def _inside(path: pd.DataFrame, picture: Picture) -> pd.DataFrame:
    """A path without what is beyond the picture: a surface's axes do not cut it off."""
    within = path["a"].between(picture.a[0], picture.a[-1]) & path["b"].between(picture.b[0], picture.b[-1])
    return path[within]


def _told(picture: Picture, of: str) -> str:
    place = "%{customdata[0]:.3g} of the way" if of == "curve" else "epoch %{customdata[0]:.0f}"
    return (
        f"{place}<br>its own {picture.what} %{{customdata[1]:.4g}}<br>"
        "%{customdata[2]:.3g} away from the plane<extra></extra>"
    )


def _bar(picture: Picture, limits: tuple[float, float]) -> dict[str, Any]:
    bar: dict[str, Any] = {  # below, where it takes no width from the plane
        "orientation": "h", "thickness": 10, "len": 1, "x": 0.5, "xanchor": "center", "y": -0.15,
        "yanchor": "top", "ypad": 0, "title": {"text": picture.title, "side": "bottom"},
    }  # fmt: skip
    if picture.log:
        bar["tickvals"], bar["ticktext"] = log_ticks(*limits)
    else:  # Plotly would put them at contours
        ticks = round_ticks(*limits)
        percent = picture.what == "accuracy"
        bar["tickvals"] = ticks
        bar["ticktext"] = [f"{100 * tick:.3g}%" if percent else f"{tick:.4g}" for tick in ticks]
    return bar
