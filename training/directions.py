"""Directions in the space of weights: along which a loss landscape is cut.

A random direction says little as it is: a ReLU network computes the same with one layer's weights ten times
as large and the next one's a tenth, and only the first then looks flat. Li et al. 2018 (arXiv:1712.09913,
section 4) therefore scale each filter of a direction to the norm of the network's own filter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.catalog import Catalog

Weights = Mapping[str, Tensor]  # by the names of `named_parameters`
TINY = 1e-10  # Li et al. add it to a direction's norm, against dividing by zero


@dataclass(frozen=True)
class Normalisation:
    """A row of NORMALISATIONS. `blocks` lays a tensor out as [blocks, numbers]: each block of a direction
    gets the norm of the same block of the weights. None leaves the direction as it was drawn.
    """

    name: str
    title: str
    summary: str
    blocks: str | None  # "rows", "whole", "numbers"


NORMALISATIONS: Catalog[Normalisation] = Catalog(
    "normalisation",
    [
        Normalisation(
            "filter",
            "Filter",
            "Each filter, or each unit's row, gets the norm of the network's own: pictures can be compared.",
            "rows",
        ),
        Normalisation(
            "layer",
            "Layer",
            "Each tensor as a whole gets the norm of the network's own: a filter may still look sharper.",
            "whole",
        ),
        Normalisation(
            "weight",
            "Weight",
            "Each number of the direction is multiplied by the size of its weight.",
            "numbers",
        ),
        Normalisation(
            "none",
            "None",
            "As it was drawn. Large weights then look flat and small ones sharp, whatever they compute.",
            None,
        ),
    ],
)


def is_bias_or_norm(weights: Float[Tensor, "*shape"]) -> bool:
    """Whether a parameter is what the paper's option `biasbn` leaves alone: one number a unit."""
    return weights.dim() <= 1


def random_direction(
    weights: Weights, normalisation: str, ignore_biasbn: bool, generator: torch.Generator
) -> dict[str, Tensor]:
    """A Gaussian direction for these weights, scaled as `normalisation` (a row of NORMALISATIONS) says.

    With `ignore_biasbn`, biases and the numbers of batch norm don't move, as in the paper's pictures. Where
    they do, each of these tensors is one block, under filter normalisation too. float32, on the CPU, the same
    for the same generator. UnknownNameError for a name that no row has.
    """
    row = NORMALISATIONS[normalisation]
    found: dict[str, Tensor] = {}
    for name, own in weights.items():
        drawn = torch.randn(own.shape, generator=generator)
        if ignore_biasbn and is_bias_or_norm(own):
            drawn = torch.zeros(own.shape)
        found[name] = _scaled(drawn, own.detach().cpu().float(), row.blocks)
    return found


def random_plane(
    weights: Weights, normalisation: str, ignore_biasbn: bool, orthogonal: bool, seed: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Two random directions. Independent ones of so many numbers are nearly at right angles; with
    `orthogonal` they are exactly, block by block, so that both keep their norms.
    """
    generator = torch.Generator().manual_seed(seed)
    first = random_direction(weights, normalisation, ignore_biasbn, generator)
    second = random_direction(weights, normalisation, ignore_biasbn, generator)
    if not orthogonal:
        return first, second
    blocks = NORMALISATIONS[normalisation].blocks
    if blocks in ("rows", "whole"):
        second = {
            name: _scaled(
                _at_right_angles(own, first[name], blocks), weights[name].detach().cpu().float(), blocks
            )
            for name, own in second.items()
        }
        return first, second
    share = inner(first, second) / inner(first, first)
    return first, {name: own - share * first[name] for name, own in second.items()}


def inner(first: Weights, second: Weights) -> float:
    """The inner product of two directions, added up in float64."""
    return sum(float((own.double() * second[name].double()).sum()) for name, own in first.items())


def norm(direction: Weights) -> float:
    """The Euclidean length of a direction."""
    return math.sqrt(inner(direction, direction))


def difference(end: Weights, start: Weights) -> dict[str, Tensor]:
    """What leads from one network to another of the same shape."""
    return {name: (end[name].double() - own.double()).float() for name, own in start.items()}


def flat(weights: Weights) -> Float[Tensor, "numbers"]:
    """All numbers in one row, in the order of the names."""
    return torch.cat([own.detach().cpu().flatten() for own in weights.values()])


def shaped(numbers: Float[Tensor, "numbers"], like: Weights) -> dict[str, Tensor]:
    """The tensors that `flat` laid in one row."""
    sizes = [own.numel() for own in like.values()]
    parts = numbers.split(sizes)
    return {name: part.view(own.shape) for part, (name, own) in zip(parts, like.items(), strict=True)}


@dataclass(frozen=True)
class Components:
    """The principal components of a path through the space of weights (Lorch 2016; Li et al., section 7)."""

    directions: tuple[dict[str, Tensor], dict[str, Tensor]]  # of length 1, at right angles
    places: Float[Tensor, "points 2"]  # of the path's points, from the end
    shares: tuple[float, ...]  # of the variance that each component explains, the first ones
    distances: Float[Tensor, "points"]  # of each point from the plane


def principal_plane(path: Sequence[Weights], ignore_biasbn: bool = False) -> Components:
    """The plane through the path's last point that the first two principal components of `path` span: of the
    differences to the last point, as in the paper.

    ValueError where fewer than three points, or points that don't differ, leave no plane.
    """
    if len(path) < 3:
        raise ValueError(
            f"there are {len(path)} checkpoints, and a plane through the path needs 3 at least; "
            "train with --checkpoint-every 1"
        )
    end = path[-1]
    rows = torch.stack([flat(difference(point, end)) for point in path[:-1]]).double()
    if ignore_biasbn:
        rows *= flat({n: torch.full(w.shape, float(not is_bias_or_norm(w))) for n, w in end.items()})
    # The rows are few and long: the small matrix of their products has the same components
    products = rows @ rows.T
    values, vectors = torch.linalg.eigh(products)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    if values[0] <= 0 or values[1] <= values[0] * 1e-12:
        raise ValueError(
            "the checkpoints lie on one line: they span no plane; choose the kind line or between"
        )
    axes = (vectors[:, :2].T @ rows) / values[:2].sqrt()[:, None]
    places = rows @ axes.T
    outside = (rows.square().sum(dim=1) - places.square().sum(dim=1)).clamp(min=0).sqrt()
    zero = torch.zeros(1, 2, dtype=torch.float64)
    first, second = (shaped(axis.float(), end) for axis in axes)
    return Components(
        (first, second),
        torch.cat([places, zero]),
        tuple((values / values.sum())[:5].tolist()),
        torch.cat([outside, zero[:, 0]]),
    )


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's parameters, on the CPU."""
    return {name: own.detach().cpu().clone() for name, own in network.named_parameters()}


def _laid(tensor: Tensor, blocks: str) -> Tensor:
    if blocks == "rows" and tensor.dim() > 1:
        return tensor.reshape(tensor.shape[0], -1)
    return tensor.reshape(1, -1)


def _scaled(drawn: Tensor, own: Tensor, blocks: str | None) -> Tensor:
    if blocks is None:
        return drawn
    if blocks == "numbers":
        return drawn * own.abs()
    lengths = _laid(own, blocks).norm(dim=1, keepdim=True)
    rows = _laid(drawn, blocks)
    return (rows * (lengths / (rows.norm(dim=1, keepdim=True) + TINY))).view(drawn.shape)


def _at_right_angles(second: Tensor, first: Tensor, blocks: str) -> Tensor:
    """`second` without its part along `first`, in each block; a block of one number can't turn, and stays."""
    rows, others = _laid(second, blocks), _laid(first, blocks)
    lengths = others.square().sum(dim=1, keepdim=True)
    along = (rows * others).sum(dim=1, keepdim=True) / lengths.clamp(min=TINY**2)
    turned = rows if rows.shape[1] == 1 else rows - along * others
    return turned.view(second.shape)
