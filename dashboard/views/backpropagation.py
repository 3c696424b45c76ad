"""Backpropagation: forward and back through a graph, step by step, and what it made possible."""

from functools import partial

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.backprop_graphs import expression_tab, network_tab
from dashboard.panels.backprop_xor import xor_tab
from dashboard.panels.bounded import said_problems
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from models.computation import network_graph, traced
from models.expressions import parse_expression

words = texts("backpropagation")
settings = read_settings()

st.title(_("Backpropagation"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "backpropagation")
# A change redraws its own part alone; the films are live, and what is live can't lie inside a fragment.
contents = {
    _("An expression"): st.fragment(partial(expression_tab, words)),
    _("A network"): st.fragment(partial(network_tab, words)),
    _("Exclusive or"): partial(xor_tab, settings, words),
}
boxes = st.tabs(list(contents), key="backpropagation_tab", bind="query-params", on_change="rerun")
for draw, box in zip(contents.values(), boxes, strict=True):
    if box.open:
        with box:
            draw()
st.latex(
    r"\frac{\partial L}{\partial v} = \sum_{c\, \in\, \text{children of } v}"
    r" \frac{\partial L}{\partial c} \cdot \frac{\partial c}{\partial v}"
)
st.caption(words["rule"])
with problems:
    said_problems(words["bad_address"], "backpropagation_")
show_source(__file__, traced, parse_expression, network_graph)
