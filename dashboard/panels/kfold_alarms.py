"""How often is each test wrong? Two equal learners, compared many times over, and the bars of it."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from dashboard.charts.alarms import alarms_chart
from dashboard.language import _
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot

REPETITIONS = (100, 200, 500, 1000)
SAMPLES = (100, 200, 400, 800)
FOLDS = (2, 5, 10)
REPEATS = (1, 2, 5, 10)


def kfold_alarms(intro: str) -> None:
    """Bars of false alarms and of coverage, for a study of the chosen size."""
    st.markdown(intro)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        folds = bounded_choice(_("Folds"), FOLDS, 10, "kfold_alarm_folds")
        repeats = bounded_choice(_("Repeats"), REPEATS, 10, "kfold_alarm_repeats")
        samples = bounded_choice(_("Samples"), SAMPLES, 200, "kfold_alarm_samples")
        studies = bounded_choice(_("Simulated studies"), REPETITIONS, 500, "kfold_alarm_studies")
    step = math.lcm(2 * folds, 4)
    fitting = max(2 * step, round(samples / step) * step)  # equal, stratified folds need a multiple
    found = _simulated(studies, fitting, folds, repeats)
    boxes = st.grid(2, min_column_width=400, gap="medium")
    with boxes.cell():
        st.markdown(f"**{_('False alarms: a winner between equals')}**")
        height = 90 + 44 * len(found.alarms)
        chart = alarms_chart(found.alarms, found.level, _("share of studies with a false alarm"))
        plot(chart, "kfold_alarms", height=height, description=_("False alarms of each test"))
    with boxes.cell():
        st.markdown(f"**{_('Coverage: the interval holds the truth')}**")
        chart = alarms_chart(found.coverage, 1 - found.level, _("share of studies"), at_most=False)
        plot(
            chart,
            "kfold_coverage",
            height=90 + 60 * len(found.coverage),
            description=_("Coverage of each interval"),
        )
        st.markdown(plain(found.reading))
        for warning in found.warnings:
            st.caption(plain(warning))


@st.cache_data(max_entries=64, show_spinner=False)
def _simulated(repetitions: int, samples: int, folds: int, repeats: int) -> Any:
    from training.false_alarms import simulate_false_alarms

    return simulate_false_alarms(repetitions, samples, folds, repeats)
