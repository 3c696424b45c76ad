"""Every optimizer's update of many networks is torch.optim's own for each of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.config import RunConfig
from training.optimizers import OPTIMIZERS, build_optimizer
from training.stacked_optimizers import PIECE_NUMBERS, RULES, Pieces, StackedOptimizer

CPU = torch.device("cpu")
STEPS, NUMBERS = 25, 40
FLAGS = {
    "rmsprop": ({"centered": False}, {"centered": True}),
    "adam": ({"amsgrad": False}, {"amsgrad": True}),
    "adamw": ({"amsgrad": False}, {"amsgrad": True}),
    "momentum": ({"dampening": 0.0}, {"dampening": 0.4}),
}
VARIANTS = [(row.name, flags) for row in OPTIMIZERS for flags in FLAGS.get(row.name, ({},))]


def test_every_row_has_a_rule_and_no_rule_is_left_over() -> None:
    assert list(RULES) == OPTIMIZERS.names(), (
        "write the new optimizer's rule in training/stacked_optimizers.py"
    )


def configs_of(name: str, flags: dict[str, float | bool]) -> list[RunConfig]:
    """Three members that differ in every number the optimizer has."""
    configs = []
    for number in range(3):
        numbers = {
            p.name: float(p.default) * (1 - 0.1 * number)
            for p in OPTIMIZERS[name].parameters
            if p.kind == "number"
        }
        rate = OPTIMIZERS[name].default_learning_rate * (1 + number)
        decay = 0.1 * number
        settings = {**numbers, **flags}
        configs.append(
            RunConfig(optimizer=name, optimizer_settings=settings, learning_rate=rate, weight_decay=decay)
        )
    return configs


def own(config: RunConfig, first: torch.Tensor, gradients: torch.Tensor, rates: np.ndarray) -> torch.Tensor:
    """torch.optim on one member."""
    weights = torch.nn.Parameter(first.clone())
    settings = (config.learning_rate, config.weight_decay, config.optimizer_settings)
    optimizer = build_optimizer(config.optimizer, [weights], *settings)
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.param_groups[0]["lr"] = float(rate)
        weights.grad = gradient.clone()
        optimizer.step()
    return weights.detach()


@pytest.mark.parametrize(("name", "flags"), VARIANTS, ids=str)
def test_an_update_of_many_is_the_update_of_each(name: str, flags: dict[str, float | bool]) -> None:
    random = torch.Generator().manual_seed(0)
    configs = configs_of(name, flags)
    first = torch.randn(3, NUMBERS, generator=random)
    gradients = torch.randn(STEPS, 3, NUMBERS, generator=random)
    gradients[:, :, 0] = 0  # a weight that no sample reaches
    falling = np.linspace(1, 0.1, STEPS)[:, None]
    rates = falling * np.array([config.learning_rate for config in configs])
    weights = first.clone()
    optimizer = StackedOptimizer(configs, weights)
    for block in np.array_split(np.arange(STEPS), 4):
        numbers = optimizer.numbers(rates[block], CPU)
        for step, at in zip(block, numbers, strict=True):
            optimizer.move(weights, gradients[step].clone(), at)
    for member, config in enumerate(configs):
        expected = own(config, first[member], gradients[:, member], rates[:, member])
        assert torch.allclose(weights[member], expected, rtol=1e-5, atol=1e-6), member
        assert not torch.allclose(weights[member], first[member], atol=1e-3)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(("name", "flags"), VARIANTS, ids=str)
def test_members_with_the_same_numbers_take_torchs_steps_too(
    name: str, flags: dict[str, float | bool], decay: float
) -> None:
    """Where one kernel does the whole update of those side by side, it is another path through the rule."""
    random = torch.Generator().manual_seed(2)
    own_configs = [
        RunConfig(optimizer=name, optimizer_settings=flags, weight_decay=decay, learning_rate=rate)
        for rate in (0.01, 0.01, 0.02)
    ]
    count = 2 * PIECE_NUMBERS
    first = torch.randn(3, count, generator=random)
    gradients = torch.randn(STEPS, 3, count, generator=random)
    falling = np.linspace(1, 0.1, STEPS)[:, None] * [config.learning_rate for config in own_configs]
    weights = first.clone()
    optimizer = StackedOptimizer(own_configs, weights)
    for block in np.array_split(np.arange(STEPS), 4):
        numbers = optimizer.numbers(falling[block], CPU)
        assert isinstance(numbers[0], Pieces) == (name in ("adam", "adamw"))
        if isinstance(numbers[0], Pieces):
            assert numbers[0].sizes == [2, 1]
        for step, at in zip(block, numbers, strict=True):
            optimizer.move(weights, gradients[step].clone(), at)
    for member, config in enumerate(own_configs):
        expected = own(config, first[member], gradients[:, member], falling[:, member])
        assert torch.allclose(weights[member], expected, rtol=1e-5, atol=1e-5), member


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_members_that_step_by_themselves_keep_their_own_count_and_memory(name: str) -> None:
    random = torch.Generator().manual_seed(1)
    configs = configs_of(name, {})
    first = torch.randn(3, NUMBERS, generator=random)
    gradients = torch.randn(6, 3, NUMBERS, generator=random)
    rates = np.array([[config.learning_rate for config in configs]])
    weights = first.clone()
    optimizer = StackedOptimizer(configs, weights)
    rows = torch.tensor([0, 2])
    for step in range(6):
        if step in (2, 3):  # the member in the middle has no samples left
            part, own_weights = optimizer.select(rows), weights[rows]
            part.move(own_weights, gradients[step][rows], part.numbers(rates[:, [0, 2]], CPU)[0])
            optimizer.assign(rows, part)
            weights[rows] = own_weights
        else:
            optimizer.move(weights, gradients[step].clone(), optimizer.numbers(rates, CPU)[0])
    middle = own(configs[1], first[1], gradients[[0, 1, 4, 5], 1], np.repeat(rates[0, 1], 4))
    outer = own(configs[2], first[2], gradients[:, 2], np.repeat(rates[0, 2], 6))
    assert torch.allclose(weights[1], middle, rtol=1e-5, atol=1e-6)
    assert torch.allclose(weights[2], outer, rtol=1e-5, atol=1e-6)
    assert optimizer.updates.tolist() == [6, 4, 6]
