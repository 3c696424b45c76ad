"""The page of losses in a browser: what follows the hand is computed there, and is what PyTorch says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from models.loss_curves import loss_points
from models.softmax import cross_entropy, divergence, entropy, logit_gradients, softmax_jacobian

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch


def opened(page: Any, dashboard: Any, **query: str) -> None:
    page.goto(dashboard.page("losses", **query))
    expect(page.get_by_text("Show the code")).to_be_visible(timeout=STARTING)


def found(page: Any) -> dict[str, Any]:
    board = page.locator(".descent-softmax")
    expect(board).to_have_attribute("data-found", re.compile(r"\d"))
    return dict(json.loads(board.get_attribute("data-found")))


def test_the_point_has_autograds_numbers(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, losses_shown="focal,brier", losses_classes="4")
    point = page.get_by_role("slider", name="Drag the point")
    point.focus()
    point.press("Home")
    for _ in range(7):
        point.press("Shift+ArrowRight")  # a twentieth of the width each
    expect(page.get_by_text("at x = -1.80")).to_be_visible()
    place = torch.tensor([-1.8], dtype=torch.float64)
    for name, title in (("focal", "Focal"), ("brier", "Squared error of probabilities")):
        truth = loss_points(name, "lead", place, classes=4)
        cells = page.get_by_role("row", name=re.compile(title)).get_by_role("cell")
        said = [float(cells.nth(place).inner_text()) for place in (1, 2)]
        assert said == pytest.approx([truth.y.item(), truth.derivative.item()], abs=1.1e-4)
    expect(page).to_have_url(re.compile(r"losses_at=-1\.8"))
    page.get_by_role("button", name="Squared error of probabilities", exact=True).last.click()
    expect(page).to_have_url(re.compile("losses_focus=brier"))
    row = page.get_by_role("row", name=re.compile("Squared error"))
    page.reload()
    expect(row).to_have_attribute("aria-selected", "true", timeout=STARTING)
    point.press("Shift+ArrowRight")
    expect(page).to_have_url(re.compile(r"losses_at=-1\.2"))
    page.get_by_role("button", name="Surely wrong").click()
    expect(page.get_by_text("at x = -6.00")).to_be_visible()
    page.get_by_role("slider", name="Classes Classes").press("ArrowRight")  # the place told before is gone
    expect(page).to_have_url(re.compile("losses_classes=5"))
    expect(page).to_have_url(re.compile("losses_at=-6(&|$)"))
    expect(page.get_by_text("at x = -6.00")).to_be_visible()


@pytest.mark.parametrize("tab", ["Softmax", "Why not squared error"])
def test_a_moved_logit_moves_the_jacobian_and_both_gradients(page: Any, dashboard: Any, tab: str) -> None:
    opened(page, dashboard, losses_tab=tab, losses_temperature="2", losses_wrong="2,1,0,-1;0,0,1,0")
    logit = page.get_by_role("slider", name="Logit 2")
    logit.focus()
    before = found(page)
    for _ in range(12):
        logit.press("ArrowLeft")  # a tenth each
    after = found(page)  # at once: no answer of the server is waited for
    assert after != before
    temperature = 2.0 if tab == "Softmax" else 1.0
    z = torch.tensor([2, -0.2, 0, -1], dtype=torch.float64)
    y = torch.tensor(after["y"], dtype=torch.float64)
    likelihood, squared = logit_gradients(z, y, temperature)
    close = {"atol": 1e-9, "rtol": 1e-9}
    torch.testing.assert_close(
        torch.tensor(after["jacobian"], dtype=torch.float64), softmax_jacobian(z, temperature), **close
    )
    for name, truth in (("cross_entropy", likelihood), ("squared", squared)):
        torch.testing.assert_close(torch.tensor(after[name], dtype=torch.float64), truth, **close)
    expect(page).to_have_url(re.compile(r"=2,-0\.2,0,-1|=2%2C-0\.2%2C0%2C-1"))


def test_entropies_are_those_of_the_definitions(page: Any, dashboard: Any) -> None:
    opened(page, dashboard, losses_tab="Entropy", losses_entropy="0.6,0.3,0.1;0.2,0.5,0.3")
    said = found(page)
    q, p = (torch.tensor(said[name], dtype=torch.float64) for name in ("q", "p"))
    torch.testing.assert_close(q, torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64))
    truths = (entropy(q), entropy(p), cross_entropy(q, p), divergence(q, p), divergence(p, q))
    names = ("truth", "belief", "cross", "divergence", "reverse")
    assert [said[name] for name in names] == pytest.approx(list(truths))
    page.get_by_role("slider", name="Prediction 1").press("Home")
    assert found(page)["cross"] == "inf"
    page.get_by_role("button", name="One less").click()
    expect(page.get_by_role("slider", name="Truth 3")).to_have_count(0)


def test_a_wrong_start_is_left_by_one_loss_alone(new_page: Any, dashboard: Any) -> None:
    page = new_page(color_scheme="dark")
    opened(page, dashboard, losses_tab="Why not squared error")
    expect(page.get_by_text("after 6 updates")).to_be_visible()
    slider = page.get_by_role("slider", name="Logit at the start")
    slider.focus()
    slider.press("Home")
    expect(page.get_by_text("not within 200 updates")).to_be_visible()


def test_a_race_of_losses_is_run(page: Any, dashboard: Any) -> None:
    query = {"losses_data": "iris", "losses_epochs": "3", "losses_seeds": "1"}
    opened(page, dashboard, losses_tab="Race", losses_racers="cross_entropy,brier", **query)
    page.get_by_role("button", name="Start the race").click()
    chart = page.get_by_role("figure", name="Curves of the race")
    expect(chart.locator(".scatterlayer .trace")).to_have_count(2, timeout=2 * STARTING)
