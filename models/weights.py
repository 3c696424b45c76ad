"""A network's weights by themselves: how they are spread, how large, which filters are dead, what changed.

All of it needs the state dict alone, so it can be said of a file whose network nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

BINS = 40
DEAD = 1e-3  # of the layer's median: a filter whose norm is less says nothing
LARGEST_MATRIX = 1536  # rows or columns, the smaller of both, of which singular values are computed
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Weights:
    """One tensor of a state dict. Norms are of its units: the first axis, as PyTorch keeps outputs."""

    name: str
    shape: tuple[int, ...]
    count: int
    mean: float  # of what is finite
    std: float
    low: float
    high: float
    norm: float  # Euclidean, of all
    zeros: float  # share that is exactly 0
    broken: int  # numbers that are not finite
    units: int  # 0 for a tensor of one axis
    dead: tuple[int, ...]  # units with no weight to speak of
    histogram: tuple[float, ...]  # shares of BINS even bins from low to high


def weights_of_state(state: Mapping[str, Tensor]) -> list[Weights]:
    """Every tensor of numbers with at least one axis, in order; running statistics too."""
    return [
        _weights(name, tensor.detach().float())
        for name, tensor in state.items()
        if tensor.is_floating_point() and tensor.dim() >= 1 and tensor.numel()
    ]


def _weights(name: str, tensor: Tensor) -> Weights:
    flat = tensor.flatten()
    whole = torch.isfinite(flat)
    finite = flat if bool(whole.all()) else flat[whole]
    numbers = finite if len(finite) else torch.zeros(1)
    norms = unit_norms(tensor) if tensor.dim() >= 2 else torch.zeros(0)
    low, high = float(numbers.min()), float(numbers.max())
    return Weights(
        name=name,
        shape=tuple(tensor.shape),
        count=flat.numel(),
        mean=float(numbers.mean()),
        std=float(numbers.std(correction=0)),
        low=low,
        high=high,
        norm=float(numbers.double().norm()),
        zeros=float((numbers == 0).double().mean()),
        broken=flat.numel() - len(finite),
        units=len(norms),
        dead=dead_units(norms),
        histogram=tuple((torch.histc(numbers, BINS, low, high) / len(numbers)).tolist())
        if high > low
        else (),
    )


def unit_norms(tensor: Float[Tensor, "units *rest"]) -> Float[Tensor, "units"]:
    """Euclidean norm of each unit's incoming weights."""
    return torch.linalg.vector_norm(tensor.detach().float().flatten(1), dim=1)


def dead_units(norms: Float[Tensor, "units"]) -> tuple[int, ...]:
    """Units whose norm is 0 or at most DEAD of the median: whatever comes in, they say the same."""
    if not len(norms):
        return ()
    limit = DEAD * float(norms.median())
    return tuple(int(place) for place in (norms <= limit).nonzero().flatten())


def singular_values(tensor: Float[Tensor, "units *rest"]) -> Float[Tensor, "rank"]:
    """Of the matrix [units, everything else], the largest first. ValueError for one that would take minutes,
    or that holds numbers which are not finite.
    """
    matrix = tensor.detach().double().flatten(1)
    if min(matrix.shape) > LARGEST_MATRIX:
        raise ValueError(
            f"a matrix of {matrix.shape[0]:,} x {matrix.shape[1]:,} has too many singular values; at most "
            f"{LARGEST_MATRIX:,} are computed"
        )
    if not bool(torch.isfinite(matrix).all()):
        raise ValueError("some of these weights are not finite, so there are no singular values")
    if max(matrix.shape) > 4 * min(matrix.shape):  # R has the same singular values, and is small
        tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        matrix = torch.linalg.qr(tall, mode="r").R
    return torch.linalg.svdvals(matrix)


def stable_rank(values: Float[Tensor, "rank"]) -> float:
    """How many directions carry the weight: the sum of squares by the largest square (Rudelson and Vershynin
    2007, arXiv:math/0503442).
    """
    largest = float(values.max()) if len(values) else 0.0
    return float(values.square().sum()) / largest**2 if largest else 0.0


@dataclass(frozen=True)
class Change:
    """What became of one tensor between two checkpoints."""

    name: str
    shape: tuple[int, ...]
    relative: float  # norm of the difference by the norm before; infinite where that was 0
    cosine: float  # of both, as vectors; NaN where one is 0
    largest: float  # of a single number


def changes(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> tuple[list[Change], list[str]]:
    """Every tensor that both have in one shape, and the names of those that they do not share."""
    found, others = [], [name for name in after if name not in before]
    for name, old in before.items():
        if name not in after or after[name].shape != old.shape:
            others.append(name)
        elif old.is_floating_point() and old.numel():
            found.append(_change(name, old.double(), after[name].double()))
    return found, others


def _change(name: str, old: Tensor, new: Tensor) -> Change:
    difference = new - old
    before, moved, now = (float(tensor.norm()) for tensor in (old, difference, new))
    return Change(
        name=name,
        shape=tuple(old.shape),
        relative=moved / before if before else (math.inf if moved else 0.0),
        cosine=float((old * new).sum()) / (before * now) if before and now else math.nan,
        largest=float(difference.abs().max()),
    )


def first_filters(
    state: Mapping[str, Tensor], input_shape: tuple[int, ...] | None
) -> tuple[str, Float[Tensor, "filters channels height width"]] | None:
    """What the first layer looks for, as pictures: its convolution's kernels, or the weights of a dense layer
    that takes whole pictures. None where there is neither.
    """
    for name, tensor in state.items():
        if tensor.dim() == 4 and min(tensor.shape[2:]) > 1:
            return name, tensor.detach().float()
        if tensor.dim() == 2:
            if input_shape and len(input_shape) == 3 and tensor.shape[1] == math.prod(input_shape):
                return name, tensor.detach().float().reshape(-1, *input_shape)
            return None
    return None
