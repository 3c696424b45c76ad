"""ConvNeXt (Liu et al. 2022, arXiv:2201.03545): a ResNet modernised after the vision transformer.

    7x7 depthwise -> layer norm over channels -> 1x1 to 4 times as many -> GELU -> 1x1 back, times gamma, + x

One activation and one normalisation a block; gamma is a trained number for each channel that begins at 1e-6,
so that blocks begin as nearly nothing. Between stages a norm and a 2 x 2 convolution with stride 2. As
published, the stem cuts 224 x 224 pixels into patches of 4 x 4; sized for small pictures, of 2 x 2, and
pictures below 16 x 16 lie in the middle of a field of zeros. Stochastic depth (Huang et al. 2016,
arXiv:1603.09382) leaves out whole blocks for a sample at a time, deeper ones more often.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.catalog import Parameter
from models.initializers import initialize
from models.model import (
    InputShape,
    Model,
    initializer_parameter,
    scaled,
    sized_for_parameter,
    width_parameter,
)

WIDTHS = (96, 192, 384, 768)  # channels of the four stages
BLOCKS = (3, 3, 9, 3)  # of the tiny one
FIELD = 16  # pixels on a side that the stem sees at least
GAMMA = 1e-6
EPSILON = 1e-6  # of the layer norms


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel."""

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        last = images.permute(0, 2, 3, 1)
        normed = functional.layer_norm(last, self.normalized_shape, self.weight, self.bias, self.eps)
        return normed.permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    gamma: nn.Parameter

    def __init__(self, channels: int, skipped: float) -> None:
        """`skipped`: how often the block is left out for a sample in training."""
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = ChannelNorm(channels, eps=EPSILON)
        self.expand = nn.Conv2d(channels, 4 * channels, kernel_size=1)
        self.activation = nn.GELU()
        self.project = nn.Conv2d(4 * channels, channels, kernel_size=1)
        self.gamma = nn.Parameter(torch.full((channels, 1, 1), GAMMA))
        # Dropout of a single 1 for each sample: 0, or 1 / (1 - p) for the others
        self.skip = nn.Dropout(skipped) if skipped else None

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        residual = self.project(self.activation(self.expand(self.norm(self.depthwise(images)))))
        residual = self.gamma * residual
        if self.skip is not None:
            residual = residual * self.skip(images.new_ones(len(images), 1, 1, 1))
        return images + residual


class ConvNeXt(nn.Module):
    def __init__(
        self,
        input_shape: InputShape,
        outputs: int,
        blocks: tuple[int, ...],
        width: float,
        paper_size: bool,
        stochastic_depth: float,
    ) -> None:
        super().__init__()
        channels, height, tall = input_shape
        widths = [scaled(count, width) for count in WIDTHS]
        patch = 4 if paper_size else 2
        rows, columns = (max(0, FIELD * patch // 2 - size) for size in (height, tall))
        self.stem = nn.Sequential()
        if rows or columns:
            field = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
            self.stem.add_module("pad", nn.ZeroPad2d(field))
        self.stem.add_module("conv", nn.Conv2d(channels, widths[0], patch, stride=patch))
        self.stem.add_module("norm", ChannelNorm(widths[0], eps=EPSILON))
        self.features = nn.Sequential()
        before, number = widths[0], 0
        for stage, (count, wide) in enumerate(zip(blocks, widths, strict=True), start=1):
            if stage > 1:
                shrinking = nn.Sequential(ChannelNorm(before, eps=EPSILON))
                shrinking.add_module("conv", nn.Conv2d(before, wide, kernel_size=2, stride=2))
                self.features.add_module(f"downsample{stage}", shrinking)
            rows_of_stage = nn.Sequential()
            for block in range(1, count + 1):
                skipped = stochastic_depth * number / max(1, sum(blocks) - 1)
                rows_of_stage.add_module(f"block{block}", ConvNeXtBlock(wide, skipped))
                number += 1
            self.features.add_module(f"stage{stage}", rows_of_stage)
            before = wide
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = ChannelNorm(before, eps=EPSILON)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(before, outputs)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        signal = self.pool(self.features(self.stem(images)))
        return self.classifier(self.flatten(self.norm(signal)))


def build_convnext_tiny(
    input_shape: InputShape,
    outputs: int,
    width_multiplier: float,
    sized_for: str,
    stochastic_depth: float,
    initializer: str,
) -> nn.Module:
    network = ConvNeXt(input_shape, outputs, BLOCKS, width_multiplier, sized_for == "paper", stochastic_depth)
    return initialize(network, initializer, "gelu")


SPECS = (
    Model(
        name="convnext_tiny",
        title="ConvNeXt, tiny",
        summary="A residual network with large depthwise kernels and a transformer's habits.",
        source="Liu et al. 2022, arXiv:2201.03545",
        build=build_convnext_tiny,
        inputs="image",
        parameters=(
            width_parameter(),
            sized_for_parameter(),
            Parameter(
                "stochastic_depth",
                0.1,
                "share of samples for which the deepest block is left out; less before it",
                low=0.0,
                high=0.9,
                step=0.05,
            ),
            initializer_parameter("default"),
        ),
        example=lambda: (torch.randn(4, 3, 32, 32), 10),
        stages=(
            ("stem", (96, 16, 16)),
            ("features.stage1", (96, 16, 16)),
            ("features.stage2", (192, 8, 8)),
            ("features.stage3.block1.expand", (1536, 4, 4)),
            ("features.stage3", (384, 4, 4)),
            ("features.stage4", (768, 2, 2)),
            ("flatten", (768,)),
            ("classifier", (10,)),
        ),
        parameter_count=27_824_362,
        family="convnext",
        tiny={"width_multiplier": 0.125, "stochastic_depth": 0.0},
    ),
)
