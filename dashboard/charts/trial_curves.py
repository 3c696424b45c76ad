"""Learning curves of the best trials: the mean over the seeds of each, and its seeds behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.fold_curves import FoldCurve, fold_band
from dashboard.charts.trials import empty
from dashboard.theme import LIGHT
from logs.thinning import thin

POINTS = 300  # of each curve: several trials with several seeds share the pane
MOST = len(LIGHT.categorical)  # trials with a colour of their own


@dataclass(frozen=True)
class TrialCurves:
    """One trial's curves of a metric over epochs, one for each seed."""

    name: str
    seeds: tuple[FoldCurve, ...]
    about: str = ""  # what is said under the pointer


def trial_curves_chart(
    trials: Sequence[TrialCurves], y_title: str, log_y: bool = False, percent: bool = False
) -> go.Figure:
    """A colour for each trial, at most ten, in the given order; the seeds of a trial are thin and faint."""
    figure = go.Figure()
    drawn = [trial for trial in trials[:MOST] if any(len(seed.x) for seed in trial.seeds)]
    if not drawn:
        return empty(figure, "The first epoch begins these curves.")
    for place, trial in enumerate(drawn):
        color = LIGHT.categorical[place]
        band = fold_band(trial.seeds)
        if len(trial.seeds) > 1:
            for seed in trial.seeds:
                figure.add_trace(_line(trial, seed.x, seed.y, color, faint=True))
        figure.add_trace(_line(trial, band.x, band.mean, color))
    figure.update_layout(hovermode="closest", showlegend=True, legend={"groupclick": "togglegroup"})
    figure.update_xaxes(title="epoch", uirevision="epoch")
    form = ".0%" if percent and not log_y else ".3g"
    kind = "log" if log_y else "linear"
    figure.update_yaxes(title=y_title, type=kind, tickformat=form, uirevision=f"{y_title} {log_y}")
    return figure


def _line(trial: TrialCurves, x: np.ndarray, y: np.ndarray, color: str, faint: bool = False) -> go.Scatter:
    known = np.where(np.isfinite(y), y, np.nan)
    kept = thin(x, known, POINTS)
    return go.Scatter(
        x=x[kept],
        y=known[kept],
        mode="lines" if len(x) > 1 else "markers",
        name=trial.name,
        legendgroup=trial.name,
        showlegend=not faint,
        line={"color": color, "width": 1 if faint else 2.5},
        opacity=0.3 if faint else 1,
        hoverinfo="skip" if faint else None,
        hovertemplate=None
        if faint
        else f"<b>{trial.name}</b><br>epoch %{{x:.3g}}: %{{y:.4g}}<br>{trial.about}<extra></extra>",
    )
