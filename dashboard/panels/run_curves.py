"""All curves of one run, a pane per metric, with one set of controls kept in the address."""

from __future__ import annotations

from typing import cast

import streamlit as st

from dashboard.charts.curves import XAxis
from dashboard.charts.panes import View, pane_chart, panes
from dashboard.language import _
from dashboard.panels.plot import plot
from logs.catalog import RunSummary
from logs.reader import RunReader

HEIGHT = 300


def curve_controls(run: RunSummary) -> View:
    """What is along the x axis, smoothing, log axes. Drawn outside the part that is redrawn each second."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = st.segmented_control(
            _("Along"), ["step", "epoch", "time"], default="step", required=True, key="run_x",
            bind="query-params", format_func=_,
        )  # fmt: skip
        smoothing = st.slider(
            _("Smoothing"), 0.0, 0.99, 0.0, 0.01, key="run_smoothing", bind="query-params", width=220,
            help=_("How much of the past each value keeps: an exponential moving average. Raw stays faint."),
        )  # fmt: skip
        log_x = st.toggle(_("log x"), key="run_log_x", bind="query-params")
        log_y = st.toggle(_("log y"), key="run_log_y", bind="query-params")
    bounded = min(0.99, max(0.0, float(smoothing)))  # the address may say anything
    return View(cast(XAxis, axis or "step"), bounded, bool(log_x), bool(log_y), run.created or None)


def run_curves(reader: RunReader, view: View, nothing: str) -> None:
    """A pane per metric; `nothing` is said where none was logged yet."""
    reader.refresh()
    metrics = reader.metrics()
    if not metrics:
        st.info(nothing)
        return
    with st.grid(2, min_column_width=380):
        for pane in panes(metrics):
            curves = {each: reader.curve(*each) for each in pane.curves}
            figure = pane_chart(pane, curves, view)
            plot(figure, f"run_pane_{pane.metric}", height=HEIGHT, description=_(pane.title))
