"""What is read inside a network is what is there, and looking changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from models.catalog import UnknownNameError
from models.effective_field import effective_field
from models.probes import (
    NoUnitsError,
    class_logits,
    last_convolution,
    layer_outputs,
    layer_statistics,
    layers_of,
    listening,
    penultimate,
)
from models.zoo import MODELS, build_model


@pytest.fixture
def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 3)
    )


def test_layers_come_in_the_order_of_use_and_are_what_the_layers_compute(network: nn.Module) -> None:
    inputs = torch.randn(5, 1, 8, 8)
    outputs = {layer.name: layer.values for layer in layer_outputs(network, inputs)}
    assert list(outputs) == ["0", "1", "2", "3", "4"]
    expected = inputs
    for name, module in network.eval().named_children():
        expected = module(expected.clone())
        torch.testing.assert_close(outputs[name], expected)
    assert bool((outputs["1"] < 0).any()), "the activation after it wrote into a kept output"


def test_a_module_used_twice_is_told_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.layer(self.layer(inputs))

    assert [layer.name for layer in layer_outputs(Twice(), torch.ones(1, 3))] == ["layer", "layer (2)"]


def test_looking_changes_neither_mode_nor_statistics(network: nn.Module) -> None:
    network.train()
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layer_outputs(network, torch.randn(4, 1, 8, 8))
    penultimate(network, torch.randn(4, 1, 8, 8))
    assert [module.training for module in network] == [True, False, True, True, True]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_what_another_thread_asks_of_a_shared_network_is_not_heard(network: nn.Module) -> None:
    from threading import Thread

    heard: list[str] = []
    with listening(network.eval(), lambda name, module, output: heard.append(name)):
        other = Thread(target=network, args=(torch.randn(1, 1, 8, 8),))
        other.start()
        other.join()
        assert not heard
        network(torch.randn(1, 1, 8, 8))
    assert heard == ["0", "1", "2", "3", "4"]


def test_statistics_over_batches_are_those_of_all_samples_at_once(network: nn.Module) -> None:
    with torch.no_grad():
        network[0].weight[2] = 0  # this channel is its bias everywhere
    inputs = torch.randn(30, 1, 8, 8)
    told = {row.name: row for row in layer_statistics(network, inputs.split(7))}
    values = layer_outputs(network, inputs, ["2"])[0].values.numpy()
    row = told["2"]
    assert (row.kind, row.shape, row.units) == ("ReLU", (4, 6, 6), 4)
    np.testing.assert_allclose(
        [row.mean, row.deviation, row.smallest, row.largest, row.zeros],
        [values.mean(), values.std(), values.min(), values.max(), (values == 0).mean()],
        rtol=1e-5,
    )
    assert told["0"].dead == (2,)
    assert told["0"].units == 4
    assert told["4"].units == 3


def test_no_samples_are_refused(network: nn.Module) -> None:
    with pytest.raises(ValueError, match="no samples"):
        layer_statistics(network, [])


def test_a_wrong_layer_is_answered_with_the_known_ones(network: nn.Module) -> None:
    with pytest.raises(UnknownNameError, match="known: 0, 1, 2, 3, 4"):
        layer_outputs(network, torch.randn(1, 1, 8, 8), ["conv"])


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.name)
def test_every_network_can_be_looked_into(row: object) -> None:
    inputs, outputs = row.example()  # type: ignore[attr-defined]
    network = build_model(row.name, tuple(inputs.shape[1:]), outputs)  # type: ignore[attr-defined]
    found = layer_outputs(network, inputs)
    assert {layer.name for layer in found} <= set(layers_of(network))
    torch.testing.assert_close(found[-1].values, network.eval()(inputs))
    if any(isinstance(module, nn.Linear) for module in network.modules()):
        assert penultimate(network, inputs).shape[0] == len(inputs)


def test_the_layer_before_the_last_is_what_the_head_is_given() -> None:
    network = build_model("resnet20", (3, 32, 32), 10, {"blocks_per_stage": 1})
    inputs = torch.randn(3, 3, 32, 32)
    features = penultimate(network, inputs)
    assert features.shape == (3, 64)
    torch.testing.assert_close(network.classifier(features), network.eval()(inputs))
    assert last_convolution(network, inputs) == "features.stage3.block1.conv2"


def test_networks_without_such_a_layer_say_so() -> None:
    with pytest.raises(NoUnitsError, match="no convolution"):
        last_convolution(build_model("mlp", (4,), 2), torch.ones(1, 4))
    with pytest.raises(NoUnitsError, match="no linear layer"):
        penultimate(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten()), torch.ones(1, 1, 3, 3))


def test_one_logit_is_two_whose_softmax_is_the_sigmoid() -> None:
    logit = torch.tensor([[2.0], [-1.0]])
    torch.testing.assert_close(class_logits(logit).softmax(dim=1)[:, 1], logit[:, 0].sigmoid())


def test_the_effective_field_of_a_linear_stack_is_its_kernel_convolved_with_itself() -> None:
    """Two convolutions by ones weigh each pixel by the number of ways to it: (1 2 3 2 1) outer itself."""
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
    for layer in network:
        nn.init.ones_(layer.weight)
    field = effective_field(network, "1", torch.randn(2, 1, 11, 11))
    ways = torch.tensor([1.0, 2, 3, 2, 1])
    torch.testing.assert_close(field.weight[3:8, 3:8], torch.outer(ways, ways) / 9)
    assert (field.centre, field.reached, field.half) == ((5, 5), (5, 5), (3, 3))
    with pytest.raises(NoUnitsError, match="no picture"):
        effective_field(build_model("mlp", (1, 4, 4), 2), "output", torch.ones(1, 1, 4, 4))
