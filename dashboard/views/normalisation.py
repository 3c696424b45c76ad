"""Normalisation and initialisation: what is averaged, what is remembered, what it does to gradients."""

from functools import partial

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.normalisation_depth import normalisation_depth
from dashboard.panels.normalisation_inputs import normalisation_inputs
from dashboard.panels.normalisation_race import normalisation_race
from dashboard.panels.normalisation_sets import normalisation_sets
from dashboard.panels.running_board import running_board
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from models.normalisation import averaged_sets, normalised
from models.running_statistics import followed_batches
from models.signal_depth import expected_sizes, signals
from training.input_scaling import bowl, descent

words = texts("normalisation")

st.title(_("Normalisation and initialisation"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "normalisation")
contents = {
    _("What is averaged"): st.fragment(partial(normalisation_sets, words)),
    _("Training and evaluation"): st.fragment(partial(running_board, words)),
    _("Inputs"): st.fragment(partial(normalisation_inputs, words)),
    _("Depth"): st.fragment(partial(normalisation_depth, words)),
    _("Race"): partial(normalisation_race, read_settings(), words),  # what is live can't lie in a fragment
}
boxes = st.tabs(list(contents), key="normalisation_tab", bind="query-params", on_change="rerun")
for draw, box in zip(contents.values(), boxes, strict=True):
    if box.open:
        with box:
            draw()
with problems:
    said_problems(words["bad_address"], "normalisation_")
show_source(__file__, averaged_sets, normalised, followed_batches, bowl, descent, signals, expected_sizes)
