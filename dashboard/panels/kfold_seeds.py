"""Is it the samples or the seed? Studies that differ in the seed alone, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.variance import variance_chart
from dashboard.kfold_pair import seed_siblings
from dashboard.kfold_study import KFoldStudy, read_study
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot
from dashboard.settings import Settings
from dashboard.study_options import study_command, study_options
from logs.catalog import RunSummary
from logs.errors import LogsError
from training.kfold_report import fold_and_seed_variance

MOST = 10  # seeds


def kfold_seeds(study: KFoldStudy, studies: Sequence[RunSummary], settings: Settings, words: Any) -> None:
    """The table of folds and seeds as a picture, with its sentence; without other seeds, how to get them."""
    siblings = seed_siblings(study.summary_row, studies)[:MOST]
    st.markdown(words["seeds"])
    read = []
    for sibling in siblings:
        try:
            read.append(read_study(study.runs, sibling.id))
        except (LogsError, ValueError) as problem:
            st.caption(plain(str(problem)))
    whole = [each for each in (study, *read) if len(each.scores) == len(study.scores)]
    whole.sort(key=lambda each: each.seed)
    if len(whole) < 2:
        st.info(words["seeds_alone"])
    else:
        _apart(study, whole)
    _another(study, max(each.seed for each in whole) + 1, settings)


def _apart(study: KFoldStudy, whole: Sequence[KFoldStudy]) -> None:
    table = np.stack([each.scores for each in whole], axis=1)
    try:
        found = fold_and_seed_variance([each.results for each in whole])
    except ValueError as problem:
        st.info(plain(str(problem)))
        return
    boxes = st.grid(2, min_column_width=380, gap="medium")
    with boxes.cell():
        names = [_("seed {n}").format(n=each.seed) for each in whole]
        figure = variance_chart(table, study.names, names, study.measure.percent)
        plot(figure, "kfold_variance", height=400, description=_("Scores by fold and seed"))
    with boxes.cell():
        with st.container(horizontal=True):
            st.metric(_("other samples move it by"), study.measure.show_difference(found.fold_deviation))
            st.metric(_("another seed moves it by"), study.measure.show_difference(found.seed_deviation))
        st.markdown(plain(found.reading))
        for warning in found.warnings:
            st.caption(f":material/warning: {plain(warning)}")


def _another(study: KFoldStudy, seed: int, settings: Settings) -> None:
    """The same folds with another seed: a button, and the command it stands for."""
    from dashboard.panels.kfold_form import MODULE, STUDY_DEFAULTS, start_study
    from training.config import ConfigError, RunConfig

    try:
        config = RunConfig.from_dict(study.config).replace(seed=seed)
    except ConfigError:
        return
    options = {name: study.options.get(name, default) for name, default in STUDY_DEFAULTS.items()}
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            _("Train these folds with seed {n}").format(n=seed), icon=":material/add:", key="kfold_seed"
        ):
            start_study(config, options, settings)
        st.code(
            study_command(MODULE, study_options(config, options, STUDY_DEFAULTS)),
            language="bash",
            wrap_lines=True,
        )
