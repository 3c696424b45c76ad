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
TREE = "arch_tree"
START = "resnet"
ROW = 30  # pixels of a family in the tree


@st.fragment
def tree_part(words: Mapping[str, str]) -> None:
    """A click in the tree, or the box beside it, chooses the family."""
    _take_click()
    said = st.session_state.get(FAMILY) or st.query_params.get(FAMILY)
    chosen = str(said) if said in FAMILIES else START
    with st.grid(2, min_column_width=400, gap="medium"):  # below each other in a narrow window
        left, right = st.container(), st.container()
    with left:
        height = 30 + ROW * len(FAMILIES)
        figure = tree_chart(chosen)
        plot(figure, TREE, height=height, on_click=True, description=_("Family tree"))
        st.caption(words["tree"])
    with right:
        shown = named_choice(
            _("Family"), FAMILIES.names(), START, FAMILY, lambda name: FAMILIES[name].title, width=280
        )
        _family(shown)


def _take_click() -> None:
    """The family that was clicked, before anything is drawn: drawing again would be refused while the rest
    of the page is still being computed.
    """
    clicked = (st.session_state.get(TREE) or {}).get("clicked") or {}
    name = str(clicked.get("customdata"))
    if name in FAMILIES:
        st.session_state[FAMILY] = name


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
