"""The playground's hot loop computes what the general one for many networks computes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from training.batched import BatchedTraining
from training.members import Member, Rows
from training.playground import Plane
from training.playground_settings import PlaygroundSettings
from training.playground_training import SeedsTraining


def members(settings: PlaygroundSettings) -> list[Member]:
    plane = Plane.of(settings)
    train, validation = (
        Rows(plane.inputs, plane.targets, torch.from_numpy(part)) for part in (plane.train, plane.validation)
    )
    none = dataclasses.replace(train, rows=torch.arange(0))
    return [
        Member(
            settings.run_config(seed, len(plane.train)),
            plane.task,
            (2,),
            len(plane.points.class_names),
            train,
            validation,
            none,
        )
        for seed in (3, 4, 5)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": 41},  # of 42 training points: the last one is left out
        {"batch_size": 14},
        {"batch_size": 500},
        {"dropout": 0.3, "schedule": "cosine", "batch_size": 10},
        {"schedule": "plateau", "plateau_patience": 1, "optimizer": "sgd", "learning_rate": 1.0},
        {"batch_norm": True, "optimizer": "momentum", "batch_size": 10, "dropout": 0.2},
        {"dataset": "gaussians", "optimizer": "adamw", "weight_decay": 0.1, "l1": 0.01},
    ],
    ids=str,
)
def test_it_is_the_general_loop_with_less_around_it(changes: dict[str, Any]) -> None:
    settings = PlaygroundSettings(samples=60, epochs=9).replace(**changes)
    general = BatchedTraining(members(settings))
    for _ in general.run():
        pass
    own = SeedsTraining(members(settings))
    assert list(own.run()) == list(range(1, 10))
    for number in range(3):
        found, expected = own.learners.networks.state_dict(number), general.weights(number)
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-6)


def test_whoever_stops_asking_has_stopped_it() -> None:
    training = SeedsTraining(members(PlaygroundSettings(samples=60, epochs=9)))
    for epoch in training.run():
        if epoch == 2:
            break
    halted = training.learners.networks.weights.clone()
    short = SeedsTraining(members(PlaygroundSettings(samples=60, epochs=2)))
    list(short.run())
    torch.testing.assert_close(halted, short.learners.networks.weights)


def test_networks_of_two_shapes_are_refused() -> None:
    small = members(PlaygroundSettings(samples=60, layers=(4,)))
    with pytest.raises(ValueError, match="must be equal in networks that train at the same time"):
        SeedsTraining([*members(PlaygroundSettings(samples=60)), *small])


def test_one_that_has_left_the_numbers_leaves_the_others_alone() -> None:
    first = members(PlaygroundSettings(samples=60, epochs=5))
    together, alone = SeedsTraining(first), SeedsTraining(first)
    together.learners.networks.weights[1] = float("nan")
    list(together.run())
    list(alone.run())
    kept = [0, 2]
    np.testing.assert_allclose(
        together.learners.networks.weights[kept], alone.learners.networks.weights[kept], rtol=1e-5
    )
    assert together.learners.networks.weights[1].isnan().all()
