"""A race: real trainings that differ in one setting alone, started from a page, their curves beside its form.

It is a sweep over the names of one table (activations, losses); the page's own form says what all share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
from dashboard.panels.race_state import race_buttons, race_state
from dashboard.panels.run_picker import run_words
from dashboard.panels.run_store import listed_runs
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from models.catalog import Catalog
from training.arguments import command_line
from training.config import ConfigError, RunConfig
from training.sweep_results import SweepResults, Trial, curves, read_sweep

MODULE = "training.sweep"
LOOK = 2.0  # seconds between two looks for a first race


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

    def title(self, name: str) -> str:
        """What a page calls a racer."""
        return _(self.table[name].title) if name in self.table.names() else name

    def racers(self, results: SweepResults) -> dict[str, Trial | None]:
        """Every racer with its trial, in the order that they were named in; None before it begins."""
        begun = {str(trial.parameters[self.setting]): trial for trial in results.trials}
        named = [str(value) for value in results.space.dimensions[0].values]
        if results.count < len(named):  # a sweep that tries a few of them: nobody knows who else comes
            named = [name for name in named if name in begun]
        return {name: begun.get(name) for name in dict.fromkeys([*named, *begun])}


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
        # Another window may have started one, or this one before it was loaded anew
        live(lambda: _no_race(race, settings, words), False, idle=LOOK)
        return
    labels = _labels(races)
    named = named_choice(
        _("Race"),
        list(labels),
        next(iter(labels)),
        f"{race.prefix}_race",
        lambda name: labels.get(name, name),
    )
    running = any(run.id == named and run.state == "running" for run in races)
    live(lambda: _race(race, settings, named, words), running, interval=1.0)


def _no_race(race: Race, settings: Settings, words: Mapping[str, str]) -> bool:
    """Says what to do; whether there is one by now."""
    st.info(words["no_race"], icon=":material/flag:")
    return any(race.races(run) for run in listed_runs(settings.runs))


def _labels(races: Sequence[RunSummary]) -> dict[str, str]:
    """Each one's name and when it was started; what two would share is followed by the end of the id."""
    labels = {}
    for run in races:
        began = datetime.fromtimestamp(run.created).strftime("%d %b %H:%M:%S") if run.created else run.id[:15]
        labels[run.id] = f"{run_words(run)} · {began}"
    often = Counter(labels.values())
    return {run: label if often[label] == 1 else f"{label} · {run[-4:]}" for run, label in labels.items()}


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
    now = next((run for run in listed_runs(settings.runs) if run.id == named), None)
    if now is None:  # since the page was drawn
        st.warning(_("This race is no longer here: it was deleted or moved away."), icon=":material/delete:")
        link("runs", _("All runs, and the trash"), icon=":material/table_rows:")
        return False
    try:
        results = read_sweep(settings.runs, named)
        racers = race.racers(results)
    except (ConfigError, LogsError, KeyError) as problem:
        st.error(plain(str(problem)), title=_("This race can't be read"), icon=":material/error:")
        return False
    race_state(now, results, {race.title(name): trial for name, trial in racers.items()})
    score = race.scores[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(race.scores) > 1:
            score = bounded_choice(_("Score"), race.scores, score, f"{race.prefix}_score", _)
        split = bounded_choice(_("Split"), ("validation", "train"), "validation", f"{race.prefix}_split", _)
        race_buttons(now)
    drawn = [
        TrialCurves(race.title(name), () if trial is None else _curves(settings, trial, score, split))
        for name, trial in racers.items()
    ]
    title = f"{_(split)} {_(score)}"
    figure = trial_curves_chart(drawn, title, score == "loss", score == "accuracy", most=len(drawn))
    plot(figure, f"{race.prefix}_race_curves", height=440, description=_("Curves of the race"))
    st.caption(words["race"])
    link("sweep", _("This race as a sweep"), icon=":material/tune:", study=named)
    return now.state == "running"


def _curves(settings: Settings, trial: Trial, score: str, split: str) -> tuple[FoldCurve, ...]:
    seeds = curves(settings.runs, trial, f"epoch_{score}" if split == "train" else score, split)
    return tuple(
        FoldCurve(f"seed {place + 1}", np.asarray(each.epoch, np.float64), np.asarray(each.value))
        for place, each in enumerate(seeds)
    )
