"""Steps that go straight to the kernel: the bits of torch's own, whatever happens between two of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from training import direct_steps

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {"weight_decay": 0.01}),
    ("Adam", {"amsgrad": True, "betas": (0.8, 0.99), "eps": 1e-4}),
    ("AdamW", {"weight_decay": 0.1}),
    ("AdamW", {"amsgrad": True}),
]
EVERY = pytest.mark.parametrize(("name", "settings"), SETTINGS)


def pair(name: str, settings: dict[str, Any]) -> list[torch.optim.Optimizer]:
    """Ours and torch's, each with a network of its own that starts with the same weights."""
    torch.manual_seed(0)
    first = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    networks = [first, copy.deepcopy(first)]
    return [
        getattr(where, name)(list(network.parameters()), lr=0.05, fused=True, **settings)
        for where, network in zip((direct_steps, torch.optim), networks, strict=True)
    ]


def weights(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def steps(optimizers: list[torch.optim.Optimizer], seed: int, count: int = 5, without: int = -1) -> None:
    """The same gradients for both; the weight at place `without` gets none."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        for place, both in enumerate(zip(*map(weights, optimizers), strict=True)):
            gradient = torch.randn(both[0].shape, generator=generator)
            for weight in both:
                weight.grad = None if place == without else gradient.clone()
        for optimizer in optimizers:
            optimizer.step()


def assert_same(ours: torch.optim.Optimizer, torchs: torch.optim.Optimizer) -> None:
    assert all(map(torch.equal, weights(ours), weights(torchs)))
    kept, theirs = ours.state_dict()["state"], torchs.state_dict()["state"]
    assert kept.keys() == theirs.keys()
    for place, values in theirs.items():
        assert kept[place].keys() == values.keys()
        for name, value in values.items():
            assert torch.equal(kept[place][name], value) if isinstance(value, Tensor) else value is None


@EVERY
def test_the_bits_are_those_of_torch(name: str, settings: dict[str, Any]) -> None:
    ours, torchs = optimizers = pair(name, settings)
    steps(optimizers, 1)
    for optimizer in optimizers:
        optimizer.param_groups[0]["lr"] = 0.02
    steps(optimizers, 2)
    assert_same(ours, torchs)


@EVERY
def test_resuming_a_missing_gradient_and_new_weights_change_nothing(
    name: str, settings: dict[str, Any]
) -> None:
    ours, torchs = optimizers = pair(name, settings)
    steps(optimizers, 1)
    saved = [copy.deepcopy(optimizer.state_dict()) for optimizer in optimizers]
    steps(optimizers, 2)
    for optimizer, state in zip(optimizers, saved, strict=True):
        optimizer.load_state_dict(state)
    steps(optimizers, 3)
    steps(optimizers, 4, without=2)
    steps(optimizers, 5)
    assert_same(ours, torchs)
    for optimizer in optimizers:
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(3))], "lr": 0.3})
    steps(optimizers, 6)
    assert_same(ours, torchs)


@EVERY
def test_torch_takes_the_first_step_and_the_kernel_the_others(
    name: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = pair(name, settings)
    made = []
    torchs = getattr(torch.optim, name).step
    monkeypatch.setattr(getattr(torch.optim, name), "step", lambda *given: made.append(1) or torchs(*given))
    steps([ours], 1, count=3)
    assert len(made) == 1


def test_a_closure_is_called() -> None:
    ours, _ = pair("SGD", {})
    steps([ours], 1)
    assert ours.step(lambda: 7) == 7
