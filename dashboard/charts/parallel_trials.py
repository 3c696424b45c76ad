"""Parallel coordinates: each trial a line through everything that varies, in the colour of its score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.log_ticks import log_ticks
from dashboard.charts.trials import Score, Trial, TrialAxis, empty

MOST_CATEGORIES = 12  # with a label each
MOST_STOPS = 200  # of a drag along an axis
PLACES = 6  # decimals of an exponent, by which two stops are told apart


def parallel_trials_chart(trials: Sequence[Trial], axes: Sequence[TrialAxis], score: Score) -> go.Figure:
    """A vertical axis for each thing that varies, the score last. Dragging along an axis keeps the trials
    there and greys the others; what was dragged stays when trials are added.
    """
    kept = score.best_first(trials)[::-1]  # the best are drawn last, over the others
    figure = go.Figure()
    if not kept:
        return empty(figure, "The first trial with a score begins this picture.")
    means = [trial.score for trial in kept]
    figure.add_trace(
        go.Parcoords(
            dimensions=[*(dimension(axis, kept) for axis in axes), _score_dimension(score, means)],
            line={**score.colors(means), "showscale": False},  # the last axis says what colours mean
            labelside="top",
            labelfont={"size": 13},
            tickfont={"size": 12, "shadow": "auto"},  # readable on the lines
            rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # the ticks say it already
            uirevision="kept",
        )
    )
    figure.update_layout(margin={"l": 72, "r": 72, "t": 52, "b": 20}, showlegend=False)
    return figure


def dimension(axis: TrialAxis, trials: Sequence[Trial]) -> dict[str, Any]:
    """The axis as a dimension of the trace: of a logarithmic one the exponents, labelled with the numbers."""
    places = axis.of(trials)
    if axis.kind == "category":
        size = len(axis.categories)
        every = math.ceil(size / MOST_CATEGORIES)
        shown = range(0, size, every)
        return {
            "label": axis.title,
            "values": places,
            "range": [-0.15, max(0.15, size - 0.85)],
            "tickvals": list(shown),
            "ticktext": [axis.text(axis.categories[index]) for index in shown],
        }
    ends = [end for end in (axis.low, axis.high) if math.isfinite(end)] or [
        float(np.nanmin(places)),
        float(np.nanmax(places)),
    ]
    low, high = min(ends), max(ends)
    if axis.kind == "log":
        exponents = np.log10(places)
        ends_of_range = _opened(math.log10(low), math.log10(high))
        # Plotly places ticks by their text: those without one need texts that differ, and none that is seen
        unseen = enumerate(_stops(exponents, ends_of_range), start=1)
        labels = {stop: "\u200b" * number for number, stop in unseen}
        ticks, _words = log_ticks(math.log10(low), math.log10(high))
        labels |= {round(tick, PLACES): f"{10**tick:.6g}" for tick in ticks}
        stops = sorted(labels)
        return {
            "label": axis.title,
            "values": exponents,
            "range": ends_of_range,
            "tickvals": stops,
            "ticktext": [labels[stop] for stop in stops],
        }
    return {"label": axis.title, "values": places, "range": _opened(low, high)}


def _stops(exponents: np.ndarray, ends: Sequence[float]) -> list[float]:
    """Where a drag along the axis may begin and end: on an axis with ticks of its own, Plotly takes the ticks
    alone, and would pass over trials between them. So each trial is a tick without a label, or, of very many,
    a fine ladder is.
    """
    known = np.unique(np.round(exponents[np.isfinite(exponents)], PLACES))
    ladder = known if len(known) <= MOST_STOPS else np.linspace(ends[0], ends[1], MOST_STOPS).round(PLACES)
    return [float(stop) for stop in ladder]


def _score_dimension(score: Score, means: Sequence[float]) -> dict[str, Any]:
    low, high = score.color_range(means)
    return {
        "label": score.title[:1].upper() + score.title[1:],
        "values": np.clip(means, low, high),  # those far out lie at the end
        "range": _opened(low, high),
        "tickformat": score.tick_format,
    }


def _opened(low: float, high: float) -> list[float]:
    """A range of some width: one value alone has none."""
    return [low, high] if high > low else [low - 0.5, high + 0.5]
