"""A landscape's tables, read again only when they have changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from logs.catalog import RunSummary
from logs.tables import read_table, table_version

Found = tuple[pd.DataFrame, Mapping[str, Any]]
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[\w-]+-[0-9a-f]{4}\b")


def called(text: str, names: Mapping[str, str]) -> str:
    """A text in which runs are called by their `names` (of their ids), where they have one."""
    return RUN_ID.sub(lambda found: names.get(found[0], found[0]), text)


def table_of(run: RunSummary, name: str) -> Found | None:
    """A table of a landscape; None where there is none yet."""
    return _read(str(run.directory.path), name, table_version(run.directory, name))


@st.cache_data(max_entries=32, show_spinner=False)
def _read(directory: str, name: str, version: Any) -> Found | None:
    table = read_table(Path(directory), name)
    return None if table is None else (table.frame, dict(table.about))
