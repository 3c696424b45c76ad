"""Choosing the run that a page is about; the choice is the `run` of its address."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from dashboard.language import _
from dashboard.panels.run_card import run_card
from dashboard.study_runs import kind_words
from logs.catalog import RunSummary

CARDS = 6
RUN = "run"  # the part of the address
LAST = "run_last"  # session state


def run_picker(runs: Sequence[RunSummary], current: str | None = None) -> None:
    """A box with every run, the newest first; choosing one opens it."""
    names = run_labels(runs)
    ids = list(names)
    # The browser sends a label back: with other labels it must be another box, showing what the address says.
    key = f"picker_{zlib.crc32(repr((current, names)).encode()):08x}"
    st.selectbox(
        _("Run"),
        ids,
        index=ids.index(current) if current in names else None,
        key=key,
        format_func=lambda run: names.get(run, run),
        placeholder=_("choose a run"),
        label_visibility="collapsed",
        on_change=_open,
        args=(key, ids),
    )


def current_run(runs: Sequence[RunSummary]) -> str:
    """The run in the address; without one the last that this session looked at, if it is there; or ""."""
    named = st.query_params.get(RUN, "")
    if not named:
        last = st.session_state.get(LAST, "")
        named = last if any(run.id == last for run in runs) else ""
        if named:
            st.query_params[RUN] = named  # the page's link and the browser's back button lead here without it
    st.session_state[LAST] = named
    return named


def run_cards(runs: Sequence[RunSummary]) -> None:
    """The newest runs as cards, for a page that no run was chosen for."""
    with st.grid(3, min_column_width=280):
        for run in runs[:CARDS]:
            run_card(run)


def run_labels(runs: Sequence[RunSummary]) -> dict[str, str]:
    """A label for each run's id, no two the same: what two would share is followed by the end of the id."""
    labels = {run.id: run_label(run) for run in runs}
    often = Counter(labels.values())
    return {run: label if often[label] == 1 else f"{label} · {run[-4:]}" for run, label in labels.items()}


def run_label(run: RunSummary) -> str:
    """Like "First steps · mlp · digits · 21 Nov 08:26"."""
    parts = [run_words(run)]
    if run.name != run.id:
        parts += [part for part in (run.model, run.dataset) if part]
    parts += [kind_words(run)] if kind_words(run) else []
    if run.created:
        parts.append(datetime.fromtimestamp(run.created).strftime("%d %b %H:%M"))
    return " · ".join(parts)


def run_words(run: RunSummary) -> str:
    """The run's name; of one that nobody has named, what it trains: "mlp on digits"."""
    if run.name != run.id or not (run.model and run.dataset):
        return run.name
    return _("{model} on {dataset}").format(model=run.model, dataset=run.dataset)


def _open(key: str, ids: Sequence[str]) -> None:
    chosen = st.session_state.get(key)
    if chosen in ids:
        st.query_params[RUN] = str(chosen)
