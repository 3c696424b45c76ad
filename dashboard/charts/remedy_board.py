"""The scoreboard of remedies: for each variant its test score with its seeds, its gap, and its time."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts.trials import empty
from dashboard.theme import LIGHT

ROW = 30  # pixels
FRAME = 110


@dataclass(frozen=True)
class BoardColumn:
    """One measure of the board: its title and how its numbers are written."""

    title: str
    format: str  # of a value, as Plotly (d3) writes it
    axis_format: str  # of a tick


@dataclass(frozen=True)
class BoardRow:
    """A variant: for each column the values of its seeds (empty: none yet)."""

    key: str  # given back by a click
    name: str
    values: tuple[tuple[float, ...], ...]
    color: str = LIGHT.categorical[0]


def board_chart(
    rows: Sequence[BoardRow], columns: Sequence[BoardColumn], compared: str = "", chosen: str = ""
) -> go.Figure:
    """A line a row, a pane a column: the mean as a large dot, the seeds small and faint, their standard
    deviation as a bar. The row with the key `compared` draws a vertical line through each pane; the chosen
    row's name is bold.
    """
    if not any(values for row in rows for values in row.values):
        return empty(go.Figure(), "The first training that ends begins this board.")
    figure = make_subplots(
        1, len(columns), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=[c.title for c in columns]
    )
    names = [_name(row, chosen) for row in rows]
    for number, column in enumerate(columns, start=1):
        ends = shown_range([row.values[number - 1] for row in rows])
        for row, name in zip(rows, names, strict=True):
            values = np.asarray(row.values[number - 1], np.float64)
            if len(values):
                _add_row(figure, row, name, values, column, number, ends)
        base = next((row for row in rows if row.key == compared and row.values[number - 1]), None)
        if base is not None:
            figure.add_vline(
                x=float(np.mean(base.values[number - 1])), row=1, col=number,
                line={"color": LIGHT.quiet, "width": 1.5, "dash": "dash"},
            )  # fmt: skip
        figure.update_xaxes(
            tickformat=column.axis_format, tickangle=0, nticks=5, uirevision=f"{column.title} {ends}",
            range=_with_room(ends), row=1, col=number,
        )  # fmt: skip
    figure.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], uirevision="rows", automargin=True, ticks="",
        range=[-0.6, len(rows) - 0.4],
    )  # fmt: skip
    figure.update_layout(showlegend=False, hovermode="closest", margin={"l": 8, "r": 12, "t": 36, "b": 36})
    return figure


def shown_range(values: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The lowest and highest value of the rows that lie among the others: one far away (a network that learns
    nothing) would leave no room for the differences between the rest. Farther than 3 times the distance of
    the quartiles from them is far away (Tukey 1977); of three rows or fewer none is.
    """
    rows = [np.asarray(row, np.float64) for row in values if len(row)]
    means = np.array([row.mean() for row in rows])
    low, high = -np.inf, np.inf
    if len(rows) > 3:
        first, third = np.quantile(means, [0.25, 0.75])
        reach = 3 * max(third - first, 0.01 * abs(third))
        low, high = first - reach, third + reach
    kept = [row for row, mean in zip(rows, means, strict=True) if low <= mean <= high]
    every = np.concatenate(kept) if kept else np.zeros(1)
    return float(every.min()), float(every.max())


def board_height(rows: int) -> int:
    """Pixels that so many rows need."""
    return FRAME + ROW * max(rows, 2)


def _add_row(
    figure: go.Figure,
    row: BoardRow,
    name: str,
    values: np.ndarray,
    column: BoardColumn,
    number: int,
    ends: tuple[float, float],
) -> None:
    """The row's dots in one pane; a mean beyond the ends is an arrow at the pane's edge."""
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    if len(values) > 1:
        figure.add_scatter(
            x=values, y=[name] * len(values), mode="markers", marker={"color": row.color, "size": 6},
            opacity=0.45, hoverinfo="skip", customdata=[row.key] * len(values), row=1, col=number,
        )  # fmt: skip
    seeds = f" of {len(values)} seeds ± %{{customdata[1]:{column.format}}}" if len(values) > 1 else ""
    place = min(max(mean, ends[0]), ends[1])
    symbol = "circle" if place == mean else "triangle-left" if mean < place else "triangle-right"
    figure.add_scatter(
        x=[place],
        y=[name],
        mode="markers",
        marker={
            "color": row.color,
            "size": 12,
            "symbol": symbol,
            "line": {"color": LIGHT.background, "width": 1},
        },
        error_x={
            "type": "data",
            "array": [spread if place == mean else 0.0],
            "color": row.color,
            "thickness": 2,
            "width": 0,
        },
        customdata=[[row.key, spread, mean]],
        hovertemplate=f"<b>{html.escape(row.name, quote=False)}</b><br>{column.title}: "
        f"%{{customdata[2]:{column.format}}}{seeds}<extra></extra>",
        row=1,
        col=number,
    )


def _with_room(ends: tuple[float, float]) -> list[float]:
    """The ends, and some room on both sides for dots and bars."""
    room = 0.08 * (ends[1] - ends[0]) or 0.05 * abs(ends[1]) or 1.0
    return [ends[0] - room, ends[1] + room]


def _name(row: BoardRow, chosen: str) -> str:
    text = html.escape(row.name, quote=False)
    return f"<b>{text}</b>" if row.key == chosen else text
