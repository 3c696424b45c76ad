"""A race with batch norm against without: real trainings that differ in nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.language import _, mark
from dashboard.navigation import link
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.race import Race, race_button, race_result
from dashboard.settings import Settings
from models.activations import ACTIVATIONS
from models.catalog import Catalog
from models.initializers import INITIALIZERS
from training.config import RunConfig


@dataclass(frozen=True)
class Switch:
    """Batch norm as a sweep names it, and in words."""

    name: str
    title: str


SWITCHES = Catalog(
    "setting of batch norm", [Switch("False", mark("Without")), Switch("True", mark("Batch norm"))]
)
RACE = Race("batch_norm", SWITCHES, "normalisation")
DATASETS = ("digits", "two_moons", "spirals")
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def normalisation_race(settings: Settings, words: Mapping[str, str]) -> None:
    """The form at the left; the chosen race beside it."""
    left, right = beside("normalisation_race")
    with left:
        dataset = named_choice(_("Data"), DATASETS, DATASETS[0], "normalisation_data")
        activation = named_choice(
            _("Activation"), ACTIVATIONS.names(), "sigmoid", "normalisation_race_activation",
            lambda name: _(ACTIVATIONS[name].title),
        )  # fmt: skip
        initializer = named_choice(
            _("Initialisation"), INITIALIZERS.names(), "default", "normalisation_race_start",
            lambda name: _(INITIALIZERS[name].title),
        )  # fmt: skip
        layers = bound_slider(_("Hidden layers"), 1, 20, 5, "normalisation_race_layers")
        rate = float(bound_scale(_("Learning rate"), RATES, 0.1, "normalisation_race_rate"))
        epochs = bound_slider(_("Epochs"), 2, 100, 15, "normalisation_epochs")
        seeds = bound_slider(_("Seeds"), 1, 5, 2, "normalisation_seeds", about=words["seeds"])
        name = f"{dataset}, {layers} layers of {activation}, rate {rate:g}"
        config = RunConfig(
            dataset=dataset, epochs=epochs, name=name, optimizer="sgd", learning_rate=rate
        ).replace(activation=activation, initializer=initializer, hidden_layers=layers, hidden_width=32)
        race_button(RACE, config, SWITCHES.names(), seeds, settings)
        link(
            "new_run", _("One training, with every setting"), icon=":material/add_circle:", batch_norm="true"
        )
    with right:
        race_result(RACE, settings, words)
