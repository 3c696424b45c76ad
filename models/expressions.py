"""Expressions as graphs: a table of worth-while ones, and a parser for those that a reader types.

Python's own parser reads the text; of its grammar only numbers, names, + - * / **, calls of the functions in
CALLED, and assignments separated by semicolons are taken. Nothing is ever evaluated as code.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from models.catalog import Catalog
from models.computation import Graph, Node
from models.operations import CALLED

LONGEST, MOST_NODES, LARGEST = 200, 40, 1e6
BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power"}
GRAMMAR = f"write + - * / **, numbers, names and {', '.join(CALLED)}, as in u = w*x + b; (u - y)**2"


class ExpressionError(ValueError):
    """A text that is no such expression: what is wrong, and what can be written."""


@dataclass(frozen=True)
class Expression:
    """A row of EXPRESSIONS. `values` are those that its names begin with."""

    name: str
    title: str
    text: str
    values: Mapping[str, float] = field(default_factory=dict)
    summary: str = ""


EXPRESSIONS: Catalog[Expression] = Catalog(
    "expression",
    [
        Expression(
            "product", "A sum and a product", "u = a + b; u * c", {"a": 2.0, "b": -3.0, "c": 4.0},
            "A sum hands its gradient on to both; a product hands each the other one's value.",
        ),
        Expression(
            "twice", "A value used twice", "x * w + sin(x)", {"x": 1.0, "w": 2.0},
            "x reaches the result on two ways: its gradient is the sum over both.",
        ),
        Expression(
            "line", "Squared error of a line", "s = w*x + b; (s - y)**2",
            {"w": 0.5, "x": 2.0, "b": 0.0, "y": 3.0},
            "Linear regression with one sample: the gradient of w is the mistake times x, doubled.",
        ),
        Expression(
            "neuron", "A neuron", "z = w1*x1 + w2*x2 + b; sigmoid(z)",
            {"w1": 2.0, "x1": -1.0, "w2": -3.0, "x2": -2.0, "b": -3.0},
            "A sigmoid's slope is at most 1/4: it shrinks everything that goes back through it.",
        ),
        Expression(
            "surprise", "Cross-entropy of a sigmoid", "p = sigmoid(w*x + b); -log(p)",
            {"w": 1.0, "x": -2.0, "b": 0.0},
            "The slope of the logarithm, 1/p, undoes the sigmoid's p (1 - p): what is left is p - 1.",
        ),
        Expression(
            "dead", "A dead ReLU", "h = relu(w*x + b); (h - y)**2", {"w": 1.0, "x": 1.0, "b": -2.0, "y": 1.0},
            "The sum is negative, the ReLU's slope is 0, and no gradient reaches w: it stays dead.",
        ),
        Expression(
            "softmax", "A softmax of two", "e1 = exp(z1); e2 = exp(z2); -log(e1 / (e1 + e2))",
            {"z1": 0.5, "z2": 1.5},
            "Through all of it come p - 1 for the right logit and p for the other one.",
        ),
    ],
)  # fmt: skip


def parse_expression(text: str, values: Mapping[str, float] | None = None) -> Graph:
    """The graph of a text, drawn from left to right. A name that is not assigned is a leaf, at 1 where
    `values` has no other number for it; names in x are inputs, y and t targets, all others weights.
    ExpressionError names what can't be read, the rule and the way out.
    """
    if not text.strip() or len(text) > LONGEST:
        raise ExpressionError(f"the expression has {len(text)} characters; it must have 1 to {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{text[:60]!r} can't be read; {GRAMMAR}") from None
    reader = _Reader(dict(values or {}))
    for number, statement in enumerate(tree.body):
        reader.statement(statement, last=number == len(tree.body) - 1)
    if not Graph(tuple(reader.nodes)).learning()[-1]:
        raise ExpressionError("nothing in it can learn: names in y and t are targets; use another name, as w")
    used = {place for node in reader.nodes for place in node.parents}
    lost = [node.name for place, node in enumerate(reader.nodes[:-1]) if place not in used]
    if lost:
        raise ExpressionError(f"{', '.join(lost)} does not reach the result; use it, or leave it out")
    return Graph(_placed(reader.nodes))


class _Reader:
    """Adds the nodes of one statement after the other."""

    def __init__(self, values: dict[str, float]) -> None:
        self.values = values
        self.nodes: list[Node] = []
        self.known: dict[str, int] = {}

    def statement(self, statement: ast.stmt, last: bool) -> None:
        if isinstance(statement, ast.Expr) and last:
            place = self.read(statement.value)
            name = "L"
        elif (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(statement.targets[0], ast.Name)
        ):
            place, name = self.read(statement.value), statement.targets[0].id
        else:
            raise ExpressionError(
                f"{ast.unparse(statement)[:60]!r} is neither name = value nor a result; {GRAMMAR}"
            )
        if not self.nodes[place].operation:
            raise ExpressionError(f"{ast.unparse(statement)[:60]!r} computes nothing; {GRAMMAR}")
        if name != "L":
            self.named(name)
        if name in self.known:
            raise ExpressionError(f"{name} has a value already; give the new one another name")
        if last and place != len(self.nodes) - 1:
            raise ExpressionError("the result must be computed last; " + GRAMMAR)
        self.nodes[place] = replace(self.nodes[place], name=name)
        self.known[name] = place

    def read(self, part: ast.expr) -> int:
        """The place of the part's node."""
        match part:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as number) if abs(number) <= LARGEST:
                return self.add(Node(f"{number:g}", value=float(number), kind="constant"))
            case ast.Name(id=name):
                return self.known[name] if name in self.known else self.leaf(name)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self.read(inner)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return self.read(ast.Constant(value=-number))
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self.operation("negate", inner)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in BINARY:
                return self.operation(BINARY[type(sign)], left, right)
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in CALLED:
                return self.operation(name, inner)
        raise ExpressionError(f"{ast.unparse(part)[:60]!r} is not taken; {GRAMMAR}")

    @staticmethod
    def named(name: str) -> None:
        """ExpressionError for a name that stands for something else, or is too long to be drawn."""
        taken = name in CALLED or name in ("L", "torch") or re.fullmatch(r"q\d+", name)
        if taken or not re.fullmatch(r"[A-Za-z_]\w{0,7}", name, re.ASCII) or keyword.iskeyword(name):
            raise ExpressionError(f"{name[:20]!r} is no name for a number; choose a short one, such as w1")

    def leaf(self, name: str) -> int:
        self.named(name)
        kind = "input" if name[0] == "x" else "target" if name[0] in "yt" else "weight"
        self.known[name] = self.add(Node(name, value=self.values.get(name, 1.0), kind=kind))
        return self.known[name]

    def operation(self, name: str, *arguments: ast.expr) -> int:
        parents = tuple(self.read(argument) for argument in arguments)
        if all(self.nodes[place].kind == "constant" for place in parents):
            raise ExpressionError("a computation of numbers alone has no gradient; put a name into it")
        count = sum(bool(node.operation) for node in self.nodes) + 1
        return self.add(Node(f"q{count}", name, parents))

    def add(self, node: Node) -> int:
        if len(self.nodes) >= MOST_NODES:
            raise ExpressionError(f"there are more than {MOST_NODES} numbers and operations; make it shorter")
        self.nodes.append(node)
        return len(self.nodes) - 1


def _placed(nodes: list[Node]) -> tuple[Node, ...]:
    """With a column each, the longest way from a leaf, and a row: leaves one below the other in the order in
    which they are read, an operation in the middle of its arguments.
    """
    columns = [0] * len(nodes)
    rows = [0.0] * len(nodes)
    for place, node in enumerate(nodes):
        if node.operation:
            columns[place] = 1 + max(columns[parent] for parent in node.parents)
    for place, node in enumerate(nodes):  # a leaf stands right before what it goes into first
        if not node.operation:
            columns[place] = (
                min(columns[child] for child, other in enumerate(nodes) if place in other.parents) - 1
            )
    taken: dict[int, list[float]] = {}
    leaf_row = 0.0
    for place, node in enumerate(nodes):
        if node.operation:
            rows[place] = math.fsum(rows[parent] for parent in node.parents) / len(node.parents)
        else:
            rows[place], leaf_row = leaf_row, leaf_row + 1
        column = taken.setdefault(columns[place], [])
        while any(abs(rows[place] - other) < 0.9 for other in column):
            rows[place] += 0.5
        column.append(rows[place])
    return tuple(
        replace(node, place=(float(column), row))
        for node, column, row in zip(nodes, columns, rows, strict=True)
    )
