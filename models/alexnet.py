"""AlexNet (Krizhevsky, Sutskever and Hinton 2012), in the one-column form of arXiv:1404.5997.

    conv1 -> pool -> conv2 -> pool -> conv3 -> conv4 -> conv5 -> pool -> dropout, fc6 -> dropout, fc7 -> fc8

Five convolutions, three poolings whose windows of 3 overlap by one, and three fully connected layers. As
published it reads 224 x 224 pixels: conv1 is 11 x 11 with stride 4, and fc6 and fc7 have 4096 units. Sized
for small pictures, conv1 is 5 x 5 with stride 1, and fc6 and fc7 have 1024 units and see 2 x 2 places.

The paper's two halves on two graphics cards and its local response normalisation are left out, as in the
2014 form. A pooling counts a window that hangs over the edge, so that pictures of any size pass.
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

CHANNELS = (64, 192, 384, 256, 256)  # of the five convolutions
SMALLEST = 35  # pixels on a side that its first layers, as published, leave something of


class AlexNet(nn.Module):
    def __init__(
        self, channels: int, outputs: int, width: float, paper_size: bool, activation: str, dropout: float
    ) -> None:
        super().__init__()
        widths = [scaled(count, width) for count in CHANNELS]
        places, units = (6, 4096) if paper_size else (2, 1024)
        first = (11, 4, 2) if paper_size else (5, 1, 2)  # kernel, stride, padding
        self.features = nn.Sequential()
        for layer, (count, shape) in enumerate(
            zip(widths, (first, (5, 1, 2), *[(3, 1, 1)] * 3), strict=True), start=1
        ):
            kernel, stride, padding = shape
            self.features.add_module(f"conv{layer}", nn.Conv2d(channels, count, kernel, stride, padding))
            self.features.add_module(f"activation{layer}", build_activation(activation))
            if layer in (1, 2, 5):
                self.features.add_module(f"pool{layer}", nn.MaxPool2d(3, stride=2, ceil_mode=True))
            channels = count
        self.pool = nn.AdaptiveAvgPool2d(places)
        self.classifier = nn.Sequential(nn.Flatten())
        features, units = channels * places**2, scaled(units, width)
        for layer in (6, 7):
            if dropout:
                self.classifier.add_module(f"dropout{layer}", nn.Dropout(dropout))
            self.classifier.add_module(f"fc{layer}", nn.Linear(features, units))
            self.classifier.add_module(f"activation{layer}", build_activation(activation))
            features = units
        self.classifier.add_module("fc8", nn.Linear(features, outputs))

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.pool(self.features(images)))


def build_alexnet(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    activation: str,
    dropout: float,
    initializer: str,
) -> nn.Module:
    if sized_for == "paper" and min(input_shape[1:]) < SMALLEST:
        raise ValueError(
            f"alexnet as published takes pictures of {SMALLEST} x {SMALLEST} pixels at least, and these have "
            f"{input_shape[1]} x {input_shape[2]}; use sized_for small"
        )
    network = AlexNet(input_shape[0], outputs, width_multiplier, sized_for == "paper", activation, dropout)
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="alexnet",
        title="AlexNet",
        summary="The network that won ImageNet in 2012: ReLU, dropout, and far more of everything.",
        source="Krizhevsky, Sutskever and Hinton 2012, https://papers.nips.cc/paper/4824; Krizhevsky 2014, "
        "arXiv:1404.5997",
        build=build_alexnet,
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
            ("features.conv1", (64, 32, 32)),
            ("features.pool1", (64, 16, 16)),
            ("features.pool2", (192, 8, 8)),
            ("features.conv4", (256, 8, 8)),
            ("features.pool5", (256, 4, 4)),
            ("pool", (256, 2, 2)),
            ("classifier.fc7", (1024,)),
            ("classifier.fc8", (10,)),
        ),
        parameter_count=4_560_714,
        family="alexnet",
        tiny={"width_multiplier": 0.0625, "dropout": 0.0},
    ),
)
