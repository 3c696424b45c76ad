"""Initialisation: the variances that the papers derive, and what stays untouched."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from models.activations import ACTIVATIONS, build_activation, gain
from models.initializers import INITIALIZERS, Initializer, initialize

EVERY = pytest.mark.parametrize("initializer", INITIALIZERS, ids=lambda row: row.name)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@EVERY
def test_the_row_says_what_a_page_needs(initializer: Initializer) -> None:
    assert initializer.title
    assert "=" in initializer.formula or r"\sim" in initializer.formula
    assert initializer.summary.endswith(".")
    assert initializer.source


@pytest.mark.parametrize(
    ("name", "activation", "variance"),
    [
        ("xavier_uniform", "tanh", 2 / (300 + 500)),
        ("xavier_normal", "tanh", 2 / (300 + 500)),
        ("kaiming_uniform", "relu", 2 / 300),
        ("kaiming_normal", "relu", 2 / 300),
        ("kaiming_normal", "identity", 1 / 300),
        ("normal", "relu", 0.01**2),
        ("orthogonal", "identity", 1 / 500),  # 300 orthonormal columns of 500 numbers
        ("default", "relu", 1 / (3 * 300)),
    ],
)
def test_weights_have_the_variance_of_the_formula(name: str, activation: str, variance: float) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(300, 500)
    initialize(layer, name, activation, generator())
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=4 * math.sqrt(variance / 150_000))


@pytest.mark.parametrize("name", ["xavier_uniform", "kaiming_uniform"])
def test_uniform_weights_reach_their_limit_and_no_further(name: str) -> None:
    layer = initialize(nn.Linear(300, 500), name, "relu", generator())
    limit = math.sqrt(6 / 800) if name == "xavier_uniform" else math.sqrt(6 / 300)
    largest = layer.weight.abs().max().item()
    assert 0.99 * limit < largest <= limit * (1 + 1e-6)


def test_a_convolution_counts_the_area_of_its_kernel() -> None:
    layer = initialize(nn.Conv2d(32, 64, 3), "kaiming_normal", "relu", generator())
    assert layer.weight.var().item() == pytest.approx(2 / (32 * 9), rel=0.05)


def test_orthogonal_columns_are_orthogonal_with_the_gain_as_length() -> None:
    weight = initialize(nn.Linear(20, 50), "orthogonal", "relu", generator()).weight.detach()
    torch.testing.assert_close(weight.T @ weight, gain("relu") ** 2 * torch.eye(20), atol=1e-5, rtol=0)


def test_zeros_are_zeros() -> None:
    assert initialize(nn.Linear(3, 4), "zeros").weight.abs().sum() == 0


@pytest.mark.parametrize("name", [row.name for row in INITIALIZERS if row.name != "default"])
def test_biases_become_zero_and_batch_norm_keeps_its_ones(name: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    initialize(network, name, "relu", generator())
    assert all(network[layer].bias.abs().sum() == 0 for layer in (0, 3))
    assert network[1].weight.tolist() == [1] * 4
    assert network[1].bias.tolist() == [0] * 4


def test_the_default_changes_nothing() -> None:
    network = nn.Linear(5, 5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    initialize(network, "default", "relu", generator())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@EVERY
def test_one_generator_gives_one_network(initializer: Initializer) -> None:
    def made() -> torch.Tensor:
        torch.manual_seed(1)
        return initialize(nn.Linear(6, 6), initializer.name, "relu", generator(7)).weight

    assert torch.equal(made(), made())


def test_a_generator_of_ones_own_leaves_the_global_one_alone() -> None:
    layer = nn.Linear(6, 6)
    before = torch.get_rng_state()
    initialize(layer, "kaiming_normal", "relu", generator())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("activation", ACTIVATIONS.names())
@pytest.mark.parametrize("name", ["kaiming_normal", "kaiming_uniform"])
def test_a_signal_keeps_its_size_through_ten_layers(name: str, activation: str) -> None:
    """He et al. 2015 derive it for ReLU; the gain by the mean square extends it to the others."""
    layers = [initialize(nn.Linear(512, 512), name, activation, generator(seed)) for seed in range(10)]
    signal = torch.randn(256, 512, generator=generator(99))
    with torch.no_grad():
        for layer in layers:
            signal = layer(build_activation(activation)(signal))
    assert 0.4 < signal.square().mean().item() < 2.5


def test_a_setting_reaches_the_rule() -> None:
    layer = initialize(
        nn.Linear(300, 500), "normal", generator=generator(), settings={"standard_deviation": 2.0}
    )
    assert layer.weight.std().item() == pytest.approx(2, rel=0.02)
