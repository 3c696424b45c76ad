"""Operations that pick cells: by place, by a slice, by a condition, or by places in another tensor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.tensor_operation import Argument, Given, Moved, Operation, generated
from models.tensor_shaping import dimension
from models.tensor_texts import Index

MIXED = ("mixed", "counting", "random", "typed")
INDEXING_GUIDE = "https://numpy.org/doc/stable/user/basics.indexing.html"
THRESHOLD = Argument(
    "threshold", 0.0, "what is larger counts as true", low=-50.0, high=50.0, step=1.0, symbol="t"
)


def _sliced(x: Tensor, dim: int, start: int, stop: int, step: int) -> Tensor:
    part = slice(start, stop, step)
    return x[(*[slice(None)] * dim, part) if dim else part]


def _slice_line(dim: int, start: int, stop: int, step: int) -> str:
    return f"x[{':, ' * dim}{start}:{stop}:{step}]"


def _where(numbered: tuple[Tensor, ...], inputs: tuple[Tensor, ...], threshold: float) -> Tensor:
    return torch.where(inputs[0] > threshold, numbered[0], numbered[1])


def _tested(numbered: tuple[Tensor, ...], inputs: tuple[Tensor, ...], threshold: float) -> Tensor:
    return torch.broadcast_tensors(*numbered)[0]


def _own_place(numbered: tuple[Tensor, ...], inputs: tuple[Tensor, ...], dim: int) -> Tensor:
    return numbered[1]


def _along(numbered: tuple[Tensor, ...], inputs: tuple[Tensor, ...], dim: int) -> Tensor:
    """The place of the list that each row, column or sheet was taken for."""
    x, index = numbered
    if not x.dim():
        return index.reshape(())
    shape = [1] * x.dim()
    shape[dim] = index.numel()
    sizes = list(x.shape)
    sizes[dim] = index.numel()
    return index.reshape(shape).expand(sizes)


def _kept(numbered: tuple[Tensor, ...], inputs: tuple[Tensor, ...], threshold: float, value: float) -> Tensor:
    return numbered[0].masked_fill(inputs[0] < threshold, 0)


def _indexed(x: Tensor, index: Index) -> Tensor:
    return x[index.keys[0] if len(index.keys) == 1 else index.keys]


def _whole(name: str, typed: str) -> Given:
    return Given(name, kinds=("typed",), typed=typed, whole=True)


INDEXING = (
    Operation(
        "index", "Index", "indexing",
        "One place for each dimension: a number takes the dimension away, a slice keeps it, a list picks "
        "several, "
        "... stands for all that are left, None puts in one of size 1. Numbers and slices give views, lists "
        "a copy.",
        r"\text{out}_{j} = x_{1 j}", INDEXING_GUIDE,
        _indexed, "x[{index}]", (Given(shape="3, 4"),),
        (Argument("index", "1, ::2", "what stands between the brackets", "text", reads="index"),),
    ),
    Operation(
        "slice", "Slice", "indexing",
        "From start to just before stop in steps: a view with a longer stride and an offset. Numbers below "
        "0 count from the end; what lies beyond it is cut off without an error.",
        r"\text{out}_{ij} = x_{i,\ a + j s}", INDEXING_GUIDE, _sliced, _slice_line, (Given(shape="3, 6"),),
        (
            Argument("dim", 1, "the dimension that is cut", "integer", low=0, high=2),
            Argument("start", 1, "the first place", "integer", low=-8, high=8, symbol="a"),
            Argument("stop", 6, "the place it ends before", "integer", low=-8, high=8),
            Argument("step", 2, "from place to place", "integer", low=-2, high=4, symbol="s"),
        ),
    ),
    Operation(
        "mask", "Mask", "indexing",
        "All cells for which a condition holds, one after the other: how many is only known once the "
        "numbers are, so it is a copy with one dimension.",
        r"\text{out} = (x_k : x_k > t)", INDEXING_GUIDE, lambda x, threshold: x[x > threshold],
        "x[x > {threshold}]", (Given(shape="3, 4", kinds=MIXED),), (THRESHOLD,),
        origin=Moved(lambda numbered, inputs, threshold: numbered[0][inputs[0] > threshold]),
    ),
    Operation(
        "index_select", "index_select", "indexing",
        "Whole rows, columns or sheets, named by a list, in its order and as often as it says: what an "
        "embedding layer does.",
        r"\text{out}_{kj} = x_{i_k j}", generated("torch.index_select"),
        lambda x, index, dim: x.index_select(dim, index), "x.index_select({dim}, index)",
        (Given(shape="3, 4"), _whole("index", "2, 0, 2")), (dimension(),), origin=Moved(told=_along),
    ),
    Operation(
        "gather", "gather", "indexing",
        "For each cell of the index one cell of x: along one dimension where the index says, else at the "
        "same place. It takes each sample's probability of its own class.",
        r"\text{out}_{ij} = x_{i,\ \text{index}_{ij}} \quad (\text{dim} = 1)", generated("torch.gather"),
        lambda x, index, dim: x.gather(dim, index), "x.gather({dim}, index)",
        (Given(shape="3, 4"), _whole("index", "0, 3; 2, 2; 1, 0")), (dimension(default=1),),
        origin=Moved(told=_own_place),
    ),
    Operation(
        "where", "where", "indexing", "From x where the condition holds, else from y. Shapes are broadcast.",
        r"\text{out}_{ij} = \begin{cases} x_{ij} & x_{ij} > t \\ y_{ij} & \text{else} \end{cases}",
        generated("torch.where"), lambda x, y, threshold: torch.where(x > threshold, x, y),
        "torch.where(x > {threshold}, x, y)",
        (Given(shape="3, 4", kinds=MIXED), Given("y", "4", start=100)), (THRESHOLD,),
        origin=Moved(_where, _tested), aligned=True,
    ),
    Operation(
        "masked_fill", "masked_fill", "indexing",
        "One number for all cells of a mask: with -inf before a softmax it shuts out what attention may not "
        "see.",
        r"\text{out}_{ij} = \begin{cases} v & x_{ij} < t \\ x_{ij} & \text{else} \end{cases}",
        generated("torch.Tensor.masked_fill"),
        lambda x, threshold, value: x.masked_fill(x < threshold, value),
        "x.masked_fill(x < {threshold}, {value})", (Given(shape="3, 4", kinds=MIXED),),
        (THRESHOLD, Argument("value", 0.0, "what is put in", low=-50.0, high=50.0, step=1.0, symbol="v")),
        origin=Moved(_kept),
    ),
    Operation(
        "diagonal", "diagonal", "indexing", "The cells whose row and column are equally far along, as a "
        "view.",
        r"\text{out}_i = x_{i,\ i + o}", generated("torch.diagonal"),
        lambda x, offset: x.diagonal(offset), "x.diagonal({offset})", (Given(shape="3, 4"),),
        (Argument("offset", 0, "how far right of the main one; below 0: left", "integer", low=-4, high=4,
        symbol="o"),),
    ),
    Operation(
        "tril", "tril", "indexing", "What lies on and below a diagonal; the rest is 0. Attention's causal "
        "mask.",
        r"\text{out}_{ij} = \begin{cases} x_{ij} & j \le i + o \\ 0 & \text{else} \end{cases}",
        generated("torch.tril"), lambda x, offset: x.tril(offset), "x.tril({offset})",
        (Given(shape="4, 4", start=1),),
        (Argument("offset", 0, "how far right of the main one; below 0: left", "integer", low=-4, high=4,
        symbol="o"),),
    ),
)  # fmt: skip


def _pair(first: str = "2, 3", second: str = "2, 3") -> tuple[Given, ...]:
    return Given(shape=first), Given("y", second, start=10)


def _parts(x: Any, size: int | list[int], dim: int) -> tuple[Tensor, ...]:
    return x.split(size, dim)


JOINING = (
    Operation(
        "cat", "cat", "joining",
        "One after the other along a dimension that is there already. All other sizes must be the same.",
        r"\text{out} = \begin{bmatrix} x \\ y \end{bmatrix}", generated("torch.cat"),
        lambda x, y, dim: torch.cat([x, y], dim), "torch.cat([x, y], {dim})", _pair(), (dimension(),),
    ),
    Operation(
        "stack", "stack", "joining",
        "Laid onto each other along a dimension that is new: how samples become a batch. All shapes must be "
        "the same.",
        r"\text{out}_{0 ij} = x_{ij}, \quad \text{out}_{1 ij} = y_{ij}", generated("torch.stack"),
        lambda x, y, dim: torch.stack([x, y], dim), "torch.stack([x, y], {dim})", _pair(), (dimension(),),
    ),
    Operation(
        "split", "split", "joining",
        "Parts of a chosen size, the last may be smaller; or with several sizes a part for each. All are "
        "views.",
        r"x = [\text{parts}_0 \mid \text{parts}_1 \mid \dots]", generated("torch.split"), _parts,
        "x.split({size}, {dim})", (Given(shape="2, 5"),),
        (
            Argument("size", "2", "of each part; or several sizes with commas", "text", reads="part sizes"),
            dimension(default=1),
        ),
        outputs=("parts",),
    ),
    Operation(
        "chunk", "chunk", "joining",
        "So many parts, as equal as can be: each as large as the size divided by their number, rounded up. "
        "There may be fewer than you asked for.",
        r"x = [\text{parts}_0 \mid \text{parts}_1 \mid \dots]", generated("torch.chunk"),
        lambda x, chunks, dim: x.chunk(chunks, dim), "x.chunk({chunks}, {dim})", (Given(shape="2, 6"),),
        (Argument("chunks", 3, "how many parts", "integer", low=0, high=8), dimension(default=1)),
        outputs=("parts",),
    ),
    Operation(
        "unbind", "unbind", "joining", "Takes a dimension away: one tensor for each of its places, all of "
        "them views.",
        r"\text{parts}_{i} = x_{i \cdot}", generated("torch.unbind"), lambda x, dim: x.unbind(dim),
        "x.unbind({dim})",
        (Given(shape="3, 4"),), (dimension(),), outputs=("parts",),
    ),
)  # fmt: skip
