"""The runs that pages read: one catalog for everybody, and one reader per opened run."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.panels.escape import plain
from logs.catalog import RunCatalog, RunSummary
from logs.errors import LogsError
from logs.reader import RunReader


@st.cache_resource(max_entries=4, show_spinner=False)
def run_catalog(runs: Path) -> RunCatalog:
    """The folder's catalog, shared by all sessions: it reads only what has changed since last time."""
    return RunCatalog(runs)


def listed_runs(runs: Path) -> list[RunSummary]:
    """All runs, the newest first. A folder that can't be listed is said on the page, which then ends here."""
    try:
        return run_catalog(runs).rows()
    except LogsError as problem:
        st.error(plain(str(problem)))
        st.stop()


@st.cache_resource(max_entries=64, show_spinner=False)
def run_reader(directory: Path) -> RunReader:
    """The run's reader, shared by all sessions: it reads each part of the log once."""
    return RunReader(directory)
