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
DASHES = ("solid", "dash", "dot", "dashdot")  # of the next ones, where more are asked for


@dataclass(frozen=True)
class TrialCurves:
    """One trial's curves of a metric over epochs, one for each seed."""

    name: str
    seeds: tuple[FoldCurve, ...]
    about: str = ""  # what is said under the pointer


def trial_curves_chart(
    trials: Sequence[TrialCurves], y_title: str, log_y: bool = False, percent: bool = False, most: int = MOST
) -> go.Figure:
    """A colour for each trial, at most `most`, in the given order, and kept by it while others have no curve
    yet; the seeds of a trial are thin and faint. Beyond ten the colours come again, as dashes.
    """
    figure = go.Figure()
    shown = trials[:most]
    if not any(len(seed.x) for trial in shown for seed in trial.seeds):
        return empty(figure, "The first epoch begins these curves.")
    for place, trial in enumerate(shown):
        color, dash = LIGHT.categorical[place % MOST], DASHES[place // MOST % len(DASHES)]
        seeds = [seed for seed in trial.seeds if len(seed.x)]
        if not seeds:
            continue
        band = fold_band(seeds)
        if len(seeds) > 1:
            for seed in seeds:
                figure.add_trace(_line(trial, seed.x, seed.y, color, dash, faint=True))
        figure.add_trace(_line(trial, band.x, band.mean, color, dash))
    figure.update_layout(hovermode="closest", showlegend=True, legend={"groupclick": "togglegroup"})
    figure.update_xaxes(title="epoch", uirevision="epoch")
    form = "~%" if percent and not log_y else "~g"  # as many digits as tell two ticks apart
    kind = "log" if log_y else "linear"
    figure.update_yaxes(
        title=y_title, type=kind, tickformat=form, dtick=_log_ticks(figure) if log_y else None,
        uirevision=f"{y_title} {log_y}",
    )  # fmt: skip
    return figure


def _log_ticks(figure: go.Figure) -> str | None:
    """Ticks at 1, 2 and 5 where all digits would stand over each other; None: as Plotly finds best."""
    values = np.concatenate([np.asarray(trace.y, np.float64) for trace in figure.data])
    known = values[np.isfinite(values) & (values > 0)]
    return "D2" if len(known) and 4 < known.max() / known.min() < 1000 else None


def _line(
    trial: TrialCurves, x: np.ndarray, y: np.ndarray, color: str, dash: str, faint: bool = False
) -> go.Scatter:
    known = np.where(np.isfinite(y), y, np.nan)
    kept = thin(x, known, POINTS)
    return go.Scatter(
        x=x[kept],
        y=known[kept],
        mode="lines" if len(x) > 1 else "markers",
        name=trial.name,
        legendgroup=trial.name,
        showlegend=not faint,
        line={"color": color, "dash": dash, "width": 1 if faint else 2.5},
        opacity=0.3 if faint else 1,
        hoverinfo="skip" if faint else None,
        hovertemplate=None
        if faint
        else f"<b>{trial.name}</b><br>epoch %{{x:.3g}}: %{{y:.4g}}<br>{trial.about}<extra></extra>",
    )
