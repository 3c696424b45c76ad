"""Losses: what they cost, how they pull, and why classes are learned by cross-entropy."""

from functools import partial

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.losses_curves import losses_curves
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from models.loss_curves import loss_points
from models.softmax import softmax_jacobian

words = texts("losses")

st.title(_("Losses and their gradients"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "losses")
contents = {
    _("Curves"): st.fragment(partial(losses_curves, words)),
}
boxes = st.tabs(list(contents), key="losses_tab", bind="query-params", on_change="rerun")
for draw, box in zip(contents.values(), boxes, strict=True):
    if box.open:
        with box:
            draw()
with problems:
    said_problems(words["bad_address"], "losses_")
show_source(__file__, loss_points, softmax_jacobian)
