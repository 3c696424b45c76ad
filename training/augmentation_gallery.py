"""What a transform makes of a few pictures, and of their labels: for looking at, not for training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8

from training.transforms import augment


def transformed(
    pictures: UInt8[np.ndarray, "pictures channels height width"],
    classes: Int64[np.ndarray, "pictures"],
    class_count: int,
    name: str,
    settings: Mapping[str, Any],
    seed: int,
) -> tuple[UInt8[np.ndarray, "pictures channels height width"], Float[np.ndarray, "pictures classes"]]:
    """The pictures after a row of TRANSFORMS, and each one's shares of the classes.

    As in a training the mean picture value is taken out before: what cutout blanks becomes the mean. Pictures
    that are mixed are mixed with each other. UnknownNameError and ValueError as `augment` raises them.
    """
    inputs = torch.from_numpy(pictures / np.float32(255))
    mean = inputs.mean(dim=(0, 2, 3), keepdim=True)
    generator = torch.Generator().manual_seed(seed)
    changed, targets = augment(
        inputs - mean, torch.from_numpy(classes), [name], settings, generator, outputs=class_count
    )
    if not targets.is_floating_point():
        targets = torch.nn.functional.one_hot(targets, class_count).float()
    shown = ((changed + mean) * 255).round().clamp(0, 255).to(torch.uint8)
    return shown.numpy(), targets.numpy()


def label_words(shares: Float[np.ndarray, "classes"], names: tuple[str, ...]) -> str:
    """Like "3", or "70% 3, 30% 8": the two largest shares."""
    order = np.argsort(-shares, kind="stable")
    first, second = int(order[0]), int(order[1])
    if shares[second] < 0.005:
        return names[first]
    return f"{shares[first]:.0%} {names[first]}, {shares[second]:.0%} {names[second]}"
