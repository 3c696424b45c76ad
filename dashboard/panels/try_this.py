"""A "Try this" list: sentences that set a page's settings when they are clicked.

The list is a passage of the page's text, a line for each sentence, with what it sets as the address would:

    - [Turn the degree up to 15](?curve_degree=15&curve_noise=0.20): between the points the fit goes wild.

A value is a whole number (15), a number (0.20), true or false, a list (a name that is there twice), or else a
word: write 1.0, not 1, where the widget holds a number with a fraction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

import streamlit as st

from dashboard.language import _

Single = bool | int | float | str
Setting = Single | list[Single]

_LINE = re.compile(r"- \[(?P<sentence>[^\]]+)\]\(\?(?P<query>[^)\s]+)\)[:.]?\s*(?P<after>.*)")


@dataclass(frozen=True)
class Suggestion:
    """A sentence to click, what follows it, and the settings it stands for by their key."""

    sentence: str
    after: str
    settings: tuple[tuple[str, Setting], ...]


def try_this(
    passage: str,
    key: str,
    defaults: Mapping[str, Setting] | None = None,
    apply: Callable[[dict[str, Setting]], None] | None = None,
) -> None:
    """Draws the list of a passage; `key` begins the keys of its buttons.

    A click sets the widgets whose keys a sentence names, shown or not yet, and the address with them; those
    of `defaults` that it does not name go back to what `defaults` says, so that a sentence leads to the same
    picture from everywhere. What to see is said then, until a hand moves on, and by each button's tooltip.
    `apply` does the setting in its place, for pages that keep their settings themselves: it gets all of them
    by key. ValueError names a line that can't be read.
    """
    rows = suggestions(passage)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":material/lightbulb: **{_('Try this')}**", width="content")
            for number, row in enumerate(rows):
                st.button(
                    row.sentence,
                    key=f"{key}_try_{number}",
                    type="tertiary",
                    help=row.after or None,
                    on_click=_try,
                    args=(key, number, {**(defaults or {}), **dict(row.settings)}, apply or put),
                )
        tried = st.session_state.get(f"{key}_tried")
        if isinstance(tried, int) and tried < len(rows) and _stands(rows[tried]) and rows[tried].after:
            st.caption(f":material/arrow_forward: **{rows[tried].sentence}**: {rows[tried].after}")


def put(settings: Mapping[str, Setting]) -> None:
    """For callbacks: each widget has its value from now on; one that is not on the page yet, once it is."""
    for key, value in settings.items():
        if key not in st.session_state:  # nothing is bound to it, so nobody else writes it into the address
            st.query_params[key] = (
                [_said(each) for each in value] if isinstance(value, list) else _said(value)
            )
        st.session_state[key] = value


def _try(
    key: str, number: int, settings: dict[str, Setting], apply: Callable[[dict[str, Setting]], None]
) -> None:
    apply(settings)
    st.session_state[f"{key}_tried"] = number


def _stands(row: Suggestion) -> bool:
    """What the row sets is still set, as far as the session knows."""
    return all(st.session_state.get(name, value) == value for name, value in row.settings)


@lru_cache(maxsize=32)
def suggestions(passage: str) -> tuple[Suggestion, ...]:
    """The rows of a passage. ValueError names a line that is no `- [sentence](?key=value): what to see`."""
    rows = []
    for line in passage.splitlines():
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"this line is no '- [sentence](?key=value): what to see': {line!r}")
        values: dict[str, Setting] = {}
        for name, text in parse_qsl(found["query"], keep_blank_values=True):
            said = _value(text)
            if name in values:
                before = values[name]
                values[name] = [*(before if isinstance(before, list) else [before]), said]
            else:
                values[name] = said
        rows.append(Suggestion(found["sentence"], found["after"], tuple(values.items())))
    return tuple(rows)


def _value(text: str) -> Single:
    if text in ("true", "false"):
        return text == "true"
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _said(value: Single) -> str:
    """As the address has it: 5, not 5.0, which is how a slider over stops would write it itself."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else f"{value}"
