"""Graphs of numbers: gradients against PyTorch written another way; texts that are read or refused."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from models.computation import FIRST, Graph, Node, network_graph, pytorch_code, traced
from models.expressions import EXPRESSIONS, Expression, ExpressionError, parse_expression
from models.operations import CALLED, OPERATIONS, Operation

EVERY = pytest.mark.parametrize("row", EXPRESSIONS, ids=lambda row: row.name)
NUMBERS = st.lists(st.floats(0.1, 2), min_size=8, max_size=8)


def gradients_of_the_code(graph: Graph) -> dict[str, float]:
    """What the written-out lines of PyTorch give when they are run."""
    space: dict[str, object] = {}
    exec(pytorch_code(graph).replace("requires_grad", "dtype=torch.float64, requires_grad"), space)
    return {
        node.name: space[node.name].grad.item()  # type: ignore[attr-defined]
        for node in graph.leaves()
        if node.kind != "target"
    }


def graphs() -> list[Graph]:
    networks = [
        network_graph(name, loss) for name in ("tanh", "relu") for loss in ("cross_entropy", "squared_error")
    ]
    return [parse_expression(row.text, row.values) for row in EXPRESSIONS] + networks


@EVERY
@settings(max_examples=15, deadline=None)
@given(numbers=NUMBERS)
def test_every_gradient_is_that_of_plain_pytorch(row: Expression, numbers: list[float]) -> None:
    graph = parse_expression(row.text, row.values)
    graph = graph.with_values(numbers[: len(graph.leaves())])
    found = {node.name: gradient for node, gradient in zip(graph.nodes, traced(graph).gradients, strict=True)}
    for name, truth in gradients_of_the_code(graph).items():
        assert found[name] == pytest.approx(truth, rel=1e-5, abs=1e-7)


def test_the_network_is_the_one_that_modules_make() -> None:
    graph = network_graph("tanh", "cross_entropy")
    found = traced(graph)
    at = {node.name: place for place, node in enumerate(graph.nodes)}
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    hidden, output = network[0], network[2]
    with torch.no_grad():
        for unit in range(3):
            hidden.weight[unit, 0], hidden.weight[unit, 1] = FIRST[f"w{unit + 1}1"], FIRST[f"w{unit + 1}2"]
            hidden.bias[unit], output.weight[0, unit] = FIRST[f"b{unit + 1}"], FIRST[f"v{unit + 1}"]
        output.bias[0] = FIRST["c"]
    inputs = torch.tensor([[FIRST["x1"], FIRST["x2"]]], dtype=torch.float64, requires_grad=True)
    loss = functional.binary_cross_entropy_with_logits(network(inputs), torch.ones(1, 1, dtype=torch.float64))
    loss.backward()
    assert found.values[-1] == pytest.approx(loss.item())
    for unit in range(3):
        assert found.gradients[at[f"w{unit + 1}2"]] == pytest.approx(hidden.weight.grad[unit, 1].item())
        assert found.gradients[at[f"b{unit + 1}"]] == pytest.approx(hidden.bias.grad[unit].item())
        assert found.gradients[at[f"v{unit + 1}"]] == pytest.approx(output.weight.grad[0, unit].item())
    assert found.gradients[at["x1"]] == pytest.approx(inputs.grad[0, 0].item())


@pytest.mark.parametrize("graph", graphs(), ids=lambda graph: f"{len(graph.nodes)} nodes")
def test_the_chain_rule_holds_at_every_node(graph: Graph) -> None:
    found = traced(graph)
    for place, gradient in enumerate(found.gradients[:-1]):
        ways = [
            (child, argument)
            for child, node in enumerate(graph.nodes)
            for argument, parent in enumerate(node.parents)
            if parent == place
        ]
        if gradient is not None:
            total = math.fsum(
                found.gradients[child] * found.slopes[child][argument] for child, argument in ways
            )
            assert gradient == pytest.approx(total, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_the_rule_of_an_operation_is_its_slope(row: Operation) -> None:
    count = row.arity or 5
    inputs = [0.3 + 0.17 * place for place in range(count)]
    leaves = tuple(Node(f"a{place}", value=value, kind="weight") for place, value in enumerate(inputs))
    slopes = traced(Graph((*leaves, Node("L", row.name, tuple(range(count)))))).slopes[-1]
    small = 1e-6
    for place in range(count):
        moved = [
            row.function(
                *(
                    torch.tensor(value + step * (at == place), dtype=torch.float64)
                    for at, value in enumerate(inputs)
                )
            )
            for step in (small, -small)
        ]
        assert slopes[place] == pytest.approx(((moved[0] - moved[1]) / (2 * small)).item(), rel=1e-6)
    said = {
        "a": inputs[0],
        "b": inputs[1] if count > 1 else 0,
        "v": traced(Graph((*leaves, Node("L", row.name, tuple(range(count)))))).values[-1],
    }
    for place, rule in enumerate(row.rules if row.arity else ()):
        if rule and "if" not in rule:
            assert _spoken(rule, said) == pytest.approx(slopes[place])


def _spoken(rule: str, said: dict[str, float]) -> float:
    """The rule as it is shown, computed."""
    text = rule.replace("−", "-").replace("·", "*").replace("^", "**").replace("²", "**2")
    for name in ("ln", "cos", "sin"):
        text = text.replace(f"{name} a", f"{name}(a)")
    text = (
        text.replace("2 (", "2 * (")
        .replace("v (", "v * (")
        .replace("a (", "a * (")
        .replace("(2 v)", "(2 * v)")
    )
    return float(eval(text, {"ln": math.log, "cos": math.cos, "sin": math.sin}, dict(said)))  # noqa: S307


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_a_text_is_read_as_python_reads_it(x: float, w: float) -> None:
    text = "u = (x + 2) * w - x / w; -u**2 + w**-0.5 * sin(x)"
    space = {"x": x, "w": w}
    space["u"] = eval("(x + 2) * w - x / w", {}, space)  # noqa: S307
    truth = eval("-u**2 + w**-0.5 * sin(x)", {"sin": math.sin}, space)  # noqa: S307
    assert traced(parse_expression(text, {"x": x, "w": w})).values[-1] == pytest.approx(truth)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "1 to 200"),
        ("x + " * 80 + "x", "1 to 200"),
        ("+".join(["x"] * 60), "more than 40"),
        ("x**", "can't be read"),
        ("(" * 90 + "x", "can't be read"),
        ("x", "computes nothing"),
        ("__import__('os').system('ls')", "is not taken"),
        ("open(x)", "is not taken"),
        ("x.real + 1", "is not taken"),
        ("[w for w in x]", "is not taken"),
        ("lambda: x", "is not taken"),
        ("x @ w", "is not taken"),
        ("sin(x, w)", "is not taken"),
        ("True * x", "is not taken"),
        ("1e9 * x", "is not taken"),
        ("3 * 4 + x", "numbers alone"),
        ("y * t", "nothing in it can learn"),
        ("u = x * 2; w * 3", "u does not reach"),
        ("u = x * 2; u = w * u; u + 1", "another name"),
        ("import os; x * 2", "neither name = value"),
        ("sin = x * 2; sin + 1", "no name for a number"),
        ("q1 = x * 2; q1 + 1", "no name for a number"),
        ("abcdefghijk * 2", "no name for a number"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(ExpressionError, match=rule):
        parse_expression(text)


def test_every_function_can_be_called_and_targets_stand_still() -> None:
    for name in CALLED:
        assert traced(parse_expression(f"{name}(w * x)", {"w": 1.5})).values[-1] > 0
    found = traced(parse_expression("(w*x - y*2)**2", {"w": 3.0}))
    assert found.gradients[0] == 2
    assert None in found.gradients


def test_no_two_nodes_are_drawn_at_one_place() -> None:
    for graph in graphs():
        places = [node.place for node in graph.nodes if node.place is not None]
        close = [
            (one, other)
            for number, one in enumerate(places)
            for other in places[:number]
            if one[0] == other[0] and abs(one[1] - other[1]) < 0.9
        ]
        assert not close


def test_the_wrong_number_of_values_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="it must be 3, for a, b, c"):
        parse_expression("u = a + b; u * c").with_values([1.0])
