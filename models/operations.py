"""The operations that expressions are made of: the table OPERATIONS, each with its derivatives as a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.catalog import Catalog


@dataclass(frozen=True)
class Operation:
    """A row of OPERATIONS. `rules` says the derivative along each argument, where a and b stand for the
    arguments and v for the value; `arity` None: weighted sums, which take x1, w1, x2, w2, ..., b.
    """

    name: str
    symbol: str  # in the picture
    arity: int | None
    function: Callable[..., Tensor]
    rules: tuple[str, ...]
    code: str  # a line of PyTorch, with {0}, {1} for the arguments


def _weighted(*arguments: Tensor) -> Tensor:
    *pairs, bias = arguments
    return torch.stack([x * w for x, w in zip(pairs[::2], pairs[1::2], strict=True)]).sum() + bias


def _cross_entropy(probability: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy(probability, target)


OPERATIONS: Catalog[Operation] = Catalog(
    "operation",
    [
        Operation("add", "+", 2, torch.add, ("1", "1"), "{0} + {1}"),
        Operation("subtract", "−", 2, torch.sub, ("1", "−1"), "{0} - {1}"),
        Operation("multiply", "×", 2, torch.mul, ("b", "a"), "{0} * {1}"),
        Operation("divide", "÷", 2, torch.div, ("1 / b", "−a / b²"), "{0} / {1}"),
        Operation("power", "^", 2, torch.pow, ("b · a^(b − 1)", "v · ln a"), "{0} ** {1}"),
        Operation("negate", "neg", 1, torch.neg, ("−1",), "-{0}"),
        Operation("exp", "exp", 1, torch.exp, ("v",), "torch.exp({0})"),
        Operation("log", "ln", 1, torch.log, ("1 / a",), "torch.log({0})"),
        Operation("sqrt", "√", 1, torch.sqrt, ("1 / (2 v)",), "torch.sqrt({0})"),
        Operation("sin", "sin", 1, torch.sin, ("cos a",), "torch.sin({0})"),
        Operation("cos", "cos", 1, torch.cos, ("−sin a",), "torch.cos({0})"),
        Operation("tanh", "tanh", 1, torch.tanh, ("1 − v²",), "torch.tanh({0})"),
        Operation("sigmoid", "σ", 1, torch.sigmoid, ("v (1 − v)",), "torch.sigmoid({0})"),
        Operation("relu", "ReLU", 1, torch.relu, ("1 if a > 0, else 0",), "torch.relu({0})"),
        Operation("weighted", "Σ", None, _weighted, ("its weight", "its input", "1"), ""),
        Operation(
            "cross_entropy", "−ln p", 2, _cross_entropy, ("(a − b) / (a (1 − a))", ""),
            "torch.nn.functional.binary_cross_entropy({0}, {1})",
        ),
        Operation(
            "squared_error", "(a − b)²", 2, lambda a, b: (a - b) ** 2, ("2 (a − b)", ""), "({0} - {1}) ** 2"
        ),
    ],
)  # fmt: skip
CALLED = ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu")  # written name(argument)
