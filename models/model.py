"""The row type of the table of networks: what every network says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from models.activations import ACTIVATIONS
from models.catalog import Parameter
from models.initializers import INITIALIZERS

InputShape = tuple[int, ...]  # of one sample: (channels, height, width) or (features,)


@dataclass(frozen=True)
class Model:
    """A row of MODELS. `build(input_shape, outputs, **settings)` makes the network; it maps [batch,
    *input_shape] to [batch, outputs]. `stages` and `parameter_count` are facts about the network built for
    `example()`, which the tests check: a stage is a submodule's dotted name and the shape of what it puts
    out, without the batch.
    """

    name: str
    title: str
    summary: str
    source: str
    build: Callable[..., nn.Module]
    inputs: Literal["any", "image", "plane"]  # (channels, height, width); (2,): a point in the plane
    example: Callable[[], tuple[Tensor, int]]  # an input of a few samples, and how many outputs
    stages: tuple[tuple[str, InputShape], ...]
    parameter_count: int  # trainable numbers
    parameters: tuple[Parameter, ...] = ()
    tasks: tuple[str, ...] = ("classification", "binary", "regression")


# Settings that several networks share, with one meaning.


def activation_parameter(default: str) -> Parameter:
    return Parameter(
        "activation",
        default,
        "function after each hidden layer",
        kind="choice",
        choices=tuple(ACTIVATIONS.names()),
    )


def initializer_parameter(default: str) -> Parameter:
    return Parameter(
        "initializer",
        default,
        "how the weights begin",
        kind="choice",
        choices=tuple(INITIALIZERS.names()),
    )


def dropout_parameter(default: float) -> Parameter:
    return Parameter(
        "dropout",
        default,
        "share of hidden units silenced at each training step",
        low=0.0,
        high=0.9,
        step=0.05,
        symbol="p",
    )


def trainable_parameters(network: nn.Module) -> int:
    """How many numbers the optimizer moves."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
