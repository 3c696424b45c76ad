"""Multilayer perceptron of any depth and width (Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0).

Each hidden layer is linear -> batch norm (Ioffe and Szegedy 2015, arXiv:1502.03167, before the activation as
there) -> activation -> dropout (Srivastava et al. 2014). With no hidden layer it is the linear model.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import build_activation
from models.catalog import Parameter
from models.initializers import initialize
from models.model import (
    InputShape,
    Model,
    activation_parameter,
    dropout_parameter,
    initializer_parameter,
)


class MLP(nn.Module):
    """[batch, *shape] is laid flat, passes the hidden layers, and comes out as [batch, outputs]."""

    def __init__(
        self,
        features: int,
        outputs: int,
        hidden_layers: int,
        hidden_width: int,
        activation: str,
        dropout: float,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden = nn.Sequential()
        for layer in range(1, hidden_layers + 1):
            self.hidden.add_module(f"linear{layer}", nn.Linear(features, hidden_width))
            if batch_norm:
                self.hidden.add_module(f"norm{layer}", nn.BatchNorm1d(hidden_width))
            self.hidden.add_module(f"activation{layer}", build_activation(activation))
            if dropout:
                self.hidden.add_module(f"dropout{layer}", nn.Dropout(dropout))
            features = hidden_width
        self.output = nn.Linear(features, outputs)

    def forward(self, inputs: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch outputs"]:
        return self.output(self.hidden(self.flatten(inputs)))


def build_mlp(
    input_shape: InputShape,
    outputs: int,
    hidden_layers: int,
    hidden_width: int,
    activation: str,
    dropout: float,
    batch_norm: bool,
    initializer: str,
) -> nn.Module:
    network = MLP(
        math.prod(input_shape), outputs, hidden_layers, hidden_width, activation, dropout, batch_norm
    )
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="mlp",
        title="Multilayer perceptron",
        summary="Fully connected layers, as many and as wide as you like. Takes any input.",
        source="Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0",
        build=build_mlp,
        inputs="any",
        parameters=(
            Parameter("hidden_layers", 2, "hidden layers; 0 for none", kind="integer", low=0, high=20),
            Parameter(
                "hidden_width", 64, "units in each hidden layer", kind="integer", low=1, high=4096, log=True
            ),
            activation_parameter("relu"),
            dropout_parameter(0.0),
            Parameter("batch_norm", False, "normalise each hidden unit over the batch", kind="flag"),
            initializer_parameter("default"),
        ),
        example=lambda: (torch.randn(4, 1, 8, 8), 10),
        stages=(
            ("flatten", (64,)),
            ("hidden.linear1", (64,)),
            ("hidden.activation1", (64,)),
            ("hidden.linear2", (64,)),
            ("hidden.activation2", (64,)),
            ("output", (10,)),
        ),
        parameter_count=8970,
        family="mlp",
    ),
)
