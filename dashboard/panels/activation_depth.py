"""A chosen activation and initialisation through 1 to 50 layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.charts.activation_depth import signal_depth_chart
from dashboard.language import _
from dashboard.panels.activation_curves import parameters, slider
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from models.activations import ACTIVATIONS
from models.initializers import INITIALIZERS
from models.signal_depth import Signals, signals

WIDTHS = (8, 16, 32, 64, 128, 256)


def activation_depth(words: Mapping[str, str]) -> None:
    """Controls at the left, the four panes beside them, one sentence under them."""
    left, right = beside("activations_depth")
    with left:
        activation = named_choice(
            _("Activation"),
            ACTIVATIONS.names(),
            "sigmoid",
            "activations_deep",
            lambda name: _(ACTIVATIONS[name].title),
        )
        own = parameters(ACTIVATIONS[activation], "activations_deep")
        initializer = named_choice(
            _("Initialisation"),
            INITIALIZERS.names(),
            "xavier_normal",
            "activations_start",
            lambda name: _(INITIALIZERS[name].title),
        )
        row = INITIALIZERS[initializer]
        start = {
            each.name: slider(row.title, each, f"activations_start_{each.name}") for each in row.parameters
        }
        layers = bound_slider(_("Layers"), 1, 50, 10, "activations_layers")
        width = bound_scale(_("Units in a layer"), WIDTHS, 64, "activations_width", about=words["width"])
        seed = bound_slider(_("Draw"), 0, 20, 0, "activations_seed", about=words["draw"])
        st.latex(row.formula)
    found = _signals(activation, initializer, layers, width, seed, tuple(own.items()), tuple(start.items()))
    with right:
        chart = signal_depth_chart(found)
        plot(chart, "activations_depth", height=560, description=_("Signals through the layers"))
        st.markdown(_reading(found))
        st.caption(words["theory"])


@st.cache_resource(max_entries=64, show_spinner=False)
def _signals(
    activation: str,
    initializer: str,
    layers: int,
    width: int,
    seed: int,
    own: tuple[tuple[str, Any], ...],
    start: tuple[tuple[str, Any], ...],
) -> Signals:
    return signals(activation, initializer, layers, width, seed, dict(own), dict(start))


def _reading(found: Signals) -> str:
    """In words: what is left of the activations at the top, and of the gradients at the bottom."""
    sizes = found.gradient_sizes
    last, first = float(sizes[-1]), float(sizes[0])
    if last == 0 or first == 0:
        return _(
            "**No gradient reaches the first layer**: below a slope of 0, or weights of 0, nothing learns."
        )
    ratio = first / last
    forward = float(found.activation_sizes[-1])
    if ratio < 1e-3:
        verdict = _("**The gradient vanishes**")
    elif ratio > 1e3:
        verdict = _("**The gradient explodes**")
    else:
        verdict = _("**The gradient keeps its order of size**")
    words = _(
        "{verdict}: at the first layer it is {ratio:.2g} times what it is at the last. "
        "Activations have the size {forward:.2g} at the last layer."
    )
    return words.format(verdict=verdict, ratio=ratio, forward=forward)
