"""Reference pictures of loss landscapes: what flat, sharp, chaotic and wrongly normalised ones look like.

Each is computed here, from a small network of two inputs, in the way every landscape is. The first three are
known from the literature: wide and narrow valleys (Keskar et al. 2017, arXiv:1609.04836), and deep networks
with large weights, whose output turns a small change into any other (Poole et al. 2016, arXiv:1606.05340).
The last is the first network again: with its first layer 30 times as large and the last one 1/30 it computes
the same, and an unnormalised direction makes its wide valley a slit (Li et al. 2018, section 4).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.directions import random_plane, weights_of
from training.landscape_grid import Grid, compute
from training.landscape_modules import ModuleLosses
from training.landscape_scores import Samples, Score

SIDE = 25
SAMPLES = 200
STEPS = 250
RESCALED = 30.0


@dataclass(frozen=True)
class Reference:
    """A row of REFERENCES: `network` gives the network whose picture it is."""

    name: str
    title: str
    network: Callable[[], nn.Module]
    normalisation: str = "filter"


@cache
def points() -> Samples:
    """Two half moons that reach into each other, drawn by hand of a formula: always the same."""
    random = torch.Generator().manual_seed(0)
    angle = torch.rand(SAMPLES, generator=random) * torch.pi
    side = torch.arange(SAMPLES) % 2
    x = torch.where(side == 0, angle.cos(), 1 - angle.cos()) - 0.5
    y = torch.where(side == 0, angle.sin(), 0.5 - angle.sin()) - 0.25
    noise = 0.2 * torch.randn(SAMPLES, 2, generator=random)
    return Samples(torch.stack([x, y], dim=1) + noise, side)


@torch.no_grad()
def untrained(layers: int, width: int, gain: float, activation: type[nn.Module], seed: int) -> nn.Module:
    """A chain of layers whose weights have the standard deviation gain / sqrt(inputs)."""
    random = torch.Generator().manual_seed(seed)
    parts: list[nn.Module] = []
    for layer in range(layers + 1):
        inputs, outputs = (2 if layer == 0 else width), (2 if layer == layers else width)
        linear = nn.Linear(inputs, outputs)
        linear.weight.copy_(torch.randn(outputs, inputs, generator=random) * gain / inputs**0.5)
        linear.bias.zero_()
        parts += [linear] if layer == layers else [linear, activation()]
    return nn.Sequential(*parts)


@torch.enable_grad()
def trained(decay: float, scale: float = 1.0) -> nn.Module:
    """Two layers of 16 rectifiers after some steps of AdamW on `points`; the outputs then times `scale`."""
    network, own = untrained(2, 16, 1.4, nn.ReLU, seed=3), points()
    optimizer = torch.optim.AdamW(network.parameters(), 0.02, weight_decay=decay)
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(own.inputs), own.targets).backward()
        optimizer.step()
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name.startswith("4."):  # the last layer
                weights.mul_(scale)
    return network.eval()


@torch.no_grad()
def rescaled(network: nn.Module) -> nn.Module:
    """The same function: the first layer times RESCALED, the last one divided by it."""
    other = copy.deepcopy(network)
    for name, weights in other.named_parameters():
        if name.startswith("0.") or name == "2.bias":
            weights.mul_(RESCALED)
        elif name == "4.weight":
            weights.div_(RESCALED)
    return other


REFERENCES = (
    Reference("flat", "Flat", lambda: trained(decay=3.0)),
    Reference("sharp", "Sharp", lambda: trained(decay=0.0, scale=8.0)),
    Reference("chaotic", "Chaotic", lambda: untrained(12, 24, 3.5, nn.Tanh, seed=1)),
    Reference("wrong", "Wrongly normalised", lambda: rescaled(trained(decay=3.0)), "none"),
)


def reference_plane(reference: Reference) -> Float[np.ndarray, "side side"]:
    """The training loss [a, b] at SIDE x SIDE points from -1 to 1, in lengths of a direction."""
    network = reference.network()
    weights = weights_of(network)
    plane: tuple[dict[str, Tensor], ...] = (
        weights, *random_plane(weights, reference.normalisation, True, True, seed=0)
    )  # fmt: skip
    grid = Grid((-1.0, 1.0), (-1.0, 1.0), {"train": SAMPLES}, SIDE)
    losses = ModuleLosses(network, plane, {"train": points()}, Score("cross_entropy"))
    compute(grid, SIDE, lambda number: losses, 1, lambda: False)
    return grid.values(SIDE, "train")
