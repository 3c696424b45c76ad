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
from training.fields import GROUPS, Field

STATE = "new_run_form"  # session state: what differs from the defaults
ADDRESSES = "new_run_addresses"  # session state: the addresses that this page has written, the newest last
REMEMBERED = 20
EXACT = "new_run_exact"
FOLDED = ("Regularisation", "Run")  # groups that most people leave as they are
COLUMNS = 3


def form_state() -> tuple[Given, list[str]]:
    """What the form says now, and what was wrong with the address it came from.

    An address that this page has not written (a link, a bookmark) counts; else the widgets do. One that it
    has written may be older than the widgets: the browser sends what it had when a slider was let go.
    """
    query = {name: value for name, value in st.query_params.to_dict().items() if name in _names()}
    problems: list[str] = []
    if STATE not in st.session_state or (query and query not in st.session_state.get(ADDRESSES, [])):
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
    """The group's controls in order: what follows a choice of rows shares a grid with that row's settings."""
    block: list[Control] = []
    for item in items:
        if item.is_choice_of_rows:
            _block(block, problem, place, exact)
            block = []
        block.append(item)
    _block(block, problem, place, exact)


def _block(items: Sequence[Control], problem: str, place: str, exact: bool) -> None:
    """A choice of rows, if there is one, everything else in a grid, and the problem if it is one of these."""
    for choice in (item for item in items if item.is_choice_of_rows):
        rows: list[Any] = choice.field.rows(choice.value)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            control(choice)
            if rows:
                _about(rows)
        if len(rows) == 1 and _text(rows[0], "summary"):
            st.caption(plain(_text(rows[0], "summary")))
    plain_ones = [item for item in items if not item.is_choice_of_rows]
    if plain_ones:
        with st.grid(COLUMNS, min_column_width=150, vertical_alignment="bottom"):
            for item in plain_ones:
                control(item, exact)
    if problem and any(item.name == place for item in items):
        st.error(plain(problem), icon=":material/error:")


def _about(rows: Sequence[Any]) -> None:
    """A button that opens the chosen rows' formulas and sources."""
    with st.popover(_("About"), icon=":material/function:", help=_("Formula and source")):
        for row in rows:
            st.markdown(f"**{plain(row.title)}** · `{row.name}`")
            if _text(row, "summary"):
                st.markdown(plain(row.summary))
            if _text(row, "formula"):
                st.latex(row.formula)
            if _text(row, "source"):
                st.caption(_("Source: {source}").format(source=plain(row.source)))


def _text(row: Any, name: str) -> str:
    """What the row says under this name; not every table has all of them."""
    return str(getattr(row, name, "") or "")


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
            names |= {name for row in field.table or () for name in field.parameters(_value(field, row.name))}
    return names


def _value(field: Field, row: str) -> Any:
    """What the field would be if it named this row alone."""
    return (row,) if field.several else row


def _write_address(given: Given) -> None:
    query = query_of(applicable(given))
    written = [each for each in st.session_state.get(ADDRESSES, []) if each != query]
    st.session_state[ADDRESSES] = [*written, query][-REMEMBERED:]
    if query != st.query_params.to_dict():  # last: whoever moves a slider now ends this run right here
        st.query_params.from_dict(query)
