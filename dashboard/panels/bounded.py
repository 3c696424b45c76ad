"""Widgets whose value comes from the address, where a person may have written anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.escape import plain


def bounded_choice[Item](
    label: str,
    options: Sequence[Item],
    default: Item,
    key: str,
    format_func: Callable[[Any], str] = str,
    about: str | None = None,
) -> Item:
    """One of the options, side by side; what the address names otherwise is answered by `said_problems`."""
    noted(key, [*map(format_func, options), *map(str, options)])
    chosen = st.segmented_control(
        label,
        options,
        default=default,
        required=True,
        key=key,
        bind="query-params",
        format_func=format_func,
        help=about,
    )
    return chosen if chosen in options else default


def noted(key: str, options: Sequence[str]) -> None:
    """Remembers what the address says for `key` where that is none of the options; before its widget."""
    if key in st.session_state:
        return  # a person has chosen since
    for said in st.query_params.get_all(key):
        if said not in options:
            words = _(
                "{name} in the address is {value}; it can be {options}. The default stands in its place."
            )
            noted_problem(
                key, words.format(name=key, value=repr(said), options=", ".join(dict.fromkeys(options)))
            )


def noted_problem(key: str, sentence: str) -> None:
    """Remembers what is wrong with the address for `key`."""
    st.session_state.setdefault(_PROBLEMS, {})[key] = sentence


def said_problems(title: str, prefix: str) -> None:
    """What was wrong with the address, in a sentence each, once; for keys that begin with `prefix`."""
    problems: dict[str, str] = st.session_state.get(_PROBLEMS, {})
    for key in [key for key in problems if key.startswith(prefix)]:
        st.warning(plain(problems.pop(key)), title=title)


_PROBLEMS = "bounded_problems"
