"""The table of a sweep's trials: live, sortable, a tick shows one trial, a button opens its run."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.charts.trial_table import TRIAL_STATES, ordered_trials, trial_frame
from dashboard.language import _
from dashboard.navigation import page_file
from dashboard.panels.control import words_of
from dashboard.panels.selection import choose, chosen_names
from dashboard.theme import STATES
from training.sweep_results import SweepResults, Trial

CHOSEN = "sweep_trial"  # the part of the address: the trial's number, from 1
KEY = "sweep_table"
SCORE = 76  # pixels: a column that is empty at first does not widen by itself
SCORES = ("rank", "score", "spread", "lowest", "highest", "test")  # columns hidden where no trial has one
ROWS = 12  # shown before the table scrolls by itself


def chosen_trial(results: SweepResults) -> tuple[Trial | None, str]:
    """The trial that is looked at, the best without a choice; and what is wrong with the address, or "".

    Call it once, at the start of each redrawing.
    """
    named = chosen_names(CHOSEN)
    if not named:
        return results.best, ""
    numbers = {str(trial.number + 1): trial for trial in results.trials}
    if named[0] in numbers:
        return numbers[named[0]], ""
    words = _("The address names trial {name}; the trials so far are 1 to {last}. The best is shown.")
    return results.best, words.format(name=repr(named[0]), last=len(results.trials))


def choose_trial(number: int | None) -> None:
    """For callbacks, or before the page runs again: look at this trial; None: at the best."""
    choose(CHOSEN, () if number is None else (str(number + 1),))


def sweep_table(results: SweepResults, shown: Trial | None) -> None:
    """Every trial that has begun; `shown` has its row ticked."""
    trials = ordered_trials(results)
    frame = trial_frame(results, trials)
    frame.insert(2, "open", [_("Open") if trial.runs else "" for trial in trials])
    rows = [place for place, trial in enumerate(trials) if shown is not None and trial.number == shown.number]
    held = st.session_state.get(KEY)
    if held is None or list(held["selection"]["rows"]) != rows:
        st.session_state[KEY] = {"selection": {"rows": rows, "columns": [], "cells": []}}

    def ticked() -> None:
        chosen = [row for row in st.session_state[KEY]["selection"]["rows"] if row < len(trials)]
        choose_trial(trials[chosen[0]].number if chosen else None)

    def open_run() -> None:
        row = st.session_state["sweep_open"]["row"]
        if row is not None and row < len(trials) and trials[row].runs:
            st.switch_page(page_file("run"), query_params={"run": trials[row].runs[0]})

    st.dataframe(
        frame,
        key=KEY,
        on_select=ticked,
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(frame) <= ROWS else 35 * (ROWS + 1),
        column_config={**_columns(results, frame), "open": _open_column(open_run)},
        placeholder="",
        alt=_("The trials; tick one to look at it"),
    )


def _open_column(open_run: Any) -> Any:
    return st.column_config.ButtonColumn("", key="sweep_open", on_click=open_run, type="tertiary", width=64)


def _columns(results: SweepResults, frame: Any) -> dict[str, Any]:
    """The columns' titles and formats; those that say nothing here are hidden."""
    config = st.column_config
    looks = {**STATES, **TRIAL_STATES}
    score = "percent" if results.metric.name == "accuracy" else "%.4g"
    several, some_ended = results.seeds > 1, (frame["error"] != "").any()
    title = _(results.metric.title)
    unscored = dict.fromkeys(SCORES) if results.all_failed and frame["score"].isna().all() else {}
    return {
        "rank": config.NumberColumn(_("Rank"), width=60, pinned=True),
        "trial": config.NumberColumn(_("Trial"), width=60, pinned=True),
        "state": config.MultiselectColumn(
            _("State"), options=list(looks), color=[looks[name][0] for name in looks], width=108,
            format_func=lambda name: f"{looks[name][1]} {_(name)}" if name in looks else _(name),
        ),
        **{
            f"set_{name}": config.NumberColumn(words_of(name), format="%.4g")
            if frame[f"set_{name}"].dtype.kind in "if"
            else config.TextColumn(words_of(name))
            for name in results.space.names
        },
        "score": config.NumberColumn(
            _("Mean {metric}").format(metric=title.lower()) if several else title, format=score,
            help=_("On the validation data, by which trials are compared."),
        ),
        "spread": config.NumberColumn(
            "±", format=score, width=SCORE, help=_("Standard deviation over the seeds."),
        ) if several else None,
        "lowest": config.NumberColumn(_("Lowest"), format=score, width=SCORE) if several else None,
        "highest": config.NumberColumn(_("Highest"), format=score, width=SCORE) if several else None,
        "test": config.NumberColumn(
            _("Test"), format=score, width=SCORE,
            help=_("Of the trial that you choose, the score to report."),
        ),
        "epochs": config.NumberColumn(_("Epochs"), format="%.3g"),
        "time": config.TextColumn(_("Took"), width="small"),
        "error": config.TextColumn(_("Why it ended"), width="large") if some_ended else None,
        **unscored,
    }  # fmt: skip
