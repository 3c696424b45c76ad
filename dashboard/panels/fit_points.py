"""A reader's own points: set by clicks into the chart or in a table, kept in the address as `fit_points`."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.language import _, count
from dashboard.panels.bounded import noted_problem
from training.curve_points import EXAMPLE, Point, parsed_points, points_text, toggled
from training.true_functions import MOST_POINTS

POINTS = "fit_points"
_STATE, _TABLE, _BASE = "fit_points_now", "fit_points_table", "fit_points_base"


def points_now() -> tuple[Point, ...]:
    """The points; at first those of the address, or else an example."""
    if _STATE not in st.session_state:
        try:
            found = parsed_points(st.query_params.get(POINTS, "") or EXAMPLE)
        except ValueError as problem:
            noted_problem(POINTS, str(problem))
            found = parsed_points(EXAMPLE)
        put_points(found)
    points: tuple[Point, ...] = st.session_state[_STATE]
    return points


def put_points(points: tuple[Point, ...]) -> None:
    """From now on these are the points; the table begins anew with them."""
    st.session_state[_STATE] = points
    st.session_state[_BASE] = (st.session_state.get(_BASE, (0, ()))[0] + 1, points)


def show_address(own: bool) -> None:
    """The points in the address, where they are what is fitted."""
    text = points_text(points_now())
    if not own or text == EXAMPLE:
        if POINTS in st.query_params:
            del st.query_params[POINTS]
    elif st.query_params.get(POINTS) != text:
        st.query_params[POINTS] = text


def take_click(event: dict[str, Any] | None) -> bool:
    """Takes a click into the chart: on a point, it goes; elsewhere, one comes. Whether there was one.

    The `customdata` of a drawn point is its place among the points.
    """
    if not event:
        return False
    place = event.get("customdata")
    if not isinstance(place, int | float):
        place = None
        if event.get("name") != "anywhere":
            return False
    index = None if place is None else int(place)
    put_points(toggled(points_now(), float(event["x"]), float(event["y"]), index))
    return True


def points_table() -> None:
    """The points as a table to edit, with buttons for an empty start and for the example."""
    points_now()
    version, base = st.session_state[_BASE]
    frame = pd.DataFrame(base, columns=["x", "y"], dtype="float64")
    number = st.column_config.NumberColumn(format="%.4g", required=True)
    edited = st.data_editor(
        frame,
        key=f"{_TABLE}_{version}",
        num_rows="dynamic",
        height=260,
        hide_index=True,
        column_config={"x": number, "y": number},
    )
    rows = edited.dropna().to_numpy(float)[:MOST_POINTS]
    now = tuple((float(x), float(y)) for x, y in rows)
    if now != st.session_state[_STATE]:
        st.session_state[_STATE] = now
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Clear"), icon=":material/delete:", key="fit_points_clear", on_click=put_points, args=((),)
        )
        st.button(
            _("Example"), icon=":material/refresh:", key="fit_points_example",
            on_click=put_points, args=(parsed_points(EXAMPLE),),
        )  # fmt: skip
        st.caption(count(len(now), "{n} point", "{n} points"))
