"""The drawing board with all behind it: the network in the browser or on the server, and their difference."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.draw_subject import (
    DrawSubject,
    answered,
    largest_differences,
    opened,
    packed,
    start_export,
    why_not_exported,
)
from dashboard.language import _
from dashboard.onnx_runtime import published_runtime
from dashboard.panels.draw_address import brush, chosen_class, given, number, strokes, take
from dashboard.panels.draw_board import Drawn, before_board, bring, draw_board
from dashboard.panels.draw_check import asked_check, check_button, known_pictures
from dashboard.panels.escape import plain
from logs.directory import RunDirectory

BOARD = "draw_board"


def subject_of(directory: RunDirectory, checkpoint: str, data: Path) -> DrawSubject:
    """The network of a checkpoint, opened once for each time it was written. Errors as `opened` has them."""
    path = directory.checkpoints / f"{checkpoint}.safetensors"
    return _opened(str(directory.path), checkpoint, path.stat().st_mtime_ns, str(data))


@st.cache_resource(max_entries=6, show_spinner=_("Opening the network"))
def _opened(directory: str, checkpoint: str, changed: int, data: str) -> DrawSubject:
    return opened(RunDirectory(Path(directory)), checkpoint, Path(data))


@st.cache_resource(max_entries=32, show_spinner=False)
def _export(directory: str, checkpoint: str, changed: int, data: str) -> subprocess.Popen[bytes]:
    return start_export(RunDirectory(Path(directory)), checkpoint, Path(data))


def network_file(subject: DrawSubject, data: Path) -> tuple[Path | None, str]:
    """The ONNX file, or None with why there is none: "" while it is being made, which this starts."""
    from training.onnx_export import kept_export

    kept = kept_export(subject.directory, subject.checkpoint, watched=True)
    if kept is not None:
        return kept.path, ""
    path = subject.directory.checkpoints / f"{subject.checkpoint}.safetensors"
    try:
        process = _export(str(subject.directory.path), subject.checkpoint, path.stat().st_mtime_ns, str(data))
    except OSError as problem:
        return None, str(problem)
    if process.poll() is None:
        return None, ""
    kept = kept_export(subject.directory, subject.checkpoint, watched=True)
    return (kept.path, "") if kept else (None, why_not_exported(subject.directory))


def drawing(
    subject: DrawSubject, file: Path | None, centred: bool, tests: bool, words: Mapping[str, str], data: Path
) -> None:
    """The board and what is said below it. `file` is the ONNX file, None as long as the server answers."""
    folder = published_runtime() if st.get_option("server.enableStaticServing") else None
    below = str(st.get_option("server.baseUrlPath") or "").strip("/")
    runtime = f"{f'/{below}' if below else ''}/app/static/{folder}" if folder and file else ""
    network = file.name if file else f"{subject.directory.id}-{subject.checkpoint}"
    if file and folder:
        bring(packed("network", network, file.read_bytes()), "draw_bring_network")
    pictures = ""
    tests = tests or bool(number()) or bool(asked_check(network))
    if tests:
        shown, targets = known_pictures(subject, str(subject.directory.path), str(data))
        pictures = hashlib.sha256(shown[:20].tobytes()).hexdigest()[:12] + f"-{len(shown)}"
        labels = [subject.classes[target] for target in targets]
        content = packed("pictures", pictures, shown.tobytes(), count=len(shown), labels=labels)
        bring(content, "draw_bring_pictures")
    _board(subject, network, runtime, centred, pictures, words, data)


@st.fragment
def _board(
    subject: DrawSubject,
    network: str,
    runtime: str,
    centred: bool,
    pictures: str,
    words: Mapping[str, str],
    data: Path,
) -> None:
    """Runs again by itself whenever the hand rests."""
    told = before_board(BOARD, subject.shape)
    take(told, subject)
    ours = told if told is not None and told.network == network else None
    found: tuple[dict[str, np.ndarray], float] | None = None
    if ours is not None and ours.picture is not None:
        found = answered(subject, ours.picture[None], ours.chosen)
    __, checked = draw_board(
        BOARD,
        subject,
        network,
        runtime=runtime,
        strokes=strokes(),
        given=given(),
        chosen=chosen_class(subject),
        brush=brush(subject),
        centred=centred,
        number=number(),
        pictures=pictures,
        check=asked_check(network),
        answer=(ours.id, found[0]) if ours is not None and found and not ours.outputs else None,
    )
    if ours is not None and found is not None:
        _compared(ours, found, words)
    if runtime:
        check_button(subject, network, checked, words, data)


def _compared(drawn: Drawn, found: tuple[dict[str, np.ndarray], float], words: Mapping[str, str]) -> None:
    outputs, seconds = found
    if not drawn.outputs:
        st.caption(_("PyTorch answered on the server in {n:.1f} ms.").format(n=1000 * seconds))
        return
    differences = largest_differences(drawn.outputs, {name: values[0] for name, values in outputs.items()})
    largest = max(differences.values(), default=float("nan"))
    with st.container(horizontal=True, gap="large"):
        st.metric(_("In the browser"), f"{drawn.milliseconds:.1f} ms", width="content")
        st.metric(_("PyTorch on the server"), f"{1000 * seconds:.1f} ms", width="content")
        st.metric(
            _("Largest difference"),
            f"{largest:.1e}",
            help=words["difference"],
            width="content",
        )
        st.metric(
            _("... of a probability"), f"{differences.get('probabilities', largest):.1e}", width="content"
        )


def said_amiss(problem: str, words: Mapping[str, str]) -> None:
    """Why the server answers and not the browser."""
    st.info(f"{words['no_export']} {plain(problem)}", icon=":material/dns:")
