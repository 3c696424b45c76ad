"""MobileNet v2 (Sandler et al. 2018, arXiv:1801.04381, table 2): inverted residuals, linear bottlenecks.

    1x1 to t times as many channels -> 3x3 depthwise -> 1x1 to few channels, with no activation, + the input

The wide part is inside the block and the shortcut joins the narrow ends, the other way round than in a
ResNet; an activation on the narrow end would throw away what does not fit through it. Activations are ReLU,
cut off at 6. As published, 224 x 224 pixels become 7 x 7; sized for small pictures, the stem and the first
block that shrinks have stride 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.initializers import initialize
from models.mobilenet_v1 import depthwise
from models.model import (
    InputShape,
    Model,
    dropout_parameter,
    initializer_parameter,
    scaled,
    sized_for_parameter,
    width_parameter,
)
from models.resnet20 import convolution

# Table 2: expansion t, channels c, blocks n, stride s of the first of them
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM, LAST = 32, 1280  # channels before and after the blocks


class InvertedResidual(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels_in * expansion
        self.residual = nn.Sequential()
        if expansion != 1:
            self.residual.add_module("expand", convolution(channels_in, wide, kernel_size=1, stride=1))
            self.residual.add_module("norm1", nn.BatchNorm2d(wide))
            self.residual.add_module("activation1", nn.ReLU6())
        self.residual.add_module("depthwise", depthwise(wide, kernel_size=3, stride=stride))
        self.residual.add_module("norm2", nn.BatchNorm2d(wide))
        self.residual.add_module("activation2", nn.ReLU6())
        self.residual.add_module("project", convolution(wide, channels_out, kernel_size=1, stride=1))
        self.residual.add_module("norm3", nn.BatchNorm2d(channels_out))
        self.has_shortcut = stride == 1 and channels_in == channels_out

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels_out height_out width_out"]:
        return self.residual(images) + images if self.has_shortcut else self.residual(images)


class MobileNetV2(nn.Module):
    def __init__(self, channels: int, outputs: int, width: float, paper_size: bool, dropout: float) -> None:
        super().__init__()
        count = scaled(STEM, width)
        self.stem = nn.Sequential()
        self.stem.add_module("conv", convolution(channels, count, kernel_size=3, stride=1 + paper_size))
        self.stem.add_module("norm", nn.BatchNorm2d(count))
        self.stem.add_module("activation", nn.ReLU6())
        self.features = nn.Sequential()
        for stage, (expansion, unscaled, blocks, stride) in enumerate(STAGES, start=1):
            rows, wide = nn.Sequential(), scaled(unscaled, width)
            keeps_size = stage == 2 and not paper_size
            for block in range(1, blocks + 1):
                own = 1 if block > 1 or keeps_size else stride
                rows.add_module(f"block{block}", InvertedResidual(count, wide, own, expansion))
                count = wide
            self.features.add_module(f"stage{stage}", rows)
        last = scaled(LAST, max(1.0, width))  # the paper keeps it in narrower networks
        self.head = nn.Sequential()
        self.head.add_module("conv", convolution(count, last, kernel_size=1, stride=1))
        self.head.add_module("norm", nn.BatchNorm2d(last))
        self.head.add_module("activation", nn.ReLU6())
        self.head.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.head.add_module("flatten", nn.Flatten())
        if dropout:
            self.head.add_module("dropout", nn.Dropout(dropout))
        self.classifier = nn.Linear(last, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.head(self.features(self.stem(images))))


def build_mobilenet_v2(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    dropout: float,
    initializer: str,
) -> nn.Module:
    network = MobileNetV2(input_shape[0], outputs, width_multiplier, sized_for == "paper", dropout)
    return initialize(network, initializer, "relu")


SPECS = (
    Model(
        name="mobilenet_v2",
        title="MobileNet v2",
        summary="Blocks that are wide inside and narrow at their ends, where the shortcut joins them.",
        source="Sandler et al. 2018, arXiv:1801.04381, table 2",
        build=build_mobilenet_v2,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            dropout_parameter(0.2),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (32, 32, 32)),
            ("features.stage1", (16, 32, 32)),
            ("features.stage2", (24, 32, 32)),
            ("features.stage3.block1.residual.expand", (144, 32, 32)),
            ("features.stage3", (32, 16, 16)),
            ("features.stage4", (64, 8, 8)),
            ("features.stage6", (160, 4, 4)),
            ("head.conv", (1280, 4, 4)),
            ("classifier", (10,)),
        ),
        parameter_count=2_236_682,
        family="mobilenet_v2",
        tiny={"width_multiplier": 0.125, "dropout": 0.0},
    ),
)
