"""The fit of a curve: polynomials answer at once, networks are trained at the press of a button."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.charts.curve_fit import capacity_chart, sizes_chart, weights_chart
from dashboard.language import _
from dashboard.panels.fit_form import DataChoice, ModelChoice, choose
from dashboard.panels.fit_network import network_tab
from dashboard.panels.fit_picture import (
    data_of,
    drawing_of,
    empty_picture,
    error_numbers,
    fit_picture,
    residual_picture,
)
from dashboard.panels.plot import plot
from dashboard.settings import Settings
from training.capacities import CapacityFits, polynomial_fits
from training.true_functions import CurveData


def fit_tab(data: DataChoice, model: ModelChoice, settings: Settings, words: Mapping[str, str]) -> None:
    """The samples and what is fitted to them; own points that are too few are said, and more are clicked."""
    try:
        samples = data_of(data)
    except ValueError as problem:
        empty_picture(data, str(problem))
        return
    if model.is_network:
        network_tab(data, model, samples, settings, words)
    else:
        _polynomial(data, model, samples)


def _polynomial(data: DataChoice, model: ModelChoice, samples: CurveData) -> None:
    fits = _fits(data, model.ridge, model.lasso, model.jitter)
    place = fits.place(model.capacity)
    fit_picture(data, samples, fits, model.capacity, _("degree {n}").format(n=model.capacity))
    error_numbers(fits, place, _("Degree"))
    with st.grid(2, min_column_width=300, gap="medium"):
        chart = capacity_chart(
            fits.capacities, fits.train_errors, fits.test_errors, model.capacity, "degree",
            samples.noise**2 or None, "test" if samples.truth is not None else "held out",
        )  # fmt: skip
        event = plot(chart, "fit_capacity", height=320, on_click=True)
        if event and event.get("x") in fits.capacities and event["x"] != model.capacity:
            choose("fit_degree", int(event["x"]))
            st.rerun()
        residual_picture(drawing_of(samples), fits, place)
        plot(weights_chart(fits.weights[place][: model.capacity + 1]), "fit_weights", height=300)
        plot(sizes_chart(fits.capacities, fits.sizes, model.capacity, "degree"), "fit_sizes", height=300)


@st.cache_data(max_entries=200, show_spinner=False)
def _fits(data: DataChoice, ridge: float, lasso: float, jitter: float) -> CapacityFits:
    return polynomial_fits(data_of(data), ridge, lasso, jitter, data.seed)
