"""A race of activations: real trainings that differ in nothing else, started here, their curves beside."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.named_several import named_several
from dashboard.panels.race import Race, race_button, race_result
from dashboard.settings import Settings
from models.activations import ACTIVATIONS
from training.config import RunConfig

RACE = Race("activation", ACTIVATIONS, "activations")
RACERS = ("sigmoid", "tanh", "relu", "gelu")
DATASETS = ("digits", "two_moons", "spirals")
WIDTHS = (8, 16, 32, 64, 128)


def activation_race(settings: Settings, words: Mapping[str, str]) -> None:
    """The form at the left; the chosen race beside it."""
    names = named_several(
        _("Who races"),
        ACTIVATIONS.names(),
        RACERS,
        "activations_racers",
        lambda name: _(ACTIVATIONS[name].title),
    )
    left, right = beside("activations_race")
    with left:
        dataset = named_choice(_("Data"), DATASETS, DATASETS[0], "activations_data")
        layers = bound_slider(_("Hidden layers"), 1, 20, 5, "activations_race_layers")
        width = bound_scale(_("Units in a layer"), WIDTHS, 32, "activations_race_width")
        epochs = bound_slider(_("Epochs"), 2, 100, 20, "activations_epochs")
        seeds = bound_slider(_("Seeds"), 1, 5, 2, "activations_seeds", about=words["seeds"])
        config = RunConfig(dataset=dataset, epochs=epochs, name=f"{dataset}, {layers} x {width}").replace(
            hidden_layers=layers, hidden_width=width
        )
        race_button(RACE, config, names, seeds, settings)
    with right:
        race_result(RACE, settings, words)
