"""Dropout as an average over masks: the ensemble of thinned networks beside the one scaled network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.masks import distances_chart, masks_chart
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.plot import plot
from training.dropout_masks import (
    LAYERS,
    POINTS,
    RATES,
    Ensemble,
    Samples,
    Thinned,
    drawn,
    ensemble,
    train,
    truth,
)

MASKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
ROUNDING = 1e-5  # of single precision, over thousands of masks


def regular_dropout(words: Mapping[str, str]) -> None:
    """`words` are the page's passages."""
    left, right = beside("regular")
    with left:
        layers = bounded_choice(_("Hidden layers"), tuple(LAYERS), 2, "regular_layers", about=words["layers"])
        rate = bound_scale(_("Dropped share"), RATES, 0.3, "regular_rate", about=words["rate"])
        masks = bound_scale(_("Masks drawn"), MASKS, 20, "regular_masks", about=words["masks"])
        seed = bound_slider(_("Draw"), 0, 20, 0, "regular_mask_seed", about=words["mask_seed"])
    made = _ensemble(layers, rate)
    samples = _samples()
    some = made.sampled(masks, seed)
    distance = float(np.sqrt(((some.mean(axis=0) - made.mean) ** 2).mean()))
    with right:
        chart = masks_chart(
            POINTS, some, made.mean, made.scaled, truth(POINTS), samples.inputs, samples.targets
        )
        plot(chart, "regular_cloud", height=400, description=_("Thinned networks and their mean"))
        st.markdown(_reading(made, masks, distance))
        counts, distances = _distances(layers, rate)
        chart = distances_chart(counts, distances, made.gap, masks, distance)
        plot(
            chart, "regular_distances", height=290, description=_("Distance from the mean of all masks"),
            heading=_("How many masks make a good mean?"),
        )  # fmt: skip
        st.caption(words["dropout"])


@st.cache_resource(max_entries=4, show_spinner=False)
def _trained(layers: int) -> tuple[Thinned, ...]:
    """A network for each rate; takes a few tenths of a second, once."""
    return train(layers, 0)


@st.cache_resource(max_entries=len(LAYERS) * len(RATES), show_spinner=False)
def _ensemble(layers: int, rate: float) -> Ensemble:
    return ensemble(_trained(layers)[RATES.index(rate)])


@st.cache_resource(max_entries=len(LAYERS) * len(RATES), show_spinner=False)
def _distances(layers: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    counts = np.array(MASKS)
    return counts, _ensemble(layers, rate).distances(counts, 0)


@st.cache_resource(show_spinner=False)
def _samples() -> Samples:
    return drawn(0)


def _reading(made: Ensemble, masks: int, distance: float) -> str:
    first = _mean_words(masks).format(n=f"{masks:,}", distance=distance, all=len(made.chances))
    if made.gap < ROUNDING:
        return first + " " + _("The scaled network **is** that mean, to the last digit of its arithmetic.")
    return (
        first + " " + _("The scaled network is **{gap:.3f}** away, and needs one pass.").format(gap=made.gap)
    )


def _mean_words(masks: int) -> str:
    return (
        _("One drawn mask is **{distance:.3f}** away from the mean of all {all:,} (root mean square).")
        if masks == 1
        else _(
            "The mean of {n} drawn masks is **{distance:.3f}** away from that of all {all:,} "
            "(root mean square)."
        )
    )
