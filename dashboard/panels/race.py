"""A race: real trainings that differ in one setting alone, started from a page, their curves beside its form.

It is a sweep over the names of one table (activations, losses); the page's own form says what all share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.fold_curves import FoldCurve
from dashboard.charts.trial_curves import TrialCurves, trial_curves_chart
from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_store import listed_runs, run_catalog
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from models.catalog import Catalog
from training.arguments import command_line
from training.config import ConfigError, RunConfig
from training.sweep_results import SweepResults, curves, read_sweep

MODULE = "training.sweep"


@dataclass(frozen=True)
class Race:
    """What varies, and what its page shows of it. `prefix` begins the keys of the page's controls."""

    setting: str  # of RunConfig
    table: Catalog[Any]  # whose rows race
    prefix: str
    scores: Sequence[str] = ("loss", "accuracy")  # the first one is shown first

    def races(self, run: RunSummary) -> bool:
        """Whether the run is a sweep in which nothing varies but this setting."""
        space = run.info.study.get("space", {}) if run.info is not None and run.kind == "sweep" else {}
        return list(space) == [self.setting]


def race_button(race: Race, config: RunConfig, names: Sequence[str], seeds: int, settings: Settings) -> None:
    """Starts the race of the named rows when it is pressed."""
    pressed = st.button(
        _("Start the race"), icon=":material/flag:", type="primary", key=f"{race.prefix}_start_race",
        disabled=len(names) < 2, help=None if len(names) > 1 else _("Choose two or more."),
    )  # fmt: skip
    if pressed:
        _start(race, config, names, seeds, settings)


def race_result(race: Race, settings: Settings, words: Mapping[str, str]) -> None:
    """The chosen race, the newest unless the address says another; `words` has no_race and race."""
    races = [run for run in listed_runs(settings.runs) if race.races(run)]
    if not races:
        st.info(words["no_race"], icon=":material/flag:")
        return
    labels = {run.id: run.name for run in races}
    named = named_choice(
        _("Race"),
        list(labels),
        next(iter(labels)),
        f"{race.prefix}_race",
        lambda name: f"{labels.get(name, name)} · {name[:15]}",
    )
    running = any(run.id == named and run.state == "running" for run in races)
    live(lambda: _race(race, settings, named, words), running, interval=1.0)


def _start(race: Race, config: RunConfig, names: Sequence[str], seeds: int, settings: Settings) -> None:
    from training.launch import LaunchError, launch_study

    words = [*command_line(config), "--set", f"{race.setting}={','.join(names)}", "--seeds", str(seeds)]
    try:
        with st.spinner(_("Starting: importing PyTorch, loading the data ...")):
            launch_study(MODULE, words, config.model, config.dataset, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The race did not start"), icon=":material/error:")
        return
    key = f"{race.prefix}_race"
    if key in st.query_params:
        del st.query_params[key]  # the newest one is shown
    st.session_state.pop(key, None)
    st.rerun()


def _race(race: Race, settings: Settings, named: str, words: Mapping[str, str]) -> bool:
    """The curves as they are now; whether it goes on."""
    try:
        now = run_catalog(settings.runs).find(named)
        results = read_sweep(settings.runs, named)
    except (ConfigError, LogsError, KeyError) as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return False
    running = now.state == "running"
    done = sum(len(trial.runs) for trial in results.finished)
    of = results.count * results.seeds
    if running:
        st.progress(min(1.0, done / max(1, of)), _("{done} of {of} trainings").format(done=done, of=of))
    score = race.scores[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(race.scores) > 1:
            score = bounded_choice(_("Score"), race.scores, score, f"{race.prefix}_score", _)
        split = bounded_choice(_("Split"), ("validation", "train"), "validation", f"{race.prefix}_split", _)
    drawn = [_curves(race, settings, results, number, score, split) for number in range(len(results.trials))]
    figure = trial_curves_chart(drawn, f"{_(split)} {_(score)}", score == "loss", score == "accuracy")
    plot(figure, f"{race.prefix}_race_curves", height=440, description=_("Curves of the race"))
    st.caption(words["race"])
    link("sweep", _("This race as a sweep"), icon=":material/tune:", study=named)
    return running


def _curves(
    race: Race, settings: Settings, results: SweepResults, number: int, score: str, split: str
) -> TrialCurves:
    trial = results.trials[number]
    name = str(trial.parameters[race.setting])
    seeds = curves(settings.runs, trial, f"epoch_{score}" if split == "train" else score, split)
    told = tuple(
        FoldCurve(f"seed {place + 1}", np.asarray(each.epoch, np.float64), np.asarray(each.value))
        for place, each in enumerate(seeds)
    )
    return TrialCurves(_(race.table[name].title), told)
