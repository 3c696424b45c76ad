"""A curve and what its capacity does: the fit, its residuals, its weights, and the errors of every
capacity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.charts.curve_fit import (
    fit_chart,
    residuals_chart,
    value_range,
)
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.fit_form import DataChoice
from dashboard.panels.fit_points import take_click
from dashboard.panels.numbers import Number, numbers
from dashboard.panels.plot import plot
from training.capacities import CapacityFits
from training.true_functions import TRUE_FUNCTIONS, CurveData, own_points, sampled


@dataclass(frozen=True)
class Drawing:
    """What the reader sees of the samples, in their own units."""

    places: np.ndarray
    x: np.ndarray
    y: np.ndarray
    truth: np.ndarray | None
    held: tuple[np.ndarray, np.ndarray]
    sources: tuple[int, ...] | None
    ends: tuple[float, float, float, float]


def data_of(choice: DataChoice) -> CurveData:
    """The samples. ValueError where a reader's own points can't be fitted."""
    if choice.own:
        return own_points(choice.points, choice.seed)
    return sampled(TRUE_FUNCTIONS[choice.function], choice.samples, choice.noise, choice.seed)


def drawing_of(data: CurveData) -> Drawing:
    """Places and values as the reader knows them; own points leave room around them for another."""

    def place(x: np.ndarray) -> np.ndarray:
        return data.middle + data.half * x

    def value(y: np.ndarray) -> np.ndarray:
        return data.shift + data.scale * y

    truth = None if data.truth is None else value(data.truth)
    own = data.truth is None
    room = 0.12 * data.half if own else 0.0
    low, high = value_range(value(data.y), value(data.held_y), *([] if truth is None else [truth]))
    left, right = data.middle - data.half - room, data.middle + data.half + room
    return Drawing(
        place(data.grid), place(data.x), value(data.y), truth, (place(data.held_x), value(data.held_y)),
        data.sources if own else None, (left, right, low, high),
    )  # fmt: skip


def fit_picture(
    choice: DataChoice,
    data: CurveData,
    fits: CapacityFits | None,
    capacity: int,
    name: str,
    others: Sequence[np.ndarray] = (),
    stopping: Sequence[int] = (),
) -> None:
    """The samples and the fitted curve; own points are clicked into it."""
    drawn = drawing_of(data)
    curve = None if fits is None else fits.curves[fits.place(capacity)]
    figure = fit_chart(
        drawn.places, curve, drawn.x, drawn.y, drawn.truth, drawn.held, name, others,
        sources=drawn.sources, stopping=stopping, ends=drawn.ends,
    )  # fmt: skip
    event = plot(
        figure, "fit_curve", height=400, on_click=choice.own, description=_("The samples and the fit")
    )
    if take_click(event):
        st.rerun()


def empty_picture(choice: DataChoice, problem: str) -> None:
    """Own points that can't be fitted: what is wrong, and the chart to click more of them into."""
    st.info(plain(problem))
    points = np.array(choice.points, float).reshape(-1, 2)
    figure = fit_chart(
        np.array([-1.0, 1.0]), None, points[:, 0], points[:, 1],
        sources=tuple(range(len(points))), ends=_around(points),
    )  # fmt: skip
    event = plot(figure, "fit_curve", height=400, on_click=True, description=_("The points so far"))
    if take_click(event):
        st.rerun()


def error_numbers(fits: CapacityFits, place: int, capacity_name: str) -> None:
    """The errors of the chosen capacity, and where the test error is smallest."""
    row = [
        Number(_("Training error"), _short(fits.train_errors[place]), _("Mean squared error.")),
        Number(
            _("Test error"),
            _short(fits.test_errors[place]),
            _("Mean squared error expected on new samples; of own points, that of those held out."),
        ),
        Number(_("Size of the weights"), _short(fits.sizes[place])),
    ]
    if fits.best is not None:
        row.append(Number(_("Best {name}").format(name=capacity_name.lower()), f"{fits.best}"))
    numbers("fit_numbers", row)


def residual_picture(drawn: Drawing, fits: CapacityFits, place: int) -> None:
    """What the fit at that place leaves of each sample."""
    held_fit = np.interp(drawn.held[0], drawn.places, fits.curves[place])
    chart = residuals_chart(drawn.x, drawn.y - fits.fitted[place], drawn.held[0], drawn.held[1] - held_fit)
    plot(chart, "fit_residuals", height=320)


def _around(points: np.ndarray) -> tuple[float, float, float, float]:
    if not len(points):
        return -1.0, 1.0, -1.0, 1.0
    (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
    wide, tall = (right - left) or 2.0, (high - low) or 2.0
    return left - wide / 2, right + wide / 2, low - tall / 2, high + tall / 2


def _short(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.3g}" if abs(value) > 1e-12 else "0"  # below is rounding
