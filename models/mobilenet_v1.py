"""MobileNet (Howard et al. 2017, arXiv:1704.04861, table 1): depthwise separable convolutions.

    3x3 on each channel by itself (depthwise)  ->  1x1 over all channels (pointwise)

in place of one 3 x 3 convolution over all channels: an eighth to a ninth of the multiply-adds, a little less
accurate. Thirteen such pairs after one ordinary convolution; `width_multiplier` is the paper's alpha. As
published, five layers have stride 2 and 224 x 224 pixels become 7 x 7; sized for small pictures the first one
has stride 1.
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
    initializer_parameter,
    scaled,
    sized_for_parameter,
    width_parameter,
)
from models.resnet20 import convolution

# Table 1: channels and stride of each pair
PAIRS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def depthwise(channels: int, kernel_size: int, stride: int) -> nn.Conv2d:
    """Each channel is convolved by itself, without bias."""
    return nn.Conv2d(
        channels, channels, kernel_size, stride, padding=kernel_size // 2, groups=channels, bias=False
    )


class SeparableConvolution(nn.Sequential):
    """Depthwise, then pointwise, each with batch norm and activation."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, activation: str) -> None:
        super().__init__()
        self.add_module("depthwise", depthwise(channels_in, kernel_size=3, stride=stride))
        self.add_module("norm1", nn.BatchNorm2d(channels_in))
        self.add_module("activation1", build_activation(activation))
        self.add_module("pointwise", convolution(channels_in, channels_out, kernel_size=1, stride=1))
        self.add_module("norm2", nn.BatchNorm2d(channels_out))
        self.add_module("activation2", build_activation(activation))


class MobileNetV1(nn.Module):
    def __init__(self, channels: int, outputs: int, width: float, paper_size: bool, activation: str) -> None:
        super().__init__()
        count = scaled(32, width)
        self.stem = nn.Sequential()
        self.stem.add_module("conv", convolution(channels, count, kernel_size=3, stride=1 + paper_size))
        self.stem.add_module("norm", nn.BatchNorm2d(count))
        self.stem.add_module("activation", build_activation(activation))
        self.features = nn.Sequential()
        for number, (unscaled, stride) in enumerate(PAIRS, start=1):
            wide = scaled(unscaled, width)
            self.features.add_module(f"pair{number}", SeparableConvolution(count, wide, stride, activation))
            count = wide
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(count, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.flatten(self.pool(self.features(self.stem(images)))))


def build_mobilenet_v1(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    activation: str,
    initializer: str,
) -> nn.Module:
    network = MobileNetV1(input_shape[0], outputs, width_multiplier, sized_for == "paper", activation)
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="mobilenet_v1",
        title="MobileNet",
        summary="Depthwise separable convolutions: an eighth of the work of ordinary ones.",
        source="Howard et al. 2017, arXiv:1704.04861, table 1",
        build=build_mobilenet_v1,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            activation_parameter("relu"),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (32, 32, 32)),
            ("features.pair1", (64, 32, 32)),
            ("features.pair2.depthwise", (64, 16, 16)),
            ("features.pair3", (128, 16, 16)),
            ("features.pair5", (256, 8, 8)),
            ("features.pair11", (512, 4, 4)),
            ("features.pair13", (1024, 2, 2)),
            ("classifier", (10,)),
        ),
        parameter_count=3_217_226,
        family="mobilenet_v1",
        tiny={"width_multiplier": 0.125},
    ),
)
