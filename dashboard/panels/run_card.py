"""A run as a card: what it is, how far it is, and its newest loss."""

from __future__ import annotations

import math

import streamlit as st

from dashboard.charts.tables import short_name, shown_state
from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.escape import plain
from dashboard.study_runs import is_study, kind_words, page_of
from dashboard.theme import STATES
from logs.catalog import RunSummary
from logs.status import duration_text


def state_badge(state: str) -> None:
    """The state as a coloured badge, with a mark that reads without colour."""
    color, sign = STATES.get(state, ("gray", "·"))
    st.badge(f"{sign} {_(state)}", color=color)


def progress_text(run: RunSummary) -> str:
    """Like "epoch 3 of 30 · 1,250 steps/s · 2 min left", with what is known."""
    status = run.status
    if status is None:
        return _("starting")
    parts = []
    if is_study(run) and status.steps and run.state == "running":  # halves of trainings count as such
        words = _("{all:,} trainings, {share:.0%} done")
        parts.append(words.format(all=status.steps, share=min(1.0, max(0.0, run.progress))))
    elif is_study(run) and status.steps:
        parts.append(_("{done:,} of {all:,} trainings").format(done=status.step, all=status.steps))
    elif status.epochs:
        parts.append(_("epoch {done:g} of {all:g}").format(done=math.floor(status.epoch), all=status.epochs))
    if status.rate > 0 and not is_study(run):
        parts.append(_("{rate:,.0f} steps/s").format(rate=status.rate))
    left = duration_text(status.eta_seconds)
    if left and run.state == "running":
        parts.append(_("{time} left").format(time=left))
    return " · ".join(parts)


def run_card(run: RunSummary) -> None:
    """A bordered card with a link to the run's page; redrawn as often as its place is."""
    with st.container(border=True, key=f"card_{run.id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            page, query = page_of(run)
            link(page, f"**{plain(short_name(run))}**", **query)
            state_badge(shown_state(run))
        st.caption(" · ".join(plain(part) for part in (run.model, run.dataset, kind_words(run)) if part))
        if run.progress == run.progress:
            st.progress(min(1.0, max(0.0, run.progress)), text=progress_text(run))
        figures = headline_figures(run)
        if figures:
            with st.container(horizontal=True):
                for title, value in figures:
                    st.metric(title, value)


def headline_figures(run: RunSummary, limit: int = 3) -> list[tuple[str, str]]:
    """The newest train and validation figures, as titles and texts."""
    last = run.status.last if run.status is not None else {}
    wanted = [("train", "loss"), ("validation", "loss"), ("validation", "accuracy"), ("train", "accuracy")]
    wanted += [(split, name) for split in ("validation", "train") for name in last.get(split, {})]
    known = [(split, name) for split, name in dict.fromkeys(wanted) if name in last.get(split, {})]
    return [(f"{_(split)} {_(name)}", figure(name, last[split][name])) for split, name in known[:limit]]


def figure(metric: str, value: float) -> str:
    """The value as a person reads it: an accuracy in per cent, everything else with four digits."""
    if not math.isfinite(value):
        return "—" if math.isnan(value) else str(value)
    return f"{value:.1%}" if metric == "accuracy" else f"{value:.4g}"
