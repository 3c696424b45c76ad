"""How much each input pixel weighs for the unit in the middle of a layer: the effective receptive field.

Luo, Li, Urtasun and Zemel 2016 (arXiv:1701.04128): a receptive field says which pixels could matter; the
gradient says how much they do, and it is mostly far smaller than the field, and bell-shaped.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.probes import NoUnitsError, evaluated, first_tensor, listening


@dataclass(frozen=True)
class EffectiveField:
    """`weight` is 1 at the pixel that matters most."""

    weight: Float[Tensor, "height width"]
    centre: tuple[int, int]  # of the unit, in the layer's output: row, column
    reached: tuple[int, int]  # height and width of the box that holds every pixel with any weight at all
    half: tuple[int, int]  # of the box of all pixels that weigh at least half as much as the strongest
    share: float  # of pixels that weigh more than 1 - 95.45% of the strongest, as the paper counts them


STRONG = 1 - 0.9545  # the paper's threshold: what lies within two deviations of a bell


def effective_field(
    network: nn.Module, layer: str, inputs: Float[Tensor, "batch channels height width"]
) -> EffectiveField:
    """Mean absolute gradient, over samples and input channels, of the sum of the layer's central column of
    channels with respect to the input.

    UnknownNameError for a layer that there is none of, NoUnitsError for one whose output is no picture.
    """
    outputs: list[Tensor] = []
    asked = inputs.detach().requires_grad_(True)

    def heard(name: str, module: nn.Module, output: object) -> None:
        tensor = first_tensor(output)
        if tensor is not None:
            outputs.append(tensor.clone())  # a layer after it may write into it

    with evaluated(network), torch.enable_grad(), listening(network, heard, [layer]):
        network(asked)
        if not outputs or outputs[0].ndim != 4:
            shape = tuple(outputs[0].shape[1:]) if outputs else ()
            raise NoUnitsError(
                f"{layer} puts out {shape}, which is no picture; choose a convolution or another layer whose "
                "output has channels, a height and a width"
            )
        row, column = outputs[0].shape[2] // 2, outputs[0].shape[3] // 2
        (gradient,) = torch.autograd.grad(outputs[0][:, :, row, column].sum(), asked)
    weight = gradient.abs().mean(dim=(0, 1))
    largest = float(weight.max())
    weight = weight / largest if largest > 0 else weight
    return EffectiveField(
        weight=weight.detach(),
        centre=(row, column),
        reached=_box(weight > 0),
        half=_box(weight >= 0.5),
        share=float((weight > STRONG).float().mean()),
    )


def _box(mask: Tensor) -> tuple[int, int]:
    rows, columns = mask.any(dim=1).nonzero().flatten(), mask.any(dim=0).nonzero().flatten()
    if not len(rows):
        return 0, 0
    return int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
