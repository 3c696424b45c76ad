"""The settings of a playground as widgets, every one of them in the page's address."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.bound_control import bound_control
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.control import words_of
from dashboard.panels.named_choice import named_choice
from dashboard.panels.named_several import named_several
from dashboard.panels.playground_points import own_points, own_values
from dashboard.settings import Settings
from models.activations import ACTIVATIONS
from models.catalog import Parameter
from models.initializers import INITIALIZERS
from models.playground import FEATURES, MOST_LAYERS, MOST_NEURONS
from training.fields import Field
from training.optimizers import OPTIMIZERS
from training.playground_settings import PlaygroundSettings
from training.points import OWN, PLANE
from training.schedules import SCHEDULES

USUAL = PlaygroundSettings()
FIELDS: dict[str, Field] = {field.name: field for field in PlaygroundSettings.fields()}
LABELS = {"x": "x", "y": "y", "x2": "x²", "y2": "y²", "xy": "xy", "sin_x": "sin x", "sin_y": "sin y"}
SAMPLES = (20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 5000)
EPOCHS = (1, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
PENALTIES = (0.0, 1e-5, 3e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
PREFIX = "playground_"


def key_of(name: str, row: str = "") -> str:
    """The key of a setting; one that belongs to a row of a table is named after it: rows that share a name
    may differ in range and default.
    """
    return f"{PREFIX}{row}_{name}" if row else PREFIX + name


def form_defaults() -> dict[str, Any]:
    """What every widget says at first, by key: where a "try this" sentence starts from."""
    plain = {
        "dataset": USUAL.dataset,
        "samples": USUAL.samples,
        "train_share": USUAL.train_share,
        "features": list(USUAL.features),
        "depth": len(USUAL.layers),
        "activation": USUAL.activations[0],
        "own_activations": False,
        "residual": USUAL.residual,
        "batch_norm": USUAL.batch_norm,
        "initializer": USUAL.initializer,
        "optimizer": USUAL.optimizer,
        "learning_rate": USUAL.learning_rate,
        "schedule": USUAL.schedule,
        "batch_size": USUAL.batch_size,
        "epochs": USUAL.epochs,
        "weight_decay": USUAL.weight_decay,
        "l1": USUAL.l1,
        "dropout": USUAL.dropout,
        "seeds": USUAL.seeds,
    }
    widths = {f"width_{layer}": _usual_width(layer) for layer in range(MOST_LAYERS)}
    return {key_of(name): value for name, value in {**plain, **widths}.items()}


def playground_form(settings: Settings, words: Mapping[str, str]) -> dict[str, Any]:
    """Draws the form; what was chosen, by the names of PlaygroundSettings and of the rows' own settings.

    A choice of points that is not complete yet has `problem`, a sentence.
    """
    found: dict[str, Any] = {}
    with st.expander(_("Points"), expanded=True):
        found |= _points(settings, words)
    with st.expander(_("Network"), expanded=True):
        found |= _network(words)
    with st.expander(_("Training"), expanded=True):
        found |= _training()
    with st.expander(_("Regularisation"), expanded=True):
        found |= _penalties()
    return found


def _points(settings: Settings, words: Mapping[str, str]) -> dict[str, Any]:
    titles = {OWN: _("Your own points"), **{row.name: _(row.title) for row in PLANE}}
    dataset = named_choice(
        _("Data set"), [*PLANE.names(), OWN], USUAL.dataset, key_of("dataset"), titles.__getitem__
    )
    found: dict[str, Any] = {"dataset": dataset}
    if dataset == OWN:
        found |= own_points(settings, words)
        if found.get("hint"):
            st.caption(f":material/info: {found['hint']}")
    else:
        found["samples"] = _scale(_("Points"), SAMPLES, USUAL.samples, key_of("samples"))
        for parameter in PLANE[dataset].parameters:
            if parameter.name not in FIELDS["dataset"].skip:
                found[parameter.name] = _slider(parameter, dataset)
    share = FIELDS["train_share"].parameter
    found["train_share"] = bound_slider(
        _("Share that trains"), 0.1, 0.9, USUAL.train_share, key_of("train_share"), 0.05,
        about=_(share.description),
    )  # fmt: skip
    return found


def _network(words: Mapping[str, str]) -> dict[str, Any]:
    features = named_several(
        _("Inputs"), FEATURES.names(), USUAL.features, key_of("features"), LABELS.__getitem__
    )
    depth = bound_slider(_("Hidden layers"), 0, MOST_LAYERS, len(USUAL.layers), key_of("depth"))
    own = False
    activation = named_choice(
        _("Activation"), ACTIVATIONS.names(), USUAL.activations[0], key_of("activation"), _activation_title
    )
    if depth > 1:
        own = st.toggle(_("An activation for each layer"), key=key_of("own_activations"), bind="query-params")
    layers, activations = [], []
    for layer in range(depth):
        left, right = st.columns([3, 4]) if own else (st.container(), st.container())
        with left:
            label = _("Neurons in layer {n}").format(n=layer + 1)
            usual = _usual_width(layer)
            layers.append(bound_slider(label, 1, MOST_NEURONS, usual, key_of(f"width_{layer}")))
        with right:
            if own:
                activations.append(
                    named_choice(
                        _("Activation of layer {n}").format(n=layer + 1),
                        ACTIVATIONS.names(),
                        activation,
                        key_of(f"activation_{layer}"),
                        _activation_title,
                    )
                )
    found: dict[str, Any] = {
        "features": features,
        "layers": tuple(layers),
        "activations": tuple(activations) if own else (activation,),
    }
    with st.container(horizontal=True):
        found["residual"] = st.toggle(
            _("Residual"), key=key_of("residual"), bind="query-params", help=words["residual"]
        )
        found["batch_norm"] = st.toggle(
            _("Batch norm"), key=key_of("batch_norm"), bind="query-params", help=words["batch_norm"]
        )
    found["initializer"] = named_choice(
        _("First weights"), INITIALIZERS.names(), USUAL.initializer, key_of("initializer"),
        lambda name: _(INITIALIZERS[name].title),
    )  # fmt: skip
    return found


def _training() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["optimizer"] = named_choice(
        _("Optimizer"), OPTIMIZERS.names(), USUAL.optimizer, key_of("optimizer"),
        lambda name: _(OPTIMIZERS[name].title),
    )  # fmt: skip
    found["learning_rate"] = _scale(_("Learning rate"), RATES, USUAL.learning_rate, key_of("learning_rate"))
    found["schedule"] = named_choice(
        _("Schedule"), SCHEDULES.names(), USUAL.schedule, key_of("schedule"),
        lambda name: _(SCHEDULES[name].title),
    )  # fmt: skip
    found["batch_size"] = _scale(_("Batch size"), BATCHES, USUAL.batch_size, key_of("batch_size"))
    found["epochs"] = _scale(_("Epochs"), EPOCHS, USUAL.epochs, key_of("epochs"))
    found["seeds"] = bound_slider(_("Seeds, trained at the same time"), 1, 20, USUAL.seeds, key_of("seeds"))
    found["seed"] = bound_control(FIELDS["seed"].parameter, USUAL.seed, key_of("seed"))
    for family in ("optimizer", "schedule"):
        parameters = FIELDS[family].parameters(found[family])
        table = FIELDS[family].table
        assert table is not None
        if parameters:
            with st.popover(
                _("Settings of {name}").format(name=_(table[found[family]].title)), width="stretch"
            ):
                for name, parameter in parameters.items():
                    found[name] = bound_control(parameter, parameter.default, key_of(name, found[family]))
    return found


def _penalties() -> dict[str, Any]:
    return {
        "weight_decay": _scale(
            _("Weight decay (L2)"), PENALTIES, USUAL.weight_decay, key_of("weight_decay"),
            about=_(FIELDS["weight_decay"].parameter.description),
        ),
        "l1": _scale(
            _("L1"), PENALTIES, USUAL.l1, key_of("l1"), about=_(FIELDS["l1"].parameter.description)
        ),
        "dropout": bound_slider(
            _("Dropout"), 0.0, 0.9, USUAL.dropout, key_of("dropout"), 0.05,
            about=_(FIELDS["dropout"].parameter.description),
        ),
    }  # fmt: skip


def _slider(parameter: Parameter, row: str) -> Any:
    """A slider for a data set's own number, which has both ends."""
    assert parameter.low is not None
    assert parameter.high is not None
    convert: Any = int if parameter.kind == "integer" else float
    low, high, usual = (convert(value) for value in (parameter.low, parameter.high, parameter.default))
    step = convert(parameter.step) if parameter.step else None
    return bound_slider(
        words_of(parameter.name),
        low,
        high,
        usual,
        key_of(parameter.name, row),
        step,
        about=_(parameter.description),
    )


def _usual_width(layer: int) -> int:
    return USUAL.layers[layer] if layer < len(USUAL.layers) else USUAL.layers[-1]


def _activation_title(name: str) -> str:
    return _(ACTIVATIONS[name].title)


def _scale(label: str, stops: tuple[Any, ...], usual: Any, key: str, about: str | None = None) -> Any:
    """One of round numbers, or what a link or a run's settings name between them; the address writes it
    without separators: 5000, 1e-05.
    """
    parameter = FIELDS[key.removeprefix(PREFIX)].parameter
    seen: set[Any] = st.session_state.setdefault(f"{key}_seen", set())  # its stops stay while it is moved
    with contextlib.suppress(ValueError):
        seen.add(parameter.check(st.session_state.get(key, st.query_params.get(key, usual)), "the address"))
    return bound_scale(label, sorted({*stops, *seen}), usual, key, _short, about)


def _short(stop: float) -> str:
    return str(stop) if isinstance(stop, int) else f"{stop:g}"


def form_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """What every widget says for a run's configuration, by key."""
    asked = PlaygroundSettings.from_dict(config)
    found = {name: getattr(asked, name) for name in FIELDS if key_of(name) in form_defaults()}
    found |= {"seed": asked.seed, "depth": len(asked.layers), "features": list(asked.features)}
    found |= {f"width_{layer}": width for layer, width in enumerate(asked.layers)}
    own = len(set(asked.activations)) > 1
    found |= {"own_activations": own, "activation": asked.activations[0]}
    if own:
        found |= {f"activation_{layer}": name for layer, name in enumerate(asked.activations)}
    values = {key_of(name): value for name, value in found.items()} | own_values(asked.points)
    for field in FIELDS.values():
        if field.settings:
            row = getattr(asked, field.name)
            values |= {key_of(name, row): value for name, value in getattr(asked, field.settings).items()}
    return values
