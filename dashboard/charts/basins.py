"""A basin map: a colour for each minimum, paler where the way is longer; grey where none is reached."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT
from training.basins import LEFT, NOWHERE, BasinMap
from training.surfaces import Minimum

FAINTEST = 0.35  # how much of a colour is left for the longest way
MOST_COLORS = 9  # minima beyond that begin again: neighbours still differ


def basins_chart(found: BasinMap, start: tuple[float, float] | None = None) -> go.Figure:
    """The map with its minima as stars, and the start of the race as a cross."""
    figure = QuickFigure()
    told = np.array([_name(each) for each in found.minima] + ["gone for good", "at none yet"])
    for which, color in _colors(len(found.minima)).items():
        chosen = np.isin(found.reached, which)
        if not chosen.any():
            continue
        figure.add_heatmap(
            x=found.x, y=found.y, z=np.where(chosen, _strength(found), np.nan), zmin=0, zmax=1,
            colorscale=[[0, LIGHT.background], [1, color]], showscale=False, hoverongaps=False,
            customdata=np.stack((told[found.reached], _steps_told(found)), axis=-1),
            hovertemplate="from (%{x:.2f}, %{y:.2f}): %{customdata[0]}%{customdata[1]}<extra></extra>",
        )  # fmt: skip
    deepest = min(each.value for each in found.minima)
    for name, those, size in (
        ("deepest minimum", [each for each in found.minima if each.value <= deepest + 1e-9], 15),
        ("local minimum", [each for each in found.minima if each.value > deepest + 1e-9], 6),
    ):
        figure.add_scatter(
            x=[each.x for each in those], y=[each.y for each in those], mode="markers", name=name,
            marker={"symbol": "star" if size > 10 else "circle", "size": size, "color": LIGHT.text,
                    "line": {"color": LIGHT.background, "width": 1.2}},
            hovertemplate="%{x:.3f}, %{y:.3f}<extra>" + name + "</extra>",
        )  # fmt: skip
    if start is not None:
        figure.add_scatter(
            x=[start[0]], y=[start[1]], mode="markers", name="start of the race", hoverinfo="skip",
            marker={"symbol": "cross-thin", "size": 14, "line": {"color": LIGHT.text, "width": 2.5}},
        )  # fmt: skip
    figure.update_layout(
        margin={"l": 44, "r": 8, "t": 8, "b": 44}, showlegend=False,
        xaxis={"title": "x of the start", "range": [found.x[0], found.x[-1]], "constrain": "domain"},
        yaxis={"title": "y of the start", "range": [found.y[0], found.y[-1]]},
        uirevision=f"{found.x[0]} {found.y[0]}",
    )  # fmt: skip
    return figure.made()


def shares_table(found: BasinMap, most: int = 8) -> list[dict[str, object]]:
    """A row for each of the largest basins, and for starts that reach nothing: share and middle step."""
    counted = [(found.share(place), place) for place in range(len(found.minima))]
    rows: list[dict[str, object]] = []
    for share, place in sorted(counted, key=lambda pair: (-pair[0], pair[1]))[:most]:
        if not share:
            break
        each = found.minima[place]
        steps = float(np.nanmedian(found.steps[found.reached == place]))
        rows.append({"minimum": _name(each), "value": each.value, "starts": share, "steps": steps})
    for which, name in ((NOWHERE, "at none yet"), (LEFT, "gone for good")):
        if found.share(which):
            rows.append({"minimum": name, "value": None, "starts": found.share(which), "steps": None})
    return rows


def _colors(minima: int) -> dict[tuple[int, ...], str]:
    """Places of minima by colour. A colour for each as long as they last: a trace each would be slow."""
    colors: dict[tuple[int, ...], str] = {
        tuple(range(place, minima, MOST_COLORS)): LIGHT.categorical[place]
        for place in range(min(minima, MOST_COLORS))
    }
    return {**colors, (NOWHERE,): LIGHT.quiet, (LEFT,): LIGHT.text}


def _strength(found: BasinMap) -> np.ndarray:
    """From FAINTEST for the longest way to 1 for the shortest, by the logarithm."""
    longest = float(np.nanmax(found.steps, initial=1.0)) if np.isfinite(found.steps).any() else 1.0
    share = np.log1p(np.nan_to_num(found.steps)) / np.log1p(max(1.0, longest))
    return np.where(np.isfinite(found.steps), 1 - (1 - FAINTEST) * share, 0.3)


def _steps_told(found: BasinMap) -> np.ndarray:
    return np.where(np.isfinite(found.steps), np.char.add(" by step ", _whole(found.steps)), "")


def _whole(steps: np.ndarray) -> np.ndarray:
    return np.nan_to_num(steps).astype(int).astype(str)


def _name(each: Minimum) -> str:
    return f"({each.x:.2f}, {each.y:.2f})"
