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
    """One of the options, side by side; what the address names otherwise is answered by `said_problems`.

    In the address an option stands as itself where it is a word, in whatever language the page is, else as
    it is shown; both are understood. The address is read once: afterwards the box is the truth, since a
    redrawing starts with the address that the browser had when it asked.
    """

    def name(option: Item) -> str:
        return option if isinstance(option, str) else format_func(option)

    if key not in st.session_state:
        # What is spelled alike is the option of that name first
        spelled = {spell(each): each for spell in (str, format_func, name) for each in options}
        noted(key, list(spelled), [*map(name, options)])
        st.session_state[key] = spelled.get(st.query_params.get(key, ""), default)
    elif st.session_state[key] not in options:
        st.session_state[key] = default
    chosen = st.segmented_control(
        label,
        options,
        default=st.session_state[key],
        required=True,
        key=key,
        format_func=format_func,
        help=about,
    )
    chosen = chosen if chosen in options else default
    say_in_address(key, name(chosen), name(default))
    return chosen


def say_in_address(key: str, chosen: str, default: str) -> None:
    """After a widget: the address has what is chosen, where that is not the default."""
    if chosen == default:
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != chosen:
        st.query_params[key] = chosen


def noted(key: str, options: Sequence[str], listed: Sequence[str] = ()) -> None:
    """Remembers what the address says for `key` where that is none of the options; before its widget.

    `listed`: those that the answer names; without them all.
    """
    if key in st.session_state:
        return  # a person has chosen since
    for said in st.query_params.get_all(key):
        if said not in options:
            words = _(
                "{name} in the address is {value}; it can be {options}. The default stands in its place."
            )
            noted_problem(
                key,
                words.format(name=key, value=repr(said), options=", ".join(dict.fromkeys(listed or options))),
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
