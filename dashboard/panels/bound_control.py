"""A widget for one parameter of a table, whose value is a part of the address by its key."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.control import label_of, number_text
from dashboard.panels.named_choice import named_choice
from models.catalog import Catalog, Parameter, Value


def bound_control(
    parameter: Parameter,
    default: Value | None,
    key: str,
    table: Catalog[Any] | None = None,
    absent: Value | None = None,
    **looks: Any,
) -> Any:
    """The widget's value, checked by the parameter's own rule; what the address says amiss is remembered.

    `default`: what it starts with; None: an empty number field that shows `absent`, and gives None. `looks`
    are the widget's own (label_visibility, width ...).
    """
    if parameter.kind != "choice":
        _look_at_address(parameter, key)
    words: dict[str, Any] = {"key": key, "bind": "query-params", "help": parameter.description, **looks}
    label = label_of(parameter)
    if parameter.kind == "choice":
        options = list(parameter.choices)
        start = str(default) if default in options else options[0]
        return named_choice(
            label,
            options,
            start,
            key,
            lambda name: _title(table, name),
            **{"help": parameter.description, **looks},
        )
    if parameter.kind == "flag":
        return st.toggle(label, value=bool(default), **words)
    if parameter.kind in ("integer", "number"):
        return _number(parameter, default, label, absent, words)
    return st.text_input(label, value=str(default or ""), **words)


def _number(parameter: Parameter, default: Any, label: str, absent: Any, words: dict[str, Any]) -> Any:
    convert: Any = int if parameter.kind == "integer" else float
    low = None if parameter.low is None else convert(parameter.low)
    high = None if parameter.high is None else convert(parameter.high)
    value = None if default is None else convert(default)
    step = convert(parameter.step or 1) if parameter.kind == "integer" else _step(default or absent)
    placeholder = None if absent is None else number_text(absent)
    pattern = "%d" if parameter.kind == "integer" else "%g"
    return st.number_input(
        label, low, high, value, step=step, format=pattern, placeholder=placeholder, **words
    )  # fmt: skip


def _step(value: Any) -> float:
    """What a press on + adds: a tenth of the value, as a power of ten."""
    return float(10.0 ** math.floor(math.log10(abs(value)))) if value else 1e-4


def _look_at_address(parameter: Parameter, key: str) -> None:
    if key in st.session_state:
        return
    for said in st.query_params.get_all(key):
        try:
            parameter.check(said, "the address")
        except ValueError as problem:
            noted_problem(key, str(problem))


def _title(table: Catalog[Any] | None, name: str) -> str:
    """A row's title; words such as "auto", and choices without a table, as they are."""
    return str(table[name].title) if table is not None and name in table else _(name)
