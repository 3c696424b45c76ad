"""SqueezeNet (Iandola et al. 2016, arXiv:1602.07360, table 1): AlexNet's score, a fiftieth of its weights.

A fire module first squeezes its input to few channels, then expands these in two ways side by side:

    1x1 to s channels, activation  ->  1x1 to e channels  and  3x3 to e channels, activation each

Eight of them, a 1 x 1 convolution with a map for each class in place of fully connected layers, and the mean
of each map. As published, the first convolution is 7 x 7 with stride 2; sized for small pictures, 3 x 3 with
stride 1.

The authors' release has a ReLU after the last convolution, of which the paper says nothing. It is left out: a
class whose map was negative everywhere would never learn again.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import build_activation
from models.initializers import initialize
from models.model import (
    InputShape,
    Model,
    activation_parameter,
    dropout_parameter,
    initializer_parameter,
    scaled,
    sized_for_parameter,
    width_parameter,
)

# Table 1: squeezed and expanded channels (each way) of fire2 to fire9, and where a pooling follows
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
POOLS = (4, 8)


class Fire(nn.Module):
    def __init__(self, channels: int, squeezed: int, expanded: int, activation: str) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.activation = build_activation(activation)
        self.expand1 = nn.Conv2d(squeezed, expanded, kernel_size=1)
        self.activation1 = build_activation(activation)
        self.expand3 = nn.Conv2d(squeezed, expanded, kernel_size=3, padding=1)
        self.activation3 = build_activation(activation)

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels_out height width"]:
        squeezed = self.activation(self.squeeze(images))
        ways = [self.activation1(self.expand1(squeezed)), self.activation3(self.expand3(squeezed))]
        return torch.cat(ways, dim=1)


class SqueezeNet(nn.Module):
    def __init__(
        self, channels: int, outputs: int, width: float, paper_size: bool, activation: str, dropout: float
    ) -> None:
        super().__init__()
        count = scaled(96, width)
        kernel_size, stride, padding = (7, 2, 0) if paper_size else (3, 1, 1)
        self.features = nn.Sequential()
        self.features.add_module("conv1", nn.Conv2d(channels, count, kernel_size, stride, padding))
        self.features.add_module("activation1", build_activation(activation))
        self.features.add_module("pool1", nn.MaxPool2d(3, stride=2, ceil_mode=True))
        for number, (squeezed, unscaled) in enumerate(FIRES, start=2):
            expanded = scaled(unscaled, width)
            fire = Fire(count, scaled(squeezed, width), expanded, activation)
            self.features.add_module(f"fire{number}", fire)
            if number in POOLS:
                self.features.add_module(f"pool{number}", nn.MaxPool2d(3, stride=2, ceil_mode=True))
            count = 2 * expanded
        self.classifier = nn.Sequential()
        if dropout:
            self.classifier.add_module("dropout", nn.Dropout(dropout))
        self.classifier.add_module("conv10", nn.Conv2d(count, outputs, kernel_size=1))
        self.classifier.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.classifier.add_module("flatten", nn.Flatten())

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.features(images))


def build_squeezenet(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    activation: str,
    dropout: float,
    initializer: str,
) -> nn.Module:
    network = SqueezeNet(input_shape[0], outputs, width_multiplier, sized_for == "paper", activation, dropout)
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="squeezenet",
        title="SqueezeNet",
        summary="Squeeze to a few channels, expand by two kernels: few weights, no linear layer.",
        source="Iandola et al. 2016, arXiv:1602.07360, table 1",
        build=build_squeezenet,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            activation_parameter("relu"),
            dropout_parameter(0.5),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("features.conv1", (96, 32, 32)),
            ("features.fire2.squeeze", (16, 16, 16)),
            ("features.fire2", (128, 16, 16)),
            ("features.fire4", (256, 16, 16)),
            ("features.fire8", (512, 8, 8)),
            ("features.fire9", (512, 4, 4)),
            ("classifier.conv10", (10, 4, 4)),
            ("classifier.flatten", (10,)),
        ),
        parameter_count=729_034,
        family="squeezenet",
        tiny={"width_multiplier": 0.25, "dropout": 0.0},
    ),
)
