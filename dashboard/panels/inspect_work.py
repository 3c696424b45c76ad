"""Looks that take longer than a page may wait: started in the background, shown as they grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.lab_results import now, run_of, run_progress, start_lab_button, table_of
from dashboard.panels.live import live
from dashboard.settings import read_settings
from logs.catalog import RunSummary
from logs.tables import Table
from training.inspection_settings import InspectionSettings

KIND = "inspection"


def background_look(
    asked: InspectionSettings, label: str, waiting: str, draw: Callable[[Table], None]
) -> None:
    """A button that starts it, how far it is, and its table drawn as soon as there is one; `waiting` is what
    stands there before anybody asked.
    """
    settings = read_settings()
    run = run_of(KIND, asked, settings)
    with st.container(width=320, key=f"inspect_start_{asked.look}"):
        start_lab_button(KIND, asked, label, settings, run, f"{KIND}_{asked.look}")
    if run is None:
        st.info(waiting, icon=":material/hourglass_empty:")
        return
    found = run

    def part() -> bool:
        current = now(found.id, settings)
        if current is None:
            return False
        run_progress(current)
        _drawn(current, asked, draw)
        return current.state == "running"

    live(part, run.state == "running", 0.7)


def open_look(runs: Mapping[str, RunSummary]) -> None:
    """Before the page's widgets: an address that names a look shows its checkpoint and its tab."""
    named = st.query_params.get("inspect_look")
    if not named:
        return
    del st.query_params["inspect_look"]
    run = runs.get(named)
    if run is None or run.kind != KIND:
        sentence = _("{name} in the address is {value}, and there is no such look.")
        noted_problem("inspect_look", sentence.format(name="inspect_look", value=repr(named)))
        return
    asked = run.config
    tab, more = {
        "tsne": (_("Embeddings"), {"inspect_way": "tsne", "inspect_points_of": asked.get("split")}),
    }.get(str(asked.get("look")), (_("Evaluation"), {"inspect_judged": asked.get("split")}))
    shown = {
        "inspect_run": asked.get("run"),
        "inspect_checkpoint": asked.get("checkpoint"),
        "inspect_tab": tab,
    }
    for key, value in {**shown, **more}.items():
        st.session_state[key] = value


def _drawn(run: RunSummary, asked: InspectionSettings, draw: Callable[[Table], None]) -> None:
    table = table_of(run, asked.row.table)
    if table is not None and len(table):
        draw(table)
    elif run.state == "failed":
        st.error(_("It failed; its own page says why."))
