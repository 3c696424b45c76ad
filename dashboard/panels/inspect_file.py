"""A file of weights from elsewhere: examined in a process of its own, then matched with an architecture."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.inspect_subject import Subject


def file_subject(words: Mapping[str, str]) -> Subject | None:
    """What the reader's file holds; None until there is one that passed."""
    st.info(words["no_file"], icon=":material/upload_file:")
    return None
