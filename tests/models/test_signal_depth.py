"""Signals through depth: against plain autograd, closed forms, and what wide networks do."""

import math

import pytest
import torch
from torch import nn

from models.activations import ACTIVATIONS, build_activation
from models.catalog import UnknownNameError
from models.signal_depth import expected_sizes, signals


def test_gradients_are_autograds_through_the_whole_stack() -> None:
    found = signals("tanh", "xavier_normal", layers=4, width=16, seed=3)
    generator = torch.Generator().manual_seed(3)
    weights = []
    for _ in range(4):
        weight = torch.empty(16, 16, dtype=torch.float64)
        weights.append(nn.init.xavier_normal_(weight, generator=generator))
    inputs, sent_back = (torch.randn(128, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    sums, values = [], inputs
    for weight in weights:
        sums.append((values @ weight.T).requires_grad_())
        values = torch.tanh(sums[-1])
    expected = torch.autograd.grad(values, sums, sent_back)
    torch.testing.assert_close(found.gradients, torch.stack(expected))
    torch.testing.assert_close(found.activations[-1], values.detach())


def test_a_linear_stack_has_a_closed_form() -> None:
    forward, backward = expected_sizes(nn.Identity(), 0.81, 5)
    torch.testing.assert_close(forward, 0.9 ** torch.arange(1.0, 6.0, dtype=torch.float64))
    torch.testing.assert_close(backward, 0.9 ** torch.arange(4.0, -1.0, -1, dtype=torch.float64))


def test_relu_with_kaiming_keeps_both_sizes() -> None:
    """He et al. 2015: half of the mean square survives each ReLU, and the factor 2 gives it back."""
    forward, backward = expected_sizes(nn.ReLU(), 2.0, 30)
    torch.testing.assert_close(forward, torch.ones(30, dtype=torch.float64), atol=1e-3, rtol=0)
    torch.testing.assert_close(backward, torch.full((30,), 0.5**0.5, dtype=torch.float64), atol=2e-3, rtol=0)


@pytest.mark.parametrize("name", [row.name for row in ACTIVATIONS if row.name != "step"])
def test_a_wide_stack_does_what_the_theory_says(name: str) -> None:
    found = signals(name, "kaiming_normal", layers=5, width=400)
    torch.testing.assert_close(found.activation_sizes, found.expected_activations, rtol=0.15, atol=0)
    torch.testing.assert_close(found.gradient_sizes, found.expected_gradients, rtol=0.2, atol=0)


def test_sigmoids_make_gradients_vanish_and_zeros_leave_none() -> None:
    vanished = signals("sigmoid", "xavier_normal", layers=20).gradient_sizes
    assert vanished[0] < 1e-9 * vanished[-1]
    nothing = signals("relu", "zeros", layers=3)
    assert nothing.activation_sizes.tolist() == [0, 0, 0]
    assert nothing.expected_activations.tolist() == [0, 0, 0]
    assert signals("step", "normal", layers=3).gradient_sizes.tolist() == [0, 0, 0]


def test_settings_reach_both_and_wrong_ones_are_said() -> None:
    wide = signals("relu", "normal", 2, initializer_settings={"standard_deviation": 1.0})
    narrow = signals("relu", "normal", 2, initializer_settings={"standard_deviation": 0.1})
    assert wide.activation_sizes[1] == pytest.approx(100 * narrow.activation_sizes[1].item())
    leaky = signals("leaky_relu", "default", 1, activation_settings={"negative_slope": 1.0})
    assert leaky.activations.min() < 0
    assert build_activation("leaky_relu", {"negative_slope": 1.0})(torch.tensor(-2.0)) == -2
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        signals("rellu", "default", 2)
    with pytest.raises(ValueError, match="at least 1"):
        signals("relu", "default", 0)


@pytest.mark.parametrize("normalisation", ["batch", "layer", "group", "rms"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_wide_normalised_stacks_do_what_the_theory_says(normalisation: str, activation: str) -> None:
    found = signals(activation, "normal", 5, 400, normalisation=normalisation)
    torch.testing.assert_close(found.activation_sizes, found.expected_activations, rtol=0.05, atol=0)
    torch.testing.assert_close(found.gradient_sizes, found.expected_gradients, rtol=0.1, atol=0)


def test_batch_norm_lets_gradients_of_relu_grow_as_published() -> None:
    """Yang et al. 2019, arXiv:1902.08129: squared, by pi / (pi - 1) a layer going down, however weights
    begin."""
    for spread in (0.1, 2.0, 50.0):
        _, backward = expected_sizes(nn.ReLU(), spread, 6, "batch")
        growth = (backward[:-1] / backward[1:]).square()
        torch.testing.assert_close(
            growth, torch.full_like(growth, math.pi / (math.pi - 1)), rtol=2e-3, atol=0
        )
        _, backward = expected_sizes(nn.ReLU(), spread, 6, "layer")
        torch.testing.assert_close(backward[0], backward[-1], rtol=2e-3, atol=0)


def test_gradients_through_a_normalisation_are_autograds() -> None:
    found = signals("tanh", "xavier_normal", layers=3, width=8, seed=5, normalisation="batch")
    generator = torch.Generator().manual_seed(5)
    weights = [
        nn.init.xavier_normal_(torch.empty(8, 8, dtype=torch.float64), generator=generator) for _ in range(3)
    ]
    inputs, sent_back = (torch.randn(128, 8, generator=generator, dtype=torch.float64) for _ in range(2))
    passed, values = [], inputs
    for weight in weights:
        values = nn.functional.batch_norm((values @ weight.T).requires_grad_(), None, None, training=True)
        values.retain_grad()
        passed.append(values)
        values = torch.tanh(values)
    values.backward(sent_back)
    torch.testing.assert_close(found.gradients, torch.stack([each.grad for each in passed]))
    with pytest.raises(ValueError, match="it needs places"):
        signals("relu", "default", 2, normalisation="instance")
