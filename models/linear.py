"""One linear layer: linear regression, logistic regression and softmax regression in one network.

Which of them it is, the outputs and the loss decide: numbers with the squared error, one logit with the
binary cross-entropy, a logit for each class with the cross-entropy (Hastie, Tibshirani and Friedman 2009,
chapters 3, 4).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.initializers import initialize
from models.model import InputShape, Model, initializer_parameter


class LinearModel(nn.Module):
    """outputs = W x + b, with x the sample laid flat."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.output = nn.Linear(features, outputs)

    def forward(self, inputs: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch outputs"]:
        return self.output(self.flatten(inputs))


def build_linear(input_shape: InputShape, outputs: int, initializer: str) -> nn.Module:
    return initialize(LinearModel(math.prod(input_shape), outputs), initializer)


SPECS = (
    Model(
        name="linear",
        title="Linear",
        summary="One linear layer: linear, logistic or softmax regression, as the task has it.",
        source="Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, chapters 3 and 4",
        build=build_linear,
        inputs="any",
        parameters=(initializer_parameter("default"),),
        example=lambda: (torch.randn(4, 1, 8, 8), 10),
        stages=(("flatten", (64,)), ("output", (10,))),
        parameter_count=650,
        family="linear",
    ),
)
