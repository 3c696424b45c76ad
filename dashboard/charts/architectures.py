"""Networks as points, their families as a tree, and the block that a family repeats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from dashboard.architecture_look import Point
from dashboard.charts.quick_figure import QuickFigure
from dashboard.language import _, mark
from dashboard.theme import LIGHT
from models.catalog import Catalog
from models.families import FAMILIES, Family


@dataclass(frozen=True)
class Axis:
    """A number of a network that the chart can have on either axis."""

    name: str
    title: str
    value: Callable[[Point], float]
    log: bool
    hover: str  # Plotly's format


AXES: Catalog[Axis] = Catalog(
    "axis",
    [
        Axis("parameters", mark("Parameters"), lambda point: point.facts.parameters, True, ",d"),
        Axis(
            "multiply_adds",
            mark("Multiply-adds for one picture"),
            lambda point: point.facts.multiply_adds,
            True,
            ".3s",
        ),
        Axis("depth", mark("Depth (layers with weights)"), lambda point: point.facts.depth, True, "d"),
        Axis("field", mark("Receptive field (pixels)"), lambda point: point.field_pixels, False, "d"),
        Axis(
            "time",
            mark("Time for one picture (ms, one thread of this machine)"),
            lambda point: 1000 * point.seconds,
            True,
            ".2f",
        ),
        Axis("accuracy", mark("Accuracy on test data"), lambda point: point.subject.accuracy, False, ".1%"),
    ],
)
DOT = 13  # pixels
NEAR = 0.05  # two numbers that differ by less than this share would have their names on each other


def size_chart(points: Sequence[Point], x: Axis, y: Axis) -> go.Figure:
    """A point a network, in the colour of its family; those without one of the two numbers are left out."""
    shown = [point for point in points if math.isfinite(x.value(point)) and math.isfinite(y.value(point))]
    families = list(dict.fromkeys(point.subject.family for point in shown))
    sides = _sides([(x.value(point), y.value(point)) for point in shown])
    figure = QuickFigure()
    for number, family in enumerate(families):
        own = [point for point in shown if point.subject.family == family]
        stand = [side for point, side in zip(shown, sides, strict=True) if point.subject.family == family]
        symbol = ("circle", "diamond", "square")[number // len(LIGHT.categorical) % 3]
        figure.add_scatter(
            x=[x.value(point) for point in own],
            y=[y.value(point) for point in own],
            text=[point.title for point in own],
            customdata=[[point.title, point.subject.run] for point in own],
            mode="markers+text",
            textposition=stand,
            textfont={"size": 11, "color": LIGHT.quiet},
            marker={
                "size": DOT,
                "symbol": symbol,
                "color": LIGHT.categorical[number % len(LIGHT.categorical)],
                "line": {"width": 1, "color": LIGHT.background},
            },
            name=family,
            cliponaxis=False,
            hovertemplate=f"<b>%{{text}}</b><br>{_(x.title)}: %{{x:{x.hover}}}<br>{_(y.title)}: "
            f"%{{y:{y.hover}}}<extra>{family}</extra>",
        )
    figure.update_layout(
        title={"text": ""},
        xaxis=_axis(x),
        yaxis=_axis(y),
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.03, "x": 0},
        margin={"l": 70, "r": 30, "t": 30, "b": 60},
        uirevision=f"{x.name} {y.name}",
    )
    return figure.made()


def _sides(places: Sequence[tuple[float, float]]) -> list[str]:
    """Where each name stands: above its mark, or below, where another's name is already above that place."""

    def near(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return all(math.isclose(a, b, rel_tol=NEAR) for a, b in zip(one, other, strict=True))

    return [
        "bottom center" if any(near(place, earlier) for earlier in places[:number]) else "top center"
        for number, place in enumerate(places)
    ]


def _axis(axis: Axis) -> dict[str, object]:
    shape = {"type": "log", "dtick": 1} if axis.log else {}
    tick = ".0%" if axis.name == "accuracy" else ("~s" if axis.name != "time" else "~g")
    return {"title": {"text": _(axis.title)}, "tickformat": tick, **shape}


def tree_chart(chosen: str) -> go.Figure:
    """Families by year from top to bottom, each joined to those that it started from; further right, the
    more steps from the linear model. A click on one gives its name as `customdata`.
    """
    rows = sorted(FAMILIES, key=lambda family: family.year)
    place = {family.name: (_generation(family), -number) for number, family in enumerate(rows)}
    figure = QuickFigure()
    for family in rows:
        for parent in family.parents:
            (x0, y0), (x1, y1) = place[parent], place[family.name]
            near = chosen in (parent, family.name)
            figure.add_scatter(
                x=[x0, x0, x1],
                y=[y0, y1, y1],
                mode="lines",
                line={
                    "color": LIGHT.categorical[1] if near else LIGHT.border,
                    "width": 2.5 if near else 1.5,
                },
                hoverinfo="skip",
                showlegend=False,
            )
    figure.add_scatter(
        x=[place[family.name][0] for family in rows],
        y=[place[family.name][1] for family in rows],
        text=[
            f"<b>{family.title}</b> {family.year}"
            if family.name == chosen
            else f"{family.title} {family.year}"
            for family in rows
        ],
        customdata=[family.name for family in rows],
        hovertext=[family.adds for family in rows],
        hovertemplate="%{hovertext}<extra></extra>",
        mode="markers+text",
        textposition="middle right",
        textfont={"size": 13, "color": LIGHT.text},
        cliponaxis=False,
        marker={
            "size": 12,
            "color": [LIGHT.categorical[1 if family.name == chosen else 0] for family in rows],
            "line": {"width": 2, "color": LIGHT.background},
        },
        showlegend=False,
    )
    deepest = max(x for x, _y in place.values())
    figure.update_layout(
        title={"text": ""},
        xaxis={"visible": False, "range": [-0.4, deepest + 5.0], "fixedrange": True},
        yaxis={"visible": False, "range": [-len(rows) + 0.4, 0.6], "fixedrange": True},
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        hovermode="closest",
        uirevision="tree",
    )
    return figure.made()


def _generation(family: Family) -> int:
    return 1 + max((_generation(FAMILIES[parent]) for parent in family.parents), default=-1)


def block_chart(family: Family) -> go.Figure:
    """The family's block: its ways side by side, from the input above to where they join below."""
    figure = QuickFigure()
    shapes: list[dict[str, object]] = []
    notes: list[dict[str, object]] = []
    ways, tallest = family.block, max(1, *(len(way) for way in family.block))
    for column, way in enumerate(ways):
        middle = column - (len(ways) - 1) / 2
        start, end = (0.0, -0.5), (0.0, -tallest - 0.5)
        first, last = (middle, -0.5 - 0.25), (middle, -tallest - 0.25)
        shapes += [_arrow_line(start, first), _arrow_line(first, last), _arrow_line(last, end)]
        for row, layer in enumerate(way):
            # a way with fewer layers has them spread over the same height
            y = -1 - (row + 0.5) * tallest / len(way) + 0.5
            _box(shapes, notes, middle, y, layer)
        if not way:
            note = {"x": middle, "y": -(tallest + 1) / 2, "text": _("unchanged"), "showarrow": False}
            notes.append({**note, "font": {"size": 12, "color": LIGHT.quiet}, "bgcolor": LIGHT.background})
    _box(shapes, notes, 0, -0.2, _("input"), ends=True)
    _box(shapes, notes, 0, -tallest - 0.8, family.joined or _("output"), ends=True)
    half = len(ways) / 2
    figure.add_scatter(x=[-half, half], y=[0, -tallest - 1], mode="markers", marker={"opacity": 0},
                       hoverinfo="skip", showlegend=False)  # fmt: skip
    figure.update_layout(
        title={"text": ""},
        shapes=shapes,
        annotations=notes,
        xaxis={"visible": False, "range": [-half - 0.05, half + 0.05], "fixedrange": True},
        yaxis={"visible": False, "range": [-tallest - 1.15, 0.15], "fixedrange": True},
        margin={"l": 6, "r": 6, "t": 6, "b": 6},
        uirevision=family.name,
    )
    return figure.made()


def _arrow_line(start: tuple[float, float], end: tuple[float, float]) -> dict[str, object]:
    return {
        "type": "line", "x0": start[0], "y0": start[1], "x1": end[0], "y1": end[1],
        "line": {"color": LIGHT.quiet, "width": 1.5}, "layer": "below",
    }  # fmt: skip


def _box(
    shapes: list[dict[str, object]],
    notes: list[dict[str, object]],
    x: float,
    y: float,
    text: str,
    ends: bool = False,
) -> None:
    shapes.append(
        {
            "type": "rect", "x0": x - 0.45, "x1": x + 0.45, "y0": y - 0.3, "y1": y + 0.3,
            "line": {"color": LIGHT.border if ends else _color(text), "width": 1.5},
            "fillcolor": LIGHT.surface,
        }
    )  # fmt: skip
    notes.append(
        {"x": x, "y": y, "text": text, "showarrow": False, "font": {"size": 12, "color": LIGHT.text}}
    )


def _color(layer: str) -> str:
    """Convolutions and other layers with weights in one colour, the rest in others."""
    if any(
        word in layer for word in ("1x1", "3x3 c", "5x5", "3x3 d", "7x7", "linear", "convolution", "k ch")
    ):
        return LIGHT.categorical[0]
    if any(word in layer for word in ("maximum", "mean")):
        return LIGHT.categorical[2]
    return LIGHT.categorical[1]


def facts_frame(points: Sequence[Point]) -> pd.DataFrame:
    """A row a network."""
    return pd.DataFrame(
        {
            "network": [point.title for point in points],
            "family": [point.subject.family for point in points],
            "pictures": ["{2} × {1} × {0}".format(*point.subject.input_shape) for point in points],
            "parameters": [point.facts.parameters for point in points],
            "multiply_adds": [point.facts.multiply_adds / 1e6 for point in points],
            "depth": [point.facts.depth for point in points],
            "field": [point.field_pixels for point in points],
            "time": [1000 * point.seconds for point in points],
            "accuracy": [100 * point.subject.accuracy for point in points],
            "run": [f"run?run={point.subject.run}" if point.subject.run else None for point in points],
        }
    )
