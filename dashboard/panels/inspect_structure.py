"""What a network is made of: layers as a tree with shapes, parameters, multiply-adds and receptive fields."""

from __future__ import annotations

import streamlit as st

from dashboard.charts.layers import layer_table
from dashboard.inspect_subject import Subject
from dashboard.language import _
from models.receptive_field import ReceptiveField, receptive_fields
from models.summary import Summary, summarize


def structure_tab(subject: Subject) -> None:
    """Figures of the whole, and the table of layers."""
    summary = summary_of(subject)
    st.dataframe(layer_table(summary, fields_of(subject)), hide_index=True, alt=_("Layers"))


def summary_of(subject: Subject) -> Summary:
    """For one sample; computed once for each file."""
    return _summary(subject.sha256, subject.model, subject)


@st.cache_resource(max_entries=16, show_spinner=False)
def _summary(sha256: str, model: str, _subject: Subject) -> Summary:
    assert _subject.network is not None
    assert _subject.input_shape is not None
    return summarize(_subject.network, (1, *_subject.input_shape))


def fields_of(subject: Subject) -> dict[str, ReceptiveField]:
    """By path; empty where the network takes no pictures."""
    if subject.input_shape is None or len(subject.input_shape) != 3:
        return {}
    return _fields(subject.sha256, subject.model, subject)


@st.cache_resource(max_entries=16, show_spinner=False)
def _fields(sha256: str, model: str, _subject: Subject) -> dict[str, ReceptiveField]:
    assert _subject.network is not None
    assert _subject.input_shape is not None
    return receptive_fields(_subject.network, _subject.input_shape)
