"""The checkpoint that is looked into, with its data, loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.escape import plain
from dashboard.settings import read_settings
from logs.directory import RunDirectory
from logs.errors import LogsError
from models.catalog import UnknownNameError
from training.checkpoints import CheckpointError
from training.config import ConfigError
from training.data import DataError
from training.inspected import Inspected, inspected

if TYPE_CHECKING:
    from dashboard.inspect_subject import Subject

AMISS = (CheckpointError, ConfigError, DataError, LogsError, OSError, UnknownNameError, ValueError)


def look_of(subject: Subject) -> Inspected | None:
    """The subject with its run's data; None, and said, where there is none or it can't be read."""
    if subject.directory is None:
        st.info(texts("inspect_model")["needs_run"], icon=":material/database_off:")
        return None
    found = loaded(subject.directory.path, subject.checkpoint)
    if isinstance(found, str):
        st.error(plain(found), title=_("The data of this run can't be read"))
        return None
    return found


def loaded(directory: Path, checkpoint: str) -> Inspected | str:
    """A checkpoint of a run with its data, or the sentence that says why not."""
    path = directory / "checkpoints" / f"{checkpoint}.safetensors"
    try:
        version = path.stat().st_mtime_ns
    except OSError:
        version = 0  # the loading says what is missing
    try:
        with st.spinner(_("Reading the data"), show_time=False):
            return _loaded(directory, checkpoint, version, read_settings().data)
    except AMISS as problem:
        return str(problem)


@st.cache_resource(max_entries=3, show_spinner=False)
def _loaded(directory: Path, checkpoint: str, version: int, data: Path) -> Inspected:
    return inspected(RunDirectory(directory), checkpoint, data)
