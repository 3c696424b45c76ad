"""Home: what is here, what is training now, where to go."""

import streamlit as st

from dashboard.charts.descent import descend, descent_chart
from dashboard.charts.tables import BROKEN, shown_state
from dashboard.language import _, count, texts
from dashboard.navigation import link, page_file, views
from dashboard.panels.live import live
from dashboard.panels.plot import plot
from dashboard.panels.run_card import run_card
from dashboard.panels.run_list import short_table
from dashboard.panels.run_store import listed_runs
from dashboard.panels.source import show_source
from dashboard.settings import read_settings
from dashboard.study_runs import without_members

SHOWN = 6  # cards of running trainings, and rows of the newest
words = texts("home")
folder = read_settings().runs


def hero() -> None:
    """The name, what it is for, and the first thing to do; beside it a descent to turn around."""
    left, right = st.columns([5, 4], gap="large", vertical_alignment="center")
    with left:
        st.title("Descent", anchor=False)
        st.markdown(words["tagline"])
        with st.container(horizontal=True):
            if st.button(_("Start a training"), type="primary", key="home_start"):
                st.switch_page(page_file("new_run"))
            if st.button(_("See all runs"), key="home_runs"):
                st.switch_page(page_file("runs"))
    with right:
        plot(descent_chart(), "home_descent", height=260, description=words["landscape"])


def training_now() -> bool:
    """The running trainings as cards, then the newest runs; whether anything runs."""
    runs = without_members(listed_runs(folder))
    if not runs:
        empty()
        return False
    running = [run for run in runs if run.state == "running" and run.broken is None]
    st.subheader(_("Training now"))
    if running:
        with st.grid(3, min_column_width=300):
            for run in running[:SHOWN]:
                run_card(run)
        if len(running) > SHOWN:
            st.caption(count(len(running) - SHOWN, "and {n} more", "and {n} more"))
    else:
        st.caption(words["nothing_running"])
    st.subheader(_("Newest runs"))
    short_table(runs[:SHOWN], "home_newest")
    broken = sum(shown_state(run) == BROKEN for run in runs)
    if broken:
        st.caption(f"{broken} {words['broken']}")
    return bool(running)


def empty() -> None:
    """What to do where there is no run yet."""
    with st.container(border=True):
        st.markdown(words["empty"])
        link("new_run", _("Start the first one"), icon=":material/add_circle:")
        st.caption(words["empty_command"])
        st.code("python -m training.train", language="bash")


def doors() -> None:
    """A card for each page, with what it is good for."""
    st.subheader(_("Where to go"))
    with st.grid(3, min_column_width=260):
        for view in views()[1:]:
            with st.container(border=True, height="stretch"):
                link(view.name, f"**{_(view.title)}**", icon=view.icon)
                st.caption(words[view.name])


hero()
live(training_now, active=any(run.state == "running" for run in listed_runs(folder)), interval=1.0, idle=5.0)
doors()
show_source(__file__, descend)
