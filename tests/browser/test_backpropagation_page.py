"""Backpropagation in a browser: every number of the graph is torch.autograd's, also after an edit by hand."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from models.computation import Graph, network_graph, traced
from models.expressions import EXPRESSIONS, parse_expression
from models.operations import OPERATIONS

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
EVERY_OPERATION = (
    "u = exp(x*w) - cos(w); k = sqrt(u + 3) / (x + 4); tanh(k) + sigmoid(-k)**2 + relu(u) * log(k) + sin(x)"
)


def opened(page: Any, dashboard: Any, **query: str) -> Any:
    words = {f"backpropagation_{name}": quote(value) for name, value in query.items()}
    page.goto(dashboard.page("backpropagation", **words))
    board = page.locator(".descent-backprop")
    expect(board).to_have_attribute("data-found", re.compile(r"\d"), timeout=STARTING)
    return board


def assert_autograds(board: Any, graph: Graph) -> None:
    """Values, local derivatives and gradients of the browser, to the last digits."""
    said, truth = json.loads(board.get_attribute("data-found")), traced(graph)
    close = {"rel": 1e-9, "abs": 1e-12}
    assert said["values"] == pytest.approx(truth.values, **close)
    for slopes, own in zip(said["slopes"], truth.slopes, strict=True):
        assert [slope is None for slope in slopes] == [slope is None for slope in own]
        known = [slope for slope in own if slope is not None]
        assert [slope for slope in slopes if slope is not None] == pytest.approx(known, **close)
    for gradient, own in zip(said["gradients"], truth.gradients, strict=True):
        assert (gradient is None) == (own is None)
        assert gradient is None or gradient == pytest.approx(own, **close)


def test_every_operation_is_autograds(page: Any, dashboard: Any) -> None:
    row = EXPRESSIONS["product"]
    assert_autograds(opened(page, dashboard, expression=row.name), parse_expression(row.text, row.values))
    graph = parse_expression(EVERY_OPERATION)
    networks = [network_graph("tanh", loss) for loss in ("cross_entropy", "squared_error")]  # below
    tried = {node.operation for each in (graph, *networks) for node in each.nodes} - {""}
    assert tried == set(OPERATIONS.names()), "put the new operation into EVERY_OPERATION"
    board = opened(page, dashboard, expression="own", text=EVERY_OPERATION, values="0.7,1.3")
    assert_autograds(board, graph.with_values([0.7, 1.3]))


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_an_edited_weight_moves_every_number_at_once(page: Any, dashboard: Any, loss: str) -> None:
    board = opened(page, dashboard, tab="A network", loss=loss)
    graph = network_graph("tanh", loss)
    assert_autograds(board, graph)
    page.get_by_label("Value of w21", exact=True).fill("2.5")
    values = [2.5 if leaf.name == "w21" else leaf.value for leaf in graph.leaves()]
    assert_autograds(board, graph.with_values(values))  # at once: no answer of the server is waited for
    expect(page).to_have_url(re.compile("backpropagation_weights="))
    before = traced(graph.with_values(values)).values[-1]
    page.get_by_role("button", name="One step of gradient descent").click()
    assert json.loads(board.get_attribute("data-found"))["values"][-1] < before


def test_steps_reveal_values_then_gradients_and_the_chain_rule(new_page: Any, dashboard: Any) -> None:
    page = new_page(color_scheme="dark")
    board = opened(page, dashboard, expression="twice", step="0")
    values, gradients = board.locator(".node .value"), board.locator(".node .gradient")
    expect(values).to_have_count(2)  # the leaves
    expect(gradients).to_have_count(0)
    for _ in range(3):
        page.get_by_role("button", name="One step on").click()
    expect(values).to_have_count(5)
    expect(gradients).to_have_count(0)
    page.get_by_role("button", name="To the end").click()
    expect(gradients).to_have_count(5)
    page.get_by_role("button", name="Node x", exact=True).click()
    rule = board.locator(".rule")
    expect(rule).to_contain_text("∂L/∂x = ∂L/∂q1 · ∂q1/∂x + ∂L/∂q2 · ∂q2/∂x")
    expect(rule).to_contain_text("= 1 · 2 + 1 · 0.54 = 2.54")


def test_a_graph_that_is_too_wide_stands_upright(page: Any, dashboard: Any) -> None:
    page.set_viewport_size({"width": 820, "height": 1200})
    board = opened(page, dashboard, tab="A network")
    fits = "picture => picture.scrollWidth <= picture.clientWidth"
    assert board.locator(".picture").evaluate(fits)
    boxes = [each.bounding_box() for each in board.locator(".label.weight").all()]
    assert len(boxes) == 9
    for place, a in enumerate(boxes):
        for b in boxes[:place]:
            apart = a["x"] + a["width"] < b["x"] or b["x"] + b["width"] < a["x"]
            assert apart or a["y"] + a["height"] <= b["y"] + 2 or b["y"] + b["height"] <= a["y"] + 2
    first, last = (board.get_by_role("button", name=f"Node {name}").bounding_box() for name in ("x1", "L"))
    assert last["y"] > first["y"] + 400
    page.set_viewport_size({"width": 1400, "height": 1200})
    expect(board.locator("svg")).not_to_have_attribute("viewBox", re.compile(r" 7\d\d$"))  # wide again
    assert board.locator(".picture").evaluate(fits)


def test_exclusive_or_needs_a_hidden_layer(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("backpropagation", backpropagation_tab="Exclusive or"))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)
    page.get_by_role("button", name="Train both").click()
    said = page.get_by_text("Perceptron: right on")
    expect(said).to_contain_text("above 90% in 0 of 5 seeds · One hidden layer", timeout=STARTING)
    expect(said).to_contain_text(
        re.compile("One hidden layer.*above 90% in [45] of 5 seeds"), timeout=STARTING
    )
    expect(page.locator(".descent-film canvas").first).to_be_visible()
