"""The form of a configuration, made from RunConfig and the tables; its state is the page's address too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.form_state import (
    Control,
    Given,
    applicable,
    controls,
    given_of,
    problem_of,
    query_of,
    read_query,
    with_value,
)
from dashboard.language import _
from dashboard.panels.control import control, key_of, taken
from dashboard.panels.escape import plain
from training.config import RunConfig
from training.fields import GROUPS

STATE = "new_run_form"  # session state: what differs from the defaults
ADDRESS = "new_run_address"  # session state: the address as this page wrote it last
EXACT = "new_run_exact"
FOLDED = ("Regularisation", "Run")  # groups that most people leave as they are
COLUMNS = 3


def form_state() -> tuple[Given, list[str]]:
    """What the form says now, and what was wrong with the address it came from.

    An address that this page has not written (a link, the browser's back button) counts; else the widgets do.
    """
    query = {name: value for name, value in st.query_params.to_dict().items() if name in _names()}
    problems: list[str] = []
    if STATE not in st.session_state or (query and query != st.session_state.get(ADDRESS)):
        given, problems = read_query(query)
    else:
        given = _moved(st.session_state[STATE])
    st.session_state[STATE] = given
    return given, problems


def fill(config: RunConfig) -> None:
    """Put a configuration into the form; for callbacks, or before the form is drawn."""
    fill_given(given_of(config))


def fill_given(given: Given) -> None:
    for item in controls(st.session_state.get(STATE, {})):
        st.session_state.pop(key_of(item), None)
    st.session_state[STATE] = given
    _write_address(given)


def draw_form(given: Given) -> None:
    """Every control, by group, with the error where it belongs; keeps the page's address in step."""
    _write_address(given)
    items = controls(given)
    problem, place = problem_of(given)
    exact = bool(st.session_state.get(EXACT))
    for group in GROUPS:
        of_group = [item for item in items if item.field.group == group]
        with _box(group, of_group, any(item.name == place for item in of_group)):
            _group(of_group, problem, place, exact)
    st.toggle(
        _("Type exact numbers in place of sliders"),
        key=EXACT,
        persist_state="session",
    )


def _box(group: str, items: Sequence[Control], has_problem: bool) -> Any:
    """A bordered box; a folded one says how many of its settings differ from the defaults."""
    if group not in FOLDED:
        box = st.container(border=True)
        box.subheader(_(group))
        return box
    changed = sum(item.value != item.default for item in items)
    title = _(group) + (" · " + _("{n} changed").format(n=changed) if changed else "")
    return st.expander(title, expanded=has_problem)


def _group(items: Sequence[Control], problem: str, place: str, exact: bool) -> None:
    """The group's choices of rows, each with the settings of the chosen row, then the plain fields."""
    plain_fields = [item for item in items if not item.owner and not item.is_choice_of_rows]
    for choice in (item for item in items if item.is_choice_of_rows):
        _choice(choice, [item for item in items if item.owner and item.field == choice.field], exact)
        _problem_at(choice, problem, place)
    _grid(plain_fields, exact)
    for item in items:
        if not item.is_choice_of_rows:
            _problem_at(item, problem, place)


def _choice(choice: Control, settings: Sequence[Control], exact: bool) -> None:
    rows = choice.field.rows(choice.value)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        control(choice)
        if rows:
            _about(choice, rows)
    if len(rows) == 1 and getattr(rows[0], "summary", ""):
        st.caption(plain(rows[0].summary))
    _grid(settings, exact)


def _about(choice: Control, rows: Sequence[Any]) -> None:
    """A button that opens the chosen rows' formulas and sources."""
    with st.popover(_("About"), icon=":material/function:", help=_("Formula and source")):
        for row in rows:
            st.markdown(f"**{plain(row.title)}** · `{row.name}`")
            if getattr(row, "summary", ""):
                st.markdown(plain(row.summary))
            if getattr(row, "formula", ""):
                st.latex(row.formula)
            if getattr(row, "source", ""):
                st.caption(_("Source: {source}").format(source=plain(row.source)))


def _grid(items: Sequence[Control], exact: bool) -> None:
    if items:
        with st.grid(COLUMNS, min_column_width=190, vertical_alignment="bottom"):
            for item in items:
                control(item, exact)


def _problem_at(item: Control, problem: str, place: str) -> None:
    if problem and item.name == place:
        st.error(plain(problem), icon=":material/error:")


def _moved(given: Given) -> Given:
    """The form after what the person has just done with its widgets."""
    changed = dict(given)
    for item in controls(given):
        value = taken(item)
        if value != item.value:
            changed = with_value(changed, item, value)
    return changed


def _names() -> set[str]:
    """Every option's name: what in an address belongs to the form."""
    fields = RunConfig.fields()
    names = {field.name for field in fields}
    for field in fields:
        if field.settings:
            names |= {parameter.name for row in field.table or () for parameter in row.parameters}
    return names


def _write_address(given: Given) -> None:
    query = query_of(applicable(given))
    if query != st.query_params.to_dict():
        st.query_params.from_dict(query)
    st.session_state[ADDRESS] = query
