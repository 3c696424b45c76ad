"""What a run left on disk: its checkpoints and its own output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.language import _
from logs.curve import Curve
from logs.reader import Checkpoint, RunReader

TAIL = 64 * 1024  # bytes of the output
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor moves of a terminal


def checkpoint_table(
    checkpoints: Sequence[Checkpoint], scores: Mapping[str, Curve] | None = None
) -> pd.DataFrame:
    """A row per checkpoint: name, epoch, step, scores, megabytes, when it was written, where.

    `scores` are curves of the validation data by metric: a checkpoint has their values at its step.
    """
    rows = []
    for checkpoint in checkpoints:
        position = _mapping(checkpoint.info.get("position"))
        rows.append(
            {
                "checkpoint": checkpoint.name,
                "epoch": position.get("epoch"),
                "step": position.get("step"),
                "scores": _scores(scores or {}, position.get("step")),
                "MB": checkpoint.bytes / 1e6,
                "written": datetime.fromtimestamp(checkpoint.modified),
                "file": str(checkpoint.path),
            }
        )
    return pd.DataFrame(rows)


def run_checkpoints(reader: RunReader, nothing: str) -> None:
    """The saved weights, the newest first."""
    reader.refresh()
    curves = {
        metric: reader.curve(metric, split) for metric, split in reader.metrics() if split == "validation"
    }
    table = checkpoint_table(reader.checkpoints(), curves)
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
            "scores": _("Validation"),
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


def _mapping(found: Any) -> Mapping[str, Any]:
    """The checkpoint's JSON is a file like any other: what isn't as we write it is shown as absent."""
    return found if isinstance(found, Mapping) else {}


def _scores(curves: Mapping[str, Curve], step: Any) -> str:
    """Like "accuracy 0.9712, loss 0.08214"; nothing where the data was not looked at after this step."""
    words = []
    for metric, curve in curves.items():
        values = curve.value[curve.step == step]
        if len(values):
            words.append(f"{metric} {values[-1]:.4g}")
    return ", ".join(words)
