"""A landscape's tables, read again only when they have changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from logs.catalog import RunSummary
from logs.tables import read_table, table_version

Found = tuple[pd.DataFrame, Mapping[str, Any]]


def table_of(run: RunSummary, name: str) -> Found | None:
    """A table of a landscape; None where there is none yet."""
    return _read(str(run.directory.path), name, table_version(run.directory, name))


@st.cache_data(max_entries=32, show_spinner=False)
def _read(directory: str, name: str, version: Any) -> Found | None:
    table = read_table(Path(directory), name)
    return None if table is None else (table.frame, dict(table.about))
