"""What is fitted to what: the controls of the page on curves. Every value is a part of the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.curve_points import Point
from dashboard.language import _, mark
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.fit_points import points_now, points_table
from dashboard.panels.named_choice import named_choice
from training.polynomial import MOST_DEGREE
from training.true_functions import TRUE_FUNCTIONS

POINTS = "points"  # in place of a true function
MODELS = {"polynomial": mark("Polynomial"), "network": mark("Network")}
PENALTIES = (0.0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
DEFAULTS: dict[str, int | float | str] = {
    "fit_function": "sine",
    "fit_samples": 20,
    "fit_noise": 0.3,
    "fit_seed": 0,
    "fit_model": "polynomial",
    "fit_degree": 3,
    "fit_ridge": 0.0,
    "fit_lasso": 0.0,
    "fit_jitter": 0.0,
}
_CHOSEN = "fit_chosen"
SAMPLES, NOISE = (3, 200), (0.0, 1.0)


@dataclass(frozen=True)
class DataChoice:
    """What the samples are: of a true function, or a reader's own."""

    function: str
    samples: int
    noise: float
    seed: int
    points: tuple[Point, ...]

    @property
    def own(self) -> bool:
        return self.function == POINTS


def data_form(words: Mapping[str, str]) -> DataChoice:
    """The controls of the data."""
    names = [*TRUE_FUNCTIONS.names(), POINTS]
    function = named_choice(
        _("True function"), names, "sine", "fit_function", _title, help=words["about_function"]
    )
    if function == POINTS:
        samples, noise = int(DEFAULTS["fit_samples"]), float(DEFAULTS["fit_noise"])
        st.caption(words["own_points"])
    else:
        st.latex(rf"f(x) = {TRUE_FUNCTIONS[function].formula}")
        samples = bound_slider(_("Samples"), *SAMPLES, 20, "fit_samples", about=words["about_samples"])
        noise = bound_slider(
            _("Noise"), *NOISE, 0.3, "fit_noise", 0.05, _("Standard deviation of what is added to a value.")
        )
    seed = bound_slider(
        _("Draw") if function != POINTS else _("Who is held out"), 0, 50, 0, "fit_seed",
        about=_("Another number draws other samples of the same truth."),
    )  # fmt: skip
    if function == POINTS:
        points_table()
    return DataChoice(function, samples, noise, seed, points_now() if function == POINTS else ())


@dataclass(frozen=True)
class ModelChoice:
    """What is fitted: a polynomial or a network, and what holds it back."""

    model: str
    degree: int
    ridge: float
    lasso: float
    jitter: float


def model_form(words: Mapping[str, str]) -> ModelChoice:
    """The controls of the model. A click on a capacity in a chart comes back through `choose`."""
    for key, value in st.session_state.pop(_CHOSEN, {}).items():
        st.session_state[key] = value
    model = bounded_choice(
        _("Model"), tuple(MODELS), "polynomial", "fit_model", lambda name: _(MODELS.get(name, name))
    )
    degree = 3
    if model == "polynomial":
        degree = bound_slider(_("Degree"), 0, MOST_DEGREE, 3, "fit_degree")
    ridge = bound_scale(_("L2 penalty"), PENALTIES, 0.0, "fit_ridge", about=words["about_ridge"])
    lasso = bound_scale(_("L1 penalty"), PENALTIES, 0.0, "fit_lasso", about=words["about_lasso"])
    jitter = bound_slider(
        _("Augmentation noise"), 0.0, 0.3, 0.0, "fit_jitter", 0.01, words["about_jitter"], format="%.2f"
    )
    return ModelChoice(model, degree, ridge, lasso, jitter)


def choose(key: str, value: int) -> None:
    """From the next run of the page on, the setting has this value: in this one its widget is drawn."""
    st.session_state[_CHOSEN] = {key: value}


def _title(name: str) -> str:
    return _("My own points") if name == POINTS else _(TRUE_FUNCTIONS[name].title)
