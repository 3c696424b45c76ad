"""The graph, the times and the answers of small networks whose structure is plain to see."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.anatomy import anatomy, modes
from models.graph import layer_graph
from models.timing import layer_times
from models.zoo import build_model


def test_the_graph_of_a_block_has_its_shortcut() -> None:
    graph = layer_graph(build_model("resnet20", (1, 8, 8), 10).eval(), (1, 1, 8, 8), 4)
    numbers = {node.path: node.number for node in graph.nodes if node.path}
    sums = [node.number for node in graph.nodes if node.kind.strip("_") == "add"]
    assert len(sums) == 9
    into_first = {first for first, second in graph.edges if second == sums[0]}
    assert numbers["features.stage1.block1.norm2"] in into_first
    assert len(into_first) == 2
    assert graph.nodes[numbers["classifier"]].shape == (1, 10)


def test_a_shallow_graph_has_few_boxes() -> None:
    network = build_model("resnet20", (1, 8, 8), 10).eval()
    assert len(layer_graph(network, (1, 1, 8, 8), 1).nodes) < 10


def test_a_network_that_needs_numbers_has_no_graph() -> None:
    class Picky(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs * float(inputs.sum())

    with pytest.raises(ValueError, match="can't be traced"):
        layer_graph(Picky(), (1, 3), 1)


def test_a_part_takes_no_longer_than_the_whole() -> None:
    network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3)))
    times = layer_times(network, torch.zeros(1, 1, 32, 32), passes=3)
    assert times.keys() == {"", "0", "1", "1.0", "1.1"}
    assert all(seconds > 0 for seconds in times.values())
    assert not network[0]._forward_hooks


def test_the_answers_are_those_of_the_network() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout())
    network[0].bias.requires_grad_(False)
    answers = {answer.code: answer.gives for answer in anatomy(network)}
    assert answers["network.parameters()"] == "4 tensors, 24 numbers"
    assert "1 frozen: 0.bias" in answers.values()
    assert answers["network.state_dict()"] == "7 names, from '0.weight'"
    assert answers["network.train(); network.eval()"] == "1 BatchNorm1d, 1 Dropout"


def test_modes_differ_where_they_should_and_the_network_stays_as_it_is() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout()).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = modes(network, torch.randn(8, 3))
    assert found.eval_twice == 0
    assert found.train_twice > 0
    assert set(found.moved_buffers) == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not network.training
