"""Seeds: the same configuration gives the same losses, bit for bit, on the same machine and device."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

AUGMENTATION = 0x5EED  # sets the stream of augmentation apart from the others that start from the run's seed


def seed_everything(seed: int, device: torch.device) -> None:
    """Starts every global stream from `seed` and asks PyTorch for algorithms that give the same bits each
    time.
    """
    random.seed(seed)
    np.random.seed(seed)  # a library that draws from the global stream must be seeded too
    torch.manual_seed(seed)  # the CPU's stream and that of every accelerator
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS sums in one order only with this
        torch.backends.cudnn.benchmark = False  # it would choose its algorithm by the clock
        torch.use_deterministic_algorithms(True, warn_only=True)


def augmentation_generator(seed: int) -> torch.Generator:
    """The stream that transforms draw from, apart from dropout's: adding a transform does not change the
    other.

    On the CPU, so that every device sees the same changes.
    """
    return torch.Generator().manual_seed(seed ^ AUGMENTATION)


def random_states(device: torch.device, augmentation: torch.Generator) -> dict[str, Tensor]:
    """Where every stream stands, as byte tensors for a checkpoint."""
    states = {"cpu": torch.get_rng_state(), "augmentation": augmentation.get_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_states(
    states: Mapping[str, Tensor], device: torch.device, augmentation: torch.Generator
) -> None:
    """Puts every stream where `random_states` found it."""
    torch.set_rng_state(states["cpu"])
    augmentation.set_state(states["augmentation"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
