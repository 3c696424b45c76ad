"""Any classification network of torchvision, as a row of the table: `torchvision/resnet50`.

    prepare: grey pictures three times, and enlarged where asked -> torchvision's network with a head of ours

The rows are made when somebody asks for one: importing torchvision takes seconds, and a list of eighty
more networks would bury ours. Weights trained on ImageNet are downloaded when asked for, checked by their
hash, and kept where torch.hub keeps its files.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.catalog import Parameter, UnknownNameError
from models.model import InputShape, Model

PREFIX = "torchvision/"
SOURCE = "https://docs.pytorch.org/vision/stable/models.html"
IMAGENET = 1000  # classes of the downloaded heads


class Prepare(nn.Module):
    """Pictures as torchvision's networks take them: three channels, `size` pixels on a side (0: as is)."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.channels, self.size = channels, size

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch 3 new_height new_width"]:
        if self.channels == 1:
            images = images.expand(-1, 3, -1, -1)
        if self.size:
            size = (self.size, self.size)
            images = functional.interpolate(images, size, mode="bilinear", align_corners=False)
        return images

    def extra_repr(self) -> str:
        return f"channels={self.channels}, size={self.size or 'as they are'}"


class TorchvisionNetwork(nn.Module):
    def __init__(self, network: nn.Module, channels: int, size: int) -> None:
        super().__init__()
        self.prepare = Prepare(channels, size)
        self.network = network

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.network(self.prepare(images))


@lru_cache(maxsize=64)
def torchvision_row(name: str) -> Model:
    """The row of `torchvision/<name>`. UnknownNameError where torchvision has none of that name."""
    known = architectures()
    if name.removeprefix(PREFIX) not in known:
        raise UnknownNameError("model", name, [PREFIX + one for one in known])
    return borrowed_row(name)


def borrowed_row(name: str) -> Model:
    """The row, without asking torchvision whether it has such a network."""
    architecture = name.removeprefix(PREFIX)

    def build(input_shape: InputShape, outputs: int, pretrained: bool, resize: int) -> nn.Module:
        return build_torchvision(architecture, input_shape, outputs, pretrained, resize)

    return Model(
        name=name,
        title=f"{architecture} of torchvision",
        summary="As torchvision has it, with a head for the data's classes.",
        source=f"{SOURCE} (its documentation names the paper)",
        build=build,
        inputs="image",
        parameters=(
            Parameter("pretrained", False, "begin with weights trained on ImageNet", kind="flag"),
            Parameter(
                "resize",
                0,
                "pixels on a side that pictures are enlarged to; 0: as they are",
                kind="integer",
                low=0,
                high=1024,
                unit="pixels",
            ),
        ),
        example=lambda: (torch.randn(2, 3, 224, 224), 10),
        stages=(),
        parameter_count=0,
    )


@lru_cache(maxsize=1)
def architectures() -> tuple[str, ...]:
    """The names of torchvision's classification networks."""
    from torchvision import models

    return tuple(models.list_models(module=models))


def build_torchvision(
    architecture: str, input_shape: InputShape, outputs: int, pretrained: bool, resize: int
) -> nn.Module:
    """ValueError, with the way out, for pictures that the network can't take or weights that can't be had."""
    from torchvision.models import get_model

    channels = input_shape[0]
    if channels not in (1, 3):
        raise ValueError(
            f"{PREFIX}{architecture} takes pictures with 1 or 3 channels, and these have {channels}; use "
            "one of ours"
        )
    # Side outputs that help the gradient are no part of the answer
    options: dict[str, Any] = {}
    if architecture in ("googlenet", "inception_v3"):
        options = {"aux_logits": False, "init_weights": not pretrained}
    if pretrained:
        body = get_model(architecture, weights=None, **options)
        missing, _ = body.load_state_dict(_downloaded(architecture), strict=False)
        assert not missing, missing
        replace_head(body, outputs)
    else:
        body = get_model(architecture, weights=None, num_classes=outputs, **options)
    network = TorchvisionNetwork(body, channels, resize)
    _refuse_pictures(network, architecture, input_shape)
    return network


def replace_head(network: nn.Module, outputs: int) -> None:
    """Puts a new layer, with random weights, in place of the last one that says 1,000 classes."""
    heads = [
        (name, module)
        for name, module in network.named_modules()
        if (isinstance(module, nn.Linear) and module.out_features == IMAGENET)
        or (isinstance(module, nn.Conv2d) and module.out_channels == IMAGENET)
    ]
    name, old = heads[-1]
    biased = old.bias is not None
    if isinstance(old, nn.Linear):
        new: nn.Module = nn.Linear(old.in_features, outputs, biased)
    else:
        assert isinstance(old, nn.Conv2d)
        new = nn.Conv2d(old.in_channels, outputs, (1, 1), bias=biased)
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, new)


@torch.no_grad()
def _refuse_pictures(network: TorchvisionNetwork, architecture: str, input_shape: InputShape) -> None:
    """One pass tells whether the network takes such pictures."""
    _, height, width = input_shape
    try:
        device = next(network.parameters()).device
        network.eval()(torch.zeros(1, *input_shape, device=device))
    except (RuntimeError, ValueError, AssertionError) as error:
        first = str(error).strip().splitlines()[0]
        size = network.prepare.size
        shown = f"{size} x {size}" if size else f"{height} x {width}"
        raise ValueError(
            f"{PREFIX}{architecture} can't take pictures of {shown} pixels ({first}); enlarge them, with "
            "resize 224"
        ) from None
    network.train()


def _downloaded(architecture: str) -> dict[str, Tensor]:
    from torchvision.models import get_model_weights

    url = get_model_weights(architecture)["DEFAULT"].url
    place = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        return torch.hub.load_state_dict_from_url(
            url, progress=False, check_hash=True, weights_only=True, map_location="cpu"
        )
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"the weights of {PREFIX}{architecture} could not be downloaded ({error}); put {url} into "
            f"{place}, or leave pretrained out"
        ) from None
