"""Guided comparisons of landscapes: a button each, and the one that is looked at."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from dashboard.charts.tables import shown_state
from dashboard.language import _, count
from dashboard.navigation import link
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import noted_problem
from dashboard.panels.escape import plain
from dashboard.panels.landscape_compare_look import compared
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_choice
from dashboard.panels.run_actions import resume_run, stop_run
from dashboard.panels.run_card import state_badge
from dashboard.panels.run_store import run_catalog
from dashboard.panels.study_header import seconds_left
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.requests import waiting_requests
from logs.status import duration_text
from models.catalog import UnknownNameError
from training.comparison_results import comparison_studies, options_of, progress, read_comparison
from training.config import ConfigError
from training.engines import cores
from training.landscape_comparisons import (
    BUDGETS,
    DATASETS,
    LANDSCAPE_COMPARISONS,
    Comparison,
    ComparisonOptions,
)

MODULE = "training.compare_landscapes"
STUDY = "landscape_study"  # in the address: the comparison that is looked at
AMISS = "landscape_compare_amiss"  # session state: why nothing was started


def compare_tab(settings: Settings, words: Mapping[str, str]) -> None:
    """The buttons, and below them what came of one comparison."""
    known = {study.id: study for study in comparison_studies(settings.runs) if _readable(study)}
    with st.container(border=True):
        _buttons(known, settings, words)
    problem = st.session_state.pop(AMISS, "")
    if problem:
        st.error(plain(problem), title=_("The comparison did not start"), icon=":material/error:")
    if not known:
        st.info(words["compare_empty"], icon=":material/compare:")
        return
    shown = _chosen(known)
    live(lambda: _look(shown.id, settings, words), shown.state == "running")
    link("run", _("Its own page: command and output"), icon=":material/terminal:", run=shown.id)


def _buttons(known: Mapping[str, RunSummary], settings: Settings, words: Mapping[str, str]) -> None:
    """How large, and a button for each comparison; one that was made with these settings is looked at."""
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        dataset = named_choice(_("Images"), DATASETS, DATASETS[0], "landscape_images", width=190)
        seeds = bound_slider(_("Seeds"), 1, 10, 3, "landscape_seeds", about=words["compare_seeds"], width=190)
        budget = bound_scale(
            _("Budget"), BUDGETS, 1.0, "landscape_budget", about=words["compare_budget"], width=190
        )
    with st.grid(3, min_column_width=220):
        for row in LANDSCAPE_COMPARISONS:
            with st.container(gap="xsmall"):
                _button(row, _asked(row.name, dataset, seeds, float(budget)), known, settings)
    st.caption(words["compare_time"].format(cores=count(cores(), "{n} core", "{n} cores")))


def _button(
    row: Comparison, options: ComparisonOptions, known: Mapping[str, RunSummary], settings: Settings
) -> None:
    """One press starts it, or looks at what there is."""
    made = next((study for study in known.values() if _same(study, options)), None)
    icon, networks = ":material/play_arrow:", len(row.sides) * options.seeds
    said = _("{networks}, about {time}").format(
        networks=count(networks, "{n} network", "{n} networks"),
        time=duration_text(options.seconds(cores())),
    )
    if made is not None:
        icon = ":material/hourglass_top:" if made.state == "running" else ":material/check:"
        said = _("made: look at it") if made.state == "finished" else _(made.state)
    st.button(
        _(row.title), icon=icon, key=f"landscape_compare_{row.name}", width="stretch",
        help=_(row.question), on_click=_look_or_start, args=(options, made, settings),
    )  # fmt: skip
    st.caption(said)


def _look_or_start(options: ComparisonOptions, made: RunSummary | None, settings: Settings) -> None:
    """For a callback: looks at the one that is there, else starts it in the background and looks at that."""
    if made is not None:
        st.session_state[STUDY] = made.id
        return
    from training.launch import LaunchError, launch_study

    config = options.config
    try:
        st.session_state[STUDY] = launch_study(
            MODULE, option_words(options), config.model, config.dataset, settings.runs, settings.data
        )
    except (LaunchError, OSError) as problem:
        st.session_state[AMISS] = str(problem)


def option_words(options: ComparisonOptions) -> list[str]:
    """The shortest command line that stands for the options that the form has, and for those of a plane."""
    words = [options.comparison]
    for name, value, usual in (
        ("--dataset", options.config.dataset, DATASETS[0]),
        ("--seeds", options.seeds, 3),
        ("--budget", options.budget, 1.0),
        ("--points", options.points, 0),
        ("--measured", options.measured, 0),
    ):
        if value != usual:
            words += [name, f"{value:g}" if isinstance(value, float) else str(value)]
    return words


def _chosen(known: Mapping[str, RunSummary]) -> RunSummary:
    """The comparison looked at, which stands in the address."""
    if STUDY not in st.session_state:
        said = st.query_params.get(STUDY, "")
        if said and said not in known:
            sentence = _(
                "{name} in the address is {value}, and there is no such comparison: the newest is shown."
            )
            noted_problem(STUDY, sentence.format(name=STUDY, value=repr(said)))
        st.session_state[STUDY] = said if said in known else next(iter(known))
    elif st.session_state[STUDY] not in known:
        st.session_state[STUDY] = next(iter(known))
    name = st.selectbox(
        _("Comparison"), list(known), format_func=lambda study: _title_of(known[study]), key=STUDY
    )
    if st.query_params.get(STUDY) != name:
        st.query_params[STUDY] = name
    return known[name]


def _title_of(study: RunSummary) -> str:
    options = options_of(study)
    begun = datetime.fromtimestamp(study.created).strftime("%d %B, %H:%M")
    seeds = count(options.seeds, "{n} seed", "{n} seeds")
    budget = _("budget {budget:g}").format(budget=options.budget)
    return " · ".join([_(options.row.title), options.config.dataset, seeds, budget, begun])


def _look(study_id: str, settings: Settings, words: Mapping[str, str]) -> bool:
    """State, finding, pictures and numbers as they are now; whether it still runs."""
    try:
        study = run_catalog(settings.runs).find(study_id)
    except LogsError as problem:
        st.error(plain(str(problem)))
        return False
    options = options_of(study)
    results = read_comparison(settings.runs, study.id, options)
    _state(study, progress(results, options))
    st.markdown(f"**{_(options.row.question)}**")
    compared(results, options, words)
    with st.container(border=True):
        st.markdown(f"**{_('How it was made')}**")
        st.markdown(
            words["compare_made"].format(
                samples=options.plane_samples, points=options.plane_points, count=options.config.train_samples
            )
        )
        command = shlex.join(["python", "-m", MODULE, *option_words(options)])
        st.code(command, language="bash", wrap_lines=True)
    return study.state == "running"


def _state(study: RunSummary, share: float) -> None:
    running = study.state == "running"
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(shown_state(study))
        left = duration_text(seconds_left(study, share)) if running else ""
        said = _("{share:.0%} done").format(share=share) + (
            _(", {time} left").format(time=left) if left else ""
        )
        st.caption(said, width="content")
        if running:
            asked = bool(waiting_requests(study.directory))
            st.button(
                _("Stopping ...") if asked else _("Stop"), icon=":material/stop_circle:",
                key="landscape_compare_stop", disabled=asked, on_click=_attempt, args=(study, False),
            )  # fmt: skip
        elif study.state != "finished":
            st.button(
                _("Go on"), icon=":material/resume:", key="landscape_compare_resume",
                help=_("What has been trained and measured is kept."), on_click=_attempt, args=(study, True),
            )  # fmt: skip
    if running:
        st.progress(min(1.0, max(0.0, share)))
    if study.status is not None and study.state == "failed" and study.status.error:
        st.error(plain(study.status.error))


def _attempt(study: RunSummary, go_on: bool) -> None:
    try:
        said = resume_run(study) if go_on else stop_run(study)
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
    else:
        st.toast(_("It goes on with what is missing.") if go_on else said)


def _readable(study: RunSummary) -> bool:
    try:
        options_of(study)
    except (ConfigError, UnknownNameError, KeyError, TypeError):  # of another version
        return False
    return True


@functools.lru_cache(maxsize=256)
def _asked(comparison: str, dataset: str, seeds: int, budget: float) -> ComparisonOptions:
    """Every side is checked, which takes milliseconds each."""
    return ComparisonOptions(comparison, LANDSCAPE_COMPARISONS[comparison].config(dataset), seeds, budget)


def _same(study: RunSummary, options: ComparisonOptions) -> bool:
    """Whether the study is of these options, whatever it is called."""
    own = options_of(study)
    return own.to_dict() == options.to_dict() and _bare(own) == _bare(options)


def _bare(options: ComparisonOptions) -> dict[str, object]:
    return options.config.to_dict() | {"name": "", "visdom": ""}
