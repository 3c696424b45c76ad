"""Pictures changed by so little that a person sees no difference, and a network answers another class.

FGSM: one step along the sign of the loss's gradient (Goodfellow, Shlens and Szegedy 2014, arXiv:1412.6572).
PGD: many small steps, each projected back into the allowed distance (Madry et al. 2017, arXiv:1706.06083).
Distances are in the largest change of any input (L-infinity), in the input's own unit: of pictures, shares of
the range from black to white.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from models.catalog import Catalog, Parameter, checked_settings
from models.probes import class_logits, evaluated


@dataclass(frozen=True)
class Bounds:
    """What inputs may be, as the network takes them (normalised), and how much one unit is there.

    Each broadcasts against [batch, *shape].
    """

    low: Tensor
    high: Tensor
    unit: Tensor

    @classmethod
    def of_pictures(cls, mean: Sequence[float], std: Sequence[float]) -> Bounds:
        """Pixels from 0 to 1, normalised by the mean and deviation of each channel."""
        centre, scale = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (mean, std))
        return cls(-centre / scale, (1 - centre) / scale, 1 / scale)

    @classmethod
    def none(cls) -> Bounds:
        """Features may be any number; the unit is one standard deviation."""
        return cls(torch.tensor(-torch.inf), torch.tensor(torch.inf), torch.tensor(1.0))


@dataclass(frozen=True)
class Attack:
    """A row of ATTACKS; `run(network, inputs, targets, distances, bounds, watch, **settings)` changes inputs.

    `distances` [batch] may differ from sample to sample, so that one picture is attacked at many distances in
    one batch.
    """

    name: str
    title: str
    summary: str
    formula: str
    source: str
    run: Callable[..., Tensor]
    parameters: tuple[Parameter, ...] = ()


def attack(
    name: str,
    network: nn.Module,
    inputs: Float[Tensor, "batch *shape"],
    targets: Int64[Tensor, "batch"],
    distances: Float[Tensor, "batch"],
    bounds: Bounds,
    watch: Callable[[float], object] = lambda share: None,
    **settings: object,
) -> Float[Tensor, "batch *shape"]:
    """`inputs` moved by at most `distances` so that the loss of `targets` grows. `watch` hears of the share
    that is done, from 0 to 1.

    UnknownNameError for an attack that there is none of; ValueError for a distance below 0.
    """
    row = ATTACKS[name]
    if not bool((distances >= 0).all()):
        raise ValueError(f"a distance is {float(distances.min()):g}; it must be 0 or more")
    with evaluated(network):
        checked = checked_settings(name, row.parameters, settings)
        return row.run(network, inputs, targets, distances, bounds, watch, **checked)


def loss_gradient(
    network: nn.Module, inputs: Float[Tensor, "batch *shape"], targets: Int64[Tensor, "batch"]
) -> Float[Tensor, "batch *shape"]:
    """Of each sample's own cross-entropy, with respect to its inputs."""
    asked = inputs.detach().requires_grad_(True)
    with torch.enable_grad():
        losses = functional.cross_entropy(class_logits(network(asked)), targets, reduction="sum")
        (gradient,) = torch.autograd.grad(losses, asked)
    return gradient


Watch = Callable[[float], object]


def _fgsm(
    network: nn.Module, inputs: Tensor, targets: Tensor, distances: Tensor, bounds: Bounds, watch: Watch
) -> Tensor:
    step = _broadcast(distances, inputs) * bounds.unit * loss_gradient(network, inputs, targets).sign()
    return _within(inputs + step, bounds)


def _pgd(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    distances: Tensor,
    bounds: Bounds,
    watch: Watch,
    attack_steps: int,
    attack_reach: float,
) -> Tensor:
    radius = _broadcast(distances, inputs) * bounds.unit
    step = radius * (attack_reach / attack_steps)
    moved = inputs.clone()
    for number in range(attack_steps):
        moved = moved + step * loss_gradient(network, moved, targets).sign()
        moved = torch.minimum(torch.maximum(moved, inputs - radius), inputs + radius)
        moved = _within(moved, bounds)
        watch((number + 1) / attack_steps)
    return moved


def _broadcast(distances: Tensor, inputs: Tensor) -> Tensor:
    return distances.reshape(-1, *(1 for _ in inputs.shape[1:]))


def _within(inputs: Tensor, bounds: Bounds) -> Tensor:
    return torch.minimum(torch.maximum(inputs, bounds.low), bounds.high).detach()


ATTACKS = Catalog(
    "attack",
    [
        Attack(
            name="fgsm",
            title="FGSM",
            summary="One step: every input moves by the whole distance, up or down.",
            formula=r"x' = x + \epsilon\,\mathrm{sign}\,\nabla_x L(x, y)",
            source="Goodfellow, Shlens and Szegedy 2014, arXiv:1412.6572",
            run=_fgsm,
        ),
        Attack(
            name="pgd",
            title="PGD",
            summary="Many small steps, each brought back into the distance: stronger than one large one.",
            formula=r"x_{t+1} = \Pi_{\epsilon}\left(x_t + \alpha\,\mathrm{sign}\,\nabla_x L(x_t, y)\right)",
            source="Madry, Makelov, Schmidt, Tsipras and Vladu 2017, arXiv:1706.06083",
            run=_pgd,
            parameters=(
                Parameter("attack_steps", 10, "steps of the attack", kind="integer", low=1, high=200),
                Parameter(
                    "attack_reach",
                    2.5,
                    "how far all steps together would go, in distances; above 1 so that the edge is reached",
                    low=1.0,
                    high=10.0,
                    symbol=r"\alpha T/\epsilon",
                ),
            ),
        ),
    ],
)
