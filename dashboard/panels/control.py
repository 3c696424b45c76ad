"""A widget for one parameter of a table, made from what its row says: range, unit, choices, meaning."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from dashboard.form_state import Control, Setting
from dashboard.language import _
from models.catalog import Parameter

LONGEST_SLIDER = 400  # whole numbers; of more, a slider can't be set to one of them by hand


def control(item: Control, exact: bool = False) -> None:
    """Draws the widget and keeps it at the control's value; `exact`: number fields in place of sliders."""
    key = key_of(item)
    kind, parameter = widget_of(item.parameter, exact), item.parameter
    shown = _shown(item, kind)
    if key not in st.session_state or st.session_state[key] != shown:
        # The form's state is the truth. Only where the widget differs: setting one also moves it in the
        # browser, where a person may have moved it on meanwhile.
        st.session_state[key] = shown
    words: dict[str, Any] = {"key": key, "help": _help(item)}
    label = label_of(parameter)
    if item.several:
        _several(label, item, words)
    elif kind == "choice":
        st.selectbox(label, parameter.choices, format_func=lambda name: _title(item, name), **words)
    elif kind == "flag":
        st.toggle(label, **words)
    elif kind == "log_slider":
        st.select_slider(label, scale_of(parameter, *_seen(item)), format_func=number_text, **words)
    elif kind == "slider":
        step = step_of(parameter)
        st.slider(label, *_limits(parameter), step=step, format=_decimals(step), **words)
    elif kind == "number":
        _number_field(label, item, words)
    else:
        st.text_input(label, placeholder=_("none") if not parameter.default else None, **words)


def key_of(item: Control) -> str:
    """The widget's key: another row's parameter of the same name is another widget."""
    return f"new_run_{item.owner or 'run'}_{item.name}"


def taken(item: Control) -> Setting:
    """What a person has set the widget to; the control's value where it isn't on the page."""
    key = key_of(item)
    if key not in st.session_state:
        return item.value
    value = st.session_state[key]
    if item.several:
        return tuple(value)
    if value is None:
        return item.default
    return float(value) if item.parameter.kind == "number" else value


def widget_of(parameter: Parameter, exact: bool = False) -> str:
    """choice, flag, text, number, slider or log_slider."""
    if parameter.kind in ("choice", "flag"):
        return parameter.kind
    if parameter.kind in ("text", "path"):
        return "text"
    low, high = parameter.low, parameter.high
    if exact or low is None or high is None:
        return "number"
    if parameter.log:
        return "log_slider"
    if parameter.kind == "integer":
        return "slider" if high - low <= LONGEST_SLIDER else "number"
    # A share or an angle is a slider; what is 0 mostly, and else tiny or any size (weight decay), is typed.
    is_share = high - low < 1 or (high - low == 1 and parameter.default)
    return "slider" if parameter.step or is_share else "number"


def scale_of(parameter: Parameter, *wanted: Setting) -> list[int | float]:
    """The stops of a logarithmic slider: round numbers from low to high, and the `wanted` ones among them."""
    lowest, high = _ends(parameter)
    low = max(lowest, 1e-12)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if parameter.kind == "integer" else (1, 2, 3, 5, 7)
    stops = {digit * 10.0**decade for decade in decades for digit in digits}
    stops = {float(f"{stop:.12g}") for stop in stops}
    if parameter.kind == "integer":
        stops = {stop for stop in stops if stop == int(stop)} | {2.0**power for power in range(40)}
    kept = {stop for stop in stops if low <= stop <= high} | {lowest, high, *wanted}
    convert = int if parameter.kind == "integer" else float
    return sorted({convert(stop) for stop in kept})  # type: ignore[arg-type]


def step_of(parameter: Parameter) -> int | float:
    """The parameter's own step, else a hundredth of its range, rounded to 1, 2 or 5 times a power of ten."""
    if parameter.kind == "integer":
        return max(1, int(parameter.step or 1))
    if parameter.step:
        return float(parameter.step)
    low, high = _ends(parameter)
    rough = (high - low) / 100
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough * 0.999))


def label_of(parameter: Parameter) -> str:
    """Like "Batch size" or "Patience (epochs)"."""
    unit = f" ({_(parameter.unit)})" if parameter.unit and parameter.unit not in parameter.name else ""
    return words_of(parameter.name) + unit


def words_of(name: str) -> str:
    """An option's name as a person reads it: "Batch size"."""
    words = _(name.replace("_", " "))
    return words[:1].upper() + words[1:]


def _seen(item: Control) -> list[Setting]:
    """Every value and default that the slider has had in this session: its stops stay while it is moved."""
    seen: list[Setting] = st.session_state.setdefault(f"{key_of(item)}_seen", [])
    seen += [value for value in (item.value, item.default) if value not in seen]
    return seen


def _decimals(step: int | float) -> str:
    """As many digits as the step has: a slider of thousandths must not say 1.00 for 0.999."""
    digits = f"{step:.10f}".rstrip("0").partition(".")[2]
    return f"%.{len(digits)}f" if isinstance(step, float) else "%d"


def number_text(value: float) -> str:
    """Short and exact: 0.003, 1e-08, 4,096."""
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:.12g}"


def _shown(item: Control, kind: str) -> Any:
    if item.several:
        return list(item.value)  # type: ignore[arg-type]
    if kind == "number" and item.parameter.kind == "number":
        return float(item.value)  # type: ignore[arg-type]
    if kind == "slider":
        low, high = _limits(item.parameter)
        return min(high, max(low, item.value))
    return item.value


def _limits(parameter: Parameter) -> tuple[Any, Any]:
    convert = int if parameter.kind == "integer" else float
    low, high = _ends(parameter)
    return convert(low), convert(high)


def _ends(parameter: Parameter) -> tuple[float, float]:
    if parameter.low is None or parameter.high is None:
        raise ValueError(
            f"{parameter.name} has no {'low' if parameter.low is None else 'high'}; a slider needs both"
        )
    return parameter.low, parameter.high


def _several(label: str, item: Control, words: dict[str, Any]) -> None:
    """A box for several rows, or for texts of a person's own where there is no table."""
    if item.field.table is not None:
        options = list(item.parameter.choices)
        st.multiselect(
            label, options, format_func=lambda name: _title(item, name), placeholder=_("none"), **words
        )
    else:
        options = list(item.value)  # type: ignore[arg-type]
        st.multiselect(
            label, options, accept_new_options=True, placeholder=_("type one and press Enter"), **words
        )


def _number_field(label: str, item: Control, words: dict[str, Any]) -> None:
    parameter = item.parameter
    convert = int if parameter.kind == "integer" else float
    low = None if parameter.low is None else convert(parameter.low)
    high = None if parameter.high is None else convert(parameter.high)
    if parameter.kind == "integer":
        st.number_input(label, low, high, step=step_of(parameter), format="%d", **words)
    else:
        step = _field_step(parameter, float(item.default))  # type: ignore[arg-type]
        st.number_input(label, low, high, step=step, format="%g", **words)


def _field_step(parameter: Parameter, default: float) -> float:
    """What a press on + adds: something in the order of the default, or of a usual small value."""
    if parameter.step:
        return float(parameter.step)
    return 10.0 ** math.floor(math.log10(abs(default))) if default else 1e-4


def _title(item: Control, name: str) -> str:
    """A row's title; words such as "auto", and choices without a table, as they are."""
    if item.is_choice_of_rows and name in (item.field.table or ()):
        return str(item.field.table[name].title)  # type: ignore[index]
    return name


def _help(item: Control) -> str:
    parameter = item.parameter
    symbol = f" ${parameter.symbol}$" if parameter.symbol else ""
    text = f"{parameter.description}{symbol}"
    if isinstance(item.default, tuple) or item.default == "" or item.is_choice_of_rows:
        return text
    default = number_text(item.default) if isinstance(item.default, float) else item.default
    return f"{text}  \n" + _("default: {default}").format(default=default)
