"""What is fitted to what: the controls of the page on curves. Every value is a part of the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.language import _, mark
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.fit_points import points_now, points_table
from dashboard.panels.named_choice import named_choice, named_switch
from dashboard.panels.try_this import Setting, put
from training.curve_points import Point, parsed_points, points_text
from training.curve_settings import POINTS, WIDTHS, CurveSettings
from training.polynomial import MOST_DEGREE
from training.true_functions import TRUE_FUNCTIONS

MODELS = {"polynomial": mark("Polynomial"), "network": mark("Network")}
PENALTIES = (0.0, 1e-6, 1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
STEPS = (50, 100, 200, 300, 500, 1000, 2000, 5000)
RATES = (0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1)
PATIENCE = (0, 20, 50, 100, 200, 500)
SAMPLES, NOISE = (3, 200), (0.0, 1.0)
RUN = "fit_run"  # in the address: a run whose settings the page begins with

# The settings of a run by the keys of their controls
KEYS = {
    "fit_function": "function",
    "fit_samples": "samples",
    "fit_noise": "noise",
    "fit_seed": "seed",
    "fit_layers": "hidden_layers",
    "fit_activation": "activation",
    "fit_steps": "steps",
    "fit_rate": "learning_rate",
    "fit_ridge": "ridge",
    "fit_lasso": "lasso",
    "fit_dropout": "dropout",
    "fit_jitter": "jitter",
    "fit_patience": "patience",
}
DEFAULTS: dict[str, Setting] = {
    **{key: getattr(CurveSettings, name) for key, name in KEYS.items()},
    "fit_model": "polynomial",
    "fit_degree": 3,
    "fit_width": 8,
}
_CHOSEN = "fit_chosen"


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


@dataclass(frozen=True)
class ModelChoice:
    """What is fitted, and what holds it back. `capacity`: a polynomial's degree, or a network's width."""

    model: str
    capacity: int
    ridge: float
    lasso: float
    jitter: float
    network: tuple[tuple[str, Any], ...] = ()  # what only networks have, by the names of CurveSettings

    @property
    def is_network(self) -> bool:
        return self.model == "network"


def data_form(words: Mapping[str, str]) -> DataChoice:
    """The controls of the data."""
    names = [*TRUE_FUNCTIONS.names(), POINTS]
    function = named_choice(
        _("True function"), names, "sine", "fit_function", _title, help=words["about_function"]
    )
    samples, noise = int(CurveSettings.samples), float(CurveSettings.noise)
    if function == POINTS:
        st.caption(words["own_points"])
    else:
        st.latex(rf"f(x) = {TRUE_FUNCTIONS[function].formula}")
        samples = bound_slider(_("Samples"), *SAMPLES, samples, "fit_samples", about=words["about_samples"])
        noise = bound_slider(_("Noise"), *NOISE, noise, "fit_noise", 0.05, words["about_noise"])
    own = function == POINTS
    seed = bound_slider(
        _("Who is held out") if own else _("Draw"), 0, 50, 0, "fit_seed",
        about=words["about_held"] if own else words["about_draw"],
    )  # fmt: skip
    if own:
        points_table()
    return DataChoice(function, samples, noise, seed, points_now() if own else ())


def model_form(words: Mapping[str, str]) -> ModelChoice:
    """The controls of the model. A click on a capacity in a chart comes back through `choose`."""
    for key, value in st.session_state.pop(_CHOSEN, {}).items():
        st.session_state[key] = value
    model = named_switch(_("Model"), tuple(MODELS), "polynomial", "fit_model", lambda name: _(MODELS[name]))
    network: dict[str, Any] = {}
    if model == "network":
        capacity = bound_scale(_("Width"), WIDTHS, 8, "fit_width", about=words["about_width"])
        network = _network_form(words)
    else:
        capacity = bound_slider(_("Degree"), 0, MOST_DEGREE, 3, "fit_degree")
    ridge = bound_scale(_("L2 penalty"), PENALTIES, 0.0, "fit_ridge", about=words["about_ridge"])
    lasso = bound_scale(_("L1 penalty"), PENALTIES, 0.0, "fit_lasso", about=words["about_lasso"])
    jitter = bound_slider(
        _("Augmentation noise"), 0.0, 0.3, 0.0, "fit_jitter", 0.01, words["about_jitter"], format="%.2f"
    )
    if model == "network":
        network |= _brakes(words)
    return ModelChoice(model, capacity, ridge, lasso, jitter, tuple(network.items()))


def asked_of[S: CurveSettings](kind: type[S], data: DataChoice, model: ModelChoice, **more: Any) -> S:
    """What a laboratory is asked for. ConfigError where the settings don't go together."""
    return kind(
        function=data.function,
        points=points_text(data.points) if data.own else "",
        samples=data.samples,
        noise=data.noise,
        seed=data.seed,
        ridge=model.ridge,
        lasso=model.lasso,
        jitter=model.jitter,
        **dict(model.network),
        **more,
    )


def choose(key: str, value: int) -> None:
    """From the next run of the page on, the setting has this value: in this one its widget is drawn."""
    st.session_state[_CHOSEN] = {key: value}


def begin_with(config: Mapping[str, Any]) -> None:
    """The controls begin with what a run of a laboratory was told. Before the first of them is drawn."""
    known = {key: config[name] for key, name in KEYS.items() if name in config}
    put({**DEFAULTS, **known, "fit_model": "network"})
    if config.get("function") == POINTS and config.get("points"):
        from dashboard.panels.fit_points import put_points

        put_points(parsed_points(str(config["points"])))


def _network_form(words: Mapping[str, str]) -> dict[str, Any]:
    usual = CurveSettings
    with st.expander(_("How it is built and trained")):
        names = list(next(each for each in usual.fields() if each.name == "activation").parameter.choices)
        return {
            "hidden_layers": bound_slider(_("Hidden layers"), 1, 4, usual.hidden_layers, "fit_layers"),
            "activation": named_choice(_("Activation"), names, usual.activation, "fit_activation"),
            "steps": bound_scale(_("Steps"), STEPS, usual.steps, "fit_steps", about=words["about_steps"]),
            "learning_rate": bound_scale(_("Learning rate"), RATES, usual.learning_rate, "fit_rate"),
        }


def _brakes(words: Mapping[str, str]) -> dict[str, Any]:
    return {
        "dropout": bound_slider(
            _("Dropout"), 0.0, 0.8, 0.0, "fit_dropout", 0.05, words["about_dropout"], format="%.2f"
        ),
        "patience": bound_scale(
            _("Early stopping: patience (steps)"), PATIENCE, 0, "fit_patience",
            lambda steps: f"{steps}" if steps else _("off"), words["about_patience"],
        ),
    }  # fmt: skip


def _title(name: str) -> str:
    return _("My own points") if name == POINTS else _(TRUE_FUNCTIONS[name].title)
