"""The score of each fold: every point, their box, and the interval of the mean that holds."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT

NARROW = 40  # points; of more, the strip is wider and its points smaller
ALONE = 0.1  # above and below a share that stands alone: else the axis would reach to 150%


@dataclass(frozen=True)
class ScoreInterval:
    """An interval of the mean, NaN where there is none, and what it is called."""

    name: str
    mean: float
    low: float
    high: float
    color: str = LIGHT.text
    dash: str = "solid"


def fold_scores_chart(
    scores: np.ndarray,
    names: Sequence[str],
    intervals: Sequence[ScoreInterval] = (),
    percent: bool = False,
    groups: Sequence[int] | None = None,
    chosen: str = "",
) -> go.Figure:
    """`scores` [folds], NaN for those without one. `groups` [folds] colours points, as by repeat.

    From left to right: the box and the points, then each interval. A click on a point gives its name. Of
    shares (`percent`) an interval ends where they do: no accuracy is above 100%.
    """
    scores = np.asarray(scores, np.float64)
    known = np.isfinite(scores)
    values, kept = scores[known], [name for name, is_known in zip(names, known, strict=True) if is_known]
    figure = go.Figure()
    figure.add_box(
        y=values,
        x0=0,
        name="folds",
        boxpoints=False,
        width=0.56,
        line={"color": LIGHT.quiet, "width": 1.2},
        fillcolor=LIGHT.surface,
        hoverinfo="skip",
        showlegend=False,
    )
    groups_kept = np.zeros(len(values), int) if groups is None else np.asarray(groups)[known]
    for number in np.unique(groups_kept):
        mine = groups_kept == number
        figure.add_scatter(
            x=_strip(values)[mine],
            y=values[mine],
            mode="markers",
            name=f"repeat {number + 1}",
            text=[name for name, is_mine in zip(kept, mine, strict=True) if is_mine],
            customdata=[name for name, is_mine in zip(kept, mine, strict=True) if is_mine],
            marker={
                "size": 9 if len(values) <= NARROW else 5,
                "color": LIGHT.categorical[int(number) % 10],
                "opacity": 0.85,
                "line": {
                    "width": [
                        3 if name == chosen else 0.5
                        for name, is_mine in zip(kept, mine, strict=True)
                        if is_mine
                    ],
                    "color": LIGHT.background if not chosen else LIGHT.text,
                },
            },
            hovertemplate=f"%{{text}}: {_number('%{y', percent)}<extra></extra>",
            showlegend=bool(len(np.unique(groups_kept)) > 1 and len(np.unique(groups_kept)) <= 6),
        )
    ends = (0.0, 1.0) if percent else (-np.inf, np.inf)
    for place, interval in enumerate(intervals, start=1):
        _interval(figure, _within(interval, *ends), 0.35 + 0.42 * place, percent)
    places = [0, *(0.35 + 0.42 * (n + 1) for n in range(len(intervals)))]
    figure.update_xaxes(
        tickvals=places,
        ticktext=["folds", *(interval.name for interval in intervals)],
        range=[-0.45, places[-1] + 0.36],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(tickformat=".1~%" if percent else ",.4~r", zeroline=False)
    if percent and len(values) and not np.ptp(values):
        ends_shown = [max(0.0, float(values[0]) - ALONE), min(1.0, float(values[0]) + ALONE)]
        figure.update_yaxes(autorangeoptions={"include": ends_shown})  # a range would stay as more come
    figure.update_layout(
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 60, "r": 12, "t": 34, "b": 44},
    )
    return figure


def difference_chart(
    differences: np.ndarray,
    names: Sequence[str],
    pair: tuple[str, str],
    interval: ScoreInterval | None = None,
    percent: bool = False,
    higher_is_better: bool = True,
    ticks: Sequence[str] = (),
    x_title: str = "",
) -> go.Figure:
    """The first's score minus the second's, fold by fold: each bar in the colour of the one better there.

    `ticks` are shorter names for the axis, where `names` are too long to stand side by side.
    """
    differences = np.asarray(differences, np.float64)
    first_wins = (differences > 0) == higher_is_better
    scale = 100 if percent else 1
    figure = go.Figure()
    for wins, name, color in ((True, pair[0], LIGHT.categorical[0]), (False, pair[1], LIGHT.categorical[1])):
        mine = np.isfinite(differences) & (differences != 0) & (first_wins == wins)
        figure.add_bar(
            x=np.flatnonzero(mine),
            y=differences[mine] * scale,
            name=f"{html.escape(name, quote=False)} better ({int(mine.sum())})",
            marker={"color": color},
            text=[name for name, is_mine in zip(names, mine, strict=True) if is_mine],
            textposition="none",
            hovertemplate="%{text}: %{y:+.3g}<extra></extra>",
        )
    if interval is not None and np.isfinite(interval.mean):
        if np.isfinite(interval.low):
            figure.add_hrect(
                y0=interval.low * scale,
                y1=interval.high * scale,
                fillcolor=LIGHT.quiet,
                opacity=0.22,
                line_width=0,
                layer="below",
            )
            figure.add_scatter(
                x=[None],
                y=[None],
                mode="markers",
                name=interval.name,
                marker={"symbol": "square", "size": 12, "color": LIGHT.quiet, "opacity": 0.4},
                hoverinfo="skip",
            )
        figure.add_hline(y=interval.mean * scale, line={"color": LIGHT.text, "width": 2, "dash": "dot"})
        figure.add_annotation(
            x=0.995,
            xref="paper",
            bgcolor=LIGHT.background,
            y=interval.mean * scale,
            text=f"mean {_short(interval.mean * scale)}",
            xanchor="right",
            yanchor="bottom",
            showarrow=False,
        )
    places = np.unique(np.linspace(0, max(0, len(names) - 1), min(len(names), 12)).round().astype(int))
    shown = ticks or names
    figure.update_xaxes(
        title=x_title,
        tickvals=places,
        ticktext=[shown[place] for place in places],
        tickangle=0,
        showgrid=False,
        range=[-0.6, len(names) - 0.4],
    )
    first, second = (html.escape(name, quote=False) for name in pair)
    figure.update_yaxes(title=f"{first} − {second}{' in percentage points' if percent else ''}")
    figure.update_layout(
        hovermode="closest",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 60, "r": 12, "t": 40, "b": 44},
        bargap=0.25,
    )
    return figure


def _within(interval: ScoreInterval, low: float, high: float) -> ScoreInterval:
    """The interval without what lies beyond the ends of the scale; NaN stays."""
    return replace(
        interval, low=float(np.maximum(interval.low, low)), high=float(np.minimum(interval.high, high))
    )


def _interval(figure: go.Figure, interval: ScoreInterval, x: float, percent: bool) -> None:
    if not np.isfinite(interval.mean):
        return
    known = np.isfinite(interval.low)
    ends = (
        f"<br>{_number(str(interval.low), percent)} to {_number(str(interval.high), percent)}"
        if known
        else ""
    )
    figure.add_scatter(
        x=[x],
        y=[interval.mean],
        mode="markers",
        marker={"symbol": "diamond", "size": 10, "color": interval.color},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [interval.high - interval.mean if known else 0],
            "arrayminus": [interval.mean - interval.low if known else 0],
            "color": interval.color,
            "thickness": 2.2,
            "width": 8,
        },
        hovertemplate=f"{interval.name}<br>mean {_number('%{y', percent)}{ends}<extra></extra>",
        showlegend=False,
        name=interval.name,
    )


def _strip(values: np.ndarray) -> np.ndarray:
    """Sideways places that keep points of nearly one value apart, the same every time: no random jitter."""
    order = np.argsort(values, kind="stable")
    width = float(np.ptp(values)) or 1.0
    places = np.zeros(len(values))
    near = max(width / 28, 1e-12)
    row: list[int] = []
    for place in order:
        if row and values[place] - values[row[0]] > near:
            _spread_out(places, row)
            row = []
        row.append(int(place))
    _spread_out(places, row)
    return places


def _spread_out(places: np.ndarray, row: Sequence[int]) -> None:
    reach = min(0.22, 0.035 * (len(row) - 1))
    for place, offset in zip(row, np.linspace(-reach, reach, len(row)), strict=True):
        places[place] = offset


def _short(value: float) -> str:
    """To three digits, thousands written out."""
    return f"{float(f'{value:.3g}'):,.10g}"


def _number(text: str, percent: bool) -> str:
    """A value for a hover text: `text` is a number, or the open name of one, as "%{y"."""
    if text.startswith("%{"):
        return f"{text}:.2%}}" if percent else f"{text}:.4g}}"
    return f"{float(text):.2%}" if percent else f"{float(text):.4g}"
