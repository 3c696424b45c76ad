"""Sliders whose value comes from the address, where a person may have written anything."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.control import number_text


def bounded_slider[Number: (int, float)](
    label: str,
    low: Number,
    high: Number,
    default: Number,
    key: str,
    step: Number | None = None,
    about: str | None = None,
    shown: str | None = None,
) -> Number:
    """A slider's value within its ends; what the address says amiss is answered by `said_problems`."""
    if key not in st.session_state:
        for said in st.query_params.get_all(key):
            try:
                fits = low <= float(said) <= high and (isinstance(default, float) or float(said) % 1 == 0)
            except ValueError:
                fits = False
            if not fits:
                words = _("{name} in the address is {value}; it must be {kind} from {low} to {high}.")
                kind = _("a number") if isinstance(default, float) else _("a whole number")
                noted_problem(
                    key, words.format(name=key, value=repr(said), kind=kind, low=f"{low:g}", high=f"{high:g}")
                )
    chosen = st.slider(
        label, low, high, default, step, key=key, bind="query-params", help=about, format=shown
    )
    return min(high, max(low, type(default)(chosen)))


def bounded_steps(
    label: str, options: Sequence[float], default: float, key: str, about: str | None = None
) -> float:
    """A slider over a few numbers, evenly spaced however far they are apart."""
    if key not in st.session_state:
        for said in st.query_params.get_all(key):
            if said not in [number_text(option) for option in options]:
                words = _("{name} in the address is {value}; it can be {options}.")
                listed = ", ".join(number_text(option) for option in options)
                noted_problem(key, words.format(name=key, value=repr(said), options=listed))
    chosen = st.select_slider(
        label, options, default, key=key, bind="query-params", format_func=number_text, help=about
    )
    return float(chosen) if chosen in options else default
