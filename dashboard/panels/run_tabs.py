"""The tabs of a run's page. Only the open one is drawn, and it draws itself again while the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from dashboard.charts.panes import View
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.live import live
from dashboard.panels.run_configuration import run_configuration
from dashboard.panels.run_confusion import run_confusion
from dashboard.panels.run_curves import curve_controls, run_curves
from dashboard.panels.run_files import run_checkpoints, run_output
from dashboard.panels.run_pictures import run_pictures
from dashboard.panels.run_predictions import run_predictions
from dashboard.panels.run_store import run_reader
from dashboard.panels.run_weights import run_weights
from logs.catalog import RunCatalog, RunSummary
from logs.errors import LogsError


def run_tabs(run: RunSummary, catalog: RunCatalog, words: Mapping[str, str]) -> None:
    """`words` has what each tab says where there is nothing to show yet."""
    try:
        reader = run_reader(run.path)
    except LogsError as problem:  # damaged since the list was read
        st.error(plain(str(problem)))
        return
    curves = _("Curves")
    contents: dict[str, Callable[[], None]] = {
        curves: lambda: None,  # drawn with its controls, below
        _("Pictures"): lambda: run_pictures(reader, words["no_pictures"], words["predictions"]),
        _("Weights"): lambda: run_weights(reader, words["no_histograms"]),
        _("Confusion"): lambda: run_confusion(reader, words["no_confusion"]),
        _("Test samples"): lambda: run_predictions(reader, words["no_predictions"]),
        _("Configuration"): lambda: run_configuration(run, words["no_configuration"]),
        _("Checkpoints"): lambda: run_checkpoints(reader, words["no_checkpoints"]),
        _("Output"): lambda: run_output(reader, words["no_output"]),
    }
    running = run.state == "running"

    def draw_curves(view: View) -> None:
        run_curves(reader, view, words["no_curves"])

    boxes = st.tabs(list(contents), key="run_tab", bind="query-params", on_change="rerun")
    for (title, draw), box in zip(contents.items(), boxes, strict=True):
        if box.open:
            with box:
                if title != curves:
                    live(lambda draw=draw: _drawn(draw, run.id, catalog), running)
                elif running:  # the controls stay out of what is redrawn each second
                    shown = partial(draw_curves, curve_controls(run))
                    live(lambda shown=shown: _drawn(shown, run.id, catalog), running)
                else:
                    _still(lambda: _drawn(lambda: draw_curves(curve_controls(run)), run.id, catalog))


@st.fragment
def _still(draw: Callable[[], object]) -> None:
    """A part that its own sliders redraw alone, which takes half the time of the page."""
    draw()


def _drawn(draw: Callable[[], None], run_id: str, catalog: RunCatalog) -> bool:
    """Draws the tab's content, or says why it can't be read; whether the run goes on."""
    try:
        draw()
        return catalog.find(run_id).state == "running"
    except (LogsError, OSError) as problem:
        st.error(plain(str(problem)))
        return False
