"""Activation functions: their curves, what they do to signals in depth, and what they do in real networks."""

from functools import partial

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.activation_curves import activation_curves
from dashboard.panels.activation_depth import activation_depth
from dashboard.panels.activation_network import activation_network
from dashboard.panels.activation_race import activation_race
from dashboard.panels.activation_softmax import activation_softmax
from dashboard.panels.bounded import said_problems
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from models.activations import activation_points
from models.saturation import activation_sums
from models.signal_depth import expected_sizes, signals
from models.softmax import tempered_softmax

words = texts("activations")
settings = read_settings()

st.title(_("Activation functions"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "activations")
# A slider redraws its own part alone. The last two look at runs: what is live can't lie inside a fragment.
contents = {
    _("Curves"): st.fragment(partial(activation_curves, words)),
    _("Depth"): st.fragment(partial(activation_depth, words)),
    _("Softmax"): st.fragment(partial(activation_softmax, words)),
    _("In a trained network"): partial(activation_network, settings, words),
    _("Race"): partial(activation_race, settings, words),
}
boxes = st.tabs(list(contents), key="activations_tab", bind="query-params", on_change="rerun")
for draw, box in zip(contents.values(), boxes, strict=True):
    if box.open:
        with box:
            draw()
with problems:
    said_problems(words["bad_address"], "activations_")
show_source(__file__, activation_points, signals, expected_sizes, tempered_softmax, activation_sums)
