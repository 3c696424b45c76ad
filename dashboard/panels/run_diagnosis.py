"""The diagnosis of a run in one line, for the run's own page, and the way to what helps."""

from __future__ import annotations

import streamlit as st

from dashboard.language import _
from dashboard.navigation import link
from dashboard.study_runs import is_study
from logs.catalog import RunSummary


def run_diagnosis(run: RunSummary) -> None:
    """Nothing where the run has no training loss yet."""
    from dashboard.guided_look import verdict_of  # imports PyTorch
    from dashboard.panels.diagnosis import RUN, verdict_line

    if run.broken or is_study(run):
        return
    verdict = verdict_of(run.path)
    if verdict is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container():
            verdict_line(verdict, _("So far") if run.state == "running" else "")
        link(
            "real_images", _("Rules and remedies"), icon=":material/healing:",
            **{"real_tab": _("Diagnosis"), RUN: run.id},
        )  # fmt: skip
