"""A control for each argument of a tensor operation, made from what its row says; all are in the address."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.bound_control import bound_control
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import noted
from dashboard.panels.control import scale_of
from dashboard.panels.named_choice import named_choice, named_switch
from models.tensor_operation import Argument, Given, Operation

SIDE_BY_SIDE = 20  # letters of all choices that stand side by side; more in a box


def argument_key(row: Operation, argument: str) -> str:
    """The key of an argument's control, which is also its name in the address."""
    return f"tensors_{row.name}_{argument}"


def own_arguments(row: Operation) -> dict[str, Any]:
    """Controls for the operation's own arguments; the settings by argument."""
    return {argument.name: _control(row, argument, _label(argument)) for argument in row.own}


def input_arguments(row: Operation, held: str = "") -> dict[str, Any]:
    """Controls for its inputs, but not for the one that is `held`, which is there already."""
    settings: dict[str, Any] = {}
    for given in row.inputs:
        if given.name != held:
            settings |= _input(row, given)
    return settings


def _input(row: Operation, given: Given) -> dict[str, Any]:
    """What an input's cells hold, and its shape or the numbers themselves."""
    arguments = {argument.name.removeprefix(f"{given.name}_"): argument for argument in given.arguments}
    settings: dict[str, Any] = {}
    kind = "typed"
    if "numbers" in arguments:
        argument = arguments["numbers"]
        kind = named_choice(
            _("Numbers of {name}").format(name=given.name),
            argument.choices,
            str(argument.default),
            argument_key(row, argument.name),
            _,
        )
        settings[argument.name] = kind
    shown = ("typed", _("{name}, typed")) if kind == "typed" else ("shape", _("Shape of {name}"))
    argument = arguments[shown[0]]
    settings[argument.name] = _control(row, argument, shown[1].format(name=given.name))
    return settings


def _label(argument: Argument) -> str:
    """The name that stands in the line of PyTorch, and the formula's letter."""
    return f"`{argument.name}`" + (f" ${argument.symbol}$" if argument.symbol else "")


def _control(row: Operation, argument: Argument, label: str) -> Any:
    key = argument_key(row, argument.name)
    about = _(argument.description)
    if argument.kind == "choice":
        letters = sum(map(len, argument.choices))
        draw = named_switch if letters <= SIDE_BY_SIDE else named_choice
        return draw(label, argument.choices, str(argument.default), key, _, help=about)
    if argument.kind == "text":
        return st.text_input(label, str(argument.default), key=key, bind="query-params", help=about)
    if argument.kind == "flag":
        noted(key, ("true", "false", "True", "False"))
        return st.toggle(label, bool(argument.default), key=key, bind="query-params", help=about)
    if argument.low is None or argument.high is None:
        return bound_control(argument, argument.default, key)
    if argument.log:
        return bound_scale(label, scale_of(argument, argument.default), argument.default, key, about=about)
    if argument.kind == "integer":
        ends = int(argument.low), int(argument.high), int(argument.default)
        return bound_slider(label, *ends, key, about=about)
    digits = len(f"{argument.step or 0.1:.10f}".rstrip("0").partition(".")[2])
    low, high, default, step = (
        float(each or 0) for each in (argument.low, argument.high, argument.default, argument.step)
    )
    return bound_slider(label, low, high, default, key, step or None, about, format=f"%.{digits}f")
