"""Widgets whose value lasts while they are not on the page: the address keeps it, and `kept_value` reads it.

Streamlit forgets a widget that is not drawn, and takes what is bound to it out of the address. These write
the address themselves, as panels/named_choice.py does, where the value is not the default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.control import number_text
from models.catalog import Parameter

LOG_STOPS = 25  # of a slider on a logarithmic scale


def kept_parameter(
    parameter: Parameter, key: str, owner: str, stops: Sequence[float] | None = None, about: str | None = None
) -> Any:
    """A switch or a slider for a parameter of a table; its value. `stops`: those of a logarithmic slider."""
    label = _(parameter.description)
    label = label[:1].upper() + label[1:] + (f" ${parameter.symbol}$" if parameter.symbol else "")
    value = _begun(parameter, key, owner)
    if parameter.kind == "flag":
        value = bool(st.toggle(label, key=key, help=about))
    elif parameter.log:
        stands = sorted({*(stops or stops_of(parameter)), value})
        value = st.select_slider(label, stands, key=key, format_func=number_text, help=about)
    elif parameter.kind == "integer":
        value = st.slider(label, int(parameter.low or 0), int(parameter.high or 1), key=key, help=about)
    else:
        step = float(parameter.step or 0.01)
        decimals = max(0, len(f"{step:.6f}".rstrip("0").split(".")[1]))
        value = st.slider(
            label, float(parameter.low or 0), float(parameter.high or 1), step=step, key=key,
            format=f"%.{decimals}f", help=about,
        )  # fmt: skip
    return _said(parameter, value, key)


def kept_value(parameter: Parameter, key: str) -> Any:
    """What the widget of that key was left at; the default where it never was or the address is amiss."""
    said = st.session_state.get(key, st.query_params.get(key, parameter.default))
    try:
        return parameter.check(said, key)
    except ValueError:
        return parameter.default


def put_away(parameter: Parameter, key: str) -> None:
    """For a widget that is not drawn now: the address keeps its value, and it comes back with it.

    Streamlit forgets what is not drawn, but not where a fragment inside of a fragment drew it: there the
    browser forgets alone, and the slider would come back at its lowest stop and say so.
    """
    if key in st.session_state:
        _said(parameter, kept_value(parameter, key), key)
        del st.session_state[key]


def stops_of(parameter: Parameter) -> list[Any]:
    """Two digits each, evenly on a logarithmic scale, with the default among them."""
    low, high = float(parameter.low or 0), float(parameter.high or 1)
    between = [low * (high / low) ** (place / (LOG_STOPS - 1)) for place in range(LOG_STOPS)]
    whole = parameter.kind == "integer"
    found = {round(stop) if whole else float(f"{stop:.2g}") for stop in between}
    return sorted({*found, parameter.default})


def _begun(parameter: Parameter, key: str, owner: str) -> Any:
    """Before the widget: its first value is what the address says; a "try this" may have set any."""
    said = st.session_state.get(key, st.query_params.get(key, parameter.default))
    try:
        value = parameter.check(said, owner)
    except ValueError as problem:
        noted_problem(key, str(problem))
        value = parameter.default
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return value


def _said(parameter: Parameter, value: Any, key: str) -> Any:
    """After the widget: the address has the value, where that is not the default."""
    if value == parameter.default:
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != (written := _written(value)):
        st.query_params[key] = written
    return value


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
