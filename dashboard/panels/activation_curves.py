"""Curves and derivatives of chosen activations, with a point to drag; its numbers follow in the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import noted_problem
from dashboard.panels.named_several import named_several
from dashboard.theme import DARK, LIGHT
from models.activations import ACTIVATIONS, Activation, activation_points
from models.catalog import Parameter
from models.saturation import flat_spans

HERE = Path(__file__).resolve().parent
DEFAULT = ("sigmoid", "tanh", "relu", "gelu")
AT = "activations_at"
LAYERS = 10  # that a gradient passes in the table
POINTS = 601
LOG_STOPS = 25  # of a slider on a logarithmic scale

_CURVES = st.components.v2.component(
    "descent_curves",
    html='<div class="descent-curves"></div>\n<!-- filled by activation_curves.js -->',
    css=(HERE / "activation_curves.css").read_text(encoding="utf-8"),
    js=(HERE / "activation_curves.js").read_text(encoding="utf-8"),
)


def activation_curves(words: Mapping[str, str]) -> None:
    """Functions to choose, then sliders beside the curves, then each chosen function's formula and source."""
    at = _at()
    chosen = named_several(
        _("Functions"),
        ACTIVATIONS.names(),
        DEFAULT,
        "activations_shown",
        lambda name: _(ACTIVATIONS[name].title),
    )
    left, right = beside("activations_curves")
    with left:
        reach = bound_slider(_("From -x to x"), 1.0, 20.0, 6.0, "activations_reach", 0.5)
        settings = {name: parameters(ACTIVATIONS[name], "activations") for name in chosen}
    with right:
        if not chosen:
            st.info(words["none"], icon=":material/show_chart:")
            return
        _drawn(chosen, settings, float(reach), at)
        st.caption(words["flat"])
    for name in chosen:
        _about(ACTIVATIONS[name])


def parameters(row: Activation, prefix: str) -> dict[str, Any]:
    """A slider for each of the row's parameters; their values by name."""
    return {
        each.name: slider(_(row.title), each, f"{prefix}_{row.name}_{each.name}") for each in row.parameters
    }


def slider(owner: str, parameter: Parameter, key: str) -> float:
    """For a number of a table: even steps, or a logarithmic scale where the parameter asks for one."""
    low, high = float(parameter.low or 0), float(parameter.high or 1)
    label = f"{owner}: {_(parameter.description)}" + (f" ${parameter.symbol}$" if parameter.symbol else "")
    start = float(parameter.default)
    if not parameter.log:
        return float(bound_slider(label, low, high, start, key, float(parameter.step or (high - low) / 100)))
    between = [low * (high / low) ** (place / (LOG_STOPS - 1)) for place in range(LOG_STOPS)]
    stops = sorted({*(float(f"{stop:.2g}") for stop in between), start})
    return float(bound_scale(label, stops, start, key))


def _drawn(chosen: Sequence[str], settings: Mapping[str, Mapping[str, Any]], reach: float, at: float) -> None:
    result = _CURVES(
        key="activations_curves",
        data={
            "low": -reach,
            "high": reach,
            "at": min(max(at, -reach), reach),
            "layers": LAYERS,
            "height": 520,
            "curves": [_curve(name, settings[name], reach) for name in chosen],
            "palettes": {"light": LIGHT.categorical, "dark": DARK.categorical},
            "words": {
                "x": _("x, the sum that goes into a unit"),
                "value": _("f(x)"),
                "slope": _("slope f'(x)"),
                "layers": _("after {n} layers"),
                "point": _("at x = {x}"),
                "drag": _("Drag the point, or use the arrow keys"),
                "focus": _("Shade where this one is flat"),
            },
        },
        on_at_change=_nothing,
    )
    if result.at is not None and f"{result.at:g}" != st.query_params.get(AT):
        st.query_params[AT] = f"{result.at:g}"


def _at() -> float:
    """Where the point stands, as the address says."""
    if AT in st.session_state:  # a "try this" has set it; no widget of Streamlit's holds it
        st.query_params[AT] = f"{st.session_state.pop(AT):g}"
    said = st.query_params.get(AT)
    if said is None:
        return 1.0
    try:
        place = float(said)
    except ValueError:
        place = float("nan")
    if not -20 <= place <= 20:
        words = _("{name} in the address is {value}; it must be a number between -20 and 20.")
        noted_problem(AT, words.format(name=AT, value=repr(said)))
        return 1.0
    return place


def _curve(name: str, settings: Mapping[str, Any], reach: float) -> dict[str, Any]:
    points = activation_points(name, -reach, reach, POINTS, settings)
    return {
        "name": name,
        "title": _(ACTIVATIONS[name].title),
        "values": [round(value, 5) for value in points.y.tolist()],
        "slopes": [round(slope, 5) for slope in points.derivative.tolist()],
        "flat": flat_spans(points),
    }


def _about(row: Activation) -> None:
    with st.container(border=True):
        left, right = st.columns([2, 3], gap="medium", vertical_alignment="center")
        with left:
            st.latex(row.formula)
        with right:
            st.markdown(f"**{_(row.title)}** · ${row.range}$  \n{_(row.summary)}")
            st.caption(row.source)


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
