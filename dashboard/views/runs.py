"""Runs: every training so far, filtered and sorted, its curves laid over others."""

import streamlit as st

from dashboard.charts.curves import curves_chart, smoothed
from dashboard.charts.tables import BROKEN, difference_table, shown_state, sort_runs
from dashboard.language import _, count, texts
from dashboard.navigation import link
from dashboard.panels.comparison import comparison
from dashboard.panels.escape import plain
from dashboard.panels.live import live
from dashboard.panels.run_list import (
    CHOSEN,
    chosen_runs,
    filters,
    members_shown,
    selectable_table,
    table_settings,
)
from dashboard.panels.run_store import listed_runs
from dashboard.panels.selection import choose
from dashboard.panels.source import show_source
from dashboard.panels.trash import remove_button, trash
from dashboard.settings import read_settings

words = texts("runs")
settings = read_settings()

st.title(_("Runs"))
runs_at_start = listed_runs(settings.runs)
if runs_at_start:
    st.caption(words["intro"])
    wanted = filters(runs_at_start)


def list_and_comparison() -> bool:
    """Everything that moves while something trains; whether anything does."""
    runs = listed_runs(settings.runs)
    if not runs:
        with st.container(border=True):
            st.markdown(words["empty"])
            link("new_run", _("Start a training"), icon=":material/add_circle:")
        return False
    head = st.container(horizontal=True, vertical_alignment="center")
    with head:
        sort, columns = table_settings(runs)
        listed = members_shown(runs)
        shown = [run for run in listed if wanted.matches(run)]
        chosen = chosen_runs(runs)
        tools(len(shown), len(listed), chosen)
    if shown:
        selectable_table(sort_runs(shown, sort, columns), columns, [run.id for run in chosen])
    else:
        st.caption(words["none_match"])
    broken_runs([run for run in shown if shown_state(run) == BROKEN])
    st.subheader(_("Comparison"))
    readable = [run for run in chosen if run.info is not None]
    if readable:
        comparison(readable)
    else:
        st.caption(words["compare"])
    return any(run.state == "running" for run in runs)


def tools(shown: int, known: int, chosen: list) -> None:
    """What can be done with the chosen runs, and how many there are."""
    if chosen:
        st.button(_("Clear selection"), key="runs_clear", on_click=choose, args=(CHOSEN, ()))
        remove_button(chosen)
    all_of_them = count(known, "{n} run", "{n} runs")
    text = all_of_them if shown == known else _("{shown} of {all}").format(shown=shown, all=all_of_them)
    if chosen:
        text += " · " + count(len(chosen), "{n} chosen", "{n} chosen")
    st.caption(text, width="content")


def broken_runs(broken: list) -> None:
    """What is wrong with the runs that can't be read, a sentence each."""
    if broken:
        with st.expander(
            count(len(broken), "{n} run can't be read", "{n} runs can't be read"), icon=":material/warning:"
        ):
            st.caption(words["broken"])
            for run in broken[:50]:
                st.markdown(f"**{plain(run.id)}**  \n{plain(run.broken or '')}")


live(
    list_and_comparison, active=any(run.state == "running" for run in runs_at_start), interval=2.0, idle=10.0
)
trash(settings.runs)
show_source(__file__, curves_chart, smoothed, difference_table)
