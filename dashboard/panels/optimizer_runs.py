"""The same on a real network: trainings that differ in the optimizer alone, in the background."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.named_several import named_several
from dashboard.panels.race import Race, race_button, race_result
from dashboard.settings import Settings
from training.config import RunConfig
from training.optimizers import OPTIMIZERS

RACE = Race("optimizer", OPTIMIZERS, "optimizers")
RACERS = ("sgd", "momentum", "adagrad", "adam")
DATASETS = ("digits", "two_moons", "spirals")
WIDTHS = (8, 16, 32, 64, 128)


def optimizer_runs(settings: Settings, words: Mapping[str, str]) -> None:
    """The form at the left; the chosen race beside it."""
    names = named_several(
        _("Who races"),
        OPTIMIZERS.names(),
        RACERS,
        "optimizers_runners",
        lambda name: _(OPTIMIZERS[name].title),
    )
    left, right = beside("optimizers_runs")
    with left:
        dataset = named_choice(_("Data"), DATASETS, DATASETS[0], "optimizers_data")
        layers = bound_slider(_("Hidden layers"), 1, 20, 2, "optimizers_layers")
        width = bound_scale(_("Units in a layer"), WIDTHS, 32, "optimizers_width")
        epochs = bound_slider(_("Epochs"), 2, 100, 20, "optimizers_epochs")
        seeds = bound_slider(_("Seeds"), 1, 5, 2, "optimizers_seeds", about=words["seeds"])
        config = RunConfig(dataset=dataset, epochs=epochs, name=f"{dataset}, {layers} x {width}").replace(
            hidden_layers=layers, hidden_width=width
        )
        race_button(RACE, config, names, seeds, settings)
    with right:
        race_result(RACE, settings, words)
