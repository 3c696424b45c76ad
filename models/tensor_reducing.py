"""Operations that make fewer cells of many along a dimension, order them, or keep them within limits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from models.tensor_operation import Argument, Given, Mixed, Moved, Operation, generated
from models.tensor_shaping import EACH_DIMENSION, dimension

MIXED = ("mixed", "counting", "random", "typed")
MATRIX = (Given(shape="3, 4", kinds=MIXED),)
DIM = Argument("dim", "1", "the one that goes; all: a single number is left", **EACH_DIMENSION)
KEEP = Argument("keepdim", False, "it stays, with size 1: the result can be broadcast against x", "flag")
ORDER = Argument(
    "order", "2", "1: absolute values; 2: squares; inf: the largest", "choice", choices=("1", "2", "inf")
)


def _call(name: str, nothing: str = "None") -> Callable[..., str]:
    """`x.name(...)` over one dimension, or over all; `nothing`: what names none of them."""

    def line(dim: int | None, keepdim: bool) -> str:
        words = [f"dim={nothing if dim is None else dim}"] if keepdim or dim is not None else []
        words += ["keepdim=True"] if keepdim else []
        return f"x.{name}({', '.join(words)})"

    return line


def _sum(x: Tensor, dim: int | None, keepdim: bool, **others: Any) -> Tensor:
    """What reads the same cells as any reduction."""
    return x.sum(dim, keepdim)


def _product(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if dim is not None:
        return x.prod(dim, keepdim)
    return x.prod().reshape((1,) * x.dim()) if keepdim else x.prod()


def _product_line(dim: int | None, keepdim: bool) -> str:
    if dim is not None:
        return f"x.prod(dim={dim}{', keepdim=True' if keepdim else ''})"
    return f"x.prod(){'.reshape((1,) * x.dim())' if keepdim else ''}"


def _argmax(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    return x.argmax(dim, keepdim)


def _all_above(x: Tensor, dim: int | None, keepdim: bool, threshold: float) -> Tensor:
    return (x > threshold).all(dim, keepdim)


def _all_line(dim: int | None, keepdim: bool, threshold: float) -> str:
    return _call("all")(dim, keepdim).replace("x.", f"(x > {threshold}).", 1)


def _largest(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    return x.amax(() if dim is None else dim, keepdim)


def _smallest(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    return x.amin(() if dim is None else dim, keepdim)


def _variance(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of one cell it is nan, which the row's summary says
        return x.var(dim, keepdim=keepdim)


def _deviation(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return x.std(dim, keepdim=keepdim)


def _vector_norm(x: Tensor, dim: int | None, keepdim: bool, order: str) -> Tensor:
    return torch.linalg.vector_norm(x, float(order), dim, keepdim)


def _vector_norm_line(dim: int | None, keepdim: bool, order: str) -> str:
    written = 'float("inf")' if order == "inf" else f"{float(order)}"
    keep = ", keepdim=True" if keepdim else ""
    return f"torch.linalg.vector_norm(x, {written}, dim={dim}{keep})"


def _logsumexp(x: Tensor, dim: int, keepdim: bool) -> Tensor:
    return x.logsumexp(dim, keepdim)


def _sort_origins(
    numbered: tuple[Tensor, ...], inputs: tuple[Tensor, ...], **values: Any
) -> tuple[Tensor, Tensor]:
    order = inputs[0].sort(stable=True, **values).indices
    return (numbered[0].gather(values["dim"], order) if order.dim() else numbered[0],) * 2


def _topk_origins(
    numbered: tuple[Tensor, ...], inputs: tuple[Tensor, ...], **values: Any
) -> tuple[Tensor, Tensor]:
    order = inputs[0].topk(**values).indices
    return (numbered[0].gather(values["dim"], order) if order.dim() else numbered[0],) * 2


def _reduction(
    name: str, summary: str, formula: str, verb: str, sign: str, function: Callable[..., Any],
    code: str | Callable[..., str] = "", like: Callable[..., Any] | None = None, own: tuple[Argument,
    ...] = (),
) -> Operation:  # fmt: skip
    return Operation(
        name, name, "reducing", summary, formula, generated(f"torch.{name}"), function, code or _call(name),
        MATRIX,
        (*own, DIM, KEEP), origin=Mixed(like), verb=verb, sign=sign,
    )  # fmt: skip


REDUCING = (
    _reduction(
        "sum", "Adds up along a dimension, which goes.", r"\text{out}_i = \sum_j x_{ij}", "the sum of", " + ",
        _sum,
    ),
    _reduction(
        "mean", "The sum divided by how many there are: every loss over a batch.",
        r"\text{out}_i = \frac{1}{n} \sum_j x_{ij}", "the mean of", ", ",
        lambda x, dim, keepdim: x.mean(dim, keepdim),
    ),
    _reduction(
        "prod", "Multiplies along a dimension.", r"\text{out}_i = \prod_j x_{ij}", "the product of", " · ",
        _product, _product_line,
    ),
    _reduction(
        "amax", "The largest along a dimension; every cell is compared. Max pooling.",
        r"\text{out}_i = \max_j x_{ij}", "the largest of", ", ", _largest, _call("amax", "()"), _sum,
    ),
    _reduction(
        "amin", "The smallest along a dimension; every cell is compared.",
        r"\text{out}_i = \min_j x_{ij}", "the smallest of", ", ", _smallest, _call("amin", "()"), _sum,
    ),
    _reduction(
        "argmax", "The place of the largest, not its value: a classifier's answer. Over all, the place in "
        "the order "
        "of reading.", r"\text{out}_i = \arg\max_j x_{ij}", "the place of the largest of", ", ", _argmax,
        like=_sum,
    ),
    _reduction(
        "var", "The mean squared distance from the mean, divided by n - 1 as statistics does. Of one cell "
        "it is nan. "
        "Batch norm uses n: correction=0.", r"\text{out}_i = \frac{1}{n - 1} \sum_j (x_{ij} - \bar{x}_i)^2",
        "the variance of", ", ", _variance, like=_sum,
    ),
    _reduction(
        "std", "The root of the variance, in the units of x.",
        r"\text{out}_i = \sqrt{\frac{1}{n - 1} \sum_j (x_{ij} - \bar{x}_i)^2}",
        "the standard deviation of", ", ", _deviation, like=_sum,
    ),
    _reduction(
        "all", "Whether a condition holds for every cell along a dimension.",
        r"\text{out}_i = \bigwedge_j (x_{ij} > t)", "all of", ", ", _all_above, _all_line, _sum,
        (Argument("threshold", -40.0, "what must be exceeded", low=-50.0, high=50.0, step=1.0, symbol="t"),),
    ),
    Operation(
        "vector_norm", "vector_norm", "reducing",
        "How long a vector is: the root of the sum of squares (2), the sum of absolute values (1), or the "
        "largest of them (inf). Weight decay and clipping of gradients use it.",
        r"\text{out}_i = \left( \sum_j |x_{ij}|^p \right)^{1/p}", generated("torch.linalg.vector_norm"),
        _vector_norm, _vector_norm_line, MATRIX, (ORDER, DIM, KEEP), origin=Mixed(_sum), verb="the norm of",
        sign=", ",
    ),
    Operation(
        "logsumexp", "logsumexp", "reducing",
        "The logarithm of a sum of exponentials without overflow: the soft maximum inside cross entropy.",
        r"\text{out}_i = \log \sum_j e^{x_{ij}}", generated("torch.logsumexp"), _logsumexp,
        "x.logsumexp({dim}, {keepdim})", (Given(shape="3, 4", kinds=("random", "mixed", "counting",
        "typed")),),
        (dimension(default=1), KEEP), origin=Mixed(lambda x, dim, keepdim: x.sum(dim, keepdim)),
        verb="log of the summed exponentials of", sign=", ",
    ),
    Operation(
        "softmax", "softmax", "reducing",
        "Exponentials divided by their sum along a dimension, so each depends on all: logits become "
        "probabilities.",
        r"\text{out}_{ij} = \frac{e^{x_{ij}}}{\sum_k e^{x_{ik}}}", generated("torch.softmax"),
        lambda x, dim: x.softmax(dim), "x.softmax({dim})",
        (Given(shape="3, 4", kinds=("random", "mixed", "counting", "typed")),), (dimension(default=1),),
        origin=Mixed(lambda x, dim: x.sum(dim, True).expand_as(x)), verb="from", sign=", ",
    ),
    Operation(
        "cumsum", "cumsum", "reducing", "Sums so far along a dimension, which stays.",
        r"\text{out}_{ij} = \sum_{k \le j} x_{ik}", generated("torch.cumsum"),
        lambda x, dim: x.cumsum(dim), "x.cumsum({dim})", MATRIX, (dimension(default=1),), origin=Mixed(),
        verb="the sum of", sign=" + ",
    ),
    Operation(
        "sort", "sort", "reducing",
        "Values in order along a dimension, and for each the place it had before. Equal values keep their "
        "order where stable is asked for.",
        r"\text{values}_{ij} = x_{i,\ \text{indices}_{ij}}", generated("torch.sort"),
        lambda x, dim, descending: tuple(x.sort(dim=dim, descending=descending, stable=True)),
        "x.sort(dim={dim}, descending={descending}, stable=True)", MATRIX,
        (dimension(default=1), Argument("descending", False, "largest first", "flag")),
        outputs=("values", "indices"), origin=Moved(_sort_origins),
    ),
    Operation(
        "topk", "topk", "reducing",
        "The k largest or smallest along a dimension, and their places: top-5 accuracy, and the next word "
        "of a language model.",
        r"\text{values}_{ij} = x_{i,\ \text{indices}_{ij}}, \quad j < k", generated("torch.topk"),
        lambda x, k, dim, largest: tuple(x.topk(k, dim, largest)), "x.topk({k}, {dim}, {largest})", MATRIX,
        (
            Argument("k", 2, "how many", "integer", low=0, high=8),
            dimension(default=1),
            Argument("largest", True, "else the smallest", "flag"),
        ),
        outputs=("values", "indices"), origin=Moved(_topk_origins),
    ),
    Operation(
        "clamp", "clamp", "reducing",
        "What is below the lower limit becomes it, what is above the upper one too. If they cross, the "
        "upper one counts.",
        r"\text{out}_{ij} = \min(\max(x_{ij}, l), h)", generated("torch.clamp"),
        lambda x, low, high: x.clamp(low, high), "x.clamp({low}, {high})", MATRIX,
        (
            Argument("low", -20.0, "the lower limit", low=-50.0, high=50.0, step=1.0, symbol="l"),
            Argument("high", 20.0, "the upper limit", low=-50.0, high=50.0, step=1.0, symbol="h"),
        ),
        origin=Moved(lambda numbered, inputs, low, high: numbered[0]),
    ),
)  # fmt: skip
