"""Residual networks of 18 and 34 layers (He, Zhang, Ren and Sun 2015, arXiv:1512.03385, table 1).

    stem, 64 -> n1 blocks at 64 channels -> n2 at 128 -> n3 at 256 -> n4 at 512 -> mean -> one linear layer

Blocks are those of ResNet-20 (models/resnet20.py): two 3 x 3 convolutions and a shortcut, here a 1 x 1
convolution where the shape changes (option B), as the paper has it on ImageNet. As published, the stem is a
7 x 7 convolution with stride 2 and a pooling; sized for small pictures, one 3 x 3 convolution with stride 1.
"""

from __future__ import annotations

from collections.abc import Callable

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
from models.resnet20 import Block, convolution

WIDTHS = (64, 128, 256, 512)  # channels of the four stages

# channels in, channels out, stride -> a block
MakeBlock = Callable[[int, int, int], nn.Module]


class ResNet(nn.Module):
    def __init__(
        self,
        channels: int,
        outputs: int,
        blocks: tuple[int, ...],
        width: float,
        paper_size: bool,
        activation: str,
        make_block: MakeBlock,
    ) -> None:
        """`blocks`: how many each stage has."""
        super().__init__()
        widths = [scaled(count, width) for count in WIDTHS]
        self.stem = nn.Sequential()
        kernel_size, stride = (7, 2) if paper_size else (3, 1)
        self.stem.add_module("conv", convolution(channels, widths[0], kernel_size, stride))
        self.stem.add_module("norm", nn.BatchNorm2d(widths[0]))
        self.stem.add_module("activation", build_activation(activation))
        if paper_size:
            self.stem.add_module("pool", nn.MaxPool2d(3, stride=2, padding=1))
        self.features = nn.Sequential()
        channels_in = widths[0]
        for stage, (count, wide) in enumerate(zip(blocks, widths, strict=True), start=1):
            rows = nn.Sequential()
            for block in range(1, count + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                rows.add_module(f"block{block}", make_block(channels_in, wide, stride))
                channels_in = wide
            self.features.add_module(f"stage{stage}", rows)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(channels_in, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.flatten(self.pool(self.features(self.stem(images)))))


def _building(blocks: tuple[int, ...]) -> Callable[..., nn.Module]:
    def build(
        input_shape: InputShape,
        outputs: int,
        width_multiplier: float,
        sized_for: str,
        activation: str,
        initializer: str,
    ) -> nn.Module:
        def block(channels_in: int, channels_out: int, stride: int) -> nn.Module:
            return Block(channels_in, channels_out, stride, activation, "projection")

        paper_size = sized_for == "paper"
        network = ResNet(input_shape[0], outputs, blocks, width_multiplier, paper_size, activation, block)
        return initialize(network, initializer, activation)

    return build


def stages_of(outputs: int) -> tuple[tuple[str, InputShape], ...]:
    """What the stages put out for 32 x 32 pixels."""
    return (
        ("stem", (64, 32, 32)),
        ("features.stage1", (64, 32, 32)),
        ("features.stage2", (128, 16, 16)),
        ("features.stage2.block1.conv1", (128, 16, 16)),
        ("features.stage2.block1.shortcut", (128, 16, 16)),
        ("features.stage3", (256, 8, 8)),
        ("features.stage4", (512, 4, 4)),
        ("flatten", (512,)),
        ("classifier", (outputs,)),
    )


def _row(layers: int, blocks: tuple[int, ...], summary: str, parameter_count: int) -> Model:
    return Model(
        name=f"resnet{layers}",
        title=f"ResNet-{layers}",
        summary=summary,
        source="He, Zhang, Ren and Sun 2015, arXiv:1512.03385, table 1",
        build=_building(blocks),
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            activation_parameter("relu"),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=stages_of(10),
        parameter_count=parameter_count,
        family="resnet",
        tiny={"width_multiplier": 0.125},
    )


SPECS = (
    _row(18, (2, 2, 2, 2), "The residual network most often started from: 4 stages of 2 blocks.", 11_173_962),
    _row(34, (3, 4, 6, 3), "The same with more blocks in each stage.", 21_282_122),
)
