"""What is looked into: a network with its weights, from a run's checkpoint or from a file of the reader's.

Nothing here draws; what was read is kept by the file's hash, for every session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st
from torch import Tensor, nn

from logs.catalog import RunSummary
from logs.directory import RunDirectory
from training.checkpoints import CheckpointError, Network, build_from_checkpoint

KINDS = ("train", "fold", "trial", "member")  # of runs that train one network


@dataclass(frozen=True, eq=False)
class Subject:
    """A network in evaluation mode on the CPU, shared by all sessions: hook a copy (models.summary.skeleton).

    A file of the reader's may not say which network its numbers belong to: then `network` and `input_shape`
    are None until an architecture was chosen, and `state` is all there is.
    """

    title: str
    origin: str  # "run" or "file"
    sha256: str  # of the file's content, 64 hexadecimal digits
    bytes: int  # of the file
    state: Mapping[str, Tensor]  # names and tensors, as in the state dict
    network: nn.Module | None
    input_shape: tuple[int, ...] | None  # of one sample
    class_names: tuple[str, ...] = ()
    model: str = ""  # a name of MODELS, or torchvision/<name>; "" where unknown
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the model
    directory: RunDirectory | None = None  # of a run's checkpoint
    checkpoint: str = ""  # its name, such as best
    position: Mapping[str, Any] = field(default_factory=dict)  # step, epoch
    info: Mapping[str, Any] = field(default_factory=dict)  # mean, std, scores: what the checkpoint says
    findings: tuple[tuple[str, str], ...] = ()  # of a file: what the quarantine looked at, and what it found

    @property
    def fingerprint(self) -> str:
        """Short, for names and keys."""
        return self.sha256[:16]


def inspectable(run: RunSummary) -> bool:
    """Whether the run has a checkpoint of one network."""
    return not run.broken and run.kind in KINDS and any(run.directory.checkpoints.glob("*.safetensors"))


def run_subject(directory: RunDirectory, checkpoint: str) -> Subject:
    """The checkpoint of a run. CheckpointError, with the way out, where it is missing or damaged."""
    path = directory.checkpoints / f"{checkpoint}.safetensors"
    try:
        state = path.stat()
    except OSError as error:
        raise CheckpointError(
            f"there is no checkpoint {path} ({error.strerror}); choose another one"
        ) from None
    return _run_subject(directory.path, checkpoint, (state.st_mtime_ns, state.st_size))


@st.cache_resource(max_entries=8, show_spinner=False)
def _run_subject(directory: Path, checkpoint: str, version: tuple[int, int]) -> Subject:
    run = RunDirectory(directory)
    path = run.checkpoints / f"{checkpoint}.safetensors"
    network, about = build_from_checkpoint(path)
    told: Network = about["network"]
    return Subject(
        title=f"{run.id}, {checkpoint}",
        origin="run",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        bytes=version[1],
        state=network.state_dict(),
        network=network,
        input_shape=tuple(told.input_shape),
        class_names=tuple(str(name) for name in about["info"].get("classes") or ()),
        model=told.model,
        settings=told.settings,
        directory=run,
        checkpoint=checkpoint,
        position=about["position"],
        info=about["info"],
    )
