"""VGG: nothing but 3 x 3 convolutions, in stages of one width (Simonyan and Zisserman 2014, arXiv:1409.1556).

    stage of convolutions, 64 -> pool -> 128 -> pool -> 256 -> pool -> 512 -> pool -> 512 -> pool -> head

Table 1 of the paper: configuration A has 11 layers with weights, B 13, D 16. Two convolutions of 3 x 3 see
what one of 5 x 5 does, with fewer weights and a nonlinearity more. As published, the head has two layers of
4096 units over 7 x 7 places; sized for small pictures, two of 512 over the mean of what is left.

Batch normalisation is a year younger than the paper; without it, 13 layers and more hardly begin to learn
from random weights. It is on unless switched off. A pooling counts a window that hangs over the edge, so that
pictures of any size pass.
"""

from __future__ import annotations

from collections.abc import Callable

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
    dropout_parameter,
    initializer_parameter,
    scaled,
    sized_for_parameter,
    width_parameter,
)

WIDTHS = (64, 128, 256, 512, 512)  # channels of the five stages


class VGG(nn.Module):
    def __init__(
        self,
        channels: int,
        outputs: int,
        convolutions: tuple[int, ...],
        width: float,
        paper_size: bool,
        batch_norm: bool,
        activation: str,
        dropout: float,
    ) -> None:
        """`convolutions`: how many each stage has."""
        super().__init__()
        self.features = nn.Sequential()
        for stage, (count, unscaled) in enumerate(zip(convolutions, WIDTHS, strict=True), start=1):
            rows, wide = nn.Sequential(), scaled(unscaled, width)
            for layer in range(1, count + 1):
                rows.add_module(f"conv{layer}", nn.Conv2d(channels, wide, kernel_size=3, padding=1))
                if batch_norm:
                    rows.add_module(f"norm{layer}", nn.BatchNorm2d(wide))
                rows.add_module(f"activation{layer}", build_activation(activation))
                channels = wide
            rows.add_module("pool", nn.MaxPool2d(2, ceil_mode=True))
            self.features.add_module(f"stage{stage}", rows)
        places, units = (7, 4096) if paper_size else (1, 512)
        self.pool = nn.AdaptiveAvgPool2d(places)
        self.classifier = nn.Sequential(nn.Flatten())
        features, units = channels * places**2, scaled(units, width)
        for layer in (1, 2):
            self.classifier.add_module(f"linear{layer}", nn.Linear(features, units))
            self.classifier.add_module(f"activation{layer}", build_activation(activation))
            if dropout:
                self.classifier.add_module(f"dropout{layer}", nn.Dropout(dropout))
            features = units
        self.classifier.add_module("output", nn.Linear(features, outputs))

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.pool(self.features(images)))


def _building(convolutions: tuple[int, ...]) -> Callable[..., nn.Module]:
    def build(
        input_shape: InputShape,
        outputs: int,
        width_multiplier: float,
        sized_for: str,
        batch_norm: bool,
        activation: str,
        dropout: float,
        initializer: str,
    ) -> nn.Module:
        network = VGG(
            input_shape[0],
            outputs,
            convolutions,
            width_multiplier,
            sized_for == "paper",
            batch_norm,
            activation,
            dropout,
        )
        return initialize(network, initializer, activation)

    return build


def _row(layers: int, configuration: str, convolutions: tuple[int, ...], parameter_count: int) -> Model:
    return Model(
        name=f"vgg{layers}",
        title=f"VGG-{layers}",
        summary=f"Small convolutions only, {layers} layers deep: configuration {configuration} of the paper.",
        source="Simonyan and Zisserman 2014, arXiv:1409.1556, table 1",
        build=_building(convolutions),
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            Parameter("batch_norm", True, "normalise each hidden unit over the batch", kind="flag"),
            activation_parameter("relu"),
            dropout_parameter(0.5),
            initializer_parameter("kaiming_normal"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("features.stage1.conv1", (64, 32, 32)),
            ("features.stage1", (64, 16, 16)),
            ("features.stage2", (128, 8, 8)),
            ("features.stage3", (256, 4, 4)),
            ("features.stage4", (512, 2, 2)),
            ("features.stage5", (512, 1, 1)),
            ("classifier.linear2", (512,)),
            ("classifier.output", (10,)),
        ),
        parameter_count=parameter_count,
        family="vgg",
        tiny={"width_multiplier": 0.125, "dropout": 0.0},
    )


SPECS = (
    _row(11, "A", (1, 1, 2, 2, 2), 9_756_426),
    _row(13, "B", (2, 2, 2, 2, 2), 9_941_322),
    _row(16, "D", (2, 2, 3, 3, 3), 15_253_578),
)
