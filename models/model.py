"""The row type of the table of networks: what every network says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from models.activations import ACTIVATIONS
from models.catalog import Parameter, Value
from models.initializers import INITIALIZERS

InputShape = tuple[int, ...]  # of one sample: (channels, height, width) or (features,)


@dataclass(frozen=True)
class Model:
    """A row of MODELS. `build(input_shape, outputs, **settings)` makes the network; it maps [batch,
    *input_shape] to [batch, outputs]. `stages` and `parameter_count` are facts about the network built for
    `example()`, which the tests check: a stage is a submodule's dotted name and the shape of what it puts
    out, without the batch. `tiny` are settings that make a network of the same kind in miniature, for tests
    and for a first try on a slow machine; without any the network is small as it is.
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
    tasks: tuple[str, ...] = ("classification", "binary", "regression", "embedding")
    family: str = ""  # name in models.families.FAMILIES
    tiny: Mapping[str, Value] = field(default_factory=dict)


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


def width_parameter() -> Parameter:
    return Parameter(
        "width_multiplier",
        1.0,
        "channels of every layer, times this",
        low=0.0625,
        high=4.0,
        log=True,
        symbol=r"\alpha",
    )


def sized_for_parameter() -> Parameter:
    return Parameter(
        "sized_for",
        "small",
        "pictures the first layers are made for: small keeps 28 to 64 pixels, paper shrinks 224 as published",
        kind="choice",
        choices=("small", "paper"),
    )


def scaled(channels: int, multiplier: float, divisor: int = 8) -> int:
    """Channels of a layer whose width is multiplied: the nearest multiple of `divisor`, at least one of them,
    and the next one up where rounding would take more than a tenth away. The numbers of MobileNet v2's
    official code (Sandler et al. 2018, arXiv:1801.04381), so that narrower networks have its sizes too.
    """
    wanted = channels * multiplier
    nearest = max(divisor, int(wanted / divisor + 0.5) * divisor)
    return nearest if nearest >= 0.9 * wanted else nearest + divisor


def trainable_parameters(network: nn.Module) -> int:
    """How many numbers the optimizer moves."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
