"""A computation as a graph of single numbers, with every value, local derivative and gradient by PyTorch.

`traced` is what a page's own picture is held to: values and gradients are torch.autograd's, and the local
derivative on each edge is autograd's of that one operation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from models.operations import OPERATIONS


@dataclass(frozen=True)
class Node:
    """A leaf (no operation) with its value, or an operation on earlier nodes.

    `kind` of a leaf: input, weight, target or constant; the last two have no gradient. `place` is the column
    and the row where it is drawn; None: a weight that is written on the edge it belongs to.
    """

    name: str
    operation: str = ""
    parents: tuple[int, ...] = ()  # places in the graph
    value: float = 0.0
    kind: str = ""
    place: tuple[float, float] | None = (0.0, 0.0)


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after its parents; the last one is the result."""

    nodes: tuple[Node, ...]

    def leaves(self) -> list[Node]:
        """Those with a value of their own that a reader may change, in order."""
        return [node for node in self.nodes if not node.operation and node.kind != "constant"]

    def learning(self) -> list[bool]:
        """Which nodes have a gradient: inputs, weights, and what is computed from one of them."""
        found: list[bool] = []
        for node in self.nodes:
            if node.operation:
                found.append(any(found[parent] for parent in node.parents))
            else:
                found.append(node.kind not in ("target", "constant"))
        return found

    def with_values(self, values: Sequence[float]) -> Graph:
        """The same graph with other values at its leaves; ValueError where their number differs."""
        count = len(self.leaves())
        if len(values) != count:
            names = ", ".join(leaf.name for leaf in self.leaves())
            raise ValueError(f"there are {len(values)} values; it must be {count}, for {names}")
        given = iter(values)
        return Graph(
            tuple(
                replace(node, value=float(next(given)))
                if not node.operation and node.kind != "constant"
                else node
                for node in self.nodes
            )
        )


class Trace(NamedTuple):
    """Numbers of a graph. A gradient or local derivative is None where autograd keeps none."""

    values: list[float]
    slopes: list[tuple[float | None, ...]]  # of each node along each of its parents
    gradients: list[float | None]  # of the result along each node


def traced(graph: Graph) -> Trace:
    """Forward and back through the graph by PyTorch, in float64."""
    learning = graph.learning()
    tensors: list[Tensor] = []
    slopes: list[tuple[float | None, ...]] = []
    for node, learns in zip(graph.nodes, learning, strict=True):
        if node.operation:
            parents = [tensors[place] for place in node.parents]
            value = OPERATIONS[node.operation].function(*parents)
            if value.requires_grad:
                value.retain_grad()
            slopes.append(_own_slopes(node, parents))
        else:
            value = torch.tensor(node.value, dtype=torch.float64, requires_grad=learns)
            slopes.append(())
        tensors.append(value)
    tensors[-1].backward()
    gradients = [None if tensor.grad is None else tensor.grad.item() for tensor in tensors]
    return Trace([tensor.item() for tensor in tensors], slopes, gradients)


def _own_slopes(node: Node, parents: Sequence[Tensor]) -> tuple[float | None, ...]:
    """The derivative of this one operation along each argument, all else held."""
    held = [parent.detach().clone().requires_grad_(parent.requires_grad) for parent in parents]
    known = [parent for parent in held if parent.requires_grad]
    if not known:
        return (None,) * len(held)
    found = iter(torch.autograd.grad(OPERATIONS[node.operation].function(*held), known))
    return tuple(next(found).item() if parent.requires_grad else None for parent in held)


def pytorch_code(graph: Graph) -> str:
    """The graph as lines of PyTorch that end with the gradient of each leaf."""
    lines = ["import torch", ""]
    for node, learns in zip(graph.nodes, graph.learning(), strict=True):
        names = [graph.nodes[place].name for place in node.parents]
        if node.operation == "weighted":
            *pairs, bias = names
            products = [f"{w} * {x}" for x, w in zip(pairs[::2], pairs[1::2], strict=True)]
            lines.append(f"{node.name} = {' + '.join(products)} + {bias}")
        elif node.operation:
            lines.append(f"{node.name} = {OPERATIONS[node.operation].code.format(*names)}")
        elif node.kind != "constant":
            tracked = ", requires_grad=True" if learns else ""
            lines.append(f"{node.name} = torch.tensor({node.value!r}{tracked})")
    lines += ["", f"{graph.nodes[-1].name}.backward()"]
    gradients = traced(graph).gradients
    for node, gradient in zip(graph.nodes, gradients, strict=True):
        if not node.operation and gradient is not None:
            said = f"{gradient:.6g}" if math.isfinite(gradient) else str(gradient)
            lines.append(f"{node.name}.grad  # {said}")
    return "\n".join(lines)


def network_graph(activation: str, loss: str, values: Mapping[str, float] | None = None) -> Graph:
    """A network of two inputs, three hidden units and one output with its loss (2-3-1).

    `activation` is an operation of one argument; `loss` is cross_entropy, after a sigmoid, or squared_error.
    Weights lie on the edges they belong to, biases in their units.
    """
    given = {**FIRST, **(values or {})}
    nodes: list[Node] = []
    place: dict[str, int] = {}

    def put(name: str, **about: object) -> None:
        place[name] = len(nodes)
        leaf = "operation" not in about
        nodes.append(Node(name, value=given[name] if leaf else 0.0, **about))  # type: ignore[arg-type]

    for number, row in ((1, 0.5), (2, 1.5)):
        put(f"x{number}", kind="input", place=(0.0, row))
    for unit in (1, 2, 3):
        for name in (f"w{unit}1", f"w{unit}2", f"b{unit}"):
            put(name, kind="weight", place=None)
    for unit in (1, 2, 3):
        put(f"v{unit}", kind="weight", place=None)
    put("c", kind="weight", place=None)
    put("y", kind="target", place=(5.3, 2.0))
    for unit in (1, 2, 3):
        names: tuple[str, ...] = ("x1", f"w{unit}1", "x2", f"w{unit}2", f"b{unit}")
        put(
            f"z{unit}",
            operation="weighted",
            parents=tuple(place[name] for name in names),
            place=(1.8, unit - 1.0),
        )
        put(f"h{unit}", operation=activation, parents=(place[f"z{unit}"],), place=(2.75, unit - 1.0))
    names = ("h1", "v1", "h2", "v2", "h3", "v3", "c")
    put("z", operation="weighted", parents=tuple(place[name] for name in names), place=(4.35, 1.0))
    put("p", operation="sigmoid", parents=(place["z"],), place=(5.3, 1.0))
    put("L", operation=loss, parents=(place["p"], place["y"]), place=(6.25, 1.0))
    return Graph(tuple(nodes))


FIRST = {
    "x1": 1.0, "x2": -0.5, "y": 1.0,
    "w11": 0.6, "w12": -0.4, "b1": 0.1, "w21": -0.8, "w22": 0.5, "b2": 0.0,
    "w31": 0.3, "w32": 0.9, "b3": -0.2,
    "v1": 0.7, "v2": -0.5, "v3": 0.4, "c": 0.1,
}  # fmt: skip
