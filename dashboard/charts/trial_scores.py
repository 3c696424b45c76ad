"""Scores of trials: over one thing that varies, over the trials as they came, and what mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.trials import (
    FINISHED,
    Score,
    Trial,
    TrialAxis,
    empty,
    failed,
    hover_text,
    score_axis,
    scored,
    trial_name,
)
from dashboard.theme import LIGHT

BEST = LIGHT.categorical[1]


@dataclass(frozen=True)
class Group:
    """Trials that look alike: how their training ended, or that it goes on."""

    name: str
    states: tuple[str, ...]
    color: str
    symbol: str

    def of(self, trials: Sequence[Trial]) -> list[Trial]:
        return [trial for trial in trials if trial.state in self.states]


GROUPS = (
    Group("finished", (FINISHED,), LIGHT.categorical[0], "circle"),
    Group("training", ("running", "waiting"), LIGHT.categorical[2], "circle-open"),
    Group("ended early", ("pruned", "failed", "stopped", "lost"), LIGHT.quiet, "x"),
    Group("incomplete", ("incomplete",), LIGHT.quiet, "circle-open"),
)
LEGEND = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}


def trial_slice_chart(
    trials: Sequence[Trial], axis: TrialAxis, score: Score, chosen: int | None = None, near: bool = False
) -> go.Figure:
    """The score over one thing that varies: a point for each trial's mean, a bar from the worst seed to the
    best. The chosen trial is ringed; a click on a point gives its number. `near`: the view is on the best.
    """
    figure = go.Figure()
    known = scored(trials)
    if not known:
        return empty(figure, "The first trial with a score begins this picture.")
    for group in GROUPS:
        if mine := group.of(known):
            figure.add_trace(_points(mine, _spread_places(axis, mine), score, group))
    if lost := failed(trials):
        _at_the_foot(figure, lost, _spread_places(axis, lost), score)
    best = score.best(known)
    if best is not None:
        figure.add_trace(_ring(best, axis, score, "best", BEST))
    picked = next((trial for trial in known if trial.number == chosen and trial is not best), None)
    if picked is not None:
        figure.add_trace(_ring(picked, axis, score, trial_name(picked.number), LIGHT.text))
    figure.update_layout(hovermode="closest", showlegend=True, legend=LEGEND, margin={"t": 36})
    figure.update_xaxes(**axis.layout())
    figure.update_yaxes(**score_axis(score, known, near))
    return figure


def best_so_far(trials: Sequence[Trial], score: Score) -> np.ndarray:
    """The best mean among each trial and those before it; NaN until the first score. Only
    trials that were trained to their end count.
    """
    held = _best_holders(trials, score)
    return np.asarray([math.nan if trial is None else trial.score for trial in held], np.float64)


def _best_holders(trials: Sequence[Trial], score: Score) -> list[Trial | None]:
    """Whose score the best so far is, after each trial."""
    best: Trial | None = None
    found = []
    for trial in trials:
        if trial.state == FINISHED and math.isfinite(trial.score):
            best = trial if best is None or score.better(trial.score, best.score) else best
        found.append(best)
    return found


def best_so_far_chart(
    trials: Sequence[Trial], score: Score, chosen: int | None = None, near: bool = False
) -> go.Figure:
    """Each trial's score in the order of the trials, and the best so far as a step."""
    figure = go.Figure()
    known = scored(trials)
    if not known:
        return empty(figure, "The first trial with a score begins this picture.")
    ordered = sorted(known, key=lambda trial: trial.number)
    # To Plotly a line is nearer than a point on it: the line says and opens what that point would
    held = [(trial, best) for trial, best in zip(ordered, _best_holders(ordered, score), strict=True) if best]
    figure.add_scatter(
        x=[trial.number + 1 for trial, _ in held],
        y=[best.score for _, best in held],
        text=[hover_text(best, score) for _, best in held],
        customdata=[best.number for _, best in held],
        mode="lines",
        line={"color": BEST, "width": 2.5, "shape": "hv"},
        name="best so far",
        legendrank=1001,
        hovertemplate="%{text}<br>the best of the first %{x}<extra></extra>",
    )
    for group in GROUPS:
        if mine := group.of(ordered):
            places = np.asarray([trial.number + 1 for trial in mine], np.float64)
            figure.add_trace(_points(mine, places, score, group, opacity=0.6))
    if lost := failed(trials):
        _at_the_foot(figure, lost, np.asarray([trial.number + 1 for trial in lost], np.float64), score)
    picked = next((trial for trial in ordered if trial.number == chosen), None)
    if picked is not None:
        figure.add_scatter(
            x=[picked.number + 1],
            y=[picked.score],
            mode="markers",
            name=trial_name(picked.number),
            marker=_ring_marker(LIGHT.text),
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_layout(hovermode="closest", showlegend=True, legend=LEGEND, margin={"t": 36})
    figure.update_xaxes(
        title="trial",
        uirevision="trial",
        zeroline=False,
        tickformat="d",
        range=[0.4, max(trial.number for trial in trials) + 1.6],  # there is no trial 0
        dtick=1 if len(trials) < 8 else None,
    )
    figure.update_yaxes(**score_axis(score, known, near))
    return figure


def importance_chart(importance: Mapping[str, float], title: str = "") -> go.Figure:
    """How much of the scores' differences each thing that varies accounts for, the largest on top."""
    figure = go.Figure()
    known = {name: share for name, share in importance.items() if math.isfinite(share)}
    if not known:
        return empty(figure, "Shown once enough trials have ended to tell.")
    ordered = sorted(known.items(), key=lambda item: item[1])
    names = [TrialAxis(name).title for name, _share in ordered]
    shares = [share for _name, share in ordered]
    figure.add_bar(
        y=names,
        x=shares,
        orientation="h",
        marker={"color": LIGHT.categorical[0]},
        width=0.62 if len(names) > 2 else 0.4,
        text=[f"{share:.0%}" for share in shares],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure.update_layout(title=title, showlegend=False, margin={"l": 110, "r": 48})
    figure.update_xaxes(range=[0, 1.08 * max(*shares, 1e-6)], tickformat=".0%", rangemode="tozero", nticks=6)
    figure.update_yaxes(showgrid=False, ticklabelstandoff=6)
    return figure


def _points(
    trials: Sequence[Trial],
    places: np.ndarray,
    score: Score,
    group: Group,
    opacity: float = 0.9,
) -> go.Scatter:
    means = np.asarray([trial.score for trial in trials])
    finite = [[value for value in trial.scores if math.isfinite(value)] for trial in trials]
    above = np.asarray([max(values) for values in finite]) - means
    below = means - np.asarray([min(values) for values in finite])
    bars: dict[str, Any] = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
    return go.Scatter(
        x=places,
        y=means,
        mode="markers",
        name=group.name,
        marker={
            "color": group.color,
            "size": 8 if len(trials) <= 60 else 6,
            "symbol": group.symbol,
            "opacity": opacity,
        },
        error_y={**bars, "color": group.color, "thickness": 1, "width": 0} if (above + below).any() else None,
        text=[hover_text(trial, score) for trial in trials],
        customdata=[trial.number for trial in trials],
        hovertemplate="%{text}<extra></extra>",
        uid=group.name,
    )


def _at_the_foot(figure: go.Figure, trials: Sequence[Trial], places: np.ndarray, score: Score) -> None:
    """Trials that have no score: each has its place along x, at the foot whatever the scale of scores is."""
    figure.add_scatter(
        x=places,
        y=np.full(len(trials), 0.02),
        yaxis="y2",
        mode="markers",
        name="failed",
        marker={"symbol": "x", "size": 7, "color": LIGHT.quiet},
        text=[hover_text(trial, score) for trial in trials],
        customdata=[trial.number for trial in trials],
        hovertemplate="%{text}<extra></extra>",
        uid="failed",
    )
    figure.update_layout(yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True})


def _ring(trial: Trial, axis: TrialAxis, score: Score, name: str, color: str) -> go.Scatter:
    return go.Scatter(
        x=axis.of([trial]),
        y=[trial.score],
        mode="markers",
        name=name,
        marker=_ring_marker(color),
        text=[hover_text(trial, score)],
        customdata=[trial.number],
        hovertemplate="%{text}<extra></extra>",
    )


def _ring_marker(color: str) -> dict[str, Any]:
    return {"symbol": "circle-open", "size": 15, "color": color, "line": {"width": 2.5, "color": color}}


def _spread_places(axis: TrialAxis, trials: Sequence[Trial]) -> np.ndarray:
    """Where the trials lie; those of one category a little apart, the same every time, the best left."""
    places = axis.of(trials)
    if axis.kind != "category":
        return places
    for place in np.unique(places[np.isfinite(places)]):
        (mine,) = np.nonzero(places == place)
        reach = min(0.3, 0.02 * (len(mine) - 1))
        order = np.argsort([trials[int(index)].number for index in mine])
        places[mine[order]] += np.linspace(-reach, reach, len(mine))
    return places
