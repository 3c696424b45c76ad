"""Which layer feeds which: a network's graph, traced on tensors without numbers (by torchview)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from models.summary import skeleton


@dataclass(frozen=True)
class Node:
    """A layer, an operation between layers, or an input or output."""

    number: int
    kind: str  # a module's class, a function's name, or "input" or "output"
    path: str  # of the module; "" for what is none
    shape: tuple[int, ...] | None  # of its output, with the batch


@dataclass(frozen=True)
class Graph:
    """Nodes, and edges as pairs of their numbers."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]


def layer_graph(network: nn.Module, input_shape: Sequence[int], depth: int) -> Graph:
    """The graph down to `depth` levels of modules, for inputs of `input_shape` (batch first).

    ValueError where the network's code can't run on tensors without numbers.
    """
    from torchview import draw_graph

    body = skeleton(network, "meta")
    paths = {id(module): path for path, module in body.named_modules()}
    inputs = torch.zeros(tuple(input_shape), device="meta")
    try:
        traced = draw_graph(
            body, input_data=inputs, device="meta", depth=depth, hide_inner_tensors=True, expand_nested=False
        )
    except Exception as error:
        # whatever a stranger's forward does with a tensor that has no numbers
        raise ValueError(f"this network's graph can't be traced ({error})") from error
    numbers: dict[int, int] = {}
    nodes: list[Node] = []
    edges: dict[tuple[int, int], None] = {}  # in order, each once
    for pair in traced.edge_list:
        for node in pair:
            if id(node) not in numbers:
                numbers[id(node)] = len(nodes)
                nodes.append(_node(len(nodes), node, paths))
        edges[numbers[id(pair[0])], numbers[id(pair[1])]] = None
    return Graph(tuple(nodes), tuple(edges))


def _node(number: int, node: object, paths: dict[int, str]) -> Node:
    kind = type(node).__name__
    if kind == "TensorNode":
        shape = getattr(node, "tensor_shape", None)
        name = "input" if "output" not in str(getattr(node, "name", "")) else "output"
        return Node(number, name, "", tuple(shape) if shape is not None else None)
    shapes = getattr(node, "output_shape", None) or [None]
    shape = tuple(shapes[0]) if shapes[0] is not None else None
    path = paths.get(getattr(node, "compute_unit_id", 0), "") if kind == "ModuleNode" else ""
    return Node(number, str(getattr(node, "name", kind)), path, shape)
