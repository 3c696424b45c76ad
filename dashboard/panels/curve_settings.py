"""The controls beside a pane of curves; what is chosen is kept in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import streamlit as st

from dashboard.charts.curves import XAxis
from dashboard.language import _

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class CurveSettings:
    """Which curves to draw, and how."""

    metric: str
    splits: tuple[str | None, ...]  # None: the metric has no split
    x_axis: XAxis
    smoothing: float
    log_x: bool
    log_y: bool


def curve_settings(
    metrics: Sequence[tuple[str, str | None]], key: str, default_splits: Sequence[str] = SPLITS
) -> CurveSettings | None:
    """The controls for these (metric, split) pairs; None where there are none yet. `key` starts every key."""
    names = sorted(
        {name for name, _split in metrics}, key=lambda name: (name != "loss", name != "accuracy", name)
    )
    if not names:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = st.selectbox(
            _("Metric"), names, key=f"{key}_metric", bind="query-params", width=190, format_func=_words
        )
        present = [split for split in SPLITS if (metric, split) in metrics]
        splits: tuple[str | None, ...] = (None,)
        if present:
            wanted = [split for split in present if split in default_splits] or present
            chosen = st.pills(
                _("Split"), present, selection_mode="multi", default=wanted, key=f"{key}_split",
                bind="query-params", format_func=_,
            )  # fmt: skip
            splits = tuple(split for split in present if split in chosen)
        x_axis = st.segmented_control(
            _("Along"), ["step", "epoch", "time"], default="step", required=True, key=f"{key}_x",
            bind="query-params", format_func=_,
        )  # fmt: skip
        smoothing = st.slider(
            _("Smoothing"), 0.0, 0.99, 0.0, 0.01, key=f"{key}_smoothing", bind="query-params", width=200,
            help=_("How much of the past each value keeps: an exponential moving average. Raw stays faint."),
        )  # fmt: skip
        log_x = st.toggle(_("log x"), key=f"{key}_log_x", bind="query-params")
        log_y = st.toggle(_("log y"), key=f"{key}_log_y", bind="query-params")
    smoothing = min(
        0.99, max(0.0, float(smoothing))
    )  # the address is typed by people; the browser's limits aren't ours
    return CurveSettings(
        str(metric), splits, cast(XAxis, x_axis or "step"), smoothing, bool(log_x), bool(log_y)
    )


def _words(metric: str) -> str:
    return _(metric.replace("_", " "))
