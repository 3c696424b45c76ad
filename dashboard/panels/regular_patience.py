"""Early stopping on a noisy curve, made or of a run: where it ends, what it keeps, what it misses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.charts.patience import patience_chart, stop_chart
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_picker import run_labels
from dashboard.panels.run_store import listed_runs, run_catalog, run_reader
from logs.catalog import RunSummary
from logs.errors import LogsError
from training.patience import Course, Stop, Trial, course, early_stop, patience_trial

EPOCHS, RUNS = 200, 60
DELTAS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
PATIENCES = np.array([1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 60, 80, 100])
SOURCES = ("made", "run")
NEWEST = 100  # runs to choose from


def regular_patience(words: Mapping[str, str], runs: Path) -> None:
    """`words` are the page's passages, `runs` the folder of runs."""
    left, right = beside("regular")
    with left:
        titles = {"made": _("Made, with noise"), "run": _("Of one of the runs")}
        source = named_choice(_("Curve"), SOURCES, "made", "regular_source", lambda name: titles[name])
        patience = bound_slider(
            _("Patience (epochs)"), 1, 100, 5, "regular_patience", about=words["patience"]
        )
        delta = bound_scale(_("Min delta"), DELTAS, 0.0, "regular_delta", about=words["delta"])
        if source == "made":
            noise = bound_slider(_("Noise"), 0.0, 0.2, 0.04, "regular_noise", 0.01, about=words["noise"])
            over = bound_slider(_("Overfitting"), 0.0, 1.0, 0.3, "regular_overfitting", 0.05)
            dip = bound_slider(_("Second dip"), 0.0, 1.0, 0.0, "regular_dip", 0.05, about=words["dip"])
            seed = bound_slider(_("Draw"), 0, 30, 0, "regular_curve_seed")
    with right:
        if source == "made":
            _made(patience, delta, noise, over, dip, seed, words)
        else:
            _of_a_run(patience, delta, runs, words)


def _made(
    patience: int, delta: float, noise: float, over: float, dip: float, seed: int, words: Mapping[str, str]
) -> None:
    made = _course(over, noise, dip)
    curve = made.measured[seed]
    stop = early_stop(curve, patience, delta)
    chart = stop_chart(curve, stop.stopped, stop.kept, _("validation loss"), made.true, stop.ran_out)
    plot(chart, "regular_curve", height=380, description=_("Validation loss and where it stops"))
    least = float(made.true.min())
    missed = float(made.true[stop.kept - 1]) - least
    st.markdown(
        _said(stop)
        + " "
        + _(
            "Without noise the kept weights have a loss of {kept:.3f}; the best there is, {least:.3f}, is at "
            "epoch {best}: **{missed:.3f} missed**."
        ).format(kept=made.true[stop.kept - 1], least=least, best=int(made.true.argmin()) + 1, missed=missed)
    )
    trial = _trial(over, noise, dip, delta)
    chart = patience_chart(trial.patiences, trial.missed, trial.low, trial.high, trial.epochs, patience)
    plot(
        chart, "regular_trial", height=300, description=_("What each patience misses"),
        heading=_("Every patience, on {n} such curves").format(n=RUNS),
    )  # fmt: skip
    st.caption(words["trial"])


def _of_a_run(patience: int, delta: float, runs: Path, words: Mapping[str, str]) -> None:
    """The validation loss of a run that the reader chooses."""
    listed = _watched(runs)
    if not listed:
        st.info(words["no_runs"], icon=":material/show_chart:")
        return
    labels = run_labels(listed)
    ids = list(labels)
    chosen = named_choice(_("Run"), ids, ids[0], "regular_run", lambda run: labels[run])
    try:
        curve = run_reader(run_catalog(runs).find(chosen).directory.path).curve("loss", "validation")
    except LogsError as problem:
        st.error(plain(str(problem)))
        return
    values = np.asarray(curve.value, np.float64)
    if not np.isfinite(values).any():
        st.info(words["no_losses"])
        return
    stop = early_stop(values, patience, delta)
    chart = stop_chart(values, stop.stopped, stop.kept, _("validation loss"), None, stop.ran_out)
    plot(chart, "regular_curve", height=400, description=_("Validation loss and where it stops"))
    best = int(np.nanargmin(values)) + 1
    st.markdown(
        _said(stop)
        + " "
        + _("The least of the whole curve is {least:.4g}, at epoch {best}; kept would be {kept:.4g}.").format(
            least=values[best - 1], best=best, kept=values[stop.kept - 1]
        )
    )


def _watched(runs: Path) -> list[RunSummary]:
    """The newest runs that have logged a validation loss."""
    return [
        run
        for run in listed_runs(runs)[:NEWEST]
        if run.status is not None and "loss" in run.status.last.get("validation", {})
    ]


def _said(stop: Stop) -> str:
    if stop.ran_out:
        return _("Patience never runs out: the training goes to its end and keeps epoch **{kept}**.").format(
            kept=stop.kept
        )
    words = _("The training stops after epoch **{stopped}** and keeps the weights of epoch **{kept}**.")
    return words.format(stopped=stop.stopped, kept=stop.kept)


@st.cache_resource(max_entries=32, show_spinner=False)
def _course(over: float, noise: float, dip: float) -> Course:
    return course(EPOCHS, over, noise, RUNS, 0, dip)


@st.cache_resource(max_entries=64, show_spinner=False)
def _trial(over: float, noise: float, dip: float, delta: float) -> Trial:
    return patience_trial(_course(over, noise, dip), PATIENCES, delta)
