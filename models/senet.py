"""Squeeze-and-excitation on ResNet-18 (Hu, Shen and Sun 2017, arXiv:1709.01507, figure 3).

    F(x) -> squeeze: the mean of each channel over the picture, z
         -> excite:  s = sigmoid(W2 relu(W1 z)), W1 with C / r units
         -> each channel of F(x) times its s, plus shortcut(x), then the activation

A channel is turned up or down by what all of them have seen anywhere in the picture. That costs 2 C^2 / r
weights a block (and the biases), and hardly any multiply-adds. All else is ResNet-18 (models/resnet18.py).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.catalog import Parameter
from models.initializers import initialize
from models.model import (
    InputShape,
    Model,
    activation_parameter,
    initializer_parameter,
    sized_for_parameter,
    width_parameter,
)
from models.resnet18 import ResNet, stages_of
from models.resnet20 import Block


class SqueezeExcitation(nn.Module):
    """Each channel times a number from 0 to 1 that depends on the means of all channels."""

    def __init__(self, channels: int, units: int, gate: nn.Module) -> None:
        """`units`: the narrow layer between; `gate`: what makes numbers from 0 to 1."""
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, units, kernel_size=1)
        self.activation = nn.ReLU()
        self.expand = nn.Conv2d(units, channels, kernel_size=1)
        self.gate = gate

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        scale = self.gate(self.expand(self.activation(self.reduce(self.squeeze(images)))))
        return images * scale


class SqueezedBlock(Block):
    """A residual block whose F(x) is weighed channel by channel before the shortcut is added."""

    def __init__(
        self, channels_in: int, channels_out: int, stride: int, activation: str, reduction: int
    ) -> None:
        super().__init__(channels_in, channels_out, stride, activation, "projection")
        units = max(1, channels_out // reduction)
        self.excitation = SqueezeExcitation(channels_out, units, nn.Sigmoid())

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels_out height_out width_out"]:
        assert self.shortcut is not None
        residual = self.activation1(self.norm1(self.conv1(images)))
        residual = self.excitation(self.norm2(self.conv2(residual)))
        return self.activation2(residual + self.shortcut(images))


def build_senet18(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    reduction: int,
    activation: str,
    initializer: str,
) -> nn.Module:
    def block(channels_in: int, channels_out: int, stride: int) -> nn.Module:
        return SqueezedBlock(channels_in, channels_out, stride, activation, reduction)

    network = ResNet(
        input_shape[0],
        outputs,
        (2, 2, 2, 2),
        width_multiplier,
        sized_for == "paper",
        activation,
        block,
    )
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="senet18",
        title="SE-ResNet-18",
        summary="ResNet-18 whose channels are turned up and down by what the whole picture says.",
        source="Hu, Shen and Sun 2017, arXiv:1709.01507",
        build=build_senet18,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            Parameter(
                "reduction",
                16,
                "channels for each unit of the narrow layer of an excitation",
                kind="integer",
                low=1,
                high=64,
                symbol="r",
            ),
            activation_parameter("relu"),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(*stages_of(10), ("features.stage4.block2.excitation", (512, 4, 4))),
        parameter_count=11_263_042,
        family="senet",
        tiny={"width_multiplier": 0.125, "reduction": 4},
    ),
)
