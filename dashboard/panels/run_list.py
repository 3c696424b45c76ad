"""The table of runs: its filters, its columns, and which of its rows are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.charts.tables import (
    MetricColumn,
    RunFilter,
    default_columns,
    metric_columns,
    run_table,
    shown_state,
)
from dashboard.language import _, count
from dashboard.navigation import page_file
from dashboard.panels.selection import choose, chosen_names
from dashboard.study_runs import is_member, kind_words, page_of, without_members
from dashboard.theme import STATES
from logs.catalog import RunSummary

CHOSEN = "compare"  # the part of the address that names the chosen runs, in the order they were chosen
SORTS = ("newest", "oldest", "name", "model", "dataset", "duration")


def filters(runs: Sequence[RunSummary]) -> RunFilter:
    """The row of filters; what is chosen is kept in the address."""
    first, *others = st.columns([3, 2, 2, 2, 2])
    with first:
        text = st.text_input(
            _("Search"), key="runs_text", bind="query-params", live=True, placeholder=_("name, tag, note ...")
        )
    with others[0]:
        states = _several(_("State"), [shown_state(run) for run in runs], "runs_state")
    with others[1]:
        models = _several(_("Model"), [run.model for run in runs], "runs_model")
    with others[2]:
        datasets = _several(_("Data"), [run.dataset for run in runs], "runs_dataset")
    with others[3]:
        tags = _several(_("Tags"), [tag for run in runs for tag in run.tags], "runs_tag")
    return RunFilter(text, states, models, datasets, tags)


def _several(label: str, values: Sequence[str], key: str) -> tuple[str, ...]:
    options = sorted({value for value in values if value}, key=str.casefold)
    chosen = st.multiselect(label, options, key=key, bind="query-params", placeholder=_("any"))
    return tuple(chosen)


def table_settings(runs: Sequence[RunSummary]) -> tuple[str, list[MetricColumn]]:
    """The order and the metric columns, as chosen; kept in the address."""
    columns = {column.title: column for column in metric_columns(runs)}
    shown = [column.title for column in default_columns(list(columns.values()))]
    with st.popover(_("Columns and order"), icon=":material/tune:"):
        sort = st.selectbox(_("Sort by"), [*SORTS, *columns], key="runs_sort", bind="query-params")
        chosen = st.multiselect(
            _("Metrics"), list(columns), default=shown, key="runs_columns", bind="query-params"
        )
    return sort or SORTS[0], [columns[title] for title in chosen if title in columns]


def members_shown(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The runs to list: a study is one row, and its folds or trials are there when asked for."""
    led = without_members(runs)
    hidden = len(runs) - len(led)
    if not hidden and not any(is_member(run) for run in runs):
        return list(runs)
    show = st.toggle(
        _("folds and trials"),
        key="runs_members",
        bind="query-params",
        help=count(hidden, "{n} run is a part of a study", "{n} runs are parts of studies"),
    )
    return list(runs) if show else led


def chosen_runs(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The chosen runs in the order in which they were chosen; names of runs that are gone are passed over."""
    known = {run.id: run for run in runs}
    return [known[name] for name in chosen_names(CHOSEN) if name in known]


def selectable_table(
    runs: Sequence[RunSummary],
    columns: Sequence[MetricColumn],
    chosen: Sequence[str],
    key: str = "runs_table",
) -> None:
    """The runs with live state, the chosen ones ticked, also while rows come, go and change places."""
    order = [run.id for run in runs]
    places = {name: place for place, name in enumerate(order)}
    rows = sorted(places[name] for name in chosen if name in places)
    held = st.session_state.get(key)
    if held is None or sorted(held["selection"]["rows"]) != rows:
        st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}

    def ticked() -> None:
        now = [order[row] for row in st.session_state[key]["selection"]["rows"] if row < len(order)]
        kept = [name for name in chosen if name in now or name not in places]  # hidden rows stay chosen
        choose(CHOSEN, [*kept, *(name for name in now if name not in kept)])

    frame = _frame(runs, columns)
    st.dataframe(
        frame,
        key=key,
        on_select=ticked,
        selection_mode="multi-row",
        hide_index=True,
        height=_height(len(frame), 12),
        column_config=_column_config(columns, runs),
        placeholder="",
        alt=_("All runs; tick rows to compare them"),
    )


def short_table(runs: Sequence[RunSummary], key: str) -> None:
    """A few runs, without choosing: for a page that is about something else."""
    columns = default_columns(metric_columns(runs))
    frame = _frame(runs, columns)
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=_height(len(frame), 10),
        column_config={
            **_column_config(columns, runs, key),
            "progress": None,
            "tags": None,
            "duration": None,
        },
        placeholder="",
        alt=_("The newest runs"),
    )


def _frame(runs: Sequence[RunSummary], columns: Sequence[MetricColumn]) -> pd.DataFrame:
    """The table with a button for each row, and what kind of study or member it is, where some are."""
    frame = run_table(runs, columns)
    frame.insert(2, "open", _("Open"))
    kinds = [kind_words(run) for run in runs]
    if any(kinds):
        frame.insert(4, "kind", kinds)
    return frame


def _column_config(
    columns: Sequence[MetricColumn], runs: Sequence[RunSummary], key: str = "runs"
) -> dict[str, Any]:
    config = st.column_config
    states = list(STATES)
    pressed = f"{key}_open"

    def open_run() -> None:
        row = st.session_state[pressed]["row"]
        if row is not None and row < len(runs):
            page, query = page_of(runs[row])
            st.switch_page(page_file(page), query_params=query)

    return {
        "id": None,
        "name": config.TextColumn(_("Name"), width=190, pinned=True),
        "open": config.ButtonColumn("", key=pressed, on_click=open_run, type="tertiary", width=64),
        "state": config.MultiselectColumn(
            _("State"), options=states, color=[STATES[state][0] for state in states], width=108,
            format_func=lambda state: f"{STATES[state][1]} {_(state)}" if state in STATES else state,
        ),
        "kind": config.TextColumn(_("Part"), width=120),
        "model": config.TextColumn(_("Model")),
        "dataset": config.TextColumn(_("Data")),
        "progress": config.ProgressColumn(
            _("Progress"), min_value=0, max_value=100, format="%d%%", width=110
        ),
        **{column.title: _metric_config(column) for column in columns},
        "created": config.DatetimeColumn(_("Started"), format="distance"),
        "duration": config.TextColumn(_("Took"), width="small"),
        "tags": config.MultiselectColumn(_("Tags"), color="auto"),
    }  # fmt: skip


def _metric_config(column: MetricColumn) -> Any:
    title = column.title[0].upper() + column.title[1:]
    pattern = "percent" if column.metric == "accuracy" else "%.4g"
    return st.column_config.NumberColumn(title, format=pattern)


def _height(rows: int, most: int) -> int | Literal["content"]:
    """As high as the rows need; of more than `most`, fixed in pixels, and the table scrolls by itself."""
    return "content" if rows <= most else 35 * (most + 1)
