"""Sweep: one network with many settings. Which are good, and which of them matter?"""

import streamlit as st

from dashboard.charts.parallel_trials import parallel_trials_chart
from dashboard.charts.trial_map import trial_map
from dashboard.charts.trial_scores import best_so_far
from dashboard.language import _, count, texts
from dashboard.navigation import link
from dashboard.panels.bounded import said_problems
from dashboard.panels.escape import plain
from dashboard.panels.live import live
from dashboard.panels.run_store import listed_runs, run_catalog
from dashboard.panels.source import show_source
from dashboard.panels.study_header import study_actions, study_progress, study_title, study_way
from dashboard.panels.study_picker import NEW, current_study, open_study, study_cards, study_picker
from dashboard.panels.sweep_charts import learning, overview, score_of, together
from dashboard.panels.sweep_form import examples, sweep_form
from dashboard.panels.sweep_table import chosen_trial, sweep_table
from dashboard.panels.sweep_trial import sweep_trial
from dashboard.settings import read_settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from training.config import ConfigError
from training.sweep_results import SweepResults, read_sweep

words = texts("sweep")
settings = read_settings()
studies = [run for run in listed_runs(settings.runs) if run.kind == "sweep"]
named = current_study("sweep", studies)


def head(study: RunSummary | None = None) -> None:
    """The sweep's name, or the page's, beside the box of sweeps."""
    left, right = st.columns([3, 2], vertical_alignment="top")
    with left:
        study_title(study) if study is not None else st.title(_("Sweep"))
    with right:
        if studies:
            study_picker("sweep", studies, named, _("New"))


def start() -> None:
    """No sweep is chosen: the newest ones, or the form for another. Without any, examples to click."""
    head()
    st.caption(words["intro"])
    if not studies:
        examples(settings, words)
    if studies and named != NEW:
        study_cards(studies)
        st.button(
            _("Set up another"), icon=":material/add:", key="sweep_another", on_click=open_study, args=(NEW,)
        )
        return
    st.subheader(_("Set one up"), anchor=False)
    sweep_form(settings, words)


def page(study: RunSummary) -> None:
    """The whole page of one sweep."""
    head(study)
    if study.broken or study.info is None:
        st.error(plain(study.broken or ""), title=words["broken"])
        return
    actions = st.container()
    live(lambda: found(study.id), study.state == "running", interval=2.0)
    with actions:
        study_actions(study, "sweep", *st.session_state.get("sweep_left", (0, False)))


def found(study_id: str) -> bool:
    """Progress, the trials and every picture of them, as they are now; whether the sweep goes on."""
    now = run_catalog(settings.runs).find(study_id)
    try:
        results = read_sweep(settings.runs, study_id)
    except (ConfigError, LogsError, KeyError) as problem:
        st.error(plain(str(problem)), title=words["broken"])
        return False
    st.session_state["sweep_left"] = results.missing, results.all_failed  # for the buttons, drawn next
    study_progress(now, results.count * results.seeds, results.failed, several=results.seeds > 1)
    study_way(now)
    if results.trials:
        trials(results)
    else:
        st.info(words["waiting"] if now.state == "running" else words["nothing"])
    return now.state == "running"


def trials(results: SweepResults) -> None:
    shown, problem = chosen_trial(results)
    if problem:
        st.warning(plain(problem), title=words["bad_address"])
    if shown is not None:
        sweep_trial(results, shown, score_of(results), settings)
    overview(results, shown, words)
    together(results, shown, words)
    st.subheader(count(len(results.trials), "{n} trial", "{n} trials"), anchor=False)
    sweep_table(results, shown)
    learning(results, shown, settings.runs, words)


problems = st.container()
if not named or named == NEW:
    start()
else:
    try:
        chosen = run_catalog(settings.runs).find(named)
    except LogsError as unknown:
        head()
        st.error(plain(str(unknown)), title=words["unknown"])
    else:
        if chosen.kind == "sweep" or chosen.broken:
            page(chosen)
        else:
            head()
            st.warning(words["no_sweep"])
            link("run", _("Its own page"), run=chosen.id)
with problems:
    said_problems(words["bad_address"], "sweep_")
show_source(__file__, parallel_trials_chart, trial_map, best_so_far)
