"""Run: one training in depth, live while it trains."""

import streamlit as st

from dashboard.charts.confusion import class_scores
from dashboard.charts.histograms import rebinned
from dashboard.charts.panes import pane_chart
from dashboard.language import _, texts
from dashboard.navigation import link
from dashboard.panels.escape import plain
from dashboard.panels.lab_link import lab_link
from dashboard.panels.live import live
from dashboard.panels.run_actions import removed_run, run_actions
from dashboard.panels.run_diagnosis import run_diagnosis
from dashboard.panels.run_header import run_progress, run_title
from dashboard.panels.run_picker import current_run, run_cards, run_picker
from dashboard.panels.run_store import run_catalog
from dashboard.panels.run_tabs import run_tabs
from dashboard.panels.source import show_source
from dashboard.panels.study_link import pickable, study_link
from dashboard.settings import read_settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.removal import list_trash

words = texts("run")
settings = read_settings()
catalog = run_catalog(settings.runs)


def pick() -> None:
    """No run in the address: choose one."""
    st.title(_("Run"))
    runs = catalog.rows()
    if not runs:
        with st.container(border=True):
            st.markdown(words["empty"])
            link("new_run", _("Start a training"), icon=":material/add_circle:")
        return
    st.caption(words["pick"])
    run_picker(pickable(runs))
    run_cards(pickable(runs))


def unknown(named: str, problem: LogsError) -> None:
    """A run that isn't here: in the trash, or nowhere."""
    if any(directory.id == named for directory in list_trash(settings.runs)):
        removed_run(named, settings)
        return
    st.error(plain(str(problem)), title=words["unknown"])
    link("runs", _("All runs"))


def page(run: RunSummary) -> None:
    """The whole page of one run."""
    known = catalog.rows()
    left, right = st.columns([3, 2], vertical_alignment="top")
    with left:
        run_title(run)
        study_link(run, known)
        lab_link(run)
    with right:
        run_picker(pickable(known, run), run.id)
    if run.broken:
        st.error(plain(run.broken), title=words["broken"])
    active = run.state == "running"
    live(lambda: header(run.id), active)
    run_actions(run, settings, sorted({tag for row in known for tag in row.tags}))
    if run.info is not None:
        run_tabs(run, catalog, words)


def header(run_id: str) -> bool:
    """State, progress and figures as they are now; whether the run goes on."""
    try:
        now = catalog.find(run_id)
    except LogsError:
        return False  # removed meanwhile: the next run of the page says so
    run_progress(now)
    run_diagnosis(now)
    return now.state == "running"


named = current_run(catalog.rows())
if not named:
    pick()
else:
    try:
        found = catalog.find(named)
    except LogsError as problem:
        unknown(named, problem)
    else:
        page(found)
show_source(__file__, pane_chart, rebinned, class_scores)
