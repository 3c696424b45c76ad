"""A race of real runs on a page: what is told of it in every state, and who has which colour."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.theme import LIGHT
from models.activations import ACTIVATIONS
from training.config import RunConfig

RACERS = ("sigmoid", "tanh", "relu")


@pytest.fixture
def race(make_run: Callable[..., Path]) -> Callable[..., str]:
    """race(state, states) -> the id of a race of RACERS with two seeds; a state for each that has begun."""

    def make(state: str, states: tuple[str, ...], racers: tuple[str, ...] = RACERS) -> str:
        config = RunConfig(dataset="digits", epochs=2)
        study = {
            "space": {"activation": ",".join(racers)},
            "sampler": "grid", "trials": len(racers), "seeds": 2, "prune": "none",
        }  # fmt: skip
        own = make_run(1, state, kind="sweep", study=study, config=config.to_dict(), name="a *race*")
        for number, each in enumerate(states):
            for seed in range(2):
                trial = config.replace(activation=racers[number], seed=seed)
                make_run(
                    20, each, kind="trial", group=own.name, member={"trial": number, "seed": seed},
                    config=trial.to_dict(), higher_is_better={"accuracy": True},
                )  # fmt: skip
        return own.name

    return make


def curves(figures: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The lines that stand in the legend, by their name."""
    return {line["name"]: line for line in figures["Curves of the race"]["data"] if line.get("showlegend")}


@pytest.mark.parametrize(
    ("state", "states", "said", "button"),
    [
        ("running", ("finished", "running"), "Still to begin: ReLU.", "Stop"),
        ("stopped", ("finished", "stopped"), "It was stopped, and its curves end there.", "Go on"),
        ("failed", ("finished", "failed"), "**Tanh**: it broke", "Go on"),
        ("finished", ("finished", "finished", "finished"), "✔ finished", ""),
        ("finished", ("finished", "finished"), "2 trainings of this race are no longer here", ""),
    ],
)
def test_what_became_of_a_race_is_told(
    state: str, states: tuple[str, ...], said: str, button: str,
    open_page: Callable, race: Callable, words: Callable, figures: Callable,
) -> None:  # fmt: skip
    race(state, states)
    page = open_page("activations", activations_tab="Race")
    assert said in words(page)
    assert {each.label for each in page.button} & {"Stop", "Go on"} == ({button} if button else set())
    assert list(curves(figures(page))) == ["Sigmoid", "Tanh", "ReLU"][: len(states)]


def test_a_race_whose_process_was_killed_can_go_on(
    open_page: Callable, race: Callable, words: Callable, runs: Path
) -> None:
    from logs.directory import RunDirectory, read_json, write_json

    study = race("finished", ("finished",))
    path = RunDirectory(runs / study).status_json
    write_json(path, {**read_json(path), "state": "running", "pid": 2**22 + 1, "step": 2})
    page = open_page("activations", activations_tab="Race")
    assert "Its process ended without a word" in words(page)
    assert "2 of 6 trainings had finished. *Go on* keeps them" in words(page)
    assert "Go on" in [each.label for each in page.button]


def test_a_race_that_is_deleted_meanwhile_is_told_and_another_shown(
    open_page: Callable, race: Callable, words: Callable, runs: Path
) -> None:
    first, second = (race("finished", ("finished",)) for _ in range(2))
    page = open_page("activations", activations_tab="Race", activations_race=first)
    box = next(each for each in page.selectbox if each.label == "Race")
    assert box.value == first
    assert len({*box.options}) == 2, "two of one name are told apart"
    shutil.rmtree(runs / first)
    page.run()
    assert not page.exception
    box = next(each for each in page.selectbox if each.label == "Race")
    assert box.value == second


def test_all_activations_race_each_with_its_own_look(
    open_page: Callable, race: Callable, figures: Callable
) -> None:
    names = tuple(ACTIVATIONS.names())
    race("finished", ("finished",) * len(names), names)
    shown = curves(figures(open_page("activations", activations_tab="Race")))
    assert len(shown) == len(names) > len(LIGHT.categorical)
    assert len({(each["line"]["color"], each["line"]["dash"]) for each in shown.values()}) == len(names)
