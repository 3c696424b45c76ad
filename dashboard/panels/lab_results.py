"""Results of a laboratory that settings alone decide: the run that has them is found, or one is started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.escape import plain
from dashboard.panels.run_actions import stop_run
from dashboard.panels.run_store import listed_runs, run_catalog
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.requests import waiting_requests
from logs.tables import Table, read_table, table_version
from training.lab_settings import LABORATORY, LabSettings

UNTOLD = (LABORATORY, "name", "visdom")  # say nothing about what is computed
AMISS = "_amiss"


def run_of(kind: str, asked: LabSettings, settings: Settings, failed_too: bool = False) -> RunSummary | None:
    """The newest run of the laboratory with these settings; None where there is none. One that failed or
    whose process was killed counts only where those are asked for too.
    """
    wanted = _told(asked.to_dict())
    for run in listed_runs(settings.runs):
        fits = run.kind == kind and _told(run.config) == wanted
        if fits and (failed_too or run.state not in ("failed", "lost")):
            return run
    return None


def start_lab_button(
    kind: str,
    asked: LabSettings | None,
    label: str,
    settings: Settings,
    run: RunSummary | None,
    key: str = "",
) -> None:
    """The button that starts the laboratory with these settings; while it runs, the one that stops it. `key`
    where a page has several of one laboratory.
    """
    key = key or kind
    if run is not None and run.state == "running":
        asking = bool(waiting_requests(run.directory))
        st.button(
            _("Stopping ...") if asking else _("Stop"), icon=":material/stop_circle:", key=f"{key}_stop",
            width="stretch", disabled=asking, on_click=_stop, args=(run,),
        )  # fmt: skip
    else:
        fresh = run is None
        st.button(
            label if fresh else _("Train again"),
            icon=":material/play_arrow:" if fresh else ":material/replay:",
            type="primary" if fresh else "secondary",
            key=f"{key}_start",
            width="stretch",
            disabled=asked is None,
            on_click=_start,
            args=(kind, asked, settings, key),
        )
    problem = st.session_state.pop(key + AMISS, "")
    if problem:
        st.error(plain(problem), title=_("The training did not start"), icon=":material/error:")


def run_progress(run: RunSummary) -> None:
    """How far the run is, or why it ended before; and the way to its own page."""
    status = run.status
    if run.state == "running" and status is not None:
        share = min(1.0, max(0.0, status.progress or 0.0))
        words = _("{done:,} of {all:,} updates").format(done=status.step or 0, all=status.steps or 0)
        st.progress(share, words)
    elif run.state != "finished":
        words = _("This training is {state}: what it had found is shown.").format(state=_(run.state))
        st.caption(f":material/warning: {words}")
    if run.state != "running":
        link(
            "run", _("This training is a run: its command and its output"), ":material/terminal:", run=run.id
        )


def now(run_id: str, settings: Settings) -> RunSummary | None:
    """The run as it is now; None, and said, where it can't be read."""
    try:
        return run_catalog(settings.runs).find(run_id)
    except LogsError as problem:
        st.error(plain(str(problem)))
        return None


def table_of(run: RunSummary, name: str) -> Table | None:
    """One of its tables as it is now; None where it is not there yet."""
    return _table(run.directory.path, name, table_version(run.directory, name))


@st.cache_data(max_entries=100, show_spinner=False)
def _table(directory: Path, name: str, version: Any) -> Table | None:
    return read_table(directory, name)


def _told(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in UNTOLD}


def _start(kind: str, asked: LabSettings, settings: Settings, key: str) -> None:
    from training.launch import LaunchError, launch_lab

    try:
        launch_lab(kind, asked.options(), "", settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.session_state[key + AMISS] = str(problem)


def _stop(run: RunSummary) -> None:
    try:
        st.toast(stop_run(run))
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
