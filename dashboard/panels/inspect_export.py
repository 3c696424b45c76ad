"""A network to take along: its weights as safetensors, itself as ONNX that was checked, a model card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import torch
from safetensors.torch import save

from dashboard.inspect_subject import Subject
from dashboard.language import _, texts
from dashboard.model_card import model_card, scores_of
from dashboard.panels.escape import plain
from dashboard.panels.inspect_structure import summary_of
from dashboard.panels.run_store import run_reader
from dashboard.settings import read_settings
from logs.errors import LogsError
from training.checkpoints import CheckpointError
from training.config import ConfigError
from training.data import DataError
from training.onnx_export import (
    COMPARED,
    ExportError,
    export_onnx,
    exported,
    kept_export,
    largest_difference,
)

AMISS = (ExportError, CheckpointError, ConfigError, DataError, LogsError, OSError, RuntimeError)
MADE = "inspect_onnx_made"  # session state: hashes of the files whose ONNX was asked for


@dataclass(frozen=True)
class Onnx:
    """What ONNX Runtime and PyTorch say of the same random samples."""

    content: bytes
    largest_difference: float
    largest_number: float
    compared: int


def export_tab(subject: Subject) -> None:
    """Three things to take along."""
    words = texts("inspect_model")
    name = Path(subject.title.replace(", ", "-")).stem or "network"
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("safetensors")
        st.caption(words["safetensors"])
        st.download_button(
            _("Weights"), lambda: weights_file(subject), f"{name}.safetensors", "application/octet-stream",
            icon=":material/download:", key="inspect_weights_file",
        )  # fmt: skip
    with right:
        st.subheader("ONNX")
        st.caption(words["onnx"])
        _onnx(subject, name)
    st.subheader(_("Model card"))
    st.caption(words["card"])
    card = _card(subject)
    st.download_button(
        _("Model card"),
        card,
        f"{name}.md",
        "text/markdown",
        icon=":material/download:",
        key="inspect_card_file",
    )
    st.code(card, language="markdown", height=420, wrap_lines=True)


def weights_file(subject: Subject) -> bytes:
    """The state dict as safetensors. Tied weights are written out once for each name."""
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in subject.state.items()}
    content: bytes = save(tensors, metadata={"format": "pt", "sha256_of_origin": subject.sha256})
    return content


def made_onnx(subject: Subject) -> Onnx:
    """The network as ONNX, compared with PyTorch. One of AMISS where it can't be."""
    assert subject.network is not None
    assert subject.input_shape is not None
    if subject.directory is not None:
        export = exported(subject.directory, subject.checkpoint, read_settings().data)
        about = export.about
        return Onnx(
            export.path.read_bytes(),
            float(about["largest_difference"]),
            float(about["largest_number"]),
            int(about["compared"]),
        )
    content = export_onnx(subject.network, subject.input_shape)
    inputs = torch.randn(COMPARED, *subject.input_shape, generator=torch.Generator().manual_seed(0))
    difference, largest, odd = largest_difference(content, subject.network, [inputs])
    if odd:
        raise ExportError(f"ONNX Runtime gives numbers that are not finite for {', '.join(odd)}")
    return Onnx(content, difference, largest, COMPARED)


def _onnx(subject: Subject, name: str) -> None:
    if subject.network is None:
        st.info(_("A file of numbers alone can't be run; choose the network it belongs to."))
        return
    kept = subject.directory is not None and kept_export(subject.directory, subject.checkpoint) is not None
    asked: set[str] = st.session_state.setdefault(MADE, set())
    if not kept and subject.sha256 not in asked:
        if not st.button(_("Write it as ONNX"), icon=":material/deployed_code:", key="inspect_onnx_start"):
            return
        asked.add(subject.sha256)
    try:
        with st.spinner(_("Writing it, and asking ONNX Runtime")):
            made = _made(subject.sha256, subject.model, subject)
    except AMISS as problem:
        asked.discard(subject.sha256)
        st.error(
            plain(str(problem)), title=_("This network can't be written as ONNX"), icon=":material/error:"
        )
        return
    st.download_button(
        _("ONNX, {size:,.1f} MB").format(size=len(made.content) / 1e6), made.content, f"{name}.onnx",
        "application/octet-stream", icon=":material/download:", key="inspect_onnx_file",
    )  # fmt: skip
    said = _(
        "ONNX Runtime gives the numbers of PyTorch: over {n} random samples they differ by {difference:.2g} "
        "at most, where the largest is {largest:.3g}."
    )
    st.caption(
        ":material/check: "
        + said.format(n=made.compared, difference=made.largest_difference, largest=made.largest_number)
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _made(sha256: str, model: str, _subject: Subject) -> Onnx:
    return made_onnx(_subject)


def _card(subject: Subject) -> str:
    summary = None
    if subject.network is not None:
        try:
            summary = summary_of(subject)
        except ValueError:
            summary = None  # the card then says what is known without a run of the network
    scores = None
    if subject.directory is not None:
        try:
            scores = scores_of(run_reader(subject.directory.path), int(subject.position.get("step", -1)))
        except (LogsError, OSError):
            scores = None  # weights without a readable log
    return model_card(subject, summary, scores)
