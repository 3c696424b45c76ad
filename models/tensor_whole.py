"""An operation on a whole real tensor, too large for its cells to be drawn: what comes out, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models.tensor_errors import explained
from models.tensor_operation import REFUSALS, Operation, RefusedError, values_of
from models.tensor_storage import relation

MOST_WHOLE = 100_000  # numbers that an operation is done on while the reader waits: decomposed in about 50 ms


@dataclass(frozen=True)
class Fact:
    """A tensor without its cells. The three numbers are None where it has none."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...] | None  # None: it is not strided
    bytes: int  # of its storage, all of it
    kind: str  # "same", "view" or "copy" of the first tensor; "" for that itself
    least: float | None
    mean: float | None
    largest: float | None


def fact_of(name: str, tensor: Tensor, given: Tensor | None = None) -> Fact:
    """What there is to say about a tensor, beside the one it came from."""
    summary: tuple[float | None, ...] = (None, None, None)
    stored = tensor
    if tensor.layout != torch.strided:
        stored = tensor.coalesce().values() if tensor.layout == torch.sparse_coo else tensor.values()
    if tensor.device.type != "meta" and stored.numel():
        summary = _summary(tensor.detach() if tensor.layout == torch.strided else tensor.detach().to_dense())
    return Fact(
        name,
        tuple(tensor.shape),
        str(tensor.dtype).removeprefix("torch."),
        tuple(tensor.stride()) if tensor.layout == torch.strided else None,
        0 if tensor.device.type == "meta" else stored.untyped_storage().nbytes(),
        "" if given is None else relation(tensor, given),
        *summary,
    )


def _summary(numbers: Tensor) -> tuple[float, float, float]:
    if numbers.dtype == torch.bool:
        numbers = numbers.to(torch.uint8)
    return float(numbers.min()), float(numbers.mean(dtype=torch.float64)), float(numbers.max())


def on_whole(row: Operation, tensor: Tensor, settings: Mapping[str, Any]) -> list[Fact]:
    """The results of an operation of one tensor on all of this one.

    ValueError for an operation of several tensors, for one that is too large, and for a setting that can't
    be read; RefusedError for what PyTorch refuses.
    """
    if len(row.inputs) != 1:
        raise ValueError(f"{row.name} takes {len(row.inputs)} tensors; only an operation of one is done")
    if tensor.numel() > MOST_WHOLE:
        raise ValueError(
            f"the tensor has {tensor.numel():,} numbers, more than the {MOST_WHOLE:,} that an operation is "
            f"done on while you wait; choose a smaller one"
        )
    _, values = values_of(row, settings)
    try:
        found = row.function(tensor, **values)
    except REFUSALS as problem:
        said = str(problem).strip().split("\n")[0]
        raise RefusedError(said, explained(said)) from problem
    outputs = tuple(found) if isinstance(found, tuple | list) else (found,)
    names = row.outputs
    if len(names) != len(outputs):
        names = tuple(f"{names[0]}[{place}]" for place in range(len(outputs)))
    return [fact_of(name, output, tensor) for name, output in zip(names, outputs, strict=True)]


def spectrum(
    weights: Float[Tensor, "outputs ..."], seed: int = 0
) -> tuple[Float[Tensor, "ranks"], Float[Tensor, "ranks"]]:
    """The singular values of a layer's weights, the largest first, and those of a matrix of normal numbers of
    the same shape and root mean square: what has no structure at all.

    A convolution's weights are taken as a matrix (output channels, all that each one sums over). ValueError
    for weights of fewer than two dimensions. Random matrices: Marchenko and Pastur 1967; on trained
    networks: Martin and Mahoney 2018, arXiv:1810.01075.
    """
    if weights.dim() < 2:
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} are no matrix; take two dimensions or more"
        )
    matrix = weights.detach().flatten(1).double()
    draw = torch.randn(matrix.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    size = matrix.square().mean().sqrt()
    return torch.linalg.svdvals(matrix), torch.linalg.svdvals(draw * size)


def usual_part(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """An index that cuts from a tensor of this shape a part of the wanted one, where it is large enough.

    Dimensions that are too many are taken away by 0, those that lack are put in as None.
    """
    lacking = max(0, len(wanted) - len(shape))
    surplus = max(0, len(shape) - len(wanted))
    kept = zip(shape[surplus:], wanted[lacking:], strict=True)
    parts = ["0"] * surplus + ["None"] * lacking + [f":{min(size, most)}" for size, most in kept]
    return ", ".join(parts) or "..."
