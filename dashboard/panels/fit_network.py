"""Networks fitted to a curve: started by a button, seen as they bend, kept as a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.curve_fit import capacity_chart, history_chart, sizes_chart
from dashboard.language import _, count
from dashboard.panels.escape import plain
from dashboard.panels.fit_form import DataChoice, ModelChoice, asked_of
from dashboard.panels.fit_picture import drawing_of, error_numbers, fit_picture, residual_picture
from dashboard.panels.lab_results import now, run_of, run_progress, start_lab_button, table_of
from dashboard.panels.live import live
from dashboard.panels.plot import plot
from dashboard.settings import Settings
from training.config import ConfigError
from training.true_functions import CurveData

KIND = "curve"
INTERVAL = 0.4  # seconds between two looks while it trains


def network_tab(
    data: DataChoice, model: ModelChoice, samples: CurveData, settings: Settings, words: Mapping[str, str]
) -> None:
    """The networks of these settings; without any the samples, and the button that trains them."""
    from training.curve import WidthSettings

    try:
        asked = asked_of(WidthSettings, data, model)
    except ConfigError as problem:
        st.warning(plain(str(problem)))
        fit_picture(data, samples, None, model.capacity, "")
        return
    run = run_of(KIND, asked, settings)
    many = len(asked.widths) * asked.seeds
    label = _("Train {networks}").format(networks=count(many, "{n} network", "{n} networks"))
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width=230):
            start_lab_button(KIND, asked, label, settings, run)
        if run is None:
            st.caption(words["network_empty"])
    if run is None:
        fit_picture(data, samples, None, model.capacity, "")
        return
    identity = run.id
    live(lambda: _shown(identity, data, model, samples, settings), run.state == "running", INTERVAL)


def _shown(
    identity: str, data: DataChoice, model: ModelChoice, samples: CurveData, settings: Settings
) -> bool:
    """What is there of the run now; whether it goes on."""
    from training.curve import HISTORY, TABLE, width_fits

    run = now(identity, settings)
    if run is None:
        return False
    running = run.state == "running"
    if running:
        run_progress(run)
    table = table_of(run, TABLE)
    if table is None:
        fit_picture(data, samples, None, model.capacity, "")
        return running
    seeds = sorted(int(seed) for seed in table.frame["seed"].unique())
    every = [width_fits(table, seed, samples) for seed in seeds]
    fits = every[0]
    place = fits.place(model.capacity)
    name = _("width {n}").format(n=fits.capacities[place])
    fit_picture(
        data,
        samples,
        fits,
        model.capacity,
        name,
        [each.curves[place] for each in every[1:]],
        table.about["validation"],
    )
    error_numbers(fits, place, _("Width"))
    tests = np.stack([each.test_errors for each in every])
    grid = st.grid(2, min_column_width=300, gap="medium")
    with grid:
        chart = capacity_chart(
            fits.capacities, fits.train_errors, fits.test_errors, fits.capacities[place], "width",
            samples.noise**2 or None, "test" if samples.truth is not None else "held out", log_x=True,
            spread=(tests.min(axis=0), tests.max(axis=0)) if len(every) > 1 else None,
        )  # fmt: skip
        plot(chart, "fit_capacity", height=320)
        residual_picture(drawing_of(samples), fits, place)
    history = table_of(run, HISTORY)
    if history is not None:
        frame = history.frame
        frame = frame[(frame["width"] == fits.capacities[place]) & (frame["seed"] == 0)]
        stopped = _stopped(table.frame, fits.capacities[place]) if table.about["validation"] else None
        with grid:
            chart = history_chart(
                frame["step"].to_numpy(),
                frame["train_error"].to_numpy(),
                frame["test_error"].to_numpy(),
                stopped,
            )
            plot(chart, "fit_history", height=300)
    with grid:
        plot(sizes_chart(fits.capacities, fits.sizes, model.capacity, "width", log_x=True), "fit_sizes", 300)
    if not running:
        run_progress(run)
    return running


def _stopped(frame: object, width: int) -> int:
    """The step whose weights early stopping has kept, of the first seed of a width."""
    import pandas as pd

    assert isinstance(frame, pd.DataFrame)
    return int(frame[(frame["width"] == width) & (frame["seed"] == 0)]["stopped"].iloc[0])
