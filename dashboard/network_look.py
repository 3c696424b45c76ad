"""A network's parts that have weights, without making any: it is built on PyTorch's meta device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from models.zoo import MODELS, build_model


@dataclass(frozen=True)
class Layer:
    """One module that has weights of its own."""

    name: str  # dotted, as in a checkpoint
    kind: str  # its class
    shape: str  # of its weights, as text
    parameters: int  # trainable numbers


def network_look(
    model: str, settings: Mapping[str, Any], input_shape: tuple[int, ...], outputs: int
) -> list[Layer]:
    """The layers in order. ValueError as `build_model` raises it."""
    if any(parameter.name == "initializer" for parameter in MODELS[model].parameters):
        # Computing the first weights needs real numbers, and changes no shape.
        settings = {**settings, "initializer": "default"}
    with torch.device("meta"):  # shapes only: no memory, no random numbers taken
        network = build_model(model, input_shape, outputs, settings)
    layers = []
    for name, module in network.named_modules():
        own = [weight for weight in module.parameters(recurse=False) if weight.requires_grad]
        if own:
            shape = " × ".join(str(size) for size in own[0].shape)
            numbers = sum(weight.numel() for weight in own)
            layers.append(Layer(name, type(module).__name__, shape, numbers))
    return layers
