"""Samplers propose what they promise, the same for the same seed and history."""

from __future__ import annotations

import math
from typing import Any

import pytest

from training.config import RunConfig
from training.samplers import SAMPLERS, Ended, Request, Sampler
from training.search_space import SearchSpace

SPACE = SearchSpace.parse(["learning_rate=log:1e-4:1e-1", "hidden_width=16,64,256"], RunConfig())
FINITE = SearchSpace.parse(["learning_rate=0.1,0.01,0.001", "hidden_width=16,64"], RunConfig())


def score(parameters: dict[str, Any]) -> float:
    """Best, 1, at a learning rate of 0.003 and 64 units."""
    return (
        1 - (math.log10(parameters["learning_rate"]) + 2.5) ** 2 - abs(parameters["hidden_width"] - 64) / 300
    )


def history(count: int, seed: int = 1) -> list[Ended]:
    return [Ended(each, score(each)) for each in SAMPLERS["random"].propose(Request(SPACE, seed, 0, count))]


@pytest.mark.parametrize("row", [row for row in SAMPLERS if not row.exhausts], ids=lambda row: row.name)
def test_proposals_depend_on_space_seed_and_history_alone(row: Sampler) -> None:
    ended = history(12) if row.learns else []
    asked = Request(SPACE, 7, len(ended), 4, ended)
    found = row.propose(asked)
    assert found == row.propose(asked)
    assert found != row.propose(Request(SPACE, 8, len(ended), 4, ended))
    assert len(found) == 4
    for parameters in found:
        config = SPACE.config(RunConfig(), parameters)
        assert SPACE.parameters_of(config) == parameters
        assert 1e-4 <= parameters["learning_rate"] <= 1e-1


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_trials_do_not_depend_on_how_many_are_asked_for(name: str) -> None:
    row = SAMPLERS[name]
    everything = row.propose(Request(SPACE, 3, 0, 16))
    assert row.propose(Request(SPACE, 3, 0, 5)) + row.propose(Request(SPACE, 3, 5, 11)) == everything


def test_a_grid_is_every_combination_in_order() -> None:
    assert SAMPLERS["grid"].propose(Request(FINITE, 0, 0, 6)) == FINITE.grid()


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_of_a_finite_space_no_point_comes_twice(name: str) -> None:
    found: list[dict[str, Any]] = []
    for first in range(0, 6, 2):
        ended = [Ended(each, score(each)) for each in found]
        found += SAMPLERS[name].propose(Request(FINITE, 0, first, 2, ended))
    assert sorted(map(str, found)) == sorted(map(str, FINITE.grid()))


@pytest.mark.parametrize("name", ["tpe", "gp"])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_learns_comes_nearer_to_the_best_than_chance(name: str, sign: int) -> None:
    ended = [Ended(each.parameters, sign * each.score) for each in history(16)]
    higher = sign > 0
    proposed = SAMPLERS[name].propose(Request(SPACE, 0, 16, 4, ended, higher))
    assert sum(map(score, proposed)) / 4 > sum(sign * each.score for each in ended) / 16 + 0.3


def test_failed_trials_keep_a_learning_sampler_away() -> None:
    ended = [
        Ended(each.parameters, math.nan if each.parameters["learning_rate"] > 3e-3 else 0.5 + 0.01 * place)
        for place, each in enumerate(history(24))
    ]
    proposed = SAMPLERS["tpe"].propose(Request(SPACE, 0, 24, 8, ended))
    assert sum(each["learning_rate"] <= 3e-3 for each in proposed) >= 6
