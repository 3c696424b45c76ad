"""Fit a curve: what capacity, noise, few samples and penalties do, seen in one picture."""

import streamlit as st

from dashboard.charts.bias_variance import parts_chart
from dashboard.charts.curve_fit import capacity_chart, fit_chart
from dashboard.language import _, texts
from dashboard.panels.beside import beside
from dashboard.panels.bias_tab import bias_tab
from dashboard.panels.bounded import said_problems
from dashboard.panels.fit_form import DEFAULTS, RUN, begin_with, data_form, model_form
from dashboard.panels.fit_points import show_address
from dashboard.panels.fit_tab import fit_tab
from dashboard.panels.lab_results import now
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from training.bias_variance import decompose
from training.capacities import polynomial_fits

words = texts("fit_curve")
settings = read_settings()
st.title(_("Fit a curve"))
st.caption(words["intro"])
problems = st.container()
if RUN in st.query_params:  # a link from a run: its settings are put into the controls
    with problems:
        linked = now(st.query_params[RUN], settings)
    del st.query_params[RUN]
    if linked is not None:
        begin_with(linked.config)
try_this(words["try_this"], "fit", DEFAULTS)


@st.fragment  # a slider redraws this part alone, half as much as the page
def laboratory() -> None:
    left, right = beside("fit")
    with left:
        with st.container(border=True):
            data = data_form(words)
        with st.container(border=True):
            model = model_form(words)
    show_address(data.own)
    with right:
        fit, bias = st.tabs(
            [_("Fit"), _("Bias and variance")], key="fit_tab", bind="query-params", on_change="rerun"
        )
        if fit.open:
            with fit:
                fit_tab(data, model, settings, words)
        if bias.open:
            with bias:
                bias_tab(data, model, settings, words)


laboratory()
with problems:
    said_problems(words["bad_address"], "fit_")
show_source(__file__, polynomial_fits, decompose, fit_chart, capacity_chart, parts_chart)
