"""Compare architectures: size, work, depth and what they reach; and who came after whom."""

import streamlit as st

from dashboard.charts.architectures import block_chart, size_chart, tree_chart
from dashboard.language import _, texts
from dashboard.panels.architecture_networks import networks_part
from dashboard.panels.architecture_tree import tree_part
from dashboard.panels.bounded import said_problems
from dashboard.panels.source import show_source
from dashboard.settings import read_settings
from models.architecture import architecture_of, weighted_depth

words = texts("architectures")
settings = read_settings()
st.title(_("Compare architectures"))
st.caption(words["intro"])
problems = st.container()
top = st.container()  # filled last: what it shows takes seconds at the first look, and the tree does not
st.subheader(_("What each paper added"))
tree_part(words)
with top:
    networks_part(words, settings.runs)
with problems:
    said_problems(words["bad_address"], "arch_")
show_source(__file__, architecture_of, weighted_depth, size_chart, tree_chart, block_chart)
