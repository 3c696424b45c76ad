"""The runs that pages read: one catalog for everybody, and one reader per opened run."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from logs.catalog import RunCatalog
from logs.reader import RunReader


@st.cache_resource(max_entries=4, show_spinner=False)
def run_catalog(runs: Path) -> RunCatalog:
    """The folder's catalog, shared by all sessions: it reads only what has changed since last time."""
    return RunCatalog(runs)


@st.cache_resource(max_entries=64, show_spinner=False)
def run_reader(directory: Path) -> RunReader:
    """The run's reader, shared by all sessions: it reads each part of the log once."""
    return RunReader(directory)
