"""A race of activations: real trainings that differ in nothing else, started here, their curves beside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.fold_curves import FoldCurve
from dashboard.charts.trial_curves import TrialCurves, trial_curves_chart
from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.named_several import named_several
from dashboard.panels.plot import plot
from dashboard.panels.run_store import listed_runs, run_catalog
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from models.activations import ACTIVATIONS
from training.arguments import command_line
from training.config import ConfigError, RunConfig
from training.sweep_results import SweepResults, curves, read_sweep

MODULE = "training.sweep"
RACERS = ("sigmoid", "tanh", "relu", "gelu")
DATASETS = ("digits", "two_moons", "spirals")
WIDTHS = (8, 16, 32, 64, 128)
SCORES = ("loss", "accuracy")


def activation_race(settings: Settings, words: Mapping[str, str]) -> None:
    """The form at the left; the chosen race, the newest unless the address says another, beside it."""
    races = [run for run in listed_runs(settings.runs) if is_race(run)]
    names = named_several(
        _("Who races"),
        ACTIVATIONS.names(),
        RACERS,
        "activations_racers",
        lambda name: _(ACTIVATIONS[name].title),
    )
    left, right = beside("activations_race")
    with left:
        _form(names, settings, words)
    with right:
        if not races:
            st.info(words["no_race"], icon=":material/flag:")
            return
        labels = {run.id: run.name for run in races}
        named = named_choice(
            _("Race"),
            list(labels),
            next(iter(labels)),
            "activations_race",
            lambda name: f"{labels.get(name, name)} · {name[:15]}",
        )
        running = any(run.id == named and run.state == "running" for run in races)
        live(lambda: _race(settings, named, words), running, interval=1.0)


def is_race(run: RunSummary) -> bool:
    """A sweep in which nothing varies but the activation."""
    space = run.info.study.get("space", {}) if run.info is not None and run.kind == "sweep" else {}
    return list(space) == ["activation"]


def _form(names: tuple[str, ...], settings: Settings, words: Mapping[str, str]) -> None:
    dataset = named_choice(_("Data"), DATASETS, DATASETS[0], "activations_data")
    layers = bound_slider(_("Hidden layers"), 1, 20, 5, "activations_race_layers")
    width = bound_scale(_("Units in a layer"), WIDTHS, 32, "activations_race_width")
    epochs = bound_slider(_("Epochs"), 2, 100, 20, "activations_epochs")
    seeds = bound_slider(_("Seeds"), 1, 5, 2, "activations_seeds", about=words["seeds"])
    config = RunConfig(dataset=dataset, epochs=epochs, name=f"{dataset}, {layers} x {width}").replace(
        hidden_layers=layers, hidden_width=width
    )
    pressed = st.button(
        _("Start the race"), icon=":material/flag:", type="primary", key="activations_start_race",
        disabled=len(names) < 2, help=None if len(names) > 1 else _("Choose two or more."),
    )  # fmt: skip
    if pressed:
        _start(config, names, seeds, settings)


def _start(config: RunConfig, names: tuple[str, ...], seeds: int, settings: Settings) -> None:
    from training.launch import LaunchError, launch_study

    words = [*command_line(config), "--set", f"activation={','.join(names)}", "--seeds", str(seeds)]
    try:
        with st.spinner(_("Starting: importing PyTorch, loading the data ...")):
            launch_study(MODULE, words, config.model, config.dataset, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The race did not start"), icon=":material/error:")
        return
    if "activations_race" in st.query_params:
        del st.query_params["activations_race"]  # the newest one is shown
    st.session_state.pop("activations_race", None)
    st.rerun()


def _race(settings: Settings, named: str, words: Mapping[str, str]) -> bool:
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
    with st.container(horizontal=True, vertical_alignment="bottom"):
        score = bounded_choice(_("Score"), SCORES, "loss", "activations_score", _)
        split = bounded_choice(_("Split"), ("validation", "train"), "validation", "activations_split", _)
    drawn = [_curves(settings, results, number, score, split) for number in range(len(results.trials))]
    figure = trial_curves_chart(drawn, f"{_(split)} {_(score)}", score == "loss", score == "accuracy")
    plot(figure, "activations_race_curves", height=440, description=_("Curves of the race"))
    st.caption(words["race"])
    link("sweep", _("This race as a sweep"), icon=":material/tune:", study=named)
    return running


def _curves(settings: Settings, results: SweepResults, number: int, score: str, split: str) -> TrialCurves:
    trial = results.trials[number]
    name = str(trial.parameters["activation"])
    seeds = curves(settings.runs, trial, f"epoch_{score}" if split == "train" else score, split)
    told = tuple(
        FoldCurve(f"seed {place + 1}", np.asarray(each.epoch, np.float64), np.asarray(each.value))
        for place, each in enumerate(seeds)
    )
    return TrialCurves(_(ACTIVATIONS[name].title), told)
