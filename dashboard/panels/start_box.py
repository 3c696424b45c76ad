"""The command that the form stands for, how long it will take, and the button that starts it."""

from __future__ import annotations

import streamlit as st

from dashboard.form_state import Given, config_of, problem_of
from dashboard.language import _
from dashboard.navigation import page_file
from dashboard.panels.control import words_of
from dashboard.panels.escape import plain
from dashboard.panels.preview import look, obstacle
from dashboard.panels.time_estimate import time_estimate
from dashboard.settings import Settings
from training.arguments import command_text
from training.config import RunConfig


def start_box(given: Given, settings: Settings) -> RunConfig | None:
    """Draws the box; the form's configuration, or None where it is none yet."""
    problem, place = problem_of(given)
    config = None if problem else config_of(given)
    if config is not None:
        problem = obstacle(config, look(config, settings.data))
    with st.container(border=True):
        pressed = st.button(
            _("Start training"),
            type="primary",
            icon=":material/play_arrow:",
            key="new_run_start",
            width="stretch",
            disabled=bool(problem),
        )
        if problem:
            where = _("The form says why, at {name}.").format(name=plain(words_of(place)))
            why = where if place else plain(problem)
            st.error(why, title=_("This can't be trained yet"), icon=":material/error:")
        if problem or config is None:
            return config
        if pressed:
            _start(config, settings)
        time_estimate(config, settings)
        st.caption(_("The same from a terminal, in the project's folder:"))
        st.code(command_text(config), language="bash", wrap_lines=True)
    return config


def _start(config: RunConfig, settings: Settings) -> None:
    """Starts the training and opens its page; why not, where it doesn't start."""
    from training.launch import LaunchError, launch

    try:
        with st.spinner(_("Starting: importing PyTorch, loading the data ...")):
            run = launch(config, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The training did not start"), icon=":material/error:")
    else:
        st.switch_page(page_file("run"), query_params={"run": run})
