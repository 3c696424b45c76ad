"""Losses: what they cost, how they pull, and why classes are learned by cross-entropy."""

from functools import partial

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.losses_curves import losses_curves
from dashboard.panels.losses_race import losses_race
from dashboard.panels.losses_softmax import losses_entropy, losses_softmax
from dashboard.panels.losses_why import losses_why
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from models.loss_curves import loss_points
from models.softmax import divergence, logit_gradients, softmax_jacobian
from training.loss_descent import descended

words = texts("losses")
settings = read_settings()

st.title(_("Losses and their gradients"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "losses")
# A slider redraws its own part alone. The race looks at runs: what is live can't lie inside a fragment.
contents = {
    _("Curves"): st.fragment(partial(losses_curves, words)),
    _("Softmax"): st.fragment(partial(losses_softmax, words)),
    _("Entropy"): st.fragment(partial(losses_entropy, words)),
    _("Why not squared error"): partial(losses_why, words),
    _("Race"): partial(losses_race, settings, words),
}
boxes = st.tabs(list(contents), key="losses_tab", bind="query-params", on_change="rerun")
for draw, box in zip(contents.values(), boxes, strict=True):
    if box.open:
        with box:
            draw()
with problems:
    said_problems(words["bad_address"], "losses_")
show_source(__file__, loss_points, softmax_jacobian, logit_gradients, divergence, descended)
