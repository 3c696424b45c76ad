"""A race of activations: real trainings that differ in nothing else, started here, their curves beside."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.panels.layered_race import layered_race
from dashboard.panels.race import Race
from dashboard.settings import Settings
from models.activations import ACTIVATIONS

RACE = Race("activation", ACTIVATIONS, "activations")
RACERS = ("sigmoid", "tanh", "relu", "gelu")


def activation_race(settings: Settings, words: Mapping[str, str]) -> None:
    """Deep enough for a gradient to vanish."""
    layered_race(RACE, RACERS, 5, settings, words, "racers")
