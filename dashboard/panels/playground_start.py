"""Starting a playground: what the form asks for, the button, and which film stands beside which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.painted_points import keep_points
from dashboard.panels.escape import plain
from dashboard.panels.try_this import put
from dashboard.settings import Settings
from models.catalog import UnknownNameError
from training.config import ConfigError
from training.playground_settings import PlaygroundSettings

KIND = "playground"
FILM = "playground_film"  # in the address: the run that is shown
BESIDE = "playground_beside"  # in the address: the run beside it
KEPT = "playground_kept"  # in the address, "true": the one beside stays when another is trained
EPOCH = "playground_epoch"  # in the address: where the film rests; absent: at its end
PLAYED = "playground_played"  # in the session: the run that plays when it is first shown
UNTOLD = ("laboratory", "name", "visdom")  # say nothing about what is computed
GO = "playground_go"  # in the session: what is asked for shall be trained when the form is next read


def asked_settings(found: Mapping[str, Any]) -> tuple[PlaygroundSettings | None, str]:
    """What the form asks for, or None and the sentence that says why it can't be trained."""
    if found.get("problem") or found.get("hint"):
        return None, str(found.get("problem", ""))
    try:
        return PlaygroundSettings().replace(**{k: v for k, v in found.items() if k != "csv"}), ""
    except (ConfigError, UnknownNameError) as problem:
        return None, str(problem)


def start_button(asked: PlaygroundSettings | None, problem: str, csv: str, settings: Settings) -> None:
    """Trains what is asked for: when the button is pressed, a "try this" was clicked, or, where the reader
    wants that, whenever a setting has changed.
    """
    pressed = st.button(
        _("Train"), type="primary", icon=":material/play_arrow:", key="playground_start", width="stretch",
        disabled=asked is None, shortcut="ctrl+enter",
    )  # fmt: skip
    at_once = st.toggle(
        _("Train at each change"), key="playground_at_once", bind="query-params",
        help=_("A training takes a second or two: then every change of a setting answers with a film."),
    )  # fmt: skip
    if asked is None and problem:
        st.error(plain(problem), title=_("This can't be trained yet"), icon=":material/error:")
    if asked is None:
        return
    sign = repr(asked)
    changed = st.session_state.get("playground_sign", sign) != sign
    st.session_state["playground_sign"] = sign
    if pressed or st.session_state.pop(GO, False) or (at_once and changed):
        start(asked, csv, settings)


def start(asked: PlaygroundSettings, csv: str, settings: Settings) -> None:
    """Starts the training; its film is shown from now on, beside the last one. Why not, where it doesn't."""
    from training.launch import LaunchError, launch_lab  # imports PyTorch, which the form has done already

    try:
        if csv:
            keep_points(settings.runs, csv)
        run = launch_lab(KIND, asked.options(), "", settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The training did not start"), icon=":material/error:")
        return
    before = st.query_params.get(FILM, "")
    if before and st.query_params.get(KEPT) != "true":
        st.query_params[BESIDE] = before
    st.query_params[FILM] = run
    st.session_state[PLAYED] = run
    if EPOCH in st.query_params:
        del st.query_params[EPOCH]


def try_and_train(found: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """For a callback: the form has these settings from now on, and they are trained."""
    # What is not on the page has its default when it comes to be there: the address need not say so
    put({key: value for key, value in found.items() if key in st.session_state or value != defaults.get(key)})
    st.session_state[GO] = True


def differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Name, new value and former value of every setting in which two runs' configurations differ."""
    flat_now, flat_before = _flat(now), _flat(before)
    names = [name for name in dict.fromkeys([*flat_now, *flat_before]) if name not in UNTOLD]
    return [
        (name, flat_now.get(name), flat_before.get(name))
        for name in names
        if flat_now.get(name) != flat_before.get(name)
    ]


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            found |= _flat(value)
        elif name == "points":
            found[name] = Path(str(value)).stem
        else:
            found[name] = tuple(value) if isinstance(value, list) else value
    return found
