"""What the charts of a sweep are made of: trials, the axis of each thing that varies, and the score."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT, color_scale
from training.search_space import Dimension

AxisKind = Literal["category", "linear", "log"]
PALEST = 2  # colours of the scale that are too near the page's own to be lines or points
REACH = 3.0  # so many times as far from the best as the middle trial, a score has the palest colour

FINISHED = "finished"
FEW_VALUES = 8  # listed numbers that are shown as categories; of more, an axis of numbers says more
LOG_RATIO = 50  # between the largest and the smallest of them, from which on that axis is logarithmic


class Trial(Protocol):
    """What training.sweep_results.Trial has."""

    @property
    def number(self) -> int: ...  # from 0
    @property
    def parameters(self) -> Mapping[str, Any]: ...  # what varies, by name
    @property
    def state(self) -> str: ...  # a run's, or pruned, or waiting
    @property
    def scores(self) -> tuple[float, ...]: ...  # of each seed, NaN where there is none
    @property
    def score(self) -> float: ...  # their mean
    @property
    def spread(self) -> float: ...  # their sample standard deviation, NaN for one seed


@dataclass(frozen=True)
class Score:
    """What the trials are judged by."""

    title: str  # "validation accuracy"
    higher_is_better: bool = True
    percent: bool = False

    @property
    def format(self) -> str:
        """For Plotly, in d3's notation."""
        return ".2%" if self.percent else ".4g"

    @property
    def tick_format(self) -> str:
        """The same for an axis, whose numbers are round: with as many digits as tell two ticks apart."""
        return "~%" if self.percent else ".3g"

    def text(self, value: float) -> str:
        if not math.isfinite(value):
            return "—"
        return f"{value:.2%}" if self.percent else f"{value:.4g}"

    def better(self, first: float, second: float) -> bool:
        return first > second if self.higher_is_better else first < second

    def best_first[Row: Trial](self, trials: Iterable[Row]) -> list[Row]:
        """Those with a score, the best first; of equals the earlier."""
        sign = -1 if self.higher_is_better else 1
        return sorted(scored(trials), key=lambda trial: (sign * trial.score, trial.number))

    def best(self, trials: Iterable[Trial]) -> Trial | None:
        """The best of those that were trained to their end with every seed."""
        ended = self.best_first(trial for trial in trials if trial.state == FINISHED)
        return ended[0] if ended else None

    def color_range(self, values: Sequence[float]) -> tuple[float, float]:
        """The scores of the palest and of the fullest colour, the lower number first.

        One trial that went astray must not make all others look alike: where the worst lies far out, the
        scale ends before it.
        """
        known = np.asarray([value for value in values if math.isfinite(value)], np.float64)
        if not len(known):
            return 0.0, 1.0
        signed = known if self.higher_is_better else -known
        best, middle, worst = signed.max(), float(np.median(signed)), signed.min()
        if best > middle:
            worst = max(worst, best - REACH * (best - middle))
        low, high = sorted((worst, best)) if self.higher_is_better else sorted((-best, -worst))
        return float(low), float(high) if high > low else float(low) + (abs(low) * 1e-6 or 1e-9)

    def colors(self, values: Sequence[float]) -> dict[str, Any]:
        """For a trace's `line` or `marker`: the best in the fullest colour."""
        scale = LIGHT.sequential[PALEST:]
        low, high = self.color_range(values)
        palest, sign = (low, "≤") if self.higher_is_better else (high, "≥")
        is_cut = any(self.better(palest, value) for value in values if math.isfinite(value))
        title = f"{self.title} (palest: {sign} {self.text(palest)})" if is_cut else self.title
        return {
            "color": list(values),
            "colorscale": color_scale(scale if self.higher_is_better else scale[::-1]),
            "cmin": low,
            "cmax": high,
            "colorbar": {"title": {"text": title, "side": "right"}, "tickformat": self.tick_format},
            "showscale": True,
        }


@dataclass(frozen=True)
class TrialAxis:
    """The axis of one thing that varies. `categories` are the values of a "category", in order."""

    name: str
    kind: AxisKind = "linear"
    categories: tuple[Any, ...] = ()
    low: float = math.nan  # the ends of a range; NaN: as far as the trials go
    high: float = math.nan

    @classmethod
    def of_dimension(cls, dimension: Dimension) -> TrialAxis:
        """The axis of what a sweep varies: a range, few values, or many numbers."""
        if not dimension.values:
            kind: AxisKind = "log" if dimension.log else "linear"
            return cls(dimension.name, kind, (), dimension.low, dimension.high)
        values = dimension.values
        numbers = [
            value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        if len(numbers) < len(values):
            return cls(dimension.name, "category", values)
        if len(values) <= FEW_VALUES:
            return cls(dimension.name, "category", tuple(sorted(values)))
        low, high = min(numbers), max(numbers)
        return cls(dimension.name, "log" if 0 < low * LOG_RATIO <= high else "linear", (), low, high)

    @property
    def title(self) -> str:
        words = self.name.replace("_", " ")
        return words[:1].upper() + words[1:]

    def places(self, values: Iterable[Any]) -> np.ndarray:
        """Where the values lie: numbers as they are, a category at its index (NaN: none of them)."""
        if self.kind != "category":
            return np.asarray([_number(value) for value in values], np.float64)
        indices = {_key(category): float(index) for index, category in enumerate(self.categories)}
        return np.asarray([indices.get(_key(value), math.nan) for value in values], np.float64)

    def of(self, trials: Sequence[Trial]) -> np.ndarray:
        return self.places(trial.parameters.get(self.name) for trial in trials)

    def layout(self) -> dict[str, Any]:
        """For an x or y axis: its title, kind and, of categories, the ticks."""
        words: dict[str, Any] = {"title": self.title, "uirevision": f"{self.name} {self.kind}"}
        if self.kind != "category":
            decades = math.log10(self.high / self.low) if self.kind == "log" else 0.0
            whole = {"dtick": 1} if decades >= 2 else {}  # a tick for each power of ten
            return {**words, "type": self.kind, "exponentformat": "none", **whole}
        size = len(self.categories)
        return {
            **words,
            "type": "linear",
            "tickvals": list(range(size)),
            "ticktext": [self.text(category) for category in self.categories],
            "range": [-0.5, size - 0.5],
            "zeroline": False,
        }

    def text(self, value: Any) -> str:
        """A value for a label. A category may be a text: Plotly would read tags in it."""
        return html.escape(value_text(value), quote=False)


def scored[Row: Trial](trials: Iterable[Row]) -> list[Row]:
    return [trial for trial in trials if math.isfinite(trial.score)]


def failed[Row: Trial](trials: Iterable[Row]) -> list[Row]:
    """Those that failed before they had a score."""
    return [trial for trial in trials if trial.state == "failed" and not math.isfinite(trial.score)]


def trial_name(number: int) -> str:
    """As a person counts."""
    return f"trial {number + 1}"


def value_text(value: Any) -> str:
    """A value as it is typed: 0.003, 64, relu, true, none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple | list):
        return "+".join(map(str, value)) or "none"
    return "—" if value is None else str(value)


def values_text(trial: Trial, between: str = " · ") -> str:
    """Everything that varies, of one trial: "Learning rate 0.01 · Hidden width 64"."""
    return between.join(
        f"{TrialAxis(name).title} {html.escape(value_text(value), quote=False)}"
        for name, value in trial.parameters.items()
    )


def hover_text(trial: Trial, score: Score) -> str:
    """What is said of a trial under the pointer."""
    spread = f" ± {score.text(trial.spread)}" if math.isfinite(trial.spread) else ""
    seeds = f" ({len(trial.scores)} seeds)" if len(trial.scores) > 1 else ""
    state = "" if trial.state == FINISHED else f" · {trial.state}"
    first = (
        f"<b>{trial_name(trial.number)}</b>{state}<br>{score.title} {score.text(trial.score)}{spread}{seeds}"
    )
    return f"{first}<br>{values_text(trial, '<br>')}"


def score_axis(score: Score, trials: Sequence[Trial], near: bool = False) -> dict[str, Any]:
    """For a y axis of scores, with a view that a trial which went astray doesn't rule. Shares are seen whole,
    unless only what is `near` the best is asked for.
    """
    words: dict[str, Any] = {
        "title": score.title,
        "tickformat": score.tick_format,
        "uirevision": f"{score.title} {near}",
        "zeroline": False,
    }
    ends = [value for trial in scored(trials) for value in trial.scores if math.isfinite(value)]
    if len(ends) < 2 or (score.percent and not near):
        return words
    low, high = score.color_range([trial.score for trial in scored(trials)])
    room = 0.08 * (high - low)
    is_astray = min(ends) < low - 5 * room or max(ends) > high + 5 * room
    return {**words, "range": [low - room, high + room]} if is_astray or near else words


def empty(figure: go.Figure, text: str) -> go.Figure:
    """The figure with a sentence in place of what there is nothing to draw of yet."""
    figure.add_annotation(
        text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"color": LIGHT.quiet}
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _key(value: Any) -> str:
    return value_text(value)
