"""Densely connected network (Huang, Liu, van der Maaten and Weinberger 2016, arXiv:1608.06993).

A layer is given what all layers of its block before it put out, one behind the other, and adds k channels:

    x_l = H([x_0, x_1, ..., x_(l-1)]),   H: norm, activation, 1x1 to 4k channels, norm, activation, 3x3 to k

Between blocks a transition halves the channels (1 x 1 convolution) and the picture (mean of 2 x 2). That is
the paper's DenseNet-BC. `densenet` is its network for small pictures (section 4.2: three blocks, 6n + 4
layers; n = 6 and k = 12 are 40 layers, n = 16 the 100 of table 2 with 0.8 million parameters), `densenet121`
the smallest of table 1. As published, the latter's stem shrinks 224 x 224 pixels to 56 x 56; sized for small
pictures it is one 3 x 3 convolution.
"""

from __future__ import annotations

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
    initializer_parameter,
    sized_for_parameter,
)
from models.resnet20 import convolution

BOTTLENECK = 4  # channels of a layer's 1 x 1 convolution, in growth rates
COMPRESSION = 0.5  # share of the channels that a transition keeps


class DenseLayer(nn.Module):
    """Adds `growth` channels to those it is given."""

    def __init__(self, channels: int, growth: int, activation: str) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.activation1 = build_activation(activation)
        self.conv1 = convolution(channels, BOTTLENECK * growth, kernel_size=1, stride=1)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * growth)
        self.activation2 = build_activation(activation)
        self.conv2 = convolution(BOTTLENECK * growth, growth, kernel_size=3, stride=1)

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch more height width"]:
        added = self.conv1(self.activation1(self.norm1(images)))
        added = self.conv2(self.activation2(self.norm2(added)))
        return torch.cat([images, added], dim=1)


def transition(channels: int, kept: int, activation: str) -> nn.Sequential:
    rows = nn.Sequential()
    rows.add_module("norm", nn.BatchNorm2d(channels))
    rows.add_module("activation", build_activation(activation))
    rows.add_module("conv", convolution(channels, kept, kernel_size=1, stride=1))
    rows.add_module("pool", nn.AvgPool2d(2, ceil_mode=True))  # a picture of one pixel stays one
    return rows


class DenseNet(nn.Module):
    def __init__(
        self,
        channels: int,
        outputs: int,
        growth: int,
        layers: tuple[int, ...],
        paper_size: bool,
        activation: str,
    ) -> None:
        """`layers`: how many each block has."""
        super().__init__()
        self.stem = nn.Sequential()
        count = 2 * growth
        if paper_size:
            self.stem.add_module("conv", convolution(channels, count, kernel_size=7, stride=2))
            self.stem.add_module("norm", nn.BatchNorm2d(count))
            self.stem.add_module("activation", build_activation(activation))
            self.stem.add_module("pool", nn.MaxPool2d(3, stride=2, padding=1))
        else:
            self.stem.add_module("conv", convolution(channels, count, kernel_size=3, stride=1))
        self.features = nn.Sequential()
        for block, number in enumerate(layers, start=1):
            rows = nn.Sequential()
            for layer in range(1, number + 1):
                rows.add_module(f"layer{layer}", DenseLayer(count, growth, activation))
                count += growth
            self.features.add_module(f"block{block}", rows)
            if block < len(layers):
                kept = int(count * COMPRESSION)
                self.features.add_module(f"transition{block}", transition(count, kept, activation))
                count = kept
        self.features.add_module("norm", nn.BatchNorm2d(count))
        self.features.add_module("activation", build_activation(activation))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(count, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.flatten(self.pool(self.features(self.stem(images)))))


def build_densenet(
    input_shape: InputShape,
    outputs: int,
    growth_rate: int,
    layers_per_block: int,
    activation: str,
    initializer: str,
) -> nn.Module:
    network = DenseNet(input_shape[0], outputs, growth_rate, (layers_per_block,) * 3, False, activation)
    return initialize(network, initializer, activation)


def build_densenet121(
    input_shape: InputShape,
    outputs: int,
    growth_rate: int,
    sized_for: str,
    activation: str,
    initializer: str,
) -> nn.Module:
    layers, paper_size = (6, 12, 24, 16), sized_for == "paper"
    network = DenseNet(input_shape[0], outputs, growth_rate, layers, paper_size, activation)
    return initialize(network, initializer, activation)


def _growth(default: int) -> Parameter:
    return Parameter(
        "growth_rate",
        default,
        "channels that each layer of a dense block adds",
        kind="integer",
        low=2,
        high=64,
        symbol="k",
    )


SOURCE = "Huang, Liu, van der Maaten and Weinberger 2016, arXiv:1608.06993"
SPECS = (
    Model(
        name="densenet",
        title="DenseNet-BC",
        summary="Each layer sees all before it and adds a few channels: 40 layers, few weights.",
        source=f"{SOURCE}, section 4.2",
        build=build_densenet,
        inputs="image",
        parameters=(
            _growth(12),
            Parameter(
                "layers_per_block",
                6,
                "n: the network has 6n + 4 layers",
                kind="integer",
                low=1,
                high=41,
                symbol="n",
            ),
            activation_parameter("relu"),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (24, 32, 32)),
            ("features.block1", (96, 32, 32)),
            ("features.transition1", (48, 16, 16)),
            ("features.block2", (120, 16, 16)),
            ("features.transition2", (60, 8, 8)),
            ("features.block3", (132, 8, 8)),
            ("flatten", (132,)),
            ("classifier", (10,)),
        ),
        parameter_count=176_122,
        family="densenet",
        tiny={"growth_rate": 4, "layers_per_block": 2},
    ),
    Model(
        name="densenet121",
        title="DenseNet-121",
        summary="The smallest of the paper's networks for ImageNet: four dense blocks.",
        source=f"{SOURCE}, table 1",
        build=build_densenet121,
        inputs="image",
        parameters=(
            _growth(32),
            sized_for_parameter(),
            activation_parameter("relu"),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (64, 32, 32)),
            ("features.block1", (256, 32, 32)),
            ("features.transition1", (128, 16, 16)),
            ("features.block2", (512, 16, 16)),
            ("features.block3", (1024, 8, 8)),
            ("features.block4", (1024, 4, 4)),
            ("classifier", (10,)),
        ),
        parameter_count=6_956_298,
        family="densenet",
        tiny={"growth_rate": 2},
    ),
)
