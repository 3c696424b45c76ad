"""What the finished network said of each sample of the test data."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.charts.predictions import errors_chart, prediction_table
from dashboard.language import _, count
from dashboard.panels.plot import plot
from logs.reader import RunReader

MOST = 1000  # rows shown; the worst come first
CONFUSION = "confusion"


def run_predictions(reader: RunReader, nothing: str) -> None:
    """How many are right, and the samples, the most confident mistakes first."""
    reader.refresh()
    table = reader.predictions("test")
    if not table.num_rows:
        st.info(nothing)
        return
    index, target, prediction = (table[name].to_numpy() for name in ("index", "target", "prediction"))
    names = class_names(reader)
    chances = None
    if table["probabilities"].null_count == 0:
        chances = np.array(table["probabilities"].to_pylist(), dtype=np.float64)
    frame = prediction_table(index, target, prediction, chances, names)
    if "error" in frame:
        plot(
            errors_chart(target, prediction),
            "run_errors",
            height=420,
            description=_("Predictions over targets"),
        )
        st.caption(_("The largest errors first."))
    else:
        wrong = int((~frame["right"]).sum())
        st.markdown(
            _("**{right:,} of {all:,}** test samples are told right, {wrong:,} wrong.").format(
                right=len(frame) - wrong, all=len(frame), wrong=wrong
            )
        )
        if wrong and not st.toggle(
            _("show the right ones too"), key="run_predictions_all", bind="query-params"
        ):
            frame = frame[~frame["right"]].drop(columns="right")
        st.caption(_("The most confident mistakes first. The index is the sample's place in its data set."))
    st.dataframe(
        frame.head(MOST),
        hide_index=True,
        height=min(460, 38 + 35 * len(frame)),
        column_config={
            "confidence": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "right": st.column_config.CheckboxColumn(),
        },
        alt=_("Predictions of test samples"),
    )
    if len(frame) > MOST:
        st.caption(count(len(frame) - MOST, "and {n} more", "and {n} more"))


def class_names(reader: RunReader) -> list[str]:
    """As the confusion matrix has them; empty for a regression."""
    matrices = reader.matrices(CONFUSION, last=1)
    return list(matrices[-1].labels) if matrices else []
