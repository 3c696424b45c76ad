"""Optimizers on surfaces: races, one in detail, the theory of quadratics, and where each start leads."""

from functools import partial

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.optimizer_basins import optimizer_basins
from dashboard.panels.optimizer_detail import optimizer_detail
from dashboard.panels.optimizer_form import apply_suggestion
from dashboard.panels.optimizer_race import optimizer_race
from dashboard.panels.optimizer_runs import optimizer_runs
from dashboard.panels.optimizer_theory import optimizer_theory
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from training.basins import basin_map
from training.race import descend, race
from training.stability import contraction
from training.surfaces import curvature, local_minima

words = texts("optimizers")
settings = read_settings()

st.title(_("Optimizers on surfaces"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "optimizers", apply=apply_suggestion)
# A slider redraws its own part alone. The last part looks at runs: what is live can't lie in a fragment.
contents = {
    _("Race"): st.fragment(partial(optimizer_race, words)),
    _("One in detail"): st.fragment(partial(optimizer_detail, words)),
    _("Stability"): st.fragment(partial(optimizer_theory, words)),
    _("Basins"): st.fragment(partial(optimizer_basins, words)),
    _("On a network"): partial(optimizer_runs, settings, words),
}
boxes = st.tabs(list(contents), key="optimizers_tab", bind="query-params", on_change="rerun")
for draw, box in zip(contents.values(), boxes, strict=True):
    if box.open:
        with box:
            draw()
with problems:
    said_problems(words["bad_address"], "optimizers_")
show_source(__file__, race, descend, basin_map, local_minima, curvature, contraction)
