"""Choosing the study that a page is about; the choice is the `study` of its address."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import streamlit as st

from dashboard.language import _
from dashboard.panels.run_card import run_card
from dashboard.panels.run_picker import run_labels
from logs.catalog import RunSummary

STUDY = "study"  # the part of the address
NEW = "new"  # in place of a study: the form that starts one
CARDS = 6


def current_study(kind: str, studies: Sequence[RunSummary]) -> str:
    """The study in the address; without one the last that this session looked at, if it is there; or ""."""
    named = st.query_params.get(STUDY, "")
    if not named:
        last = st.session_state.get(f"{kind}_last", "")
        named = last if any(study.id == last for study in studies) else ""
        if named:
            st.query_params[STUDY] = named
    st.session_state[f"{kind}_last"] = named
    return named


def study_picker(kind: str, studies: Sequence[RunSummary], current: str, new: str) -> None:
    """A box with every study, the newest first, and a button that leads to the form, named `new`."""
    names = run_labels(studies)
    ids = list(names)
    # The browser sends a label back: with other labels it must be another box, showing what the address says.
    key = f"{kind}_picker_{zlib.crc32(repr((current, names)).encode()):08x}"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.selectbox(
            _("Study"),
            ids,
            index=ids.index(current) if current in names else None,
            key=key,
            format_func=lambda study: names.get(study, study),
            placeholder=_("choose a study"),
            label_visibility="collapsed",
            on_change=_open,
            args=(key, ids),
        )
        if current != NEW:
            st.button(new, icon=":material/add:", key=f"{kind}_new", on_click=open_study, args=(NEW,))


def study_cards(studies: Sequence[RunSummary]) -> None:
    """The newest studies as cards."""
    with st.grid(3, min_column_width=280):
        for study in studies[:CARDS]:
            run_card(study)


def open_study(study: str) -> None:
    """For callbacks: the page is about this study, or about a new one."""
    st.query_params[STUDY] = study


def show_started(study: str) -> None:
    """The page is about the study that its form has just started; the form is gone from its address."""
    # from_dict, for clear() refuses while a number that the form has bound is in the address
    st.query_params.from_dict({STUDY: study})
    st.rerun()


def _open(key: str, ids: Sequence[str]) -> None:
    chosen = st.session_state.get(key)
    if chosen in ids:
        open_study(str(chosen))
