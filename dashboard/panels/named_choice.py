"""A box of a few names that shows words: the names stand in the address, as everywhere else.

Streamlit's own binding would put the words there, in whatever language they are.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted_problem, say_in_address

MOST_LISTED = 300  # letters of all options that a sentence names


def named_choice(
    label: str,
    options: Sequence[str],
    default: str,
    key: str,
    words: Callable[[Any], str] = str,
    **looks: Any,
) -> str:
    """One of the options; what the address names otherwise is remembered for `said_problems`.

    The address is read once: afterwards the box is the truth, since a redrawing starts with the address that
    the browser had when it asked. `looks` are st.selectbox's own (width, help ...).
    """
    _begun(options, default, key)
    place = list(options).index(st.session_state[key])  # a box that comes back begins with what is given here
    chosen = str(st.selectbox(label, list(options), place, format_func=words, key=key, **looks))
    say_in_address(key, chosen, default)
    return chosen


def named_switch(
    label: str,
    options: Sequence[str],
    default: str,
    key: str,
    words: Callable[[Any], str] = str,
    **looks: Any,
) -> str:
    """The same with the options side by side. `looks` are st.segmented_control's own (help ...)."""
    _begun(options, default, key)
    begins = st.session_state[key]
    chosen = str(
        st.segmented_control(
            label, list(options), default=begins, required=True, format_func=words, key=key, **looks
        )
    )
    say_in_address(key, chosen, default)
    return chosen


def _begun(options: Sequence[str], default: str, key: str) -> None:
    """Before the widget: its first value is what the address says."""
    if key not in st.session_state:
        said = st.query_params.get(key)
        if said is not None and said not in options:
            sentence = _("{name} in the address is {value}; it must be one of {options}.")
            noted_problem(key, sentence.format(name=key, value=repr(said), options=_listed(said, options)))
        st.session_state[key] = said if said in options else default
    elif st.session_state[key] not in options:
        st.session_state[key] = default


def _listed(said: str, options: Sequence[str]) -> str:
    """All options, or of very many those that are nearest to what was said."""
    options = [each for each in options if each]  # none is said by leaving it out
    if sum(map(len, options)) <= MOST_LISTED:
        return ", ".join(options)
    near = difflib.get_close_matches(said, options, n=3, cutoff=0.3) or list(options[:3])
    return _("{n}, such as {some}").format(n=len(options), some=", ".join(near))
