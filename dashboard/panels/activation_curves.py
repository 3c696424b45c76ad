"""Curves and derivatives of chosen activations, with a point to drag; its numbers follow in the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.curves_board import board_place, curve, curves_board
from dashboard.panels.named_several import named_several
from models.activations import ACTIVATIONS, Activation, activation_points
from models.catalog import Parameter
from models.losses import Loss
from models.saturation import flat_spans

DEFAULT = ("sigmoid", "tanh", "relu", "gelu")
AT = "activations_at"
LAYERS = 10  # that a gradient passes in the table
POINTS = 601
FORMULA_WIDE, ABOUT_WIDE = 450, 360  # pixels of a function's formula and of what is said of it
LOG_STOPS = 25  # of a slider on a logarithmic scale


def activation_curves(words: Mapping[str, str]) -> None:
    """Functions to choose, then sliders beside the curves, then each chosen function's formula and source."""
    at = board_place(AT, -20, 20, 1.0)
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


def parameters(row: Activation | Loss, prefix: str) -> dict[str, Any]:
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
    curves_board(
        "activations_curves",
        AT,
        [_curve(name, settings[name], reach) for name in chosen],
        (-reach, reach),
        at,
        {
            "x": _("x, the sum that goes into a unit"),
            "value": _("f(x)"),
            "slope": _("slope f'(x)"),
            "focus": _("Shade where this one is flat"),
        },
        layers=LAYERS,
    )


def _curve(name: str, settings: Mapping[str, Any], reach: float) -> dict[str, Any]:
    points = activation_points(name, -reach, reach, POINTS, settings)
    return curve(name, _(ACTIVATIONS[name].title), points.y, points.derivative, flat_spans(points))


def _about(row: Activation) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.latex(row.formula, width=FORMULA_WIDE)  # above its words where both don't fit
        with st.container(width=ABOUT_WIDE, gap="xsmall"):
            st.markdown(f"**{_(row.title)}** · ${row.range}$  \n{_(row.summary)}")
            st.caption(row.source)
