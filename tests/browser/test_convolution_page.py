"""The sliding window in a browser: it computes what PyTorch does, and numbers can be typed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from models.kernels import KERNELS
from models.sliding import Slide, slid
from tests.browser.places import place_of

STARTING = 90_000  # milliseconds; the first page of a server imports PyTorch
NUMBERS = [[1, 2, 0, 3, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [5, 2, 3, 1, 1], [2, 1, 0, 1, 1]]


def board(page: Any) -> Any:
    return page.locator(".descent-slide")


@pytest.mark.parametrize(
    ("slide", "kernel"),
    [
        (Slide("convolution", 2, 3, 2, "reflect"), "gaussian"),
        (Slide("convolution", 1, 2, 1, "circular"), "roberts"),
        (Slide("transposed", 2, 1, 2), "emboss"),
        (Slide("maximum", 2, 1, 2), "example"),
        (Slide("average", 3, 1), "roberts"),
        (Slide("adaptive_maximum", side=7), "example"),
        (Slide("adaptive_average", side=4), "example"),
        (Slide("nearest", 3), "example"),
        (Slide("bilinear", 4), "example"),
    ],
    ids=lambda value: value.kind if isinstance(value, Slide) else value,
)
def test_the_board_computes_what_pytorch_does(page: Any, dashboard: Any, slide: Slide, kernel: str) -> None:
    settings = {
        "kind": slide.kind, "stride": slide.stride, "padding": slide.padding, "dilation": slide.dilation,
        "mode": slide.mode, "kernel": kernel, "side": slide.side,
        "factor": slide.stride,
    }  # fmt: skip
    page.goto(
        dashboard.page("convolution", **{f"convolution_{key}": value for key, value in settings.items()})
    )
    expect(board(page)).to_have_attribute("data-output", re.compile("[0-9]"), timeout=STARTING)
    weights = torch.tensor(KERNELS[kernel].rows, dtype=torch.float32)
    wanted = slid(torch.tensor(NUMBERS, dtype=torch.float32), weights, slide)
    assert torch.allclose(
        torch.tensor(json.loads(board(page).get_attribute("data-output")), dtype=torch.float32),
        wanted,
        atol=1e-4,
    )


def test_the_sum_follows_the_pointer_and_numbers_are_typed(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("convolution"))
    outputs = board(page).locator(".cell.out")
    expect(outputs).to_have_count(9, timeout=STARTING)
    outputs.nth(8).hover()
    expect(board(page).locator(".sum")).to_have_text(
        "1·1 + 0·2 + 0·1 + 3·0 + 1·1 + 1·0 + 0·2 + 1·1 + 1·0 = 3"
    )
    board(page).locator(".input input").first.fill("7")
    expect(outputs.first).to_have_text("16")
    expect(page).to_have_url(re.compile("convolution_numbers=7"))
    expect(page.get_by_text("16, 12, 12")).to_be_visible()
    page.reload()
    expect(outputs.first).to_have_text("16", timeout=STARTING)
    board(page).locator(".input input").nth(1).fill("5")
    expect(page).to_have_url(re.compile("convolution_numbers=7%2C5|convolution_numbers=7,5"))
    page.get_by_role("combobox", name="Kernel").click()
    page.get_by_role("option", name="Identity").click()
    expect(page.get_by_text("1, 2, 3")).to_be_visible()  # and not the kernel that was told with the 5
    expect(outputs.first).to_have_text("1")
    expect(page).not_to_have_url(re.compile("convolution_weights"))


def test_a_slider_moves_the_picture_too(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("convolution", convolution_kernel="sobel_x", convolution_picture="chart"))
    shown = page.get_by_role("img", name="Output")
    expect(shown).to_be_visible(timeout=STARTING)
    before = str(shown.get_attribute("src"))
    page.get_by_role("slider", name="Stride").first.press("ArrowRight")
    expect(page.get_by_text("54 × 79")).to_be_visible()
    expect(shown).not_to_have_attribute("src", before)


def test_a_drawing_fills_the_cells_under_the_pen_and_stays_in_the_address(page: Any, dashboard: Any) -> None:
    page.goto(dashboard.page("convolution", convolution_input="drawing", convolution_kernel="identity"))
    cells = board(page).locator(".input .cell")
    expect(cells).to_have_count(144, timeout=STARTING)
    first, last = place_of(cells.nth(5 * 12 + 2)), place_of(cells.nth(5 * 12 + 6))

    def stroke() -> None:
        page.mouse.move(first["x"] + first["width"] / 2, first["y"] + first["height"] / 2)
        page.mouse.down()
        page.mouse.move(last["x"] + last["width"] / 2, last["y"] + last["height"] / 2, steps=12)
        page.mouse.up()

    stroke()
    found = json.loads(board(page).get_attribute("data-output"))
    assert found[4] == [0, 9, 9, 9, 9, 9, 0, 0, 0, 0]  # the identity leaves out a ring
    assert sum(map(sum, found)) == 45
    expect(page).to_have_url(re.compile("convolution_numbers="))
    stroke()
    expect(board(page)).to_have_attribute("data-output", re.compile(r"^[\[\],0]+$"))
