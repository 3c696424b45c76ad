"""The page of backpropagation: default, extreme and senseless settings, and a new row of its table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.language import texts
from dashboard.panels.try_this import suggestions
from models.expressions import EXPRESSIONS, Expression
from training.playground_settings import PlaygroundSettings


def board(page: Any) -> dict[str, Any]:
    """What the graph's component was given."""
    sent = [json.loads(item.proto.mixed.json or item.proto.json) for item in page.get("bidi_component")]
    return next(data for data in sent if "nodes" in data)


@pytest.fixture
def visit(open_page: Callable) -> Callable[..., Any]:
    return lambda **query: open_page(
        "backpropagation", **{f"backpropagation_{name}": value for name, value in query.items()}
    )


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"expression": "softmax", "values": "-1000000,1000000", "step": "0"},
        {"expression": "own", "text": "x*w"},
        {"tab": "A network", "activation": "relu", "loss": "squared_error", "network_step": "9999"},
        {"tab": "A network", "weights": ",".join(["0"] * 16)},
        {"tab": "Exclusive or", "units": "8", "seeds": "10", "epochs": "400"},
    ],
)
def test_default_and_extreme_settings_are_shown(visit: Any, query: dict[str, str]) -> None:
    page = visit(**query)
    assert not page.error
    assert not page.warning


def test_senseless_settings_are_said_and_the_page_lives_on(visit: Any, words: Callable) -> None:
    page = visit(expression="nothing", values="1,2", step="often")
    said = words(page).replace("\\", "")
    for part in ("nothing", "3 numbers after commas", "often"):
        assert part in said
    assert len(board(page)["nodes"]) == 5
    page = visit(tab="A network", weights="a,b", activation="step")
    assert len(page.warning) == 2
    page = visit(expression="own", text="__import__('os')")
    assert "is not taken" in words(page).replace("\\", "")


def test_values_come_from_the_address_and_the_code_says_them(visit: Any) -> None:
    page = visit(values="5,1,-2")
    assert [node["value"] for node in board(page)["nodes"] if not node["operation"]] == [5, 1, -2]
    code = next(each.value for each in page.code if "backward" in each.value)
    assert "c.grad  # 6" in code
    assert "a.grad  # -2" in code


@pytest.mark.parametrize("place", range(len(suggestions(texts("backpropagation")["try"]))))
def test_every_suggestion_leads_to_a_page(visit: Any, place: int) -> None:
    page = visit()
    page.button(key=f"backpropagation_try_{place}").click().run()
    assert not page.exception
    assert not page.warning


def test_a_new_row_is_on_the_page(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is all that a new expression needs."""
    row = Expression("gate", "A gate", "g = sigmoid(a); g * b", {"a": 0.0, "b": 2.0}, "Half is let through.")
    monkeypatch.setitem(EXPRESSIONS._rows, "gate", row)
    page = visit(expression="gate")
    assert not page.warning
    assert [node["name"] for node in board(page)["nodes"]] == ["a", "g", "b", "L"]
    assert any("Half is let through" in each.value for each in page.caption)


def test_films_of_exclusive_or_are_found_and_told(visit: Any, runs: Path) -> None:
    """That one hidden layer does it is seen in the browser's test, where it trains for long enough."""
    from training.playground import main

    shared = ["--dataset", "xor", "--noise", "0", "--samples", "400", "--epochs", "20", "--seeds", "1"]
    shared += ["--learning-rate", "0.03", "--activations", "tanh", "--runs", str(runs), "--visdom", "off"]
    assert any("Train both" in each.value for each in visit(tab="Exclusive or").info)
    for layers in ("", "4"):
        assert main([*shared, "--layers", layers]) == 0
    page = visit(tab="Exclusive or", seeds="1", epochs="20")
    said = next(each.value for each in page.markdown if "Perceptron**" in each.value)
    assert "above 90% in 0 of 1 seed" in said.split("·")[0]
    assert "One hidden layer" in said.split("·")[1]


def test_a_training_that_came_to_no_end_is_told(
    open_page: Callable, make_run: Callable, words: Callable
) -> None:
    asked = PlaygroundSettings(
        dataset="xor", dataset_settings={"noise": 0.0}, samples=400, epochs=200, seeds=5, layers=(4,)
    )
    config = asked.replace(learning_rate=0.03, activations=("tanh",)).to_dict()
    make_run(0, "failed", kind="playground", model="playground", dataset="lab", config=config)
    page = open_page("backpropagation", backpropagation_tab="Exclusive or")
    assert [box.value for box in page.warning] == ["it broke"]
    assert "Not trained with these settings yet." in words(page)
