"""MobileNet v3, large and small (Howard et al. 2019, arXiv:1905.02244, tables 1 and 2).

The blocks of MobileNet v2 with the channel attention of SENet, kernels of 3 or 5, and the activation
hard swish, x relu6(x + 3) / 6, in the deeper half. Which block has which was found by a search. The last
layers work on one pixel, after the mean. As published, 224 x 224 pixels become 7 x 7; sized for small
pictures, the stem has stride 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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
from models.senet import SqueezeExcitation


class Row(NamedTuple):
    """A row of the paper's tables."""

    kernel: int
    expanded: int
    channels: int
    attention: bool
    hard_swish: bool
    stride: int


LARGE = (
    Row(3, 16, 16, False, False, 1),
    Row(3, 64, 24, False, False, 2),
    Row(3, 72, 24, False, False, 1),
    Row(5, 72, 40, True, False, 2),
    Row(5, 120, 40, True, False, 1),
    Row(5, 120, 40, True, False, 1),
    Row(3, 240, 80, False, True, 2),
    Row(3, 200, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 480, 112, True, True, 1),
    Row(3, 672, 112, True, True, 1),
    Row(5, 672, 160, True, True, 2),
    Row(5, 960, 160, True, True, 1),
    Row(5, 960, 160, True, True, 1),
)
SMALL = (
    Row(3, 16, 16, True, False, 2),
    Row(3, 72, 24, False, False, 2),
    Row(3, 88, 24, False, False, 1),
    Row(5, 96, 40, True, True, 2),
    Row(5, 240, 40, True, True, 1),
    Row(5, 240, 40, True, True, 1),
    Row(5, 120, 48, True, True, 1),
    Row(5, 144, 48, True, True, 1),
    Row(5, 288, 96, True, True, 2),
    Row(5, 576, 96, True, True, 1),
    Row(5, 576, 96, True, True, 1),
)
STEM = 16


class HardSigmoid(nn.Hardsigmoid):
    """relu6(x + 3) / 6 from operations that can be differentiated twice: torch's own can't, and the Hessian
    (training/objective.py) needs it.
    """

    def forward(self, inputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return (inputs + 3).clamp(0, 6) / 6


class HardSwish(nn.Hardswish):
    """x relu6(x + 3) / 6, for the same reason."""

    def forward(self, inputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return inputs * (inputs + 3).clamp(0, 6) / 6


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)  # section 6.1: decay 0.99


class AttentiveResidual(nn.Module):
    """v2's inverted residual, with attention where the row has it."""

    def __init__(self, channels_in: int, row: Row, width: float) -> None:
        super().__init__()
        wide, channels_out = scaled(row.expanded, width), scaled(row.channels, width)
        activation = HardSwish if row.hard_swish else nn.ReLU
        self.residual = nn.Sequential()
        if wide != channels_in:
            self.residual.add_module("expand", convolution(channels_in, wide, kernel_size=1, stride=1))
            self.residual.add_module("norm1", _norm(wide))
            self.residual.add_module("activation1", activation())
        self.residual.add_module("depthwise", depthwise(wide, row.kernel, row.stride))
        self.residual.add_module("norm2", _norm(wide))
        self.residual.add_module("activation2", activation())
        if row.attention:
            attention = SqueezeExcitation(wide, scaled(wide, 0.25), HardSigmoid())
            self.residual.add_module("attention", attention)
        self.residual.add_module("project", convolution(wide, channels_out, kernel_size=1, stride=1))
        self.residual.add_module("norm3", _norm(channels_out))
        self.has_shortcut = row.stride == 1 and channels_in == channels_out
        self.channels = channels_out

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels_out height_out width_out"]:
        return self.residual(images) + images if self.has_shortcut else self.residual(images)


class MobileNetV3(nn.Module):
    def __init__(
        self,
        channels: int,
        outputs: int,
        rows: tuple[Row, ...],
        units: int,
        width: float,
        paper_size: bool,
        dropout: float,
    ) -> None:
        """`units`: of the layer before the last."""
        super().__init__()
        count = scaled(STEM, width)
        self.stem = nn.Sequential()
        self.stem.add_module("conv", convolution(channels, count, kernel_size=3, stride=1 + paper_size))
        self.stem.add_module("norm", _norm(count))
        self.stem.add_module("activation", HardSwish())
        self.features = nn.Sequential()
        for number, row in enumerate(rows, start=1):
            block = AttentiveResidual(count, row, width)
            self.features.add_module(f"block{number}", block)
            count = block.channels
        last, units = 6 * count, scaled(units, width)
        self.head = nn.Sequential()
        self.head.add_module("conv", convolution(count, last, kernel_size=1, stride=1))
        self.head.add_module("norm", _norm(last))
        self.head.add_module("activation1", HardSwish())
        self.head.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.head.add_module("flatten", nn.Flatten())
        self.head.add_module("linear", nn.Linear(last, units))
        self.head.add_module("activation2", HardSwish())
        if dropout:
            self.head.add_module("dropout", nn.Dropout(dropout))
        self.classifier = nn.Linear(units, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.head(self.features(self.stem(images))))


def _building(rows: tuple[Row, ...], units: int) -> Callable[..., nn.Module]:
    def build(
        input_shape: InputShape,
        outputs: int,
        width_multiplier: float,
        sized_for: str,
        dropout: float,
        initializer: str,
    ) -> nn.Module:
        network = MobileNetV3(
            input_shape[0], outputs, rows, units, width_multiplier, sized_for == "paper", dropout
        )
        return initialize(network, initializer, "relu")

    return build


def _row(
    size: str,
    table: int,
    build: Callable[..., nn.Module],
    stages: tuple[tuple[str, InputShape], ...],
    parameter_count: int,
) -> Model:
    return Model(
        name=f"mobilenet_v3_{size}",
        title=f"MobileNet v3, {size}",
        summary="Inverted residuals with channel attention, in an order that a search has found.",
        source=f"Howard et al. 2019, arXiv:1905.02244, table {table}",
        build=build,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            dropout_parameter(0.2),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(("stem", (16, 32, 32)), *stages, ("classifier", (10,))),
        parameter_count=parameter_count,
        family="mobilenet_v3",
        tiny={"width_multiplier": 0.125, "dropout": 0.0},
    )


SPECS = (
    _row(
        "small",
        2,
        _building(SMALL, 1024),
        (
            ("features.block1", (16, 16, 16)),
            ("features.block3", (24, 8, 8)),
            ("features.block4.residual.expand", (96, 8, 8)),
            ("features.block8", (48, 4, 4)),
            ("features.block11", (96, 2, 2)),
            ("head.conv", (576, 2, 2)),
            ("head.linear", (1024,)),
        ),
        1_528_106,
    ),
    _row(
        "large",
        1,
        _building(LARGE, 1280),
        (
            ("features.block1", (16, 32, 32)),
            ("features.block3", (24, 16, 16)),
            ("features.block6", (40, 8, 8)),
            ("features.block12", (112, 4, 4)),
            ("features.block15", (160, 2, 2)),
            ("head.conv", (960, 2, 2)),
            ("head.linear", (1280,)),
        ),
        4_214_842,
    ),
)
