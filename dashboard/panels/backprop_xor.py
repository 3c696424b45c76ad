"""Exclusive or: a perceptron fails, one hidden layer does it; both really trained, and filmed."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.film_bytes import film_bytes, read_plane
from dashboard.language import _, count
from dashboard.navigation import link
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.escape import plain
from dashboard.panels.film import bring_film, film_player
from dashboard.panels.lab_results import run_of
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_switch
from dashboard.panels.playground_film import film_reader
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from training.film import Film
from training.playground_settings import PlaygroundSettings

KIND = "playground"
LOOK = 2.0  # seconds between two looks for films that were started elsewhere
SOLVED = 0.9  # of the points that were not trained on
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)


def xor_tab(settings: Settings, words: Mapping[str, str]) -> None:
    """The form at the left; beside it both films, once they have been trained with these settings."""
    left, right = beside("backpropagation_xor")
    with left:
        units = bound_slider(_("Hidden units"), 1, 8, 4, "backpropagation_units")
        names = {"tanh": "tanh", "relu": "ReLU", "sigmoid": "sigmoid"}
        activation = named_switch(
            _("Activation"), tuple(names), "tanh", "backpropagation_xor_activation", names.__getitem__
        )
        rate = bound_scale(_("Learning rate"), RATES, 0.03, "backpropagation_rate")
        epochs = bound_slider(_("Epochs"), 20, 400, 200, "backpropagation_epochs", 20)
        seeds = bound_slider(_("Seeds"), 1, 10, 5, "backpropagation_seeds", about=words["seeds"])
        shared = PlaygroundSettings(
            dataset="xor",
            dataset_settings={"noise": 0.0},
            samples=400,
            epochs=epochs,
            seeds=seeds,
            learning_rate=float(rate),
            activations=(activation,),
        )
        both = (shared.replace(layers=()), shared.replace(layers=(units,)))
        runs = [run_of(KIND, asked, settings) for asked in both]
        pressed = st.button(
            _("Train both") if None in runs else _("Train both again"), icon=":material/play_arrow:",
            type="primary" if None in runs else "secondary", key="backpropagation_train", width="stretch",
        )  # fmt: skip
        if pressed:
            _start(both, settings)
    with right:
        perceptron, network = runs
        if perceptron is None or network is None:
            # Another window may have started them, or this one before it was loaded anew
            live(lambda: _nothing_yet(both, settings, words), False, idle=LOOK)
            return
        training = any(run.state == "running" for run in (perceptron, network))
        live(lambda: _films(both, settings, words), training, interval=0.3)
        film_player(
            "backpropagation_player",
            network.id,
            perceptron.id,
            play=training,
            seed=None if seeds > 1 else 0,
            titles={"current": _("One hidden layer"), "reference": _("Perceptron"), "difference": ""},
        )
        st.caption(words["xor"])
        with st.container(horizontal=True):
            link("playground", _("The network in the playground"), icon=":material/movie:",
                playground_film=network.id)  # fmt: skip
            link("run", _("The perceptron's run"), icon=":material/show_chart:", run=perceptron.id)


def _films(both: tuple[PlaygroundSettings, ...], settings: Settings, words: Mapping[str, str]) -> bool:
    """Brings both films as they are now; whether one of them goes on."""
    going, said = False, []
    _amiss(both, settings)
    line = st.container()
    for number, asked in enumerate(both):
        run = run_of(KIND, asked, settings)
        if run is None:
            continue
        going |= run.state == "running"
        film = _brought(run, f"backpropagation_film_{number}")
        if film is not None:
            solved = int((film.accuracy[-1, :, 1] > SOLVED).sum())
            each = count(len(film.about["seeds"]), "{n} seed", "{n} seeds")
            mean = float(film.accuracy[-1, :, 1].mean())
            said.append(
                _("**{name}**: right on {mean:.0%}, above 90% in {solved} of {each}").format(
                    name=_name(asked), mean=mean, solved=solved, each=each
                )
            )
    line.markdown(" · ".join(said) or words["waiting"])
    return going


def _brought(run: RunSummary, key: str) -> Film | None:
    try:
        film = film_reader(run.path).read()
        if film is None:
            return None
        bring_film(film_bytes(run.id, film, read_plane(run.directory), run.state), key)
    except LogsError as problem:
        st.error(plain(str(problem)))
        return None
    return film


def _amiss(both: tuple[PlaygroundSettings, ...], settings: Settings) -> None:
    """Says which of the newest trainings came to no good end, and leads to its output."""
    for asked in both:
        run = run_of(KIND, asked, settings, failed_too=True)
        if run is None or run.state in ("finished", "running"):
            continue
        title = _("{name}: the last training is {state}").format(name=_name(asked), state=_(run.state))
        error = run.status.error.strip() if run.status is not None else ""
        why = _("Its process ended without a word, as when it is killed. Train them again.")
        if run.state == "stopped":
            why = _("It was stopped before its end: the film shows how far it came.")
        st.warning(plain(error.splitlines()[-1]) if error else why, title=title)
        link("run", _("Its output"), icon=":material/terminal:", run=run.id)


def _name(asked: PlaygroundSettings) -> str:
    return _("One hidden layer") if asked.layers else _("Perceptron")


def _nothing_yet(both: tuple[PlaygroundSettings, ...], settings: Settings, words: Mapping[str, str]) -> bool:
    """Says what to do; whether both are here by now."""
    _amiss(both, settings)
    st.info(words["no_film"], icon=":material/movie:")
    return None not in [run_of(KIND, asked, settings) for asked in both]


def _start(both: tuple[PlaygroundSettings, ...], settings: Settings) -> None:
    from training.launch import LaunchError, launch_lab

    try:
        with st.spinner(_("Starting both: importing PyTorch ...")):
            for asked in both:
                launch_lab(KIND, asked.options(), "", settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The training did not start"), icon=":material/error:")
        return
    st.rerun()
