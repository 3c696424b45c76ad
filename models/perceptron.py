"""Rosenblatt's perceptron: fixed random association units that fire or not, and response units that learn.

Rosenblatt 1958 (doi:10.1037/h0042519) joined sensory points at random to association units with a
threshold, and only the connections from these to the response units learned. So here: `association` is
drawn once and kept in buffers (saved with the weights, never trained), `output` learns. Because nothing
trainable lies below the threshold, its missing gradient does no harm, and the network learns under any
loss. His rule is plain SGD, one sample at a time, with the loss `perceptron`.

With association_units = 0 it is the single layer of the textbooks, which learns only what a line can part
(Minsky and Papert 1969): not xor. With association units it learns xor too.

Differences to the paper: connections and thresholds are normally distributed where the paper has +1 and
-1, so that two inputs are enough for any number of different units.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import Step
from models.catalog import Parameter
from models.model import InputShape, Model


class Association(nn.Module):
    """Units that fire (1) when their fixed random sum of the inputs reaches their fixed random threshold."""

    connections: Tensor
    thresholds: Tensor

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.register_buffer("connections", torch.randn(units, features) / math.sqrt(features))
        self.register_buffer("thresholds", torch.randn(units))
        self.step = Step()

    def forward(self, inputs: Float[Tensor, "batch features"]) -> Float[Tensor, "batch units"]:
        return self.step(inputs @ self.connections.T - self.thresholds)


class Perceptron(nn.Module):
    def __init__(self, features: int, units: int, outputs: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.association = Association(features, units) if units else nn.Identity()
        self.output = nn.Linear(units or features, outputs)
        nn.init.zeros_(self.output.weight)  # the response units begin knowing nothing
        nn.init.zeros_(self.output.bias)

    def forward(self, inputs: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch outputs"]:
        return self.output(self.association(self.flatten(inputs)))


def build_perceptron(input_shape: InputShape, outputs: int, association_units: int) -> nn.Module:
    return Perceptron(math.prod(input_shape), association_units, outputs)


SPECS = (
    Model(
        name="perceptron",
        title="Perceptron",
        summary="Rosenblatt's machine of 1958: a fixed random layer, and one layer that learns.",
        source="Rosenblatt 1958, doi:10.1037/h0042519",
        build=build_perceptron,
        inputs="any",
        parameters=(
            Parameter(
                "association_units",
                512,
                "fixed random threshold units; 0 for the single layer of the textbooks",
                kind="integer",
                low=0,
                high=8192,
            ),
        ),
        example=lambda: (torch.randn(4, 1, 8, 8), 10),
        stages=(("flatten", (64,)), ("association", (512,)), ("output", (10,))),
        parameter_count=5130,
        family="perceptron",
        tasks=("classification", "binary"),
    ),
)
