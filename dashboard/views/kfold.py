"""K-fold: the same network trained once for each fold of the samples. Is its score luck of one split?"""

import streamlit as st

from dashboard.charts.fold_curves import fold_band
from dashboard.charts.fold_scores import fold_scores_chart
from dashboard.charts.fold_split import split_picture
from dashboard.kfold_study import read_study
from dashboard.language import _, texts
from dashboard.navigation import link
from dashboard.panels.bounded import said_problems
from dashboard.panels.escape import plain
from dashboard.panels.kfold_folds import kfold_sentence
from dashboard.panels.kfold_form import kfold_form, start_example
from dashboard.panels.kfold_tabs import kfold_tabs
from dashboard.panels.live import live
from dashboard.panels.run_store import listed_runs, run_catalog
from dashboard.panels.source import show_source
from dashboard.panels.study_header import study_actions, study_progress, study_title, study_way
from dashboard.panels.study_picker import NEW, current_study, study_cards, study_picker
from dashboard.settings import read_settings
from logs.catalog import RunSummary
from logs.errors import LogsError

words = texts("kfold")
settings = read_settings()
studies = [run for run in listed_runs(settings.runs) if run.kind == "kfold"]
named = current_study("kfold", studies)


def head(title: str) -> None:
    """The page's name beside the box of studies."""
    left, right = st.columns([3, 2], vertical_alignment="top")
    with left:
        st.title(title)
    with right:
        if studies:
            study_picker("kfold", studies, named, _("New"))


def start() -> None:
    """No study is chosen: the newest ones, and the form for another. Without any, what this is good for."""
    head(_("K-fold"))
    st.caption(words["intro"])
    if not studies:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(words["empty"])
            if st.button(
                _("Start the example"), type="primary", icon=":material/play_arrow:", key="kfold_example"
            ):
                start_example(settings)
    elif named != NEW:
        study_cards(studies)
    st.subheader(_("Start a K-fold"), anchor=False)
    kfold_form(settings, words)


def page(study: RunSummary) -> None:
    """The whole page of one study."""
    left, right = st.columns([3, 2], vertical_alignment="top")
    with left:
        study_title(study)
    with right:
        study_picker("kfold", studies, study.id, _("New"))
    if study.broken or study.info is None:
        st.error(plain(study.broken or ""), title=words["broken"])
        return
    live(lambda: progress(study.id), study.state == "running")
    study_actions(study, "kfold", *what_is_left(study.id))
    kfold_tabs(study, studies, settings, words)


def what_is_left(study_id: str) -> tuple[int, bool]:
    """Folds without a run, and whether every one has failed."""
    try:
        found = read_study(settings.runs, study_id)
    except LogsError:  # said where the folds are drawn
        return 0, False
    return sum(not row.run for row in found.rows), found.results.all_failed


def progress(study_id: str) -> bool:
    """State and time left as they are now; whether the study goes on."""
    try:
        now = run_catalog(settings.runs).find(study_id)
        found = read_study(settings.runs, study_id)
    except LogsError as problem:  # damaged, or removed meanwhile
        st.error(plain(str(problem)), title=words["broken"])
        return False
    study_progress(now, len(found.rows), sum(row.state == "failed" for row in found.rows), found.share)
    study_way(now)
    kfold_sentence(found, words)
    return now.state == "running"


problems = st.container()
if not named or named == NEW:
    start()
else:
    try:
        chosen = run_catalog(settings.runs).find(named)
    except LogsError as problem:
        head(_("K-fold"))
        st.error(plain(str(problem)), title=words["unknown"])
    else:
        if chosen.kind == "kfold" or chosen.broken:
            page(chosen)
        else:
            head(_("K-fold"))
            st.warning(words["no_study"])
            link("run", _("Its own page"), run=chosen.id)
with problems:
    said_problems(words["bad_address"], "kfold_")
show_source(__file__, read_study, split_picture, fold_band, fold_scores_chart)
