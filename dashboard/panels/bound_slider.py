"""Sliders whose value is a part of the address by their key; what the address says amiss is remembered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted, noted_problem
from dashboard.panels.control import number_text


def bound_slider[Number: (int, float)](
    label: str,
    low: Number,
    high: Number,
    default: Number,
    key: str,
    step: Number | None = None,
    about: str | None = None,
    **looks: Any,
) -> Number:
    """A number between low and high. `looks` are st.slider's own (format, disabled ...)."""
    if key not in st.session_state:
        for said in st.query_params.get_all(key):
            words = _amiss(said, low, high, isinstance(default, int))
            if words:
                noted_problem(
                    key,
                    words.format(name=key, value=repr(said), low=number_text(low), high=number_text(high)),
                )
    return st.slider(label, low, high, default, step, key=key, bind="query-params", help=about, **looks)


def bound_scale[Item](
    label: str,
    stops: Sequence[Item],
    default: Item,
    key: str,
    format_func: Callable[[Any], str] = number_text,
    about: str | None = None,
    **looks: Any,
) -> Item:
    """One of the stops, which need not lie evenly. The address has it as `format_func` writes it."""
    noted(key, [format_func(stop) for stop in stops])
    return st.select_slider(
        label,
        list(stops),
        default,
        key=key,
        bind="query-params",
        format_func=format_func,
        help=about,
        **looks,
    )


def _amiss(said: str, low: float, high: float, whole: bool) -> str:
    """What is wrong with the address's words for a slider, to be filled in; empty where nothing is."""
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        return _("{name} in the address is {value}; it must be a number between {low} and {high}.")
    if whole and not said.strip().lstrip("+-").isdigit():
        return _("{name} in the address is {value}; it must be a whole number between {low} and {high}.")
    return ""
