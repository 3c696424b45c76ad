"""Where a training computes."""

from __future__ import annotations

import torch


class DeviceError(ValueError):
    """A device that this machine doesn't have."""


def choose_device(name: str) -> torch.device:
    """The device `name`; auto takes cuda, else mps, else cpu. DeviceError where the machine lacks it."""
    present = available_devices()
    if name == "auto":
        return torch.device(present[0])
    if name not in present:
        raise DeviceError(f"device is {name}, and this machine has {', '.join(present)}; use --device auto")
    return torch.device(name)


def available_devices() -> list[str]:
    """The fastest first; cpu is always there."""
    present = ["cpu"]
    if torch.backends.mps.is_available():
        present.insert(0, "mps")
    if torch.cuda.is_available():
        present.insert(0, "cuda")
    return present


def device_title(device: torch.device) -> str:
    """For a person: "cuda (NVIDIA H100)", "cpu"."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
