"""Which minimum every start leads to: a map for one optimizer with its settings."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.charts.basins import basins_chart, shares_table
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale
from dashboard.panels.optimizer_detail import optimizer_choice
from dashboard.panels.optimizer_form import START, course_form, decay_slider, racer_of, rate_slider
from dashboard.panels.plot import plot
from dashboard.panels.slow_bar import slow_bar
from training.basins import BasinMap, basin_map
from training.race import Course, Racer

SIDES = (20, 40, 60, 80, 100, 150)
MOST_KEPT = 24  # maps


def optimizer_basins(words: Mapping[str, str]) -> None:
    """Optimizer, course and fineness; the map beside them; a click on it moves the start of the race."""
    left, right = beside("optimizers_basins", form_below=True)
    with left:
        name = optimizer_choice()
        rate_place = st.container(gap=None)
        course = course_form(words, with_schedule=False)
        with rate_place:
            rate = rate_slider(name, course.surface)
        decay = decay_slider()
        side = bound_scale(_("Starts a side"), SIDES, 60, "optimizers_side")
    with right:
        clicked = st.session_state.pop("optimizers_clicked", None)
        if clicked:
            st.query_params[START] = clicked
        found = _map(course, racer_of(name, course.surface, rate, decay), side)
        hit = plot(
            basins_chart(found, course.start), "optimizers_basins", 520, on_click=True,
            description=_("Which minimum every start leads to"),
        )  # fmt: skip
        if hit:
            st.session_state["optimizers_clicked"] = f"{hit['x']:.4g},{hit['y']:.4g}"
            st.rerun(scope="fragment")
        st.caption(words["basins"])
        st.dataframe(
            shares_table(found),
            hide_index=True,
            column_config={
                "minimum": st.column_config.TextColumn(_("Minimum")),
                "value": st.column_config.NumberColumn(_("The surface there"), format="%.4g"),
                "starts": st.column_config.ProgressColumn(
                    _("Share of starts"), format="percent", min_value=0.0, max_value=1.0
                ),
                "steps": st.column_config.NumberColumn(_("Steps, median"), format="%d"),
            },
        )


def _map(course: Course, racer: Racer, side: int) -> BasinMap:
    """The map, computed once; with a bar where that takes longer than a moment."""
    kept = _kept()
    # Where the race begins has no part in it
    key = (
        Course(course.surface, (0.0, 0.0), course.steps, course.settings, course.noise, course.seed),
        racer,
        side,
    )
    with slow_bar(_("{n} descents").format(n=f"{side**2:,}")) as progress:
        found = kept[key] if key in kept else basin_map(key[0], racer, side, progress)
    kept[key] = found
    while len(kept) > MOST_KEPT:
        kept.pop(next(iter(kept)), None)
    return found


@st.cache_resource(show_spinner=False)
def _kept() -> dict[tuple[Course, Racer, int], BasinMap]:
    return {}
