"""A race of losses: real trainings that differ in nothing else. They are compared by accuracy: a loss can't
judge another one.
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.named_several import named_several
from dashboard.panels.race import Race, race_button, race_result
from dashboard.settings import Settings
from models.activations import ACTIVATIONS
from models.losses import LOSSES
from training.config import RunConfig

RACE = Race("loss", LOSSES, "losses", ("accuracy",))
RACERS = ("cross_entropy", "brier", "focal", "hinge")
DATASETS = ("digits", "iris", "wine")
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def losses_race(settings: Settings, words: Mapping[str, str]) -> None:
    """The form at the left; the chosen race beside it."""
    rows = [row.name for row in LOSSES if "classification" in row.tasks]
    names = named_several(_("Who races"), rows, RACERS, "losses_racers", lambda name: _(LOSSES[name].title))
    left, right = beside("losses_race")
    with left:
        dataset = named_choice(_("Data"), DATASETS, DATASETS[0], "losses_data")
        activation = named_choice(
            _("Activation"),
            ACTIVATIONS.names(),
            "sigmoid",
            "losses_race_activation",
            lambda name: _(ACTIVATIONS[name].title),
        )
        layers = bound_slider(_("Hidden layers"), 1, 10, 1, "losses_race_layers")
        rate = bound_scale(_("Learning rate"), RATES, 0.03, "losses_race_rate")
        epochs = bound_slider(_("Epochs"), 2, 100, 15, "losses_epochs")
        seeds = bound_slider(_("Seeds"), 1, 5, 2, "losses_seeds", about=words["seeds"])
        config = RunConfig(
            dataset=dataset,
            epochs=epochs,
            name=f"{dataset}, {activation}, rate {rate:g}",
            optimizer="sgd",
            learning_rate=float(rate),
        ).replace(activation=activation, hidden_layers=layers)
        race_button(RACE, config, names, seeds, settings)
        link("new_run", _("One training, with every setting"), icon=":material/add_circle:", loss="focal")
    with right:
        race_result(RACE, settings, words)
