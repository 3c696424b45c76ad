"""Residual network for small images (He, Zhang, Ren and Sun 2015, arXiv:1512.03385, section 4.2).

    3x3 convolution, 16 -> n blocks at 16 channels -> n at 32, half the size -> n at 64, half again
    -> mean over the image -> one linear layer                         6n + 2 layers; n = 3 is ResNet-20

A block is F(x) + shortcut(x) with F of two 3x3 convolutions, each before a batch norm; the first
convolution of a stage's first block has stride 2 (not the second, not the shortcut alone). Where the shape
changes, the shortcut is the paper's option A: every second pixel, and zeros for the new channels, without
parameters. "projection" is its option B for those places, "none" the plain network that section 4.2
compares with.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.activations import build_activation
from models.catalog import Parameter
from models.initializers import initialize
from models.model import InputShape, Model, activation_parameter, initializer_parameter

WIDTHS = (16, 32, 64)  # channels of the three stages


def convolution(channels_in: int, channels_out: int, kernel_size: int, stride: int) -> nn.Conv2d:
    """Without bias: the batch norm after it has one."""
    return nn.Conv2d(
        channels_in, channels_out, kernel_size, stride=stride, padding=kernel_size // 2, bias=False
    )


class PaddedShortcut(nn.Module):
    """Option A: every `stride`-th pixel, and zeros for the channels that are new."""

    def __init__(self, stride: int, new_channels: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = new_channels

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch wider smaller_height smaller_width"]:
        smaller = images[:, :, :: self.stride, :: self.stride]
        return functional.pad(smaller, (0, 0, 0, 0, 0, self.new_channels))


class Block(nn.Module):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)); the first convolution carries the stride."""

    def __init__(
        self, channels_in: int, channels_out: int, stride: int, activation: str, shortcut: str
    ) -> None:
        super().__init__()
        self.conv1 = convolution(channels_in, channels_out, kernel_size=3, stride=stride)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.activation1 = build_activation(activation)
        self.conv2 = convolution(channels_out, channels_out, kernel_size=3, stride=1)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module | None = None
        if shortcut != "none":
            self.shortcut = nn.Identity()
            if stride != 1 or channels_in != channels_out:
                self.shortcut = _changing_shortcut(channels_in, channels_out, stride, shortcut)
        self.activation2 = build_activation(activation)

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels_out height_out width_out"]:
        residual = self.activation1(self.norm1(self.conv1(images)))
        residual = self.norm2(self.conv2(residual))
        if self.shortcut is not None:
            residual = residual + self.shortcut(images)
        return self.activation2(residual)


def _changing_shortcut(channels_in: int, channels_out: int, stride: int, shortcut: str) -> nn.Module:
    if shortcut == "padding":
        return PaddedShortcut(stride, channels_out - channels_in)
    return nn.Sequential(
        convolution(channels_in, channels_out, kernel_size=1, stride=stride), nn.BatchNorm2d(channels_out)
    )


class ResNet(nn.Module):
    def __init__(self, channels: int, outputs: int, blocks: int, activation: str, shortcut: str) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.add_module("conv", convolution(channels, WIDTHS[0], kernel_size=3, stride=1))
        self.stem.add_module("norm", nn.BatchNorm2d(WIDTHS[0]))
        self.stem.add_module("activation", build_activation(activation))
        self.features = nn.Sequential()
        channels_in = WIDTHS[0]
        for stage, width in enumerate(WIDTHS, start=1):
            rows = nn.Sequential()
            for block in range(1, blocks + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                rows.add_module(f"block{block}", Block(channels_in, width, stride, activation, shortcut))
                channels_in = width
            self.features.add_module(f"stage{stage}", rows)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(WIDTHS[-1], outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.flatten(self.pool(self.features(self.stem(images)))))


def build_resnet(
    input_shape: InputShape,
    outputs: int,
    blocks_per_stage: int,
    shortcut: str,
    activation: str,
    initializer: str,
) -> nn.Module:
    network = ResNet(input_shape[0], outputs, blocks_per_stage, activation, shortcut)
    return initialize(network, initializer, activation)


def _row(name: str, title: str, summary: str, blocks: int, shortcut: str, parameter_count: int) -> Model:
    return Model(
        name=name,
        title=title,
        summary=summary,
        source="He, Zhang, Ren and Sun 2015, arXiv:1512.03385, section 4.2",
        build=build_resnet,
        inputs="image",
        parameters=(
            Parameter(
                "blocks_per_stage",
                blocks,
                "n of the paper: the network has 6n + 2 layers",
                kind="integer",
                low=1,
                high=18,
                symbol="n",
            ),
            Parameter(
                "shortcut",
                shortcut,
                "how a block's input reaches its output where the shape changes; none for a plain network",
                kind="choice",
                choices=("padding", "projection", "none"),
            ),
            activation_parameter("relu"),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (16, 32, 32)),
            ("features.stage1", (16, 32, 32)),
            ("features.stage2", (32, 16, 16)),
            ("features.stage2.block1.conv1", (32, 16, 16)),
            *((("features.stage2.block1.shortcut", (32, 16, 16)),) if shortcut != "none" else ()),
            ("features.stage3", (64, 8, 8)),
            ("flatten", (64,)),
            ("classifier", (10,)),
        ),
        parameter_count=parameter_count,
        family="resnet",
        tiny={"blocks_per_stage": 1},
    )


SPECS = (
    _row(
        "resnet20",
        "ResNet-20",
        "The residual network for CIFAR: 20 layers, and shortcuts that let the gradient through.",
        3,
        "padding",
        269_722,
    ),
    _row(
        "resnet56",
        "ResNet-56",
        "The same with 56 layers: deeper is better here, where a plain network gets worse.",
        9,
        "padding",
        853_018,
    ),
    _row(
        "plain20",
        "Plain 20-layer network",
        "ResNet-20 without its shortcuts: what the paper compares with.",
        3,
        "none",
        269_722,
    ),
)
