"""One class against the others: what each threshold takes, and a corruption's toll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT

POINTS = 400  # of a curve; more show nothing more


def threshold_chart(
    false_positive_rate: np.ndarray,
    recall: np.ndarray,
    precision: np.ndarray,
    area: float,
    average_precision: float,
    base_rate: float,
    point: tuple[float, float, float],
) -> go.Figure:
    """Receiver operating characteristic at the left, precision over recall at the right.

    `point` is (false positive rate, recall, precision) at the threshold that is chosen; NaN where there is
    none. `base_rate` is the share of samples of the class: the precision of guessing.
    """
    chosen = _thinned(len(recall))
    rate_at, recall_at, precision_at = point
    figure = QuickFigure()
    line = {"color": LIGHT.categorical[0], "width": 2.5}
    guess = {"color": LIGHT.quiet, "width": 1.2, "dash": "dash"}
    mark = {"size": 13, "color": LIGHT.categorical[1], "line": {"width": 2, "color": LIGHT.background}}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=guess, hoverinfo="skip", name="guessing")
    figure.add_scatter(
        x=false_positive_rate[chosen], y=recall[chosen], mode="lines", line=line, name="this network",
        hovertemplate="false alarms %{x:.1%}<br>found %{y:.1%}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[rate_at], y=[recall_at], mode="markers", marker=mark, name="threshold",
        hovertemplate="at the threshold: false alarms %{x:.1%}, found %{y:.1%}<extra></extra>",
    )  # fmt: skip
    right = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    figure.add_scatter(
        x=[0, 1], y=[base_rate, base_rate], mode="lines", line=guess, hoverinfo="skip", **right
    )
    figure.add_scatter(
        x=recall[chosen][1:], y=precision[chosen][1:], mode="lines", line=line,
        hovertemplate="found %{x:.1%}<br>of those taken, %{y:.1%} are right<extra></extra>", **right,
    )  # fmt: skip
    figure.add_scatter(
        x=[recall_at], y=[precision_at], mode="markers", marker=mark,
        hovertemplate="at the threshold: found %{x:.1%}, right %{y:.1%}<extra></extra>", **right,
    )  # fmt: skip
    share = {"range": [-0.02, 1.02], "tickformat": ".0%"}
    figure.update_layout(
        xaxis={"title": "false positive rate", "domain": [0, 0.46], "anchor": "y", **share},
        yaxis={"title": "recall (true positive rate)", **share},
        xaxis2={"title": {"text": "recall"}, "domain": [0.56, 1], "anchor": "y2", **share},
        yaxis2={"title": {"text": "precision"}, "anchor": "x2", **share},
        annotations=[
            _note(f"ROC, area {area:.4f}", 0.0),
            _note(f"Precision over recall, average precision {average_precision:.4f}", 0.56),
        ],
        legend={"x": 0.45, "xanchor": "right", "y": 0.03, "yanchor": "bottom"},
        margin={"l": 60, "r": 12, "t": 36, "b": 48},
        hovermode="closest",
    )
    return figure.made()


def corruption_chart(
    accuracies: Mapping[str, Sequence[float]], titles: Mapping[str, str], guessing: float
) -> go.Figure:
    """The score over severities 0 to 5, a line for each corruption, and the score of guessing."""
    figure = QuickFigure()
    symbols = ("circle", "diamond", "square", "cross", "x", "triangle-up")
    for number, (name, scores) in enumerate(accuracies.items()):
        figure.add_scatter(
            x=list(range(len(scores))), y=list(scores), mode="lines+markers", name=titles[name],
            line={"color": LIGHT.categorical[number % 10], "width": 2},
            marker={"symbol": symbols[number % len(symbols)], "size": 8},
            hovertemplate="%{y:.1%}",
        )  # fmt: skip
    figure.add_scatter(
        x=[0, 5], y=[guessing, guessing], mode="lines", name="guessing", hoverinfo="skip",
        line={"color": LIGHT.quiet, "width": 1.2, "dash": "dash"},
    )  # fmt: skip
    figure.update_layout(
        xaxis={"title": "severity (0: as it is)", "dtick": 1},
        yaxis={"title": "accuracy", "tickformat": ".0%", "range": [0, 1.02]},
        hovermode="x unified",
        margin={"l": 60, "r": 12, "t": 12, "b": 48},
    )
    return figure.made()


def _thinned(length: int) -> np.ndarray:
    """Places of at most POINTS + 1 points, both ends among them."""
    return np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(int))


def _note(text: str, x: float) -> dict[str, object]:
    return {
        "text": text, "x": x, "y": 1.0, "xref": "paper", "yref": "paper", "xanchor": "left",
        "yanchor": "bottom", "showarrow": False, "font": {"size": 13},
    }  # fmt: skip
