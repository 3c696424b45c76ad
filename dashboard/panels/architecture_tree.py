"""The family tree of networks, and the chosen family: what it added, its block, its networks."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.charts.architectures import block_chart, tree_chart
from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from models.families import FAMILIES
from models.zoo import MODELS

FAMILY = "arch_family"
START = "resnet"
ROW = 30  # pixels of a family in the tree


@st.fragment
def tree_part(words: Mapping[str, str]) -> None:
    """A click in the tree, or the box beside it, chooses the family."""
    said = st.session_state.get(FAMILY) or st.query_params.get(FAMILY)
    chosen = str(said) if said in FAMILIES else START
    with st.grid(2, min_column_width=400, gap="medium"):  # below each other in a narrow window
        left, right = st.container(), st.container()
    with left:
        height = 30 + ROW * len(FAMILIES)
        figure = tree_chart(chosen)
        clicked = plot(figure, "arch_tree", height=height, on_click=True, description=_("Family tree"))
        name = str(clicked.get("customdata")) if clicked else ""
        if name in FAMILIES and name != chosen:
            st.session_state[FAMILY] = name
            st.query_params[FAMILY] = name
            st.rerun(scope="fragment")
        st.caption(words["tree"])
    with right:
        shown = named_choice(
            _("Family"), FAMILIES.names(), START, FAMILY, lambda name: FAMILIES[name].title, width=280
        )
        _family(shown)


def _family(name: str) -> None:
    family = FAMILIES[name]
    st.markdown(f"**{family.year}** · {plain(family.adds)}")
    tallest = max(1, *(len(way) for way in family.block))
    plot(block_chart(family), "arch_block", height=64 + 54 * (tallest + 1), description=_("The block"))
    st.caption(_("Source: {source}").format(source=plain(family.source)))
    with st.container(horizontal=True):
        for model in MODELS:
            if model.family == name:
                link("new_run", model.title, icon=":material/add_circle:", model=model.name)
