"""Which network do these numbers belong to? Architectures with the names and shapes of a state dict.

Networks are built without memory (device "meta"), so that a file may claim to be of any size. Those of this
project are tried with their usual settings; of torchvision's, those whose number of parameters is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from models.zoo import MODELS, build_model

THEIRS = "torchvision/"  # before the names of torchvision's models
PICTURE_SIZES = (28, 32, 64, 8, 224)  # pixels a side that are tried, the usual ones first
THEIR_CLASSES = 1000  # of the heads that torchvision counts
TOLERANCE = (
    0.05  # of the number of parameters: heads that help in training are left out of torchvision's count
)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Fit:
    """A network that the numbers fit."""

    name: str  # of MODELS, or torchvision/<name>
    input_shape: tuple[int, ...]
    outputs: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.name} ({' x '.join(map(str, self.input_shape))})"


def fitting(state: Mapping[str, Tensor]) -> list[Fit]:
    """Every known architecture that takes exactly these names and shapes; ours first."""
    weights = [tensor for tensor in state.values() if tensor.dim() >= 2]
    if not weights:
        return []
    outputs = int(weights[-1].shape[0])
    return [*_ours(state, weights[0], outputs), *_theirs(state, weights[-1], outputs)]


def filled(fit: Fit, state: Mapping[str, Tensor]) -> nn.Module:
    """The network with these numbers, in evaluation mode. ValueError where they don't fit it after all."""
    if not _fits(empty(fit), state):
        raise ValueError(f"the numbers do not fit {fit.name}; choose another network")
    network = _torchvision(fit) if fit.name.startswith(THEIRS) else _of_ours(fit)
    network.load_state_dict(dict(state))
    return network.eval().requires_grad_(requires_grad=True)


def empty(fit: Fit) -> nn.Module:
    """The network without numbers. ValueError, TypeError or RuntimeError where it can't be built."""
    with torch.device("meta"):
        return _torchvision(fit) if fit.name.startswith(THEIRS) else _of_ours(fit)


def _of_ours(fit: Fit) -> nn.Module:
    return build_model(fit.name, fit.input_shape, fit.outputs, fit.settings)


def _torchvision(fit: Fit) -> nn.Module:
    import torchvision

    name = fit.name.removeprefix(THEIRS)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(
        name, weights=None, num_classes=fit.outputs, **options, **fit.settings
    )


def _ours(state: Mapping[str, Tensor], first: Tensor, outputs: int) -> Iterator[Fit]:
    pictures = [(int(first.shape[1]), size, size) for size in PICTURE_SIZES] if first.dim() == 4 else []
    points = [(int(first.shape[1]),)] if first.dim() == 2 else []
    for row in MODELS:
        for shape in pictures if row.inputs == "image" else points:
            fit = Fit(row.name, shape, outputs)
            try:
                network = empty(fit)
            except (ValueError, RuntimeError):
                continue  # takes no samples of this shape
            if _fits(network, state):
                yield fit
                break
            if network.state_dict().keys() != state.keys():
                break  # names do not depend on the size


def _theirs(state: Mapping[str, Tensor], last: Tensor, outputs: int) -> Iterator[Fit]:
    from torchvision import models

    trained = sum(tensor.numel() for name, tensor in state.items() if not name.endswith(STATISTICS))
    width = last[0].numel()
    whole = trained + (THEIR_CLASSES - outputs) * (width + 1)  # as if it had torchvision's head
    for name in models.list_models(module=models):
        weights = next(iter(models.get_model_weights(name)))
        if abs(whole - weights.meta["num_params"]) > TOLERANCE * whole:
            continue
        size = weights.transforms().crop_size[0]
        for settings in ({}, {"aux_logits": False}) if name in ("googlenet", "inception_v3") else ({},):
            fit = Fit(THEIRS + name, (3, size, size), outputs, settings)
            try:
                found = _fits(empty(fit), state)
            except (RuntimeError, NotImplementedError):
                continue  # some can't be built without numbers
            if found:
                yield fit


def _fits(network: nn.Module, state: Mapping[str, Tensor]) -> bool:
    wanted = network.state_dict()
    return wanted.keys() == state.keys() and all(
        wanted[name].shape == tensor.shape for name, tensor in state.items()
    )
