"""GoogLeNet, the first Inception network (Szegedy et al. 2014, arXiv:1409.4842, table 1).

An Inception module looks at its input in four ways at once, and puts the answers one behind the other:

    1x1          1x1 -> 3x3          1x1 -> 5x5          3x3 maximum -> 1x1

The 1 x 1 convolutions before the large ones reduce the channels, which is what makes it affordable. Nine
modules, and a mean in place of fully connected layers: 22 layers, a tenth of AlexNet's weights. As published
its stem shrinks 224 x 224 pixels to 28 x 28; sized for small pictures, it is one 3 x 3 convolution.

Each convolution has a batch norm, as in the group's next paper (Ioffe and Szegedy 2015, arXiv:1502.03167), in
place of local response normalisation and of the two side outputs that helped the gradient through.
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

# Table 1: 1x1, reduction and 3x3, reduction and 5x5, 1x1 after the pooling. A stage ends with a pooling.
STAGES = {
    "stage3": {"a": (64, 96, 128, 16, 32, 32), "b": (128, 128, 192, 32, 96, 64)},
    "stage4": {
        "a": (192, 96, 208, 16, 48, 64),
        "b": (160, 112, 224, 24, 64, 64),
        "c": (128, 128, 256, 24, 64, 64),
        "d": (112, 144, 288, 32, 64, 64),
        "e": (256, 160, 320, 32, 128, 128),
    },
    "stage5": {"a": (256, 160, 320, 32, 128, 128), "b": (384, 192, 384, 48, 128, 128)},
}


class Convolution(nn.Sequential):
    """Convolution, batch norm, activation."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, activation: str, stride: int = 1):
        super().__init__()
        padding = kernel // 2
        self.add_module("conv", nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False))
        self.add_module("norm", nn.BatchNorm2d(channels_out))
        self.add_module("activation", build_activation(activation))


class Inception(nn.Module):
    """Four ways side by side; `large` is the kernel of the widest one."""

    def __init__(self, channels: int, widths: tuple[int, ...], activation: str, large: int = 5) -> None:
        super().__init__()
        one, reduced3, three, reduced5, five, pooled = widths
        self.one = Convolution(channels, one, 1, activation)
        self.three = nn.Sequential()
        self.three.add_module("reduce", Convolution(channels, reduced3, 1, activation))
        self.three.add_module("conv", Convolution(reduced3, three, 3, activation))
        self.five = nn.Sequential()
        self.five.add_module("reduce", Convolution(channels, reduced5, 1, activation))
        self.five.add_module("conv", Convolution(reduced5, five, large, activation))
        self.pooled = nn.Sequential()
        self.pooled.add_module("pool", nn.MaxPool2d(3, stride=1, padding=1))
        self.pooled.add_module("conv", Convolution(channels, pooled, 1, activation))
        self.channels = one + three + five + pooled

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels_out height width"]:
        ways = (self.one, self.three, self.five, self.pooled)
        return torch.cat([way(images) for way in ways], dim=1)


class GoogLeNet(nn.Module):
    def __init__(
        self,
        channels: int,
        outputs: int,
        width: float,
        paper_size: bool,
        activation: str,
        dropout: float,
        large: int = 5,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        count = scaled(192, width)
        if paper_size:
            first = scaled(64, width)
            self.stem.add_module("conv1", Convolution(channels, first, 7, activation, stride=2))
            self.stem.add_module("pool1", nn.MaxPool2d(3, stride=2, ceil_mode=True))
            self.stem.add_module("reduce", Convolution(first, first, 1, activation))
            self.stem.add_module("conv2", Convolution(first, count, 3, activation))
            self.stem.add_module("pool2", nn.MaxPool2d(3, stride=2, ceil_mode=True))
        else:
            self.stem.add_module("conv", Convolution(channels, count, 3, activation))
        self.features = nn.Sequential()
        for stage, modules in STAGES.items():
            for letter, widths in modules.items():
                module = Inception(count, tuple(scaled(w, width) for w in widths), activation, large)
                self.features.add_module(f"{stage}{letter}", module)
                count = module.channels
            if stage != "stage5":
                size = 3 if stage == "stage3" or not paper_size else 2
                self.features.add_module(f"{stage}_pool", nn.MaxPool2d(size, stride=2, ceil_mode=True))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.classifier = nn.Linear(count, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        signal = self.flatten(self.pool(self.features(self.stem(images))))
        return self.classifier(self.dropout(signal))


def build_googlenet(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    activation: str,
    dropout: float,
    initializer: str,
) -> nn.Module:
    network = GoogLeNet(input_shape[0], outputs, width_multiplier, sized_for == "paper", activation, dropout)
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="googlenet",
        title="GoogLeNet (Inception)",
        summary="Kernels of three sizes side by side, made affordable by 1 x 1 convolutions.",
        source="Szegedy et al. 2014, arXiv:1409.4842, table 1",
        build=build_googlenet,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            activation_parameter("relu"),
            dropout_parameter(0.4),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (192, 32, 32)),
            ("features.stage3a", (256, 32, 32)),
            ("features.stage3b", (480, 32, 32)),
            ("features.stage4a", (512, 16, 16)),
            ("features.stage4e", (832, 16, 16)),
            ("features.stage5b", (1024, 8, 8)),
            ("flatten", (1024,)),
            ("classifier", (10,)),
        ),
        parameter_count=5_871_914,
        family="inception",
        tiny={"width_multiplier": 0.125, "dropout": 0.0},
    ),
)
