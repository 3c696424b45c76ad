"""A network's graph in the DOT language, which the browser lays out. No streamlit."""

from __future__ import annotations

from models.graph import Graph, Node

# Filled boxes with dark letters, which are read on a light page and on a dark one.
FILLS = {"weights": "#A3C6E6", "input": "#F6C4A3", "plain": "#DBE8F5", "operation": "#E6E9EE"}
INK = "#1B2430"
LINE = "#7F8B9B"
WEIGHTED = ("Conv", "Linear", "LSTM", "GRU", "RNN", "Embedding", "Attention", "Block", "Layer", "Sequential")


def graph_dot(graph: Graph) -> str:
    """Boxes with name, class and output shape from top to bottom. Names are quoted: they may be anything."""
    lines = [
        "digraph network {",
        'graph [rankdir=TB bgcolor="transparent" nodesep=0.25 ranksep=0.25]',
        f'node [shape=box style="filled,rounded" color="none" fontname="sans-serif" fontsize=11 '
        f'fontcolor="{INK}" margin=0.12 height=0.3]',
        f'edge [color="{LINE}" arrowsize=0.6]',
    ]
    lines += [
        f"n{node.number} [label={_quoted(_label(node))} fillcolor={_quoted(_fill(node))}]"
        for node in graph.nodes
    ]
    lines += [f"n{first} -> n{second}" for first, second in graph.edges]
    return "\n".join([*lines, "}"])


def _label(node: Node) -> str:
    shape = "" if node.shape is None else " x ".join(map(str, node.shape[1:] or node.shape))
    return "\n".join(line for line in (node.path, node.kind, shape) if line)


def _fill(node: Node) -> str:
    if node.kind in ("input", "output"):
        return FILLS["input"]
    if not node.path:
        return FILLS["operation"]
    return FILLS["weights" if any(word in node.kind for word in WEIGHTED) else "plain"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
