"""Landscapes side by side: what they share, their scale, and the tables of a comparison's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.landscape import Picture
from dashboard.charts.log_ticks import log_ticks
from dashboard.charts.quick_figure import QuickFigure
from dashboard.charts.remedy_board import BoardColumn, BoardRow
from dashboard.theme import LIGHT, color_scale
from training.comparison_results import MEASURES, SideResult

BOARD = ("eigenvalue", "trace", "hills", "test accuracy")  # of MEASURES: the columns of the picture


def scale_chart(limits: tuple[float, float], picture: Picture) -> go.Figure:
    """The colours that several pictures share, as a strip with their values."""
    shares = np.linspace(0, 1, 64)
    figure = QuickFigure()
    figure.add_heatmap(
        x=limits[0] + shares * (limits[1] - limits[0]), y=[0, 1], z=np.stack([shares, shares]),
        showscale=False, hoverinfo="skip",
        colorscale=color_scale(tuple(reversed(LIGHT.sequential[1:]))),
    )  # fmt: skip
    if picture.log:
        ticks, said = log_ticks(*limits, most=9)
    else:
        ticks = np.linspace(*limits, 6).tolist()
        said = [f"{tick:{'.0%' if picture.what == 'accuracy' else '.3g'}}" for tick in ticks]
    figure.update_layout(
        xaxis={"title": picture.title, "tickvals": ticks, "ticktext": said, "showgrid": False,
               "range": list(limits), "fixedrange": True},
        yaxis={"visible": False, "fixedrange": True, "range": [0, 1]},
        margin={"l": 24, "r": 24, "t": 4, "b": 40}, showlegend=False, uirevision=f"{limits}",
    )  # fmt: skip
    return figure.made()


def board_columns() -> tuple[BoardColumn, ...]:
    """The measures that the picture of a comparison shows."""
    rows = [MEASURES[name] for name in BOARD]
    return tuple(BoardColumn(row.title, row.format, ".0%" if "%" in row.format else "~g") for row in rows)


def board_rows(results: Sequence[SideResult], chosen: str = "") -> list[BoardRow]:
    """A row a side, each measure's values by seed; the sides that the literature speaks of have a colour."""
    return [
        BoardRow(
            result.side.name,
            result.side.title,
            tuple(tuple(result.values(name).values()) for name in BOARD),
            LIGHT.categorical[1 if result.side.name == chosen else 0],
        )
        for result in results
    ]


def side_frame(results: Sequence[SideResult]) -> pd.DataFrame:
    """The table of means: a row a side, and each measure with its standard deviation over seeds as text."""
    found: dict[str, list[object]] = {"side": [result.side.title for result in results]}
    for measure in MEASURES:
        found[measure.name] = [
            _with_spread(result.mean(measure.name), result.spread(measure.name), measure.format)
            for result in results
        ]
    found["seeds"] = [len(result.values("eigenvalue")) for result in results]
    return pd.DataFrame(found)


def network_frame(results: Sequence[SideResult]) -> pd.DataFrame:
    """A row a network: its side, seed, state and numbers (NaN where not known yet)."""
    rows = [
        {"side": result.side.title, "seed": one.seed + 1, "state": [one.state]}
        | {measure.name: one.numbers.get(measure.name, math.nan) for measure in MEASURES}
        for result in results
        for one in result.networks
    ]
    return pd.DataFrame(rows, columns=["side", "seed", "state", *MEASURES.names()])


def _with_spread(mean: float, spread: float, how: str) -> str:
    if not math.isfinite(mean):
        return ""
    return f"{mean:{how}}" + (f" ± {spread:{how.replace('3g', '2g')}}" if math.isfinite(spread) else "")
