"""The filters of a network's convolutions, and which checkpoints can have some."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn


def may_have_filters(path: Path) -> bool:
    """Whether a checkpoint holds weights of four axes: its header says, nothing else is read. False for a
    file that can't be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return any(
                name.endswith("weight") and len(file.get_slice(name).get_shape()) == 4 for name in names
            )
    except (OSError, SafetensorError):
        return False


def filters_of(network: nn.Module, largest: int) -> dict[str, Float[Tensor, "filters channels rows columns"]]:
    """The weights of each Conv2d by its name, of those whose kernel is `largest` a side at most. With groups
    `channels` counts those of one group.
    """
    return {
        name: layer.weight.detach()
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d) and max(layer.kernel_size) <= largest
    }
