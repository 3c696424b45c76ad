"""The checkpoint that is looked into, with its data, loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
import torch
from torch import nn

from dashboard.data_look import is_here
from dashboard.language import _, texts
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.settings import read_settings
from logs.directory import RunDirectory
from logs.errors import LogsError
from models.catalog import UnknownNameError
from training.checkpoints import CheckpointError
from training.config import ConfigError
from training.data import DataError
from training.datasets import DATASETS
from training.inspected import Inspected, borrowing, inspected

if TYPE_CHECKING:
    from dashboard.inspect_subject import Subject

AMISS = (CheckpointError, ConfigError, DataError, LogsError, OSError, UnknownNameError, ValueError)


def look_of(subject: Subject) -> Inspected | None:
    """The subject with its run's data; None, and said, where there is none or it can't be read."""
    if subject.directory is None:
        return _borrowing(subject)
    found = loaded(subject.directory.path, subject.checkpoint)
    if isinstance(found, str):
        st.error(plain(found), title=_("The data of this run can't be read"))
        return None
    return found


def _borrowing(subject: Subject) -> Inspected | None:
    """A file's network with samples of a data set that fits it, which the reader chooses."""
    words = texts("inspect_model")
    root = read_settings().data
    outputs = _outputs(subject)
    fits = [
        row.name
        for row in DATASETS
        if row.input_shape == subject.input_shape
        and row.num_classes in ({2} if outputs == 1 else {outputs})
        and is_here(row, root)
    ]
    if not fits or subject.network is None:
        st.info(words["needs_run"], icon=":material/database_off:")
        return None
    name = named_choice(
        _("Samples of"), fits, fits[0], "inspect_dataset", lambda row: _(DATASETS[row].title), width=260
    )
    st.caption(words["borrowed"])
    try:
        with st.spinner(_("Reading the data"), show_time=False):
            return _borrowed(subject.sha256, subject.title, name, root, subject.network)
    except AMISS as problem:
        st.error(plain(str(problem)), title=_("The data can't be read"))
        return None


def _outputs(subject: Subject) -> int:
    """How many numbers the network puts out; 0 where it takes no such sample."""
    if subject.network is None or subject.input_shape is None:
        return 0
    with torch.no_grad():
        try:
            return int(subject.network(torch.zeros(1, *subject.input_shape)).shape[-1])
        except (AttributeError, RuntimeError, TypeError):
            return 0


@st.cache_resource(max_entries=3, show_spinner=False)
def _borrowed(sha256: str, title: str, dataset: str, data: Path, _network: nn.Module) -> Inspected:
    return borrowing(_network, sha256[:16], dataset, data)


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
