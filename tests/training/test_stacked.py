"""Many networks computed as one say what each says by itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from models.activations import ACTIVATIONS
from models.zoo import MODELS, build_model
from training.learners import cross_entropy_slope
from training.stacked import MaskedDropout, StackedNetworks
from training.stacked_layers import chain

CPU = torch.device("cpu")
CHAINS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("linear", {}),
    "perceptron": ("perceptron", {}),
    "perceptron, single layer": ("perceptron", {"association_units": 0}),
    "playground with everything": (
        "playground",
        {
            "plane_features": "x,y,x2,y2,xy,sin_x,sin_y",
            "layer_widths": "7,7,8,8",
            "layer_activations": "tanh,relu,prelu,elu",
            "residual": True,
            "batch_norm": True,
            "dropout": 0.2,
        },
    ),
    "mlp without hidden layers": ("mlp", {"hidden_layers": 0}),
    "mlp with everything": (
        "mlp",
        {"hidden_layers": 3, "dropout": 0.4, "batch_norm": True, "hidden_width": 12},
    ),
    **{f"mlp, {row.name}": ("mlp", {"activation": row.name, "hidden_width": 12}) for row in ACTIVATIONS},
}


def shape_for(model: str) -> tuple[int, ...]:
    return (2,) if MODELS[model].inputs == "plane" else (1, 8, 8)


def networks_of(model: str, settings: dict[str, Any], count: int = 3) -> list[nn.Module]:
    torch.manual_seed(0)
    networks = [build_model(model, shape_for(model), 5, settings) for _ in range(count)]
    for network in networks:  # where weights begin at zero, and statistics at the same numbers
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor) / 10)
    return networks


@pytest.mark.parametrize("name", CHAINS)
def test_chains_of_layers_take_the_fast_way_and_agree(name: str) -> None:
    networks = networks_of(*CHAINS[name])
    shape = shape_for(CHAINS[name][0])
    stack = StackedNetworks(networks, shape, CPU)
    assert stack.layers is not None
    inputs = torch.randn(3, 6, *shape)
    outputs = stack.outputs(inputs)
    for number, network in enumerate(networks):
        assert torch.allclose(outputs[number], network.eval()(inputs[number]), atol=1e-5)


ONE_A_FILE = {row.build.__module__: row.name for row in reversed(list(MODELS))}


@pytest.mark.parametrize("model", ONE_A_FILE.values())
def test_gradients_and_statistics_of_every_model_are_those_of_each_network(model: str) -> None:
    everything = {"residual": True, "layer_widths": "2,8,8", "batch_norm": True}
    chosen: dict[str, Any] = {"mlp": {"batch_norm": True}, "playground": everything}
    settings = chosen.get(model, dict(MODELS[model].tiny))
    # In double precision: a gradient through many norms over four samples is ill-conditioned
    networks = [network.double() for network in networks_of(model, settings, count=2)]
    stack = StackedNetworks(networks, shape_for(model), CPU)
    inputs = torch.randn(2, 4, *shape_for(model), dtype=torch.float64)
    slope = torch.randn(2, 5, 4, dtype=torch.float64)
    _, back = stack.forward_and_back(inputs, {})
    gradient = back(slope)
    for number, network in enumerate(networks):
        (network.train()(inputs[number]) * slope[number].T).sum().backward()
        expected = torch.cat(
            [weight.grad.flatten() for weight in network.parameters() if weight.grad is not None]
        )
        assert torch.allclose(gradient[number], expected, rtol=1e-6, atol=1e-5)
        found = stack.state_dict(number)
        assert found.keys() == network.state_dict().keys()
        for name, buffer in network.named_buffers():
            assert torch.allclose(found[name], buffer, atol=1e-5), name


@pytest.mark.parametrize("activation", ACTIVATIONS.names())
def test_the_slope_of_every_activation_is_autograds(activation: str) -> None:
    torch.manual_seed(0)
    network = build_model("mlp", (3,), 2, {"activation": activation, "hidden_width": 12})
    stack = StackedNetworks([network], (3,), CPU)
    inputs, slope = 3 * torch.randn(1, 40, 3), torch.randn(1, 2, 40)
    _, back = stack.forward_and_back(inputs, {})
    gradient = back(slope)[0]
    (network(inputs[0]) * slope[0].T).sum().backward()
    expected = torch.cat([weight.grad.flatten() for weight in network.parameters()])
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


class Shortcut(nn.Module):
    """Its layers are written like a chain's, and called otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        flat = self.flatten(inputs)
        return self.second(self.first(flat)) + flat


def test_a_network_that_only_looks_like_a_chain_is_found_out() -> None:
    assert chain(Shortcut(), (6,)) is None
    networks = [Shortcut(), Shortcut()]
    stack = StackedNetworks(networks, (6,), CPU)
    inputs = torch.randn(2, 3, 6)
    assert torch.allclose(stack.outputs(inputs)[1], networks[1](inputs[1]), atol=1e-6)


class Pictures(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 2, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(72, 3))


def test_given_masks_reach_dropout_on_both_ways() -> None:
    torch.manual_seed(0)
    dense = build_model("mlp", (6,), 3, {"dropout": 0.5, "hidden_layers": 1, "hidden_width": 8})
    for network, shape in ((dense, (6,)), (Pictures(), (1, 8, 8))):
        stack = StackedNetworks([network, copy.deepcopy(network)], shape, CPU)
        ((site, inside),) = stack.sites.items()
        mask = (torch.rand(2, *inside, 4) > 0.5).float() * 2
        inputs = torch.randn(2, 4, *shape)
        outputs = stack(inputs, {f"{site}.mask": mask}, training=True)
        given = copy.deepcopy(network)
        given.set_submodule(site, MaskedDropout())
        given.get_submodule(site).mask = mask[1].movedim(-1, 0)
        assert torch.allclose(outputs[1].T, given(inputs[1]), atol=1e-5)
        assert not torch.allclose(outputs[1], stack.outputs(inputs)[1].T, atol=1e-3)


@pytest.mark.parametrize("strengths", [None, (0.0, 0.1, 0.5)])
def test_the_written_out_slope_of_cross_entropy_is_that_of_torch(strengths: tuple[float, ...] | None) -> None:
    outputs = torch.randn(3, 5, 7, requires_grad=True)
    targets = torch.randint(5, (3, 7))
    column = None if strengths is None else torch.tensor(strengths)[:, None]
    slope = cross_entropy_slope(outputs.detach(), targets, column)
    for member, strength in enumerate(strengths or (0.0, 0.0, 0.0)):
        function = nn.CrossEntropyLoss(reduction="none", label_smoothing=strength)
        expected = function(outputs[member].T, targets[member])
        (gradient,) = torch.autograd.grad(expected.sum(), outputs)
        assert torch.allclose(slope[member], gradient[member], atol=1e-6)
