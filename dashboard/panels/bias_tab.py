"""Bias and variance: the same model fitted to many training sets, their cloud, and the error in its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.bias_variance import cloud_chart, parts_chart
from dashboard.language import _, count
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.fit_form import DataChoice, ModelChoice, asked_of, choose
from dashboard.panels.lab_results import now, run_of, run_progress, start_lab_button, table_of
from dashboard.panels.live import live
from dashboard.panels.named_choice import named_switch
from dashboard.panels.numbers import Number, numbers
from dashboard.panels.plot import plot
from dashboard.settings import Settings
from training.config import ConfigError
from training.true_functions import TRUE_FUNCTIONS, grid

KIND = "bias"
RESAMPLES = (50, 100, 200, 400)
DEGREES = (11, 15, 20, 30)
CAPACITIES = 12
INTERVAL = 0.5  # seconds between two looks while it trains
SCALES = ("stacked", "lines")


def bias_tab(data: DataChoice, model: ModelChoice, settings: Settings, words: Mapping[str, str]) -> None:
    """The cloud of the chosen capacity beside the parts of every capacity's error."""
    st.markdown(words["bias"])
    if data.own:
        st.info(words["bias_own"])
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        resamples = bounded_choice(_("Training sets"), RESAMPLES, 200, "fit_resamples")
        scale = named_switch(_("Parts"), SCALES, "stacked", "fit_parts", _)
        if not model.is_network:
            most = bounded_choice(_("Degrees up to"), DEGREES, 11, "fit_most")
    if model.is_network:
        _networks(data, model, resamples, scale == "lines", settings, words)
    else:
        _polynomials(data, model, resamples, degrees_up_to(most, model.capacity), scale == "lines")


def degrees_up_to(most: int, chosen: int) -> list[int]:
    """Twelve degrees from 0 to `most`, and the chosen one in the place of its neighbour."""
    degrees = [round(share) for share in np.linspace(0, most, CAPACITIES)]
    if chosen <= most and chosen not in degrees:
        nearest = min(degrees[1:-1], key=lambda degree: abs(degree - chosen))
        degrees[degrees.index(nearest)] = chosen
    return sorted(degrees)


def _polynomials(
    data: DataChoice, model: ModelChoice, resamples: int, degrees: Sequence[int], lines: bool
) -> None:
    parts, fits = _sets(data, model.ridge, model.lasso, model.jitter, resamples, tuple(degrees))
    place = int(np.abs(np.array(degrees) - model.capacity).argmin())
    columns = {
        "bias_squared": parts.bias_squared,
        "variance": parts.variance,
        "noise": np.full(len(degrees), parts.noise),
        "measured": parts.measured,
        "doubt": parts.doubt,
    }
    _drawn(data, degrees, columns, place, fits[:, place], grid(), "degree", lines)


def _networks(
    data: DataChoice,
    model: ModelChoice,
    resamples: int,
    lines: bool,
    settings: Settings,
    words: Mapping[str, str],
) -> None:
    from training.bias_variance import BiasSettings

    try:
        asked = asked_of(BiasSettings, data, model, resamples=resamples)
    except ConfigError as problem:
        st.warning(plain(str(problem)))
        return
    run = run_of(KIND, asked, settings)
    many = len(asked.widths) * resamples
    label = _("Train {networks}").format(networks=count(many, "{n} network", "{n} networks"))
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width=230):
            start_lab_button(KIND, asked, label, settings, run)
        if run is None:
            st.caption(words["bias_empty"])
    if run is not None:
        identity = run.id
        live(lambda: _shown(identity, data, model, lines, settings), run.state == "running", INTERVAL)


def _shown(identity: str, data: DataChoice, model: ModelChoice, lines: bool, settings: Settings) -> bool:
    from training.bias_variance import SHOWN, TABLE, curves_table

    run = now(identity, settings)
    if run is None:
        return False
    run_progress(run)
    table = table_of(run, TABLE)
    if table is not None:
        frame = table.frame
        widths = [int(width) for width in frame["capacity"]]
        place = int(np.abs(np.array(widths) - model.capacity).argmin())
        curves = table_of(run, curves_table(widths[place]))
        if curves is not None:
            columns = {name: frame[name].to_numpy(np.float64) for name in frame.columns}
            cloud = np.stack(curves.frame["curve"].to_list()).astype(np.float64)
            _drawn(data, widths, columns, place, cloud, grid()[::SHOWN], "width", lines)
    return run.state == "running"


def _drawn(
    data: DataChoice,
    capacities: Sequence[int],
    parts: Mapping[str, np.ndarray],
    place: int,
    cloud: np.ndarray,
    places: np.ndarray,
    name: str,
    lines: bool,
) -> None:
    truth = TRUE_FUNCTIONS[data.function].compute(grid())
    with st.grid(2, min_column_width=300, gap="medium"):
        title = f"{_(name).capitalize()} {capacities[place]}"
        plot(
            cloud_chart(places, cloud, truth, grid(), title),
            "fit_cloud",
            440,
            description=_("The cloud of fits"),
        )
        chart = parts_chart(
            capacities, parts["bias_squared"], parts["variance"], float(parts["noise"][0]), parts["measured"],
            parts["doubt"], capacities[place], name, lines,
        )  # fmt: skip
        event = plot(chart, "fit_parts_chart", 440, on_click=True, description=_("The error in its parts"))
        if event and isinstance(event.get("x"), int | float) and 0 <= round(event["x"]) < len(capacities):
            wanted = capacities[round(event["x"])]
            if wanted != capacities[place]:
                choose("fit_width" if name == "width" else "fit_degree", wanted)
                st.rerun(scope="app")
    one = {part: float(values[place]) for part, values in parts.items()}
    total = one["bias_squared"] + one["variance"] + one["noise"]
    measured = f"{one['measured']:.4g} ± {one['doubt']:.1g}"
    numbers(
        "fit_parts_numbers",
        [
            Number(_("Bias²"), f"{one['bias_squared']:.4g}"),
            Number(_("+ variance"), f"{one['variance']:.4g}"),
            Number(_("+ noise"), f"{one['noise']:.4g}"),
            Number(_("= expected error"), f"{total:.4g}"),
            Number(
                _("Measured on new samples"),
                measured,
                _("The error on new noisy values, drawn for each training set, and its standard error."),
            ),
        ],
    )


@st.cache_data(max_entries=60, show_spinner=False)
def _sets(
    data: DataChoice, ridge: float, lasso: float, jitter: float, resamples: int, degrees: tuple[int, ...]
) -> tuple[Any, np.ndarray]:
    from training.bias_variance import polynomial_sets

    return polynomial_sets(
        data.function, data.samples, data.noise, data.seed, resamples, degrees, ridge, lasso, jitter
    )
