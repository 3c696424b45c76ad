"""Optimizers against their formulas, written out in numpy, and against torch's own defaults."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from models.catalog import UnknownNameError
from training.optimizers import OPTIMIZERS, Optimizer, build_optimizer

EVERY = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda row: row.name)
STEPS = 7
CURVATURE = np.array([1.0, 0.1, 3.0])
START = np.array([1.0, -2.0, 0.5])
Step = Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray], int], np.ndarray]


def sgd(theta: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], step: int) -> np.ndarray:
    return theta - 0.1 * gradient


def momentum(theta: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], step: int) -> np.ndarray:
    memory["v"] = 0.8 * memory["v"] + gradient
    return theta - 0.1 * memory["v"]


def nesterov(theta: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], step: int) -> np.ndarray:
    memory["v"] = 0.8 * memory["v"] + gradient
    return theta - 0.1 * (gradient + 0.8 * memory["v"])


def adagrad(theta: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], step: int) -> np.ndarray:
    memory["s"] = memory["s"] + gradient**2
    return theta - 0.1 * gradient / (np.sqrt(memory["s"]) + 1e-3)


def adadelta(theta: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], step: int) -> np.ndarray:
    memory["s"] = 0.8 * memory["s"] + 0.2 * gradient**2
    move = np.sqrt(memory["u"] + 1e-3) / np.sqrt(memory["s"] + 1e-3) * gradient
    memory["u"] = 0.8 * memory["u"] + 0.2 * move**2
    return theta - 0.1 * move


def rmsprop(theta: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], step: int) -> np.ndarray:
    memory["s"] = 0.8 * memory["s"] + 0.2 * gradient**2
    return theta - 0.1 * gradient / (np.sqrt(memory["s"]) + 1e-3)


def adam(theta: np.ndarray, gradient: np.ndarray, memory: dict[str, np.ndarray], step: int) -> np.ndarray:
    memory["m"] = 0.8 * memory["m"] + 0.2 * gradient
    memory["v"] = 0.9 * memory["v"] + 0.1 * gradient**2
    mean, size = memory["m"] / (1 - 0.8**step), memory["v"] / (1 - 0.9**step)
    return theta - 0.1 * mean / (np.sqrt(size) + 1e-3)


ADAM = {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3}
ORACLES: dict[str, tuple[Step, dict[str, float]]] = {
    "sgd": (sgd, {}),
    "momentum": (momentum, {"momentum": 0.8}),
    "nesterov": (nesterov, {"momentum": 0.8}),
    "adagrad": (adagrad, {"epsilon": 1e-3}),
    "adadelta": (adadelta, {"rho": 0.8, "epsilon": 1e-3}),
    "rmsprop": (rmsprop, {"smoothing": 0.8, "epsilon": 1e-3}),
    "adam": (adam, ADAM),
    "adamw": (adam, ADAM),
}


def path(name: str, settings: dict[str, float], weight_decay: float = 0.0) -> list[np.ndarray]:
    """Where the optimizer goes on half the sum of curvature * theta^2."""
    theta = nn.Parameter(torch.tensor(START))
    optimizer = build_optimizer(name, [theta], 0.1, weight_decay, settings)
    visited = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        (torch.tensor(CURVATURE) * theta**2 / 2).sum().backward()
        optimizer.step()
        visited.append(theta.detach().numpy().copy())
    return visited


@EVERY
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_every_step_is_that_of_the_formula(optimizer: Optimizer, weight_decay: float) -> None:
    step, settings = ORACLES[optimizer.name]
    theta, memory = START, {name: np.zeros(3) for name in "vsum"}
    for number, reached in enumerate(path(optimizer.name, settings, weight_decay), start=1):
        gradient = CURVATURE * theta
        if optimizer.name == "adamw":
            theta = theta - 0.1 * weight_decay * theta  # apart from the gradient
        else:
            gradient = gradient + weight_decay * theta
        theta = step(theta, gradient, memory, number)
        np.testing.assert_allclose(reached, theta, rtol=1e-9)


def test_every_row_has_an_oracle() -> None:
    assert list(ORACLES) == OPTIMIZERS.names()


@EVERY
def test_the_row_says_what_a_page_needs(optimizer: Optimizer) -> None:
    assert optimizer.title
    assert r"\theta \leftarrow" in optimizer.formula
    assert optimizer.summary.endswith(".")
    assert optimizer.source
    for parameter in optimizer.parameters:
        assert parameter.check(parameter.default, optimizer.name) == parameter.default
        assert parameter.symbol in optimizer.formula
        assert parameter.name not in ("learning_rate", "weight_decay")


@EVERY
def test_both_ends_of_every_range_are_allowed_by_torch(optimizer: Optimizer) -> None:
    for parameter in optimizer.parameters:
        for value in (parameter.low, parameter.high) if parameter.kind == "number" else (True, False):
            build_optimizer(optimizer.name, [nn.Parameter(torch.ones(2))], settings={parameter.name: value})


TORCH_DEFAULTS = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


@pytest.mark.parametrize("name", TORCH_DEFAULTS)
def test_defaults_are_torchs_own(name: str) -> None:
    parameter = nn.Parameter(torch.ones(2))
    ours = build_optimizer(name, [parameter]).defaults
    theirs = TORCH_DEFAULTS[name]([parameter], lr=OPTIMIZERS[name].default_learning_rate).defaults
    different = {key: (ours[key], value) for key, value in theirs.items() if ours[key] != value}
    different.pop("fused", None)
    if name == "adamw":
        different.pop("weight_decay")  # a setting of every run, 0 by default, where torch has 0.01
    assert different == {}


@EVERY
def test_the_default_learning_rate_lowers_a_loss(optimizer: Optimizer) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
    inputs = torch.randn(64, 4)
    targets = inputs.sum(dim=1, keepdim=True).sin()
    made = build_optimizer(optimizer.name, network.parameters())
    losses = []
    for _ in range(300):
        made.zero_grad()
        loss = (network(inputs) - targets).square().mean()
        loss.backward()
        made.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@EVERY
def test_a_resumed_optimizer_goes_on_where_it_stood(optimizer: Optimizer) -> None:
    def run(stop_after: int) -> torch.Tensor:
        theta = nn.Parameter(torch.tensor(START))
        made = build_optimizer(optimizer.name, [theta], 0.1)
        for step in range(STEPS):
            if step == stop_after:
                state = made.state_dict()
                made = build_optimizer(optimizer.name, [theta], 0.1)
                made.load_state_dict(state)
            theta.grad = torch.tensor(CURVATURE) * theta.detach()
            made.step()
        return theta.detach()

    assert torch.equal(run(stop_after=3), run(stop_after=-1))


def test_parameters_may_come_from_a_generator_and_lack_a_gradient() -> None:
    network = nn.Linear(2, 2)
    for optimizer in OPTIMIZERS:
        build_optimizer(optimizer.name, network.parameters()).step()


def test_wrong_names_and_settings_are_answered_with_the_way_out() -> None:
    parameter = nn.Parameter(torch.ones(2))
    with pytest.raises(UnknownNameError, match="did you mean 'adam'"):
        build_optimizer("adma", [parameter])
    with pytest.raises(ValueError, match="sgd has no setting 'momentum'"):
        build_optimizer("sgd", [parameter], settings={"momentum": 0.9})
    with pytest.raises(ValueError, match=r"momentum of nesterov is 0; it must be between 0.01"):
        build_optimizer("nesterov", [parameter], settings={"momentum": 0})


@pytest.mark.parametrize(
    ("name", "settings", "oracle"),
    [
        (
            "momentum",
            {"dampening": 0.5},
            lambda theta: torch.optim.SGD([theta], 0.1, momentum=0.9, dampening=0.5),
        ),
        ("rmsprop", {"centered": True}, lambda theta: torch.optim.RMSprop([theta], 0.1, centered=True)),
        (
            "adam",
            {"amsgrad": True, "beta2": 0.5},
            lambda theta: torch.optim.Adam([theta], 0.1, betas=(0.9, 0.5), amsgrad=True),
        ),
        (
            "adamw",
            {"amsgrad": True, "beta2": 0.5},
            lambda theta: torch.optim.AdamW([theta], 0.1, (0.9, 0.5), amsgrad=True, weight_decay=0.0),
        ),
    ],
)
def test_a_variant_is_torchs_and_differs_from_the_plain_one(
    name: str, settings: dict[str, float], oracle: Callable[[nn.Parameter], torch.optim.Optimizer]
) -> None:
    theta = nn.Parameter(torch.tensor(START))
    theirs = oracle(theta)
    for _ in range(STEPS):
        theta.grad = torch.tensor(CURVATURE) * theta.detach()
        theirs.step()
    np.testing.assert_allclose(path(name, settings)[-1], theta.detach().numpy(), rtol=1e-9)
    first = next(iter(settings))
    plain = {setting: value for setting, value in settings.items() if setting != first}
    assert not np.allclose(path(name, plain)[-1], path(name, settings)[-1])
