"""Flat spans of curves, and what lies there in a network."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from models.activations import ACTIVATIONS, activation_points, build_activation
from models.saturation import activation_sums, flat_spans, row_of, summed_up
from models.softmax import entropy, softmax_jacobian, tempered_softmax


def test_the_sigmoid_is_flat_where_its_slope_says_so() -> None:
    """s(1 - s) = 0.05 / 4 at x = +-ln((1 + r) / (1 - r)) with r = sqrt(0.95)."""
    root = math.sqrt(0.95)
    edge = math.log((1 + root) / (1 - root))
    spans = flat_spans(activation_points("sigmoid", -8, 8, 3201))
    assert spans == [pytest.approx((-8, -edge), abs=0.01), pytest.approx((edge, 8), abs=0.01)]
    assert flat_spans(activation_points("relu", -3, 3, 601)) == [pytest.approx((-3, 0), abs=0.02)]
    assert flat_spans(activation_points("identity", -3, 3)) == []
    assert flat_spans(activation_points("step", -3, 3)) == [(-3, 3)]


@pytest.mark.parametrize("name", ACTIVATIONS.names())
def test_every_row_is_recognised_by_its_module(name: str) -> None:
    assert row_of(build_activation(name)) == name
    assert row_of(nn.Linear(2, 2)) is None


def test_dead_units_and_saturated_numbers_are_counted() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.Sigmoid())
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].bias.copy_(torch.tensor([-1.0, 1.0, 2.0]))  # the first unit never fires
        network[2].weight.zero_()
        network[2].bias.copy_(torch.tensor([10.0, 0.0]))  # one of two is saturated
    network.train()
    relu, sigmoid = activation_sums(network, torch.randn(5, 2))
    assert (relu.name, relu.activation, relu.units, relu.dead) == ("1", "relu", 3, 1)
    assert relu.saturated == pytest.approx(1 / 3)
    assert (sigmoid.dead, sigmoid.saturated) == (0, 0.5)
    assert sigmoid.counts.sum() == 10
    assert summed_up([relu, sigmoid]) == (1, 5)
    assert network.training  # nothing is changed by looking
    edges = sigmoid.edges
    assert edges[0] < 0
    assert edges[-1] > 10
    torch.testing.assert_close(sigmoid.curve.y, torch.sigmoid(sigmoid.curve.x))


def test_channels_of_pictures_are_units_and_settings_are_the_modules_own() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.LeakyReLU(0.3), nn.Conv2d(4, 2, 3), nn.PReLU())
    leaky, learned = activation_sums(network, torch.randn(3, 1, 8, 8))
    assert (leaky.units, leaky.settings) == (4, {"negative_slope": 0.3})
    assert leaky.counts.sum() == 3 * 4 * 6 * 6
    assert learned.settings == {"initial_slope": 0.25}
    with pytest.raises(ValueError, match="no activation of the table"):
        activation_sums(nn.Linear(2, 2), torch.randn(1, 2))


def test_softmax_its_temperature_and_its_jacobian() -> None:
    logits = torch.tensor([2.0, 0.5, -1.0], dtype=torch.float64)
    p = tempered_softmax(logits, 0.7)
    expected = np.exp(logits.numpy() / 0.7)
    np.testing.assert_allclose(p.numpy(), expected / expected.sum())
    closed = (torch.diag(p) - torch.outer(p, p)) / 0.7
    torch.testing.assert_close(softmax_jacobian(logits, 0.7), closed)
    assert entropy(tempered_softmax(logits, 1e4)) == pytest.approx(math.log2(3), abs=1e-6)
    assert entropy(tempered_softmax(logits, 1e-2)) == pytest.approx(0)
    with pytest.raises(ValueError, match="above 0"):
        tempered_softmax(logits, 0)
