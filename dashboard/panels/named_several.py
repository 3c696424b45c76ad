"""Several of a few names, side by side, that show words: the names stand in the address, after commas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted_problem


def named_several(
    label: str,
    options: Sequence[str],
    default: Sequence[str],
    key: str,
    words: Callable[[Any], str] = str,
    **looks: Any,
) -> tuple[str, ...]:
    """The chosen options, in the order of `options`; none is allowed. `looks` are st.pills' own.

    The address is read once, as in `named_choice`.
    """
    if key not in st.session_state:
        said = st.query_params.get(key)
        names = list(default) if said is None else [name for name in said.split(",") if name]
        for name in names:
            if name not in options:
                sentence = _("{name} in the address is {value}; it must be some of {options}, after commas.")
                noted_problem(key, sentence.format(name=key, value=repr(said), options=", ".join(options)))
        st.session_state[key] = [name for name in options if name in names]
    elif isinstance(st.session_state[key], str):  # one name, set by a "try this"
        st.session_state[key] = [st.session_state[key]]
    chosen = st.pills(label, list(options), selection_mode="multi", format_func=words, key=key, **looks)
    found = tuple(name for name in options if name in chosen)
    if set(found) == set(default):
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != ",".join(found):
        st.query_params[key] = ",".join(found)
    return found
