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
PROBED = 10  # outputs that are tried first; the numbers then say how many there are
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
    """Every known architecture that takes exactly these names and shapes, in whatever order; ours first."""
    if not any(tensor.dim() >= 2 for tensor in state.values()):
        return []
    return [*_ours(state), *_theirs(state)]


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


def _ours(state: Mapping[str, Tensor]) -> Iterator[Fit]:
    pictures = [(3, size, size) for size in PICTURE_SIZES]
    for row in MODELS:
        for shape in pictures if row.inputs == "image" else [(2,)]:
            try:
                fit = _sized(Fit(row.name, shape, PROBED), state)
                if fit is None:
                    break  # names do not depend on the size
                found = _fits(empty(fit), state)
            except (ValueError, RuntimeError):
                continue  # takes no samples of this shape
            if found:
                yield fit
                break


def _sized(probe: Fit, state: Mapping[str, Tensor]) -> Fit | None:
    """The probe with the channels and outputs of these numbers; None where the names are others."""
    wanted = empty(probe).state_dict()
    if wanted.keys() != state.keys():
        return None
    weights = [name for name, tensor in wanted.items() if tensor.dim() >= 2]
    if not weights or state[weights[0]].dim() < 2 or state[weights[-1]].dim() < 2:
        return None
    entering = int(state[weights[0]].shape[1])
    return Fit(
        probe.name, (entering, *probe.input_shape[1:]), int(state[weights[-1]].shape[0]), probe.settings
    )


def _theirs(state: Mapping[str, Tensor]) -> Iterator[Fit]:
    from torchvision import models

    trained = sum(tensor.numel() for name, tensor in state.items() if not name.endswith(STATISTICS))
    heads = {  # rows, and numbers a row: any of these may be the last layer
        (int(tensor.shape[0]), tensor[0].numel())
        for name, tensor in state.items()
        if tensor.dim() == 2 or (tensor.dim() == 4 and "classifier" in name)
    }
    wholes = [trained + (THEIR_CLASSES - rows) * (width + 1) for rows, width in heads]  # with their own head
    for name in models.list_models(module=models):
        weights = next(iter(models.get_model_weights(name)))
        counted = weights.meta["num_params"]
        if not any(abs(whole - counted) <= TOLERANCE * counted for whole in wholes):
            continue
        size = weights.transforms().crop_size[0]
        for settings in ({}, {"aux_logits": False}) if name in ("googlenet", "inception_v3") else ({},):
            try:
                fit = _sized(Fit(THEIRS + name, (3, size, size), THEIR_CLASSES, settings), state)
                found = fit is not None and _fits(empty(fit), state)
            except (RuntimeError, NotImplementedError):
                continue  # some can't be built without numbers
            if fit is not None and found:
                yield fit


def _fits(network: nn.Module, state: Mapping[str, Tensor]) -> bool:
    wanted = network.state_dict()
    return wanted.keys() == state.keys() and all(
        wanted[name].shape == tensor.shape for name, tensor in state.items()
    )
