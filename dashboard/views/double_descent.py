"""Double descent: test error through the point where a model can just fit every sample, and past it."""

import streamlit as st

from dashboard.charts.double_descent import descent_chart
from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.descent_features import DEFAULTS, descent_features
from dashboard.panels.descent_networks import descent_networks
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from training.random_features import descent_curves, sweep

words = texts("double_descent")
settings = read_settings()

st.title(_("Double descent"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "descent", DEFAULTS)


@st.fragment  # a slider redraws this part alone, a third of the work of the whole page
def laboratory() -> None:
    features, networks = st.tabs(
        [_("Random features"), _("Trained networks")],
        key="descent_tab", bind="query-params", on_change="rerun",
    )  # fmt: skip
    if features.open:
        with features:
            descent_features(words, settings.data)
    if networks.open:
        with networks:
            descent_networks(words, settings)


laboratory()
with problems:
    said_problems(words["bad_address"], "descent_")
show_source(__file__, sweep, descent_curves, descent_chart)
