"""ShuffleNet v2 (Ma, Zhang, Zheng and Sun 2018, arXiv:1807.11164, figure 3 and table 5).

    half of the channels pass unchanged; the other half: 1x1 -> 3x3 depthwise -> 1x1; then both are shuffled

The shuffle puts channels of the two halves in turn, so that the next block's unchanged half holds news. Equal
widths and few pieces make it fast on a real machine, which is what the paper asks for in place of few
multiply-adds. A block that shrinks the picture computes both halves from all channels. As published, the stem
shrinks 224 x 224 pixels to 56 x 56; sized for small pictures it is one 3 x 3 convolution.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import build_activation
from models.initializers import initialize
from models.mobilenet_v1 import depthwise
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

BLOCKS = (4, 8, 4)  # of stage2 to stage4
# Table 5: channels of the three stages and of the last convolution. Other widths are scaled from that of 1.
WIDTHS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
STEM = 24


class Shuffle(nn.Module):
    """Channels of two halves in turn: 1 2 3 4 5 6 -> 1 4 2 5 3 6."""

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        return images.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def _shrinking(channels_in: int, channels_out: int, activation: str) -> nn.Sequential:
    """The left branch of a block that halves the picture."""
    rows = nn.Sequential()
    rows.add_module("depthwise", depthwise(channels_in, kernel_size=3, stride=2))
    rows.add_module("norm1", nn.BatchNorm2d(channels_in))
    rows.add_module("pointwise", convolution(channels_in, channels_out, kernel_size=1, stride=1))
    rows.add_module("norm2", nn.BatchNorm2d(channels_out))
    rows.add_module("activation", build_activation(activation))
    return rows


def _working(channels_in: int, channels_out: int, stride: int, activation: str) -> nn.Sequential:
    """The right branch: no activation after the depthwise convolution."""
    rows = nn.Sequential()
    rows.add_module("pointwise1", convolution(channels_in, channels_out, kernel_size=1, stride=1))
    rows.add_module("norm1", nn.BatchNorm2d(channels_out))
    rows.add_module("activation1", build_activation(activation))
    rows.add_module("depthwise", depthwise(channels_out, kernel_size=3, stride=stride))
    rows.add_module("norm2", nn.BatchNorm2d(channels_out))
    rows.add_module("pointwise2", convolution(channels_out, channels_out, kernel_size=1, stride=1))
    rows.add_module("norm3", nn.BatchNorm2d(channels_out))
    rows.add_module("activation2", build_activation(activation))
    return rows


class ShuffleBlock(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int, activation: str) -> None:
        super().__init__()
        half = channels_out // 2
        self.left: nn.Module | None = None
        if stride == 2:
            self.left = _shrinking(channels_in, half, activation)
        self.right = _working(channels_in if stride == 2 else half, half, stride, activation)
        self.shuffle = Shuffle()

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels_out height_out width_out"]:
        if self.left is None:
            kept, changed = images.chunk(2, dim=1)
            halves = [kept, self.right(changed)]
        else:
            halves = [self.left(images), self.right(images)]
        return self.shuffle(torch.cat(halves, dim=1))


def widths_of(multiplier: float) -> tuple[int, ...]:
    """Channels of the stages and of the last convolution."""
    if multiplier in WIDTHS:
        return WIDTHS[multiplier]
    return tuple(scaled(count, multiplier, divisor=2) for count in WIDTHS[1.0])


class ShuffleNetV2(nn.Module):
    def __init__(self, channels: int, outputs: int, width: float, paper_size: bool, activation: str) -> None:
        super().__init__()
        *widths, last = widths_of(width)
        self.stem = nn.Sequential()
        self.stem.add_module("conv", convolution(channels, STEM, kernel_size=3, stride=1 + paper_size))
        self.stem.add_module("norm", nn.BatchNorm2d(STEM))
        self.stem.add_module("activation", build_activation(activation))
        if paper_size:
            self.stem.add_module("pool", nn.MaxPool2d(3, stride=2, padding=1))
        self.features = nn.Sequential()
        count = STEM
        for stage, (blocks, wide) in enumerate(zip(BLOCKS, widths, strict=True), start=2):
            rows = nn.Sequential()
            for block in range(1, blocks + 1):
                rows.add_module(f"block{block}", ShuffleBlock(count, wide, 1 + (block == 1), activation))
                count = wide
            self.features.add_module(f"stage{stage}", rows)
        self.head = nn.Sequential()
        self.head.add_module("conv", convolution(count, last, kernel_size=1, stride=1))
        self.head.add_module("norm", nn.BatchNorm2d(last))
        self.head.add_module("activation", build_activation(activation))
        self.head.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.head.add_module("flatten", nn.Flatten())
        self.classifier = nn.Linear(last, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.head(self.features(self.stem(images))))


def build_shufflenet_v2(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    activation: str,
    initializer: str,
) -> nn.Module:
    network = ShuffleNetV2(input_shape[0], outputs, width_multiplier, sized_for == "paper", activation)
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="shufflenet_v2",
        title="ShuffleNet v2",
        summary="Half of the channels rest in each block, and a shuffle mixes the halves.",
        source="Ma, Zhang, Zheng and Sun 2018, arXiv:1807.11164, table 5",
        build=build_shufflenet_v2,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            activation_parameter("relu"),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (24, 32, 32)),
            ("features.stage2", (116, 16, 16)),
            ("features.stage2.block2.right", (58, 16, 16)),
            ("features.stage3", (232, 8, 8)),
            ("features.stage4", (464, 4, 4)),
            ("head.conv", (1024, 4, 4)),
            ("classifier", (10,)),
        ),
        parameter_count=1_263_854,
        family="shufflenet_v2",
        tiny={"width_multiplier": 0.125},
    ),
)
