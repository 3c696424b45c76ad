"""Operations that give the same cells another shape: as a view of the same storage, or as a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from models.tensor_operation import DOCUMENTATION, Argument, Given, Mixed, Moved, Operation, generated

CUBE = Given(shape="2, 3, 4")
TURNED = Argument("turned", False, "x with its last two dimensions swapped before", "flag")
ARITHMETIC: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add, "-": torch.sub, "*": torch.mul, "/": torch.div, ">": torch.gt,
}  # fmt: skip


def dimension(
    name: str = "dim", default: int = 0, about: str = "counted from 0, or from the end from -1"
) -> Argument:
    """A dimension to choose, also some that three-dimensional tensors don't have."""
    return Argument(name, default, about, "integer", low=-4, high=3)


def _turned(x: Tensor, turned: bool) -> Tensor:
    return x.transpose(-2, -1) if turned else x


def _on_turned(call: str) -> Callable[..., str]:
    """The line for x, or for x with its last two dimensions swapped."""
    return lambda turned, **values: f"x{'.transpose(-2, -1)' if turned else ''}.{call.format(**values)}"


def _arithmetic(x: Tensor, y: Tensor, operator: str) -> Tensor:
    return ARITHMETIC[operator](x, y)


def _squeeze(x: Tensor, dim: int | None) -> Tensor:
    return x.squeeze() if dim is None else x.squeeze(dim)


def _sizes(name: str, default: str, about: str) -> Argument:
    return Argument(name, default, about, "text", reads="sizes")


def _dims(name: str, default: str, about: str) -> Argument:
    return Argument(name, default, about, "text", reads="whole numbers")


EACH_DIMENSION: dict[str, Any] = {
    "kind": "choice", "choices": ("all", "0", "1", "2", "-1"), "reads": "dimension",
}  # fmt: skip

SHAPING = (
    Operation(
        "transpose", "transpose", "shape",
        "Two dimensions swap their places. No cell moves in memory: their strides are swapped.",
        r"\text{out}_{ji} = x_{ij}", generated("torch.transpose"),
        lambda x, dim0, dim1: x.transpose(dim0, dim1), "x.transpose({dim0}, {dim1})", (Given(shape="2, 3"),),
        (dimension("dim0", 0), dimension("dim1", 1)),
    ),
    Operation(
        "reshape", "reshape", "shape",
        "The same cells in the same order in another shape: a view where steps through the storage allow "
        "it, else a copy. Turn x first, and see the copy.",
        r"\text{out}_k = x_k \text{ in the order of reading}", generated("torch.reshape"),
        lambda x, shape, turned: _turned(x, turned).reshape(shape), _on_turned("reshape({shape})"),
        (Given(shape="3, 4"),), (_sizes("shape", "2, 6", "-1 for one size: whatever is left"), TURNED),
    ),
    Operation(
        "view", "view", "shape",
        "Another shape for the same storage, never a copy: what can't be read in even steps is refused. "
        "Turn x first, and see why.",
        r"\text{out}_k = x_k \text{ in the order of reading}", generated("torch.Tensor.view"),
        lambda x, shape, turned: _turned(x, turned).view(shape), _on_turned("view({shape})"),
        (Given(shape="3, 4"),), (_sizes("shape", "2, 6", "-1 for one size: whatever is left"), TURNED),
    ),
    Operation(
        "contiguous", "contiguous", "shape",
        "A copy whose cells lie in the order of reading; where they do already, the tensor itself.",
        r"\text{out}_{ij} = x_{ij}, \quad \text{strides anew}", generated("torch.Tensor.contiguous"),
        lambda x, turned: _turned(x, turned).contiguous(), _on_turned("contiguous()"),
        (Given(shape="2, 3"),), (Argument("turned", True, TURNED.description, "flag"),),
        origin=Moved(lambda numbered, inputs, turned: _turned(numbered[0], turned)),
    ),
    Operation(
        "clone", "clone", "shape", "A copy in storage of its own: what is written into one leaves the other "
        "alone.",
        r"\text{out}_{ij} = x_{ij}", generated("torch.clone"), lambda x: x.clone(), "x.clone()",
    ),
    Operation(
        "flatten", "flatten", "shape", "Several dimensions made one: how a picture comes before a linear "
        "layer.",
        r"\text{out}_{i \cdot n + j} = x_{ij}", generated("torch.flatten"),
        lambda x, start_dim, end_dim: x.flatten(start_dim, end_dim), "x.flatten({start_dim}, {end_dim})",
        (CUBE,),
        (dimension("start_dim", 1, "the first that is joined"), dimension("end_dim", -1, "the last that is "
        "joined")),
    ),
    Operation(
        "permute", "permute", "shape",
        "All dimensions in a new order, as from (batch, height, width, channels) to (batch, channels, "
        "height, width). A view with reordered strides.",
        r"\text{out}_{kij} = x_{ijk}", generated("torch.permute"),
        lambda x, dims: x.permute(dims), "x.permute({dims})", (CUBE,),
        (_dims("dims", "2, 0, 1", "the old dimensions in their new order"),),
    ),
    Operation(
        "squeeze", "squeeze", "shape", "Takes out dimensions of size 1; of another size they stay, without "
        "an error.",
        r"\text{out}_{i} = x_{0 i 0}", generated("torch.squeeze"), _squeeze,
        lambda dim: "x.squeeze()" if dim is None else f"x.squeeze({dim})", (Given(shape="1, 4, 1"),),
        (Argument("dim", "all", "the one that goes, or all of size 1", **EACH_DIMENSION),),
    ),
    Operation(
        "unsqueeze", "unsqueeze", "shape",
        "Puts in a dimension of size 1: what makes a row a column, or one sample a batch.",
        r"\text{out}_{i 0} = x_{i}", generated("torch.unsqueeze"), lambda x, dim: x.unsqueeze(dim),
        "x.unsqueeze({dim})", (Given(shape="4"),), (dimension("dim", 1, "where it stands afterwards"),),
    ),
    Operation(
        "expand", "expand", "shape",
        "A dimension of size 1 is read again and again: its stride becomes 0. No memory is used, so all its "
        "copies are one cell.",
        r"\text{out}_{ij} = x_{i 0}", generated("torch.Tensor.expand"),
        lambda x, sizes: x.expand(sizes), "x.expand({sizes})", (Given(shape="3, 1"),),
        (_sizes("sizes", "3, 4", "the new sizes; -1 keeps one"),),
    ),
    Operation(
        "repeat", "repeat", "shape", "Copies laid side by side, in storage of their own.",
        r"\text{out}_{ij} = x_{i \bmod m,\ j \bmod n}", generated("torch.Tensor.repeat"),
        lambda x, times: x.repeat(times), "x.repeat({times})", (Given(shape="2, 3"),),
        (_sizes("times", "2, 2", "how often, along each dimension"),),
    ),
    Operation(
        "broadcast", "Broadcasting", "shape",
        "Cell by cell on two shapes: they are aligned from the right, and a size of 1, or none, is read "
        "again and again, as expand does.",
        r"\text{out}_{ij} = x_{i 0} + y_{j}", DOCUMENTATION + "notes/broadcasting.html",
        _arithmetic, lambda operator: f"x {operator} y", (Given(shape="3, 1"), Given("y", "4", start=10)),
        (Argument("operator", "+", "what is done with each two cells", "choice", choices=tuple(ARITHMETIC)),),
        origin=Mixed(lambda x, y, operator: x * y), sign=" {operator} ", aligned=True,
    ),
    Operation(
        "flip", "flip", "shape", "The order along some dimensions is turned round, in a copy.",
        r"\text{out}_{ij} = x_{m - 1 - i,\ j}", generated("torch.flip"),
        lambda x, dims: x.flip(dims), "x.flip({dims})", (Given(shape="3, 4"),),
        (_dims("dims", "1", "the dimensions that are turned round"),),
    ),
    Operation(
        "roll", "roll", "shape", "Cells move on along a dimension; what falls off the end comes in at the "
        "start.",
        r"\text{out}_{ij} = x_{i,\ (j - s) \bmod n}", generated("torch.roll"),
        lambda x, shifts, dim: x.roll(shifts, dim), "x.roll({shifts}, {dim})", (Given(shape="3, 4"),),
        (Argument("shifts", 1, "how far", "integer", low=-5, high=5, symbol="s"), dimension(default=1)),
    ),
    Operation(
        "unfold", "unfold", "shape",
        "Windows along a dimension, as a view: overlapping windows read the same storage cells. This is "
        "what a convolution sums over.",
        r"\text{out}_{w k} = x_{w s + k}", generated("torch.Tensor.unfold"),
        lambda x, dim, size, step: x.unfold(dim, size, step), "x.unfold({dim}, {size}, {step})",
        (Given(shape="7"),),
        (
            dimension(),
            Argument("size", 3, "cells of a window", "integer", low=0, high=8, symbol="k"),
            Argument("step", 1, "from window to window", "integer", low=0, high=5, symbol="s"),
        ),
    ),
    Operation(
        "as_strided", "as_strided", "shape",
        "Any steps through a storage, by hand: what all views are made of. With a stride of 0 a cell is "
        "read again; with strides of 5 and 1 each next row begins one further right.",
        r"\text{out}_{ij} = \text{storage}[o + i\,s_0 + j\,s_1]", generated("torch.as_strided"),
        lambda x, size, stride, offset: x.as_strided(size, stride, offset),
        "x.as_strided({size}, {stride}, {offset})", (Given(shape="3, 4"),),
        (
            _sizes("size", "3, 3", "the sizes of the result"),
            _dims("stride", "4, 1", "for each dimension, how many storage cells a step is"),
            Argument("offset", 1, "the storage cell of the first element", "integer", low=0, high=12,
            symbol="o"),
        ),
    ),
)  # fmt: skip
