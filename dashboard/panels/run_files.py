"""What a run left on disk: its checkpoints and its own output."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.language import _
from logs.directory import RunDirectory
from logs.reader import RunReader

TAIL = 64 * 1024  # bytes of the output
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor moves of a terminal


def checkpoint_table(directory: RunDirectory) -> pd.DataFrame:
    """A row per checkpoint: name, epoch, step, scores, megabytes, when it was written, where."""
    rows = []
    for file in sorted(directory.checkpoints.glob("*.safetensors")):
        try:
            size, written = file.stat().st_size, file.stat().st_mtime
        except OSError:
            continue  # replaced at this very moment: it is back at the next look
        described = _described(file.with_suffix(".json"))
        position, info = described.get("position", {}), described.get("info", {})
        rows.append(
            {
                "checkpoint": file.stem,
                "epoch": position.get("epoch"),
                "step": position.get("step"),
                "scores": _scores(info),
                "MB": size / 1e6,
                "written": datetime.fromtimestamp(written),
                "file": str(file),
            }
        )
    return pd.DataFrame(rows)


def run_checkpoints(directory: RunDirectory, nothing: str) -> None:
    table = checkpoint_table(directory)
    if table.empty:
        st.info(nothing)
        return
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "checkpoint": _("Checkpoint"),
            "epoch": st.column_config.NumberColumn(_("Epoch"), format="%g"),
            "step": st.column_config.NumberColumn(_("Step"), format="localized"),
            "scores": _("Scores"),
            "MB": st.column_config.NumberColumn(_("Megabytes"), format="%.2f"),
            "written": st.column_config.DatetimeColumn(_("Written"), format="distance"),
            "file": st.column_config.TextColumn(_("File"), width="large"),
        },
        alt=_("Checkpoints"),
    )


def run_output(reader: RunReader, nothing: str) -> None:
    """The end of what the run's process wrote."""
    text = readable(reader.output(last_bytes=TAIL))
    if not text.strip():
        st.info(nothing)
        return
    st.code(text, language=None, height=480, wrap_lines=True)


def readable(output: str) -> str:
    """Terminal output as plain text: no colours, and of a progress bar only what it said last."""
    lines = _CONTROL.sub("", output).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def _described(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _scores(info: Mapping[str, Any]) -> str:
    scores = info.get("scores") or {}
    if not isinstance(scores, Mapping):
        return ""
    return ", ".join(
        f"{name} {value:.4g}" for name, value in scores.items() if isinstance(value, int | float)
    )
