"""Activations: their formulas against finite differences and known values, their gains against theory."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from models.activations import ACTIVATIONS, Activation, activation_points, build_activation, gain

EVERY = pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda row: row.name)
# Away from the corners at -3, 0 and 3, where a piecewise function has no derivative
SMOOTH = torch.tensor([-4.5, -2.3, -1.1, -0.4, 0.3, 0.9, 1.7, 4.2], dtype=torch.float64)


@EVERY
def test_the_row_says_what_a_page_needs(activation: Activation) -> None:
    assert activation.title
    assert activation.formula.startswith("f(x)")
    assert activation.summary.endswith(".")
    assert activation.source
    for parameter in activation.parameters:
        assert parameter.check(parameter.default, activation.name) == parameter.default
        assert parameter.symbol in activation.formula


@EVERY
def test_the_derivative_is_the_slope_of_the_function(activation: Activation) -> None:
    module = build_activation(activation.name).double()
    inputs = SMOOTH.clone().requires_grad_()
    (slope,) = torch.autograd.grad(module(inputs).sum(), inputs)
    small = 1e-6
    with torch.no_grad():
        measured = (module(SMOOTH + small) - module(SMOOTH - small)) / (2 * small)
    torch.testing.assert_close(slope, measured, atol=1e-8, rtol=1e-6)


# What each formula says at -1 and at 2, computed with the standard library from the papers' definitions.
KNOWN = {
    "identity": (-1.0, 2.0),
    "step": (0.0, 1.0),
    "sigmoid": (1 / (1 + math.e), 1 / (1 + math.exp(-2))),
    "tanh": (math.tanh(-1), math.tanh(2)),
    "relu": (0.0, 2.0),
    "leaky_relu": (-0.01, 2.0),
    "prelu": (-0.25, 2.0),
    "elu": (math.exp(-1) - 1, 2.0),
    "selu": (1.0507009873554805 * 1.6732632423543772 * (math.exp(-1) - 1), 2 * 1.0507009873554805),
    "gelu": (-(1 + math.erf(-1 / math.sqrt(2))) / 2, 1 + math.erf(math.sqrt(2))),
    "silu": (-1 / (1 + math.e), 2 / (1 + math.exp(-2))),
    "mish": (-math.tanh(math.log(1 + math.exp(-1))), 2 * math.tanh(math.log(1 + math.exp(2)))),
    "softplus": (math.log(1 + math.exp(-1)), math.log(1 + math.exp(2))),
    "hardswish": (-1 / 3, 2 * 5 / 6),
}


@EVERY
def test_the_function_is_that_of_the_formula(activation: Activation) -> None:
    points = activation_points(activation.name, -1.0, 2.0, points=2)
    torch.testing.assert_close(points.y, torch.tensor(KNOWN[activation.name], dtype=torch.float64))


@EVERY
def test_each_build_is_a_new_module(activation: Activation) -> None:
    assert activation.build(**{p.name: p.default for p in activation.parameters}) is not build_activation(
        activation.name
    )


@pytest.mark.parametrize(
    ("name", "settings", "below_zero"),
    [
        ("leaky_relu", {"negative_slope": 0.2}, -0.2),
        ("prelu", {"initial_slope": 0.1}, -0.1),
        ("elu", {"alpha": 2.0}, 2 * (math.exp(-1) - 1)),
        ("softplus", {"beta": 10.0}, math.log(1 + math.exp(-10)) / 10),
    ],
)
def test_a_setting_changes_the_function(name: str, settings: dict[str, float], below_zero: float) -> None:
    points = activation_points(name, -1.0, 1.0, points=3, settings=settings)
    assert points.y[0].item() == pytest.approx(below_zero)
    assert points.x.tolist() == [-1, 0, 1]


def test_a_step_is_one_from_zero_on_and_has_no_slope() -> None:
    points = activation_points("step", -2.0, 2.0, points=5)
    assert points.y.tolist() == [0, 0, 1, 1, 1]
    assert points.derivative.tolist() == [0] * 5


def test_a_step_keeps_nan_visible() -> None:
    assert build_activation("step")(torch.tensor([math.nan])).isnan().all()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "identity"])
def test_the_gain_is_pytorchs_where_pytorch_derives_it_the_same_way(name: str) -> None:
    torch_name = "linear" if name == "identity" else name
    assert gain(name) == pytest.approx(nn.init.calculate_gain(torch_name), rel=1e-4)


def test_selu_needs_no_gain() -> None:
    assert gain("selu") == pytest.approx(1, abs=1e-3)


def test_the_gain_follows_the_slope() -> None:
    assert gain("leaky_relu", {"negative_slope": 0.5}) == pytest.approx(math.sqrt(2 / 1.25), rel=1e-4)


def test_a_wrong_activation_or_setting_is_named() -> None:
    with pytest.raises(KeyError, match="did you mean 'relu'"):
        build_activation("rel")
    with pytest.raises(ValueError, match="relu has no setting 'alpha'"):
        build_activation("relu", {"alpha": 1})
