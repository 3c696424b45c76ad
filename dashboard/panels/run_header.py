"""What a run is and how far: its name, state, progress and headline figures. Redrawn while it runs."""

from __future__ import annotations

import math
import time
from datetime import datetime

import streamlit as st

from dashboard.charts.tables import shown_state
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.run_card import figure, headline_figures, progress_text, state_badge
from dashboard.panels.run_picker import run_words
from dashboard.study_runs import is_study
from logs.catalog import RunSummary
from logs.status import duration_text

FIGURES = 4


def run_title(run: RunSummary) -> None:
    """The name and what the run is made of. Its parts change only when a person changes them."""
    st.title(plain(run_words(run)))
    parts = [plain(part) for part in (run.model, run.dataset) if part]
    if run.created:
        parts.append(datetime.fromtimestamp(run.created).strftime("%d %B %Y, %H:%M"))
    if run.info is not None and run.info.device:
        parts.append(plain(run.info.device))
    parts.append(f"`{run.id.replace('`', '')}`")
    st.caption(" · ".join(parts))
    if run.tags:
        with st.container(horizontal=True, gap="xsmall"):
            for tag in run.tags:
                st.badge(plain(tag), color="gray")
    if run.labels.note:
        st.markdown(f"> {plain(run.labels.note)}")


def run_progress(run: RunSummary) -> None:
    """State, progress bar with the time left, and the newest figures."""
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(shown_state(run))
        st.caption(state_text(run), width="content")
    if run.state == "failed" and run.status is not None and run.status.error.strip():
        last = run.status.error.strip().splitlines()[-1]
        st.error(plain(last), title=_("The training failed"))
    if run.state == "running" and run.progress == run.progress:
        st.progress(run.progress, text=_step_text(run))
    figures = _figures(run)
    if figures:
        with st.grid(len(figures), min_column_width=150):
            for title, value, note in figures:
                st.metric(title, value, help=note or None)


def state_text(run: RunSummary) -> str:
    """A sentence about the state: how long it took, when it was last heard of, or why it failed."""
    status = run.status
    if run.state == "running":
        return progress_text(run) if status is not None else _("starting: importing PyTorch and loading data")
    if status is None or not status.heartbeat:
        return _("its process ended before it could say anything; its output may tell why")
    took = duration_text(run.duration)
    if run.state == "lost":
        ago = duration_text(max(0.0, time.time() - status.heartbeat))
        return _("its process is gone without a word; the last sign of life was {ago} ago").format(ago=ago)
    words = _("after {time}, {step:,} trainings") if is_study(run) else _("after {time}, {step:,} steps")
    return words.format(time=took or "0 s", step=status.step)


def _step_text(run: RunSummary) -> str:
    status = run.status
    assert status is not None
    if status.steps:
        return _("step {done:,} of {all:,}").format(done=status.step, all=status.steps)
    return _("step {done:,}").format(done=status.step)


def _figures(run: RunSummary) -> list[tuple[str, str, str]]:
    """Titles, values and notes: the best validation figure first, then the newest ones."""
    found = []
    best = run.status.best if run.status is not None else {}
    for split, name in (("test", "accuracy"), ("validation", "accuracy"), ("validation", "loss")):
        row = best.get(split, {}).get(name)
        if row is not None and math.isfinite(row.get("value", math.nan)):
            words = (
                _("test {metric}") if split == "test" else _("best {split} {metric}")
            )  # the test is one look
            title = words.format(split=_(split), metric=_(name))
            note = _("epoch {epoch:g}, step {step:,.0f}").format(
                epoch=row.get("epoch", math.nan), step=row.get("step", math.nan)
            )
            found.append((title, figure(name, row["value"]), note))
            break
    newest = [(title, value, "") for title, value in headline_figures(run, FIGURES)]
    return [*found, *newest][:FIGURES]
