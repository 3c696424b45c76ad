"""The form of a race on a network of layers, with its size as sliders: the same for whatever races."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.named_choice import named_choice
from dashboard.panels.named_several import named_several
from dashboard.panels.race import Race, race_button, race_result
from dashboard.settings import Settings
from training.config import RunConfig

DATASETS = ("digits", "two_moons", "spirals")
WIDTHS = (8, 16, 32, 64, 128)


def layered_race(
    race: Race, racers: Sequence[str], layers: int, settings: Settings, words: Mapping[str, str], who: str
) -> None:
    """The form at the left, which opens with `racers` and so many hidden `layers`; the chosen race beside it.

    `who` is the key of those that race, after the race's prefix.
    """
    prefix = race.prefix
    names = named_several(
        _("Who races"), race.table.names(), racers, f"{prefix}_{who}", lambda name: _(race.table[name].title)
    )
    left, right = beside(f"{prefix}_layered_race")
    with left:
        dataset = named_choice(_("Data"), DATASETS, DATASETS[0], f"{prefix}_data")
        deep = bound_slider(_("Hidden layers"), 1, 20, layers, f"{prefix}_race_layers")
        width = bound_scale(_("Units in a layer"), WIDTHS, 32, f"{prefix}_race_width")
        epochs = bound_slider(_("Epochs"), 2, 100, 20, f"{prefix}_epochs")
        seeds = bound_slider(_("Seeds"), 1, 5, 2, f"{prefix}_seeds", about=words["seeds"])
        config = RunConfig(dataset=dataset, epochs=epochs, name=f"{dataset}, {deep} x {width}").replace(
            hidden_layers=deep, hidden_width=width
        )
        race_button(race, config, names, seeds, settings)
    with right:
        race_result(race, settings, words)
