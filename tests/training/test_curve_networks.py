"""Many small networks at once, each held to torch.nn and torch.optim alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from models.activations import build_activation
from training.curve_networks import CURVED, FINAL, CurveNetworks, NetworkPlan
from training.true_functions import TRUE_FUNCTIONS, draw_samples

WIDTHS = (1, 3, 8)


def sets(members: int, samples: int = 12) -> tuple[np.ndarray, np.ndarray]:
    return draw_samples(TRUE_FUNCTIONS["sine"], samples, 0.3, np.random.default_rng(1), members)


def alone(networks: CurveNetworks, member: int) -> nn.Sequential:
    """The member as a network of torch's own, with its first weights; nothing of the padding in it."""
    width, plan = int(networks.widths[member]), networks.plan
    layers: list[nn.Module] = []
    sizes = [1, *[width] * plan.hidden_layers, 1]
    for place, name in enumerate(networks.names):
        linear = nn.Linear(sizes[place], sizes[place + 1])
        with torch.no_grad():
            linear.weight.copy_(networks.state[f"{name}.weight"][member, : sizes[place + 1], : sizes[place]])
            linear.bias.copy_(networks.state[f"{name}.bias"][member, : sizes[place + 1]])
        layers += [linear, build_activation(plan.activation)]
    return nn.Sequential(*layers[:-1])


def trained(network: nn.Sequential, plan: NetworkPlan, x: np.ndarray, y: np.ndarray) -> nn.Sequential:
    inputs, targets = (torch.tensor(each, dtype=torch.float32)[:, None] for each in (x, y))
    optimizer = torch.optim.Adam(network.parameters())
    weights = [each for name, each in network.named_parameters() if name.endswith("weight")]
    for step in range(1, plan.steps + 1):
        share = FINAL + (1 - FINAL) * 0.5 * (1 + math.cos(math.pi * step / plan.steps))
        optimizer.param_groups[0]["lr"] = plan.learning_rate * share
        loss = nn.functional.mse_loss(network(inputs), targets)
        loss = loss + plan.ridge * sum(each.square().sum() for each in weights)
        loss = loss + plan.lasso * sum(each.abs().sum() for each in weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@pytest.mark.parametrize(
    "plan",
    [
        NetworkPlan(steps=60),
        NetworkPlan(steps=60, activation="relu", hidden_layers=1),
        NetworkPlan(steps=40, activation="sigmoid", hidden_layers=3, ridge=0.01),
        NetworkPlan(steps=40, activation="gelu", lasso=0.003),
    ],
    ids=lambda plan: f"{plan.activation}{plan.hidden_layers}",
)
def test_each_member_trains_as_it_would_alone(plan: NetworkPlan) -> None:
    """Also beside wider ones: its padding takes no part."""
    x, y = sets(len(WIDTHS))
    networks = CurveNetworks(plan, WIDTHS, x, y, seed=3)
    single = [alone(networks, member) for member in range(len(WIDTHS))]
    networks.train(plan.steps)
    assert networks.done
    places = np.linspace(-1, 1, 40)
    found = networks.values(places)
    for member, network in enumerate(single):
        trained(network, plan, x[member], y[member])
        with torch.no_grad():
            expected = network(torch.tensor(places, dtype=torch.float32)[:, None])[:, 0].numpy()
        np.testing.assert_allclose(found[member], expected, atol=2e-3)
        size = math.sqrt(
            sum(float(w.detach().square().sum()) for n, w in network.named_parameters() if "weight" in n)
        )
        assert networks.weight_sizes[member] == pytest.approx(size, rel=1e-3)


@pytest.mark.parametrize("activation", CURVED)
def test_every_activation_learns(activation: str) -> None:
    x, y = sets(2, 30)
    networks = CurveNetworks(NetworkPlan(1, activation, 0.1, 300), [8, 8], x, y, 0)
    before = np.square(networks.fitted() - y).mean()
    networks.train(300)
    assert np.square(networks.fitted() - y).mean() < 0.9 * before


def test_the_same_seed_gives_the_same_curves_however_the_steps_are_cut() -> None:
    x, y = sets(2)
    plan = NetworkPlan(steps=30, dropout=0.2, jitter=0.05)
    whole, cut = (CurveNetworks(plan, [4, 4], x, y, 5) for _ in range(2))
    whole.train(30)
    for _ in range(6):
        cut.train(5)
    assert (whole.values(x[0]) == cut.values(x[0])).all()


def test_dropout_keeps_the_mean_and_leaves_the_trained_network_whole() -> None:
    x, y = sets(2)
    networks = CurveNetworks(NetworkPlan(dropout=0.5), [64, 64], x, y, 0)
    masks = networks._masks(500)
    assert set(masks) == {"dropout0.mask", "dropout1.mask"}
    for mask in masks.values():
        assert set(mask.unique().tolist()) == {0.0, 2.0}
        assert mask.mean().item() == pytest.approx(1, abs=0.02)
    assert (networks.values(x[0]) == networks.values(x[0])).all()


def test_early_stopping_keeps_the_best_weights_of_each_member() -> None:
    x, y = sets(6, 24)
    plan = NetworkPlan(steps=3000, patience=100, learning_rate=0.05)
    networks = CurveNetworks(plan, [32] * 6, x[:, ::2], y[:, ::2], 0, (x[:, 1::2], y[:, 1::2]))
    networks.train(plan.steps)
    assert networks.done
    assert networks.step < plan.steps
    for member in range(6):
        curve = networks.values(x[member, 1::2])[member]
        error = np.square(curve - y[member, 1::2]).mean()
        assert error == pytest.approx(networks.best_error[member], rel=1e-4)


def test_early_stopping_without_samples_to_look_at_is_refused() -> None:
    x, y = sets(1)
    networks = CurveNetworks(NetworkPlan(patience=10), [2], x, y, 0)
    with pytest.raises(ValueError, match="set patience to 0"):
        networks.train(20)


def test_first_weights_are_within_torchs_limits_and_padding_is_nothing() -> None:
    x, y = sets(2)
    networks = CurveNetworks(NetworkPlan(), [2, 50], x, y, 0)
    middle = networks.state["linear1.weight"]
    assert middle[0, 2:].abs().max() == middle[0, :, 2:].abs().max() == 0
    assert middle[0, :2, :2].abs().max() <= 1 / math.sqrt(2)
    assert 0.9 / math.sqrt(50) < middle[1].abs().max().item() <= 1 / math.sqrt(50)
    networks.train(20)
    assert networks.state["linear1.weight"][0, 2:].abs().max() == 0
