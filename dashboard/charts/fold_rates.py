"""ROC and precision-recall of out-of-fold predictions: one class against the rest, by fold and pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT

Kind = Literal["roc", "precision_recall"]
POINTS = 400  # of a curve; a step more is finer than a pixel
SINGLE = 40  # folds drawn one by one


@dataclass(frozen=True)
class RateCurve:
    """One curve and the area below it: of ROC the AUC, of precision and recall the average precision."""

    name: str
    x: np.ndarray  # false positive rate, or recall
    y: np.ndarray  # true positive rate, or precision
    area: float  # NaN where one of the two kinds of samples is missing


def rate_curve(kind: Kind, positive: np.ndarray, scores: np.ndarray, name: str) -> RateCurve:
    """`positive` [samples] true or false, `scores` [samples] higher for positive; scikit-learn's curves.

    An empty curve with the area NaN where all samples are positive, or none.
    """
    from sklearn.metrics import (
        average_precision_score,
        precision_recall_curve,
        roc_auc_score,
        roc_curve,
    )

    positive = np.asarray(positive, bool)
    if positive.all() or not positive.any():
        return RateCurve(name, np.empty(0), np.empty(0), float("nan"))
    if kind == "roc":
        x, y, _thresholds = roc_curve(positive, scores)
        area = roc_auc_score(positive, scores)
    else:
        y, x, _thresholds = precision_recall_curve(positive, scores)
        area = average_precision_score(positive, scores)
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS)).round().astype(int))
    return RateCurve(name, x[kept], y[kept], float(area))


def fold_rates_chart(
    kind: Kind, folds: Sequence[RateCurve], pooled: RateCurve, prevalence: float, title: str = ""
) -> go.Figure:
    """Folds thin, the pooled curve bold, and what guessing gives dashed. `prevalence`: share of positives."""
    figure = go.Figure()
    for curve in folds[:SINGLE]:
        figure.add_scatter(
            x=curve.x,
            y=curve.y,
            mode="lines",
            line={"color": LIGHT.categorical[0], "width": 1, "shape": "hv" if kind == "roc" else "vh"},
            opacity=0.4,
            name=curve.name,
            hovertemplate=f"{curve.name}, area {curve.area:.3f}<br>%{{x:.3f}}, %{{y:.3f}}<extra></extra>",
            showlegend=False,
        )
    if len(folds) > 1:
        figure.add_scatter(
            x=[None],  # for the legend: each fold has its own trace, with its name under the cursor
            y=[None],
            mode="lines",
            line={"color": LIGHT.categorical[0], "width": 1},
            opacity=0.6,
            name="each fold",
        )
    if len(pooled.x):
        figure.add_scatter(
            x=pooled.x,
            y=pooled.y,
            mode="lines",
            line={"color": LIGHT.categorical[0], "width": 3, "shape": "hv" if kind == "roc" else "vh"},
            name=f"pooled, area {pooled.area:.3f}",
            hovertemplate="pooled<br>%{x:.3f}, %{y:.3f}<extra></extra>",
        )
    guess = [0, 1] if kind == "roc" else [prevalence, prevalence]
    figure.add_scatter(
        x=[0, 1],
        y=guess,
        mode="lines",
        line={"color": LIGHT.quiet, "width": 1.2, "dash": "dash"},
        name="guessing",
        hoverinfo="skip",
    )
    figure.update_xaxes(title="false positive rate" if kind == "roc" else "recall", range=[-0.01, 1.01])
    figure.update_yaxes(title="true positive rate" if kind == "roc" else "precision", range=[-0.01, 1.02])
    low = prevalence + 0.03 if prevalence < 0.4 else 0.04  # beside the line of guessing, not on it
    figure.update_layout(
        title=title,
        hovermode="closest",
        legend={"x": 0.98, "xanchor": "right", "y": 0.04, "yanchor": "bottom"}
        if kind == "roc"
        else {"x": 0.02, "xanchor": "left", "y": low, "yanchor": "bottom"},
        margin={"l": 56, "r": 12, "t": 44, "b": 48},
    )
    return figure
