"""Trained networks of many widths: a form that starts them in the background, and the peak as it rises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.double_descent import Extra, descent_chart, norm_chart
from dashboard.charts.tables import shown_state
from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import noted_problem
from dashboard.panels.escape import plain
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_actions import stop_run
from dashboard.panels.run_card import state_badge
from dashboard.panels.run_store import listed_runs, run_catalog
from dashboard.panels.step_slider import step_slider
from dashboard.settings import Settings
from dashboard.theme import LIGHT
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.requests import waiting_requests
from logs.tables import read_table, table_version
from training.config import ConfigError
from training.double_descent import TABLE, DescentSettings
from training.width_sweep import SHAPES, TARGETS

KIND = "double_descent"
RUN = "descent_run"  # in the address
NONE = "none"
DECAYS = (0.0, 1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1)
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
STEPS = (200, 500, 1000, 2000, 5000, 10_000, 20_000)
FITTED = 0.01  # of the largest training error
INTERVAL = 0.5  # seconds between two looks while it trains


def descent_networks(words: Mapping[str, str], settings: Settings) -> None:
    """The form at the left, the chosen training beside it. `words` are the page's passages."""
    left, right = beside("descent")
    with left:
        st.caption(words["networks"])
        button = st.container()  # above its settings: it stays in sight
        asked = _form(words)
    with button:
        st.button(
            _("Train the networks"),
            type="primary",
            icon=":material/play_arrow:",
            key="descent_start",
            width="stretch",
            disabled=asked is None,
            on_click=_start,
            args=(asked, settings),
        )
    runs = [run for run in listed_runs(settings.runs) if run.kind == KIND]
    with right:
        _started_amiss()
        if not runs:
            st.info(words["empty"], icon=":material/stacked_line_chart:")
            return
        chosen, other = _choices(runs)
        _actions(chosen)
        live(lambda: _shown(chosen.id, other, settings, words), chosen.state == "running", INTERVAL)
    with left:
        link("run", _("Its own page: command and output"), icon=":material/terminal:", run=chosen.id)


def _form(words: Mapping[str, str]) -> DescentSettings | None:
    """What is asked for; None, with a sentence, where the settings don't go together."""
    usual = DescentSettings
    target = named_choice(
        _("Target"), TARGETS.names(), "linear", "descent_target", lambda name: _(TARGETS[name].title),
        help=_(TARGETS["linear"].summary),
    )  # fmt: skip
    shape = named_choice(
        _("Activation"), SHAPES.names(), "relu", "descent_activation", lambda name: SHAPES[name].title
    )
    samples = bound_slider(_("Samples"), 20, 240, usual.samples, "descent_net_samples", 10)
    noise = bound_slider(
        _("Noise"), 0.0, 1.0, usual.noise, "descent_net_noise", 0.05, about=_(TARGETS[target].noise_means)
    )
    decay = bound_scale(_("Weight decay"), DECAYS, usual.weight_decay, "descent_decay", about=words["decay"])
    steps = bound_scale(_("Updates"), STEPS, usual.steps, "descent_steps")
    rate = bound_scale(_("Learning rate"), RATES, usual.learning_rate, "descent_rate")
    seeds = bound_slider(_("Seeds"), 1, 20, usual.seeds, "descent_net_seeds", about=words["seeds"])
    try:
        return DescentSettings(
            target=target,
            activation=shape,
            samples=samples,
            noise=noise,
            weight_decay=decay,
            steps=steps,
            learning_rate=rate,
            seeds=seeds,
        )
    except ConfigError as problem:
        st.warning(plain(str(problem)))
        return None


def _start(asked: DescentSettings, settings: Settings) -> None:
    """For a callback: starts the training and makes it the one that is looked at."""
    from training.launch import LaunchError, launch_lab

    try:
        run = launch_lab(KIND, asked.options(), "", settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.session_state["descent_amiss"] = str(problem)
    else:
        st.session_state[RUN] = run
        st.session_state.pop("descent_moment", None)


def _started_amiss() -> None:
    problem = st.session_state.pop("descent_amiss", "")
    if problem:
        st.error(plain(problem), title=_("The training did not start"), icon=":material/error:")


def _choices(runs: Sequence[RunSummary]) -> tuple[RunSummary, str]:
    """The training looked at, which stands in the address, and the id of one to compare it with, or NONE."""
    known = {run.id: run for run in runs}
    if RUN not in st.session_state:
        said = st.query_params.get(RUN, "")
        if said and said not in known:
            words = _("{name} in the address is {value}, and there is no such training. The newest is shown.")
            noted_problem(RUN, words.format(name=RUN, value=repr(said)))
        st.session_state[RUN] = said if said in known else runs[0].id
    elif st.session_state[RUN] not in known:
        st.session_state[RUN] = runs[0].id
    left, right = st.columns(2)
    with left:
        chosen = st.selectbox(_("Training"), list(known), format_func=lambda run: _label(known[run]), key=RUN)
    if st.query_params.get(RUN) != chosen:
        st.query_params[RUN] = chosen
    with right:
        others = [NONE, *(run for run in known if run != chosen)]
        other = named_choice(
            _("Compare with"),
            others,
            NONE,
            "descent_other",
            lambda run: _label(known[run]) if run in known else _("none"),
        )
    return known[chosen], other


def _label(run: RunSummary) -> str:
    """What sets one training apart from another, and when it began."""
    config = run.config
    parts = [str(config.get("target", run.name)), f"n = {config.get('samples', '?')}"]
    parts += [_("noise {noise:g}").format(noise=float(config.get("noise", 0)))]
    if config.get("weight_decay"):
        parts.append(_("decay {decay:g}").format(decay=float(config["weight_decay"])))
    if config.get("activation") != DescentSettings.activation:
        parts.append(str(config.get("activation")))
    if run.created:
        parts.append(datetime.fromtimestamp(run.created).strftime("%d %b %H:%M:%S"))
    return " · ".join(parts)


def _actions(run: RunSummary) -> None:
    asked = run.state == "running" and bool(waiting_requests(run.directory))
    if run.state == "running":
        st.button(
            _("Stopping ...") if asked else _("Stop"),
            icon=":material/stop_circle:",
            key="descent_stop",
            disabled=asked,
            on_click=_stop,
            args=(run,),
        )


def _stop(run: RunSummary) -> None:
    try:
        st.toast(stop_run(run))
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")


def _shown(run_id: str, other: str, settings: Settings, words: Mapping[str, str]) -> bool:
    """State and pictures as they are now; whether it still trains."""
    try:
        run = run_catalog(settings.runs).find(run_id)
        found = _table(str(run.directory.path), table_version(run.directory, TABLE))
    except LogsError as problem:
        st.error(plain(str(problem)))
        return False
    running = run.state == "running"
    _state(run)
    if found is None:
        st.caption(words["no_table"] if running else words["nothing"])
        return running
    frame, about = found
    steps = sorted(int(step) for step in frame["step"].unique())
    moment = step_slider(steps, {}, "descent_moment")
    extras = _compared(other, settings)
    _pictures(frame[frame["step"] == moment], about, extras)
    st.caption(words["moment"])
    return running


def _state(run: RunSummary) -> None:
    status = run.status
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(shown_state(run))
        if status is not None and status.steps:
            done = _("{done:,} of {all:,} updates").format(done=status.step, all=status.steps)
            st.caption(done, width="content")
    if run.state == "running" and status is not None:
        st.progress(min(1.0, max(0.0, status.progress or 0.0)))
    if run.state == "failed" and status is not None and status.error:
        st.error(plain(status.error))


@st.cache_data(max_entries=16, show_spinner=False)
def _table(directory: str, version: Any) -> tuple[pd.DataFrame, Mapping[str, Any]] | None:
    table = read_table(Path(directory), TABLE)
    return None if table is None else (table.frame, dict(table.about))


def _compared(other: str, settings: Settings) -> list[Extra]:
    """The last test errors of the training compared with."""
    if other == NONE:
        return []
    try:
        run = run_catalog(settings.runs).find(other)
        found = _table(str(run.directory.path), table_version(run.directory, TABLE))
    except LogsError:
        return []
    if found is None:
        return []
    frame = found[0]
    last = frame[frame["step"] == frame["step"].max()]
    error = np.nanmean(np.stack(last["test"].tolist()), axis=1)
    return [Extra(_("test, compared"), last["parameters"].to_numpy(), error, LIGHT.categorical[3], "dot")]


def _pictures(rows: pd.DataFrame, about: Mapping[str, Any], extras: Sequence[Extra]) -> None:
    sizes = rows["parameters"].to_numpy()
    train, test, norm = (np.stack(rows[name].tolist()).astype(float) for name in ("train", "test", "norm"))
    samples = int(about["samples"])
    title = _("number of weights and biases")
    chart = descent_chart(
        sizes,
        train,
        test,
        samples,
        title,
        extras=extras,
        unit=_("weights and biases"),
        threshold_text=_("as many as samples"),
    )
    plot(chart, "descent_net_errors", height=400, description=_("Error against the size of the network"))
    st.markdown(_reading(rows["width"].to_numpy(), sizes, train, test, float(about["threshold_width"])))
    st.markdown(f"**{_('Length of the weights')}**")
    chart = norm_chart(sizes, norm, samples, title)
    plot(chart, "descent_net_norm", height=230, description=_("Norm of the networks' weights"))


def _reading(
    widths: np.ndarray, sizes: np.ndarray, train: np.ndarray, test: np.ndarray, threshold: float
) -> str:
    """Where the test error is largest, and where fitting every sample begins."""
    error = np.nanmean(test, axis=1)
    peak = int(np.nanargmax(error))
    first = _(
        "The largest test error, **{high:.3g}**, is at a width of **{width:,}** ({size:,} weights and "
        "biases); they are as many as samples at a width of {threshold:.1f}. The widest network, {widest:,}, "
        "has **{end:.3g}**."
    ).format(
        high=error[peak], width=int(widths[peak]), size=int(sizes[peak]), threshold=threshold,
        widest=int(widths[-1]), end=error[-1],
    )  # fmt: skip
    fits = np.flatnonzero(np.nanmean(train, axis=1) < FITTED * np.nanmax(train))
    if not len(fits):
        return first + " " + _("None fits every sample yet.")
    words = _("From a width of {width:,} on the samples are fitted (error below {share:.0%} of the largest).")
    return f"{first} {words.format(width=int(widths[fits[0]]), share=FITTED)}"
