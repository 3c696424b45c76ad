"""Fit a curve: what capacity, noise, few samples and penalties do, seen in one picture."""

import streamlit as st

from dashboard.charts.curve_fit import capacity_chart, fit_chart
from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.fit_form import DEFAULTS, data_form, model_form
from dashboard.panels.fit_points import show_address
from dashboard.panels.fit_tab import fit_tab
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from training.capacities import polynomial_fits

words = texts("fit_curve")
st.title(_("Fit a curve"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try_this"], "fit", DEFAULTS)
left, right = st.columns([1, 3], gap="medium")
with left:
    with st.container(border=True):
        data = data_form(words)
    with st.container(border=True):
        model = model_form(words)
show_address(data.own)
with right:
    fit_tab(data, model, words)
with problems:
    said_problems(words["bad_address"], "fit_")
show_source(__file__, polynomial_fits, fit_chart, capacity_chart)
