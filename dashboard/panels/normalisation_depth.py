"""A chosen activation and initialisation through 1 to 50 layers, with a normalisation and without."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from dashboard.charts.normalised_depth import normalised_depth_chart
from dashboard.language import _
from dashboard.panels.activation_curves import slider
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from models.activations import ACTIVATIONS
from models.initializers import INITIALIZERS
from models.normalisation import NORMALISATIONS, build_normalisation
from models.signal_depth import Signals, signals

WIDTHS = (8, 16, 32, 64, 128, 256)


def normalisation_depth(words: Mapping[str, str]) -> None:
    """Controls at the left, the four panes beside them, one sentence under them."""
    left, right = beside("normalisation_depth")
    with left:
        kind = named_choice(
            _("Normalisation"), _of_vectors(tuple(NORMALISATIONS.names())), "batch", "normalisation_deep",
            lambda name: _(NORMALISATIONS[name].title),
        )  # fmt: skip
        activation = named_choice(
            _("Activation"), ACTIVATIONS.names(), "relu", "normalisation_activation",
            lambda name: _(ACTIVATIONS[name].title),
        )  # fmt: skip
        initializer = named_choice(
            _("Initialisation"), INITIALIZERS.names(), "normal", "normalisation_start",
            lambda name: _(INITIALIZERS[name].title),
        )  # fmt: skip
        row = INITIALIZERS[initializer]
        start = {
            each.name: slider(row.title, each, f"normalisation_start_{each.name}") for each in row.parameters
        }
        layers = bound_slider(_("Layers"), 1, 50, 20, "normalisation_layers")
        width = int(bound_scale(_("Units in a layer"), WIDTHS, 64, "normalisation_width"))
        seed = bound_slider(_("Draw"), 0, 20, 0, "normalisation_weights", about=words["weights"])
    shared = (activation, initializer, layers, width, seed, tuple(start.items()))
    plain, normed = _signals(*shared, None), _signals(*shared, kind)
    title = _(NORMALISATIONS[kind].title).lower()
    with right:
        chart = normalised_depth_chart(plain, normed, title)
        plot(chart, "normalisation_depth", height=560, description=_("Signals with and without"))
        st.markdown(f"{_reading(_('Without'), plain)}  \n{_reading(_('With') + ' ' + title, normed)}")
        st.caption(words["theory"])


@lru_cache
def _of_vectors(names: tuple[str, ...]) -> list[str]:
    """Those that make sense of samples without places: each unit a channel."""

    def takes(name: str) -> bool:
        try:
            build_normalisation((min(WIDTHS),), name)
        except ValueError:
            return False
        return True

    return [name for name in names if takes(name)]


@st.cache_resource(max_entries=64, show_spinner=False)
def _signals(
    activation: str,
    initializer: str,
    layers: int,
    width: int,
    seed: int,
    start: tuple[tuple[str, Any], ...],
    kind: str | None,
) -> Signals:
    return signals(activation, initializer, layers, width, seed, None, dict(start), kind)


def _reading(name: str, found: Signals) -> str:
    """In words: what is left of the activations at the top, and of the gradients at the bottom."""
    forward = float(found.activation_sizes[-1])
    first, last = float(found.gradient_sizes[0]), float(found.gradient_sizes[-1])
    if first == 0 or last == 0:
        words = _(
            "**{name}**: activations have the size {forward:.2g} at the last layer; no gradient passes."
        )
        return words.format(name=name, forward=forward)
    words = _(
        "**{name}**: activations have the size {forward:.2g} at the last layer; the gradient at the first is "
        "{ratio:.2g} times what it is at the last."
    )
    return words.format(name=name, forward=forward, ratio=first / last)
