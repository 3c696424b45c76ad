"""A file of weights from elsewhere: examined in quarantine, then matched with an architecture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
from torch import Tensor

from dashboard.inspect_subject import Subject
from dashboard.language import _
from dashboard.panels.escape import plain
from models.fitting import Fit, filled, fitting
from training.checkpoints import HEADER
from training.foreign import Examined, ForeignError, examine

KINDS = ["safetensors", "pt", "pth", "bin"]
LARGEST = 300  # megabytes
WEIGHTS = "weights/"  # before the names of a checkpoint of ours
NAMES = 2000  # class names that are read from a file


def file_subject(words: Mapping[str, str]) -> Subject | None:
    """What the reader's file holds; None until there is one that passed."""
    file = st.file_uploader(
        _("A file of weights"),
        type=KINDS,
        key="inspect_file",
        max_upload_size=LARGEST,
        help=words["quarantine"],
    )
    if file is None:
        st.info(words["no_file"], icon=":material/upload_file:")
        return None
    content = file.getvalue()
    with st.spinner(words["examining"]):
        found = _examined(file.file_id, content)
    if isinstance(found, ForeignError):
        refused(found, words["refused"])
        return None
    own = own_fit(found)
    state = weights_of_file(found)
    fits = [own] if own else _fits(found.sha256, state)
    return subject_of_file(found, file.name, state, _chosen(fits, words))


def refused(problem: ForeignError, title: str) -> None:
    """Why a file was not opened, and what had been found till then."""
    st.error(plain(str(problem)), title=title, icon=":material/gpp_bad:")
    for check, what in problem.findings:
        st.text(f"{check}: {what}")


def own_fit(found: Examined) -> Fit | None:
    """The network that a checkpoint of ours names in its header; None for other files."""
    try:
        network = json.loads(found.metadata[HEADER])["network"]
        return Fit(
            str(network["model"]),
            tuple(int(size) for size in network["input_shape"]),
            int(network["outputs"]),
            dict(network["settings"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def weights_of_file(found: Examined) -> dict[str, Tensor]:
    """The network's own tensors: of a checkpoint of ours those under `weights/`, else all."""
    mine = {name.removeprefix(WEIGHTS): x for name, x in found.tensors.items() if name.startswith(WEIGHTS)}
    return mine or dict(found.tensors)


def subject_of_file(found: Examined, name: str, state: Mapping[str, Tensor], fit: Fit | None) -> Subject:
    """The file as a subject, with the network if one was chosen. What does not fit is left without."""
    described = _described(found)
    network = None if fit is None else _filled(found.sha256, fit.title, fit, state)
    chosen = fit if network is not None else None
    names = described.get("info", {}).get("classes")
    classes = names if isinstance(names, list) and len(names) <= NAMES else []
    position = described.get("position")
    return Subject(
        title=name,
        origin="file",
        sha256=found.sha256,
        bytes=found.bytes,
        state=state if network is None else network.state_dict(),  # in the network's order
        network=network,
        input_shape=chosen.input_shape if chosen else None,
        class_names=tuple(str(item) for item in classes),
        model=chosen.name if chosen else "",
        settings=chosen.settings if chosen else {},
        position={key: value for key, value in position.items() if isinstance(value, int)}
        if isinstance(position, dict)
        else {},
        findings=((_("format"), found.kind), *found.findings),
    )


def _chosen(fits: list[Fit], words: Mapping[str, str]) -> Fit | None:
    """The network that the numbers belong to: the reader's choice where several fit."""
    if not fits:
        st.info(words["no_fit"], icon=":material/help:")
        return None
    titles = {fit.title: fit for fit in fits}
    title = st.selectbox(
        _("These numbers fit"), list(titles), key="inspect_architecture", width=420, disabled=len(fits) == 1
    )
    return titles.get(str(title), fits[0])


def _described(found: Examined) -> dict[str, Any]:
    try:
        described = json.loads(found.metadata[HEADER])
    except (KeyError, ValueError, RecursionError):
        return {}
    info = described.get("info") if isinstance(described, dict) else None
    return described if isinstance(info, dict) else {}


@st.cache_resource(max_entries=4, show_spinner=False)
def _examined(file_id: str, _content: bytes) -> Examined | ForeignError:
    """A refusal is kept too: the page runs again at each press of a button."""
    try:
        return examine(_content)
    except ForeignError as problem:
        return problem


@st.cache_resource(max_entries=16, show_spinner=False)
def _fits(sha256: str, _state: Mapping[str, Tensor]) -> list[Fit]:
    return fitting(_state)


@st.cache_resource(max_entries=4, show_spinner=False)
def _filled(sha256: str, title: str, _fit: Fit, _state: Mapping[str, Tensor]) -> Any:
    try:
        return filled(_fit, _state)
    except (ValueError, KeyError, TypeError, RuntimeError):
        return None  # its header names a network that its numbers are not of
