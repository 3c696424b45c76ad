"""Loss landscapes: surface, contour, slices and lines, from a landscape's table of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.theme import LIGHT, SPLITS, color_scale
from training.landscape_grid import PLANE_LEVELS, positive, spline

SMOOTH = 101  # points a side of the picture that is drawn through a coarse grid's points
SHOWN = ("loss", "accuracy")
OF = ("test", "train", "difference")
LEGEND = {"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"}  # above, where there is always room


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
        return int(np.abs(self.b).argmin()), int(np.abs(self.a).argmin())

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
    level = int(about["level"])
    if not level or about["b_range"] is None:
        return None
    lattice = int(about["lattice"])
    places = np.arange(0, lattice + 1, lattice // (level - 1))
    splits = ("test", "train") if of == "difference" else (of,)
    grids = [_grid(points, places, f"{split}_{what}") for split in splits]
    fine = places.astype(float)
    if what == "loss" and level < PLANE_LEVELS[-1]:
        fine = np.linspace(0, lattice, SMOOTH)
        grids = [_smoothed(places, grid, fine) for grid in grids]
    values = grids[0] - grids[1] if of == "difference" else grids[0]
    a, b = (_along(about[name], fine / lattice) for name in ("a_range", "b_range"))
    return Picture(a, b, values.T, what, of, log and what == "loss" and of != "difference", level)


def surface_chart(
    picture: Picture, limits: tuple[float, float], path: pd.DataFrame | None = None
) -> go.Figure:
    """The plane as a surface to turn, the checkpoint marked, and the training's path over it."""
    figure = go.Figure()
    shown = np.clip(picture.drawn, *limits)
    figure.add_surface(
        x=picture.a, y=picture.b, z=np.where(np.isfinite(picture.drawn), shown, np.nan),
        customdata=picture.values, colorscale=_scale(), cmin=limits[0], cmax=limits[1],
        showscale=False, connectgaps=False,
        contours={"z": {"show": True, "color": "rgba(255,255,255,0.35)", "width": 1,
                        "start": limits[0], "end": limits[1], "size": (limits[1] - limits[0]) / 14 or 1}},
        lighting={"ambient": 0.7, "diffuse": 0.6, "specular": 0.08, "roughness": 0.8},
        hovertemplate=f"a %{{x:.3g}}, b %{{y:.3g}}<br>{picture.title} %{{customdata:.4g}}<extra></extra>",
    )  # fmt: skip
    lift = (limits[1] - limits[0]) * 0.02
    row, column = picture.centre
    figure.add_scatter3d(
        x=[picture.a[column]], y=[picture.b[row]], z=[float(shown[row, column]) + lift], mode="markers",
        marker={"size": 5, "color": LIGHT.text, "symbol": "diamond"}, name="checkpoint",
        hovertemplate=f"the checkpoint<br>{picture.title} {picture.values[row, column]:.4g}<extra></extra>",
    )  # fmt: skip
    if path is not None and f"{picture.of}_{picture.what}" in path:
        own = path[f"{picture.of}_{picture.what}"].to_numpy()
        heights = np.clip(np.log10(positive(own)) if picture.log else own, *limits)
        figure.add_scatter3d(
            x=path["a"], y=path["b"], z=heights + lift, mode="lines+markers", name="path",
            line={"color": LIGHT.categorical[1], "width": 5},
            marker={"size": 4, "color": LIGHT.categorical[1]},
            customdata=np.stack([path["epoch"], own, path["distance"]], axis=1),
            hovertemplate="epoch %{customdata[0]:.0f}<br>own loss %{customdata[1]:.4g}<br>"
            "%{customdata[2]:.3g} away from the plane<extra></extra>",
        )  # fmt: skip
    axis = {"gridcolor": LIGHT.border, "zerolinecolor": LIGHT.border, "showbackground": False}
    title = f"{picture.title} (log₁₀)" if picture.log else picture.title
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        showlegend=False,
        scene={
            "xaxis": {**axis, "title": "a"},
            "yaxis": {**axis, "title": "b"},
            "zaxis": {**axis, "title": title, "range": [limits[0], limits[1] + lift]},
            "aspectmode": "manual",
            "aspectratio": {"x": 1.15, "y": 1.15, "z": 0.75},
            "camera": {"eye": {"x": 1.65, "y": -1.55, "z": 1.1}, "center": {"x": 0, "y": 0, "z": -0.12}},
        },
        uirevision="surface",
    )
    return figure


def contour_chart(
    picture: Picture,
    limits: tuple[float, float],
    path: pd.DataFrame | None = None,
    at: tuple[float, float] | None = None,
) -> go.Figure:
    """The same plane from above; each checkpoint of a path in the colour of its own loss, not the plane's."""
    figure = go.Figure()
    figure.add_contour(
        x=picture.a, y=picture.b, z=np.clip(picture.drawn, *limits), customdata=picture.values,
        colorscale=_scale(), zmin=limits[0], zmax=limits[1], colorbar=_bar(picture, limits),
        contours={"start": limits[0], "end": limits[1], "size": (limits[1] - limits[0]) / 18 or 1},
        line={"width": 0.6, "color": "rgba(255,255,255,0.6)"},
        hovertemplate=f"a %{{x:.3g}}, b %{{y:.3g}}<br>{picture.title} %{{customdata:.4g}}<extra></extra>",
    )  # fmt: skip
    if at is not None:
        for line in ({"x": at[0]}, {"y": at[1]}):
            add = figure.add_vline if "x" in line else figure.add_hline
            add(**line, line={"color": LIGHT.quiet, "width": 1, "dash": "dot"})
    if path is not None and f"{picture.of}_{picture.what}" in path:
        own = path[f"{picture.of}_{picture.what}"].to_numpy()
        colors = np.clip(np.log10(positive(own)) if picture.log else own, *limits)
        figure.add_scatter(
            x=path["a"], y=path["b"], mode="lines+markers", showlegend=False,
            line={"color": LIGHT.text, "width": 1.5},
            marker={"size": 9, "color": colors, "colorscale": _scale(), "cmin": limits[0], "cmax": limits[1],
                    "line": {"color": LIGHT.text, "width": 1.5}},
            customdata=np.stack([path["epoch"], own, path["distance"]], axis=1),
            hovertemplate="epoch %{customdata[0]:.0f}<br>its own loss %{customdata[1]:.4g}<br>"
            "%{customdata[2]:.3g} away from the plane<extra></extra>",
        )  # fmt: skip
    else:
        figure.add_scatter(
            x=[0], y=[0], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"symbol": "diamond", "size": 9, "color": LIGHT.text,
                    "line": {"color": LIGHT.background, "width": 1}},
        )  # fmt: skip
    figure.update_xaxes(title="a", constrain="domain", uirevision="a", range=[picture.a[0], picture.a[-1]])
    figure.update_yaxes(title="b", uirevision="b", range=[picture.b[0], picture.b[-1]])
    return figure.update_layout(margin={"l": 56, "r": 8, "t": 8, "b": 48}, uirevision="contour")


def slice_chart(picture: Picture, at: tuple[float, float], limits: tuple[float, float]) -> go.Figure:
    """The plane cut along both directions at one place."""
    column, row = (
        int(np.abs(ticks - place).argmin()) for ticks, place in zip((picture.a, picture.b), at, strict=True)
    )
    figure = go.Figure()
    cuts = (
        (
            picture.a,
            picture.values[row],
            f"along a, at b = {picture.b[row]:.3g}",
            LIGHT.categorical[0],
            "solid",
        ),
        (
            picture.b,
            picture.values[:, column],
            f"along b, at a = {picture.a[column]:.3g}",
            LIGHT.categorical[1],
            "dash",
        ),
    )
    for place, values, name, color, dash in cuts:
        figure.add_scatter(
            x=place, y=positive(values) if picture.log else values, mode="lines", name=name,
            line={"color": color, "width": 2.5, "dash": dash},
            hovertemplate=f"%{{x:.3g}}: %{{y:.4g}}<extra>{name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title="distance from the checkpoint, in lengths of a direction", uirevision="place")
    shown = limits if picture.log else None
    figure.update_yaxes(
        title=picture.title, type="log" if picture.log else "linear", range=shown, uirevision=f"{limits}"
    )
    return figure.update_layout(margin={"l": 64, "r": 8, "t": 32, "b": 48}, legend=LEGEND)


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
    figure.update_yaxes(
        title=what, type="log" if log and what == "loss" else "linear", uirevision=f"{what} {log}",
        tickformat=".0%" if what == "accuracy" else None,
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
    figure.update_yaxes(title="train loss", type="log", uirevision="loss")
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


def common_limits(pictures: Sequence[Picture]) -> tuple[float, float]:
    """One scale for several pictures, so that they can be compared."""
    found = [picture.limits() for picture in pictures]
    low, high = min(low for low, _ in found), max(high for _, high in found)
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


def _scale() -> list[list[float | str]]:
    return color_scale(tuple(reversed(LIGHT.sequential[1:])))


def _bar(picture: Picture, limits: tuple[float, float]) -> dict[str, Any]:
    bar: dict[str, Any] = {"thickness": 10, "len": 0.9, "title": {"text": picture.title, "side": "right"}}
    if picture.log:
        ticks = np.linspace(*limits, 6)
        bar |= {"tickvals": ticks.tolist(), "ticktext": [f"{10**tick:.3g}" for tick in ticks]}
    elif picture.what == "accuracy":
        bar["tickformat"] = ".0%"
    return bar
