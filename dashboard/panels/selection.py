"""A list of chosen names that is kept in the address and survives a page that redraws itself.

Each redrawing starts with the address as the browser had it when it asked, which may be older than what was
chosen since: a click and a timer can cross on the way. So the session holds the choice, and the address shows
it; an address that this page has not written itself (a link, a bookmark) replaces the choice.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

Names = tuple[str, ...]
REMEMBERED = 20  # choices that an address still under way may name


def chosen_names(parameter: str) -> Names:
    """What is chosen now. Call it once, at the start of each redrawing: it also writes the address."""
    named = tuple(dict.fromkeys(st.query_params.get_all(parameter)))
    history = reconciled(st.session_state.get(_key(parameter), ()), named)
    st.session_state[_key(parameter)] = history
    current = history[-1]
    if named != current:
        if current:
            st.query_params[parameter] = list(current)
        else:
            del st.query_params[parameter]
    return current


def choose(parameter: str, names: Sequence[str]) -> None:
    """For callbacks: from the next redrawing on, these names are chosen."""
    history = st.session_state.get(_key(parameter), ())
    st.session_state[_key(parameter)] = (*history, tuple(names))[-REMEMBERED:]


def reconciled(history: Sequence[Names], named: Names) -> tuple[Names, ...]:
    """The choices of this page so far, the current one last, given the names in the address."""
    if not history or (named and named not in history):
        return (named,)
    return tuple(history)


def _key(parameter: str) -> str:
    return f"chosen_{parameter}"
