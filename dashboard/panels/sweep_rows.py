"""The editable table of what a sweep varies: a row for each, kept in the page's address as `sweep_set`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.language import _, mark
from dashboard.panels.control import words_of
from dashboard.panels.escape import plain
from dashboard.panels.selection import choose, chosen_names
from dashboard.sweep_space import (
    DEFAULT_ROWS,
    Searchable,
    allowed_words,
    next_row,
    parsed_row,
    row_words,
    searchable,
    split_row,
    suggestion,
)
from training.config import ConfigError, RunConfig

ROWS = "sweep_set"  # the part of the address: once for each row
NAME = 165  # pixels: most names of settings are read whole
SYNTAX = mark(
    "Values: 16, 64, 256. A range: 0 : 0.5, on a logarithmic scale log : 1e-4 : 0.1, of whole numbers "
    "int : 1 : 4. A number behind it, log : 1e-4 : 0.1 : 8, is how many values a grid takes."
)


def rows_now() -> tuple[str, ...]:
    """The rows as the form has them. Call it once, at the start of each redrawing."""
    return chosen_names(ROWS) or DEFAULT_ROWS


def put_rows(rows: Sequence[str]) -> None:
    """From now on, these rows are in the form."""
    choose(ROWS, rows)


def sweep_rows(rows: Sequence[str], config: RunConfig) -> bool:
    """Draws the rows and a button for another one; whether every one of them can be read."""
    known = searchable(config)
    good = [_row(place, rows, config, known) for place in range(len(rows))]
    st.button(
        _("Vary one more"),
        icon=":material/add:",
        key="sweep_add",
        disabled=not next_row(config, rows),
        on_click=_add,
        args=(rows, config),
    )
    return all(good)


def _row(place: int, rows: Sequence[str], config: RunConfig, known: dict[str, Searchable]) -> bool:
    """One row: what varies, over what, what that means or why it can't be, and a button that removes it."""
    name, spec = split_row(rows[place])
    taken = {split_row(row)[0] for row in rows} - {name}
    names = [other for other in known if other not in taken]
    if name not in names:
        names = [name, *names]  # an unknown one from the address: it stays, with what is wrong
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        key = f"sweep_row_{place}_of_{name}"
        _keep(key, name)
        st.selectbox(
            _("Setting"),
            names,
            key=key,
            format_func=words_of,
            label_visibility="visible" if place == 0 else "collapsed",
            on_change=_rename,
            args=(key, place, rows, config),
            width=NAME,
        )
        _over(place, rows, known.get(name))
        st.button(
            "", icon=":material/close:", key=f"sweep_remove_{place}", type="tertiary", disabled=len(rows) < 2,
            help=_("Don't vary it") if len(rows) > 1 else _("Something must vary."),
            on_click=put_rows, args=([*rows[:place], *rows[place + 1 :]],),
        )  # fmt: skip
    try:
        dimension = parsed_row(rows[place], config, rows)
    except ConfigError as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return False
    words = [row_words(dimension)]
    if name in known and (allowed := allowed_words(known[name].parameter)):
        words.append(_("allowed: {range}").format(range=allowed))
    st.caption(plain(" · ".join(words)))
    return bool(spec)


def _over(place: int, rows: Sequence[str], each: Searchable | None) -> None:
    """The values: ticked where they are choices, typed where they are numbers."""
    name, spec = split_row(rows[place])
    key = f"sweep_row_{place}_over_{name}"
    words: dict[str, Any] = {"key": key, "on_change": _rewrite, "args": (key, place, rows)}
    words["label_visibility"] = "visible" if place == 0 else "collapsed"
    values = [value.strip() for value in spec.split(",") if value.strip()]
    if each is not None and each.choices and set(values) <= set(each.choices):
        _keep(key, values)
        st.multiselect(_("Over"), list(each.choices), placeholder=_("choose two or more"), **words)
        return
    about = each.parameter.description if each is not None else ""
    _keep(key, spec)
    st.text_input(_("Over"), help=f"{plain(about)}  \n{plain(_(SYNTAX))}", **words)


def _keep(key: str, value: object) -> None:
    """The rows are the truth: a widget that shows something else is set. Not at each redrawing: setting one
    moves it under the hand of whoever is typing."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def _add(rows: Sequence[str], config: RunConfig) -> None:
    put_rows([*rows, next_row(config, rows)])


def _rename(key: str, place: int, rows: Sequence[str], config: RunConfig) -> None:
    """Another thing varies in this row: over a range that suits it."""
    name = st.session_state[key]
    each = searchable(config).get(name)
    if each is not None:
        put_rows([*rows[:place], f"{name}={suggestion(each, config)}", *rows[place + 1 :]])


def _rewrite(key: str, place: int, rows: Sequence[str]) -> None:
    value = st.session_state[key]
    spec = ",".join(value) if isinstance(value, list) else str(value or "").replace(" ", "")
    name, _spec = split_row(rows[place])
    put_rows([*rows[:place], f"{name}={spec}", *rows[place + 1 :]])
