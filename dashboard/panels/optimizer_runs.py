"""The same on a real network: trainings that differ in the optimizer alone, in the background."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.panels.layered_race import layered_race
from dashboard.panels.race import Race
from dashboard.settings import Settings
from training.optimizers import OPTIMIZERS

RACE = Race("optimizer", OPTIMIZERS, "optimizers")
RACERS = ("sgd", "momentum", "adagrad", "adam")


def optimizer_runs(settings: Settings, words: Mapping[str, str]) -> None:
    """`optimizers_racers` is the key of those that race down a surface."""
    layered_race(RACE, RACERS, 2, settings, words, "runners")
