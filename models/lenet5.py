"""LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791, section II.B).

    input 32x32 -> C1 6@28x28 -> S2 6@14x14 -> C3 16@10x10 -> S4 16@5x5 -> C5 120 -> F6 84 -> output

Images smaller than 32 x 32 lie in the middle of a field of zeros, as the paper's 28 x 28 digits do; larger
ones enter as they are, and C5 grows with them. Differences to the paper, as in every current version: S2
and S4 average (or take the maximum) without trained coefficients, C3 sees all maps of S2, the tanh is not
scaled, and the output is a linear layer instead of distances to drawn characters. That is 61,706 parameters
for ten classes.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import build_activation
from models.catalog import Parameter
from models.initializers import initialize
from models.model import InputShape, Model, activation_parameter, initializer_parameter

FIELD = 32  # pixels on a side that the first layer sees at least


def padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Zeros to the left, right, top and bottom that make an image at least FIELD x FIELD."""
    rows, columns = max(0, FIELD - height), max(0, FIELD - width)
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def flat_size(height: int, width: int) -> int:
    """Numbers that S4 puts out: two convolutions of 5 x 5 and two poolings of 2 x 2, 16 maps."""
    height, width = max(FIELD, height), max(FIELD, width)
    return 16 * (((height - 4) // 2 - 4) // 2) * (((width - 4) // 2 - 4) // 2)


class LeNet5(nn.Module):
    def __init__(
        self, channels: int, height: int, width: int, outputs: int, activation: str, pooling: str
    ) -> None:
        super().__init__()
        pool = {"average": nn.AvgPool2d, "maximum": nn.MaxPool2d}[pooling]
        self.features = nn.Sequential()
        self.features.add_module("pad", nn.ZeroPad2d(padding(height, width)))
        self.features.add_module("c1", nn.Conv2d(channels, 6, kernel_size=5))
        self.features.add_module("activation1", build_activation(activation))
        self.features.add_module("s2", pool(kernel_size=2))
        self.features.add_module("c3", nn.Conv2d(6, 16, kernel_size=5))
        self.features.add_module("activation3", build_activation(activation))
        self.features.add_module("s4", pool(kernel_size=2))
        self.classifier = nn.Sequential()
        self.classifier.add_module("flatten", nn.Flatten())
        self.classifier.add_module("c5", nn.Linear(flat_size(height, width), 120))
        self.classifier.add_module("activation5", build_activation(activation))
        self.classifier.add_module("f6", nn.Linear(120, 84))
        self.classifier.add_module("activation6", build_activation(activation))
        self.classifier.add_module("output", nn.Linear(84, outputs))

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.classifier(self.features(images))


def build_lenet5(
    input_shape: InputShape, outputs: int, activation: str, pooling: str, initializer: str
) -> nn.Module:
    channels, height, width = input_shape
    network = LeNet5(channels, height, width, outputs, activation, pooling)
    return initialize(network, initializer, activation)


SPECS = (
    Model(
        name="lenet5",
        title="LeNet-5",
        summary="The convolutional network that read bank cheques in the 1990s.",
        source="LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791, section II.B",
        build=build_lenet5,
        inputs="image",
        parameters=(
            activation_parameter("tanh"),
            Parameter(
                "pooling",
                "average",
                "what stays of each 2 x 2 pixels",
                kind="choice",
                choices=("average", "maximum"),
            ),
            initializer_parameter("default"),
        ),
        example=lambda: (torch.randn(4, 1, 28, 28), 10),
        stages=(
            ("features.pad", (1, 32, 32)),
            ("features.c1", (6, 28, 28)),
            ("features.s2", (6, 14, 14)),
            ("features.c3", (16, 10, 10)),
            ("features.s4", (16, 5, 5)),
            ("classifier.c5", (120,)),
            ("classifier.f6", (84,)),
            ("classifier.output", (10,)),
        ),
        parameter_count=61_706,
        family="lenet",
    ),
)
