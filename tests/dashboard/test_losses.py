"""The page of losses: default, extreme and senseless settings, and a new row of the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dashboard.charts.loss_descent import loss_descent_chart
from dashboard.language import texts
from dashboard.panels.try_this import suggestions
from models.losses import LOSSES


def curves(page: Any) -> dict[str, list[float]]:
    """What the component was given: the values of each curve by its name."""
    sent = [json.loads(item.proto.mixed.json or item.proto.json) for item in page.get("bidi_component")]
    found = next(data for data in sent if "curves" in data)
    return {curve["name"]: curve["values"] for curve in found["curves"]}


@pytest.fixture
def visit(open_page: Callable) -> Callable[..., Any]:
    return lambda **query: open_page("losses", **query)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"losses_against": "lead", "losses_shown": ",".join(LOSSES.names()[:4]), "losses_classes": "10"},
        {"losses_against": "lead", "losses_shown": "hinge", "losses_hinge_margin": "10.0"},
        {"losses_against": "number", "losses_numbers": "mse,huber,smooth_l1", "losses_huber_bend": "100"},
        {"losses_against": "probability", "losses_likely": "focal", "losses_focal_focusing": "0.0"},
        {"losses_shown": ""},
    ],
)
def test_default_and_extreme_settings_are_shown(visit: Any, query: dict[str, str]) -> None:
    page = visit(**query)
    assert not page.error
    assert not page.warning


def test_senseless_settings_are_said_and_the_page_lives_on(visit: Any, words: Callable) -> None:
    page = visit(
        losses_against="sideways", losses_shown="mse,hinge", losses_at="there", losses_reach="1e9",
        losses_classes="two", losses_focus="nowhere",
    )  # fmt: skip
    said = words(page)
    for part in ("sideways", "mse", "there", "1e9", "two", "nowhere"):
        assert part in said


@pytest.mark.parametrize("place", range(len(suggestions(texts("losses")["try"]))))
def test_every_suggestion_leads_to_a_page(visit: Any, place: int) -> None:
    page = visit()
    page.button(key=f"losses_try_{place}").click().run()
    assert not page.exception
    assert not page.warning


def test_a_new_row_is_on_the_page(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is all that a new loss needs."""
    from models.losses import Distance, Loss

    row = Loss(
        name="log_cosh",
        title="Log cosh",
        formula=r"\ln \cosh (s - y)",
        summary="A square near the target and a line far from it, without a corner.",
        source="a test",
        tasks=("regression",),
        build=lambda reduction="mean": Distance(lambda s, y: (s - y).cosh().log(), reduction),
    )
    monkeypatch.setitem(LOSSES._rows, "log_cosh", row)
    page = visit(losses_against="number", losses_numbers="log_cosh")
    assert not page.warning
    values = curves(page)["log_cosh"]
    assert values[300] == pytest.approx(0, abs=1e-5)
    assert values[0] == pytest.approx(6 - 0.69315, abs=1e-4)
    assert any("Log cosh" in each.value for each in page.markdown)


@pytest.mark.parametrize(
    "query",
    [
        {"losses_tab": "Softmax", "losses_temperature": "0.2", "losses_softmax": "8,-8;0,1"},
        {"losses_tab": "Softmax"},
        {"losses_tab": "Entropy", "losses_entropy": "1,0,0,0,0,0,0,0;0,1,0,0,0,0,0,0"},
        {"losses_tab": "Why not squared error", "losses_start": "-8.0", "losses_rate": "5"},
        {"losses_tab": "Race"},
    ],
)
def test_every_other_tab_opens_with_extreme_settings(visit: Any, query: dict[str, str]) -> None:
    page = visit(**query)
    assert not page.error
    assert not page.warning


def test_senseless_rows_are_said(visit: Any, words: Callable) -> None:
    for tab, query, rule in (
        ("Softmax", {"losses_softmax": "1,2,3"}, "two rows of 2 to 8"),
        ("Softmax", {"losses_softmax": "1,99;1,0"}, "between -8 and 8"),
        ("Entropy", {"losses_entropy": "0,0;1,0"}, "one above 0"),
    ):
        assert rule in words(visit(losses_tab=tab, **query)).replace("\\", "")


def test_the_descent_chart_has_a_line_for_each_loss() -> None:
    rows = {"One": torch.tensor([0.1, 0.6]), "Two": torch.tensor([0.1, 0.2])}
    figure = loss_descent_chart(rows)
    assert [trace.name for trace in figure.data] == ["One", "Two"]
    assert list(figure.data[0].y) == pytest.approx([0.1, 0.6])
