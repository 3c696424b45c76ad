"""Which class was taken for which, at one moment of a run."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.charts.confusion import class_scores, confusion_chart, worst_confusions
from dashboard.language import _
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.step_slider import step_slider
from logs.media_reader import Matrix
from logs.reader import RunReader

NAME = "confusion"
NORMS = {
    "counts": "counts",
    "target": "share of the true class",
    "prediction": "share of the predicted class",
}


def run_confusion(reader: RunReader, nothing: str) -> None:
    """The matrix of a chosen split and moment, the scores of each class and the most frequent mistakes."""
    reader.refresh()
    logged = reader.media("matrix", NAME)
    if not logged:
        st.info(nothing)
        return
    splits = [
        split
        for split in ("validation", "test", "train", None)
        if any(item.split == split for item in logged)
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = splits[0]
        if len(splits) > 1:
            split = st.segmented_control(
                _("Split"), splits, default=splits[0], required=True, key="run_confusion_split",
                bind="query-params", format_func=lambda value: _(value or "all"),
            )  # fmt: skip
        norm: Any = named_choice(
            _("Show"), list(NORMS), "counts", "run_confusion_norm", lambda name: _(NORMS[name]), width=230
        )
        mistakes_only = st.toggle(_("mistakes only"), key="run_confusion_mistakes", bind="query-params")
    moments = {entry.step: entry for entry in logged if entry.split == split}
    epochs = {step: entry.epoch for step, entry in moments.items()}
    step = step_slider(sorted(moments), epochs, f"run_confusion_step_{split or 'all'}")
    chosen = reader.load(moments[step])
    assert isinstance(chosen, Matrix)
    _matrix(chosen, norm, bool(mistakes_only))


def _matrix(item: Matrix, norm: Any, mistakes_only: bool) -> None:
    if item.values.shape[0] != item.values.shape[1] or not item.values.size:
        rows, columns = item.values.shape
        st.warning(
            _("The logged matrix has {rows} rows and {columns} columns; it must be square.").format(
                rows=rows, columns=columns
            )
        )
        return
    names = list(item.labels) or [str(number) for number in range(len(item.values))]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure = confusion_chart(item.values, names, norm, mistakes_only)
        plot(figure, "run_confusion", height=520, description=_("Confusion matrix"))
    with right:
        st.markdown(f"**{_('Most frequent mistakes')}**")
        mistakes = worst_confusions(item.values, names)
        if mistakes.empty:
            st.caption(_("None: every sample was told right."))
        else:
            st.dataframe(mistakes, hide_index=True, column_config=_percent("share"), alt=_("Mistakes"))
        st.markdown(f"**{_('Each class')}**")
        scores = class_scores(item.values, names)
        st.dataframe(
            scores,
            hide_index=True,
            column_config=_percent("precision", "recall", "F1"),
            alt=_("Scores per class"),
        )


def _percent(*names: str) -> dict[str, Any]:
    return {name: st.column_config.NumberColumn(format="percent") for name in names}
