"""The sliding window in a browser: it computes what PyTorch does, and numbers can be typed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch
from playwright.sync_api import expect
from torch.nn import functional

from models.kernels import KERNELS
from models.sliding import Slide, slid_channels
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
        (Slide("convolution", groups=2), "example"),
        (Slide("convolution", 2, 1, 2, "replicate", groups=4), "sobel_x"),
        (Slide("transposed", 2, 1, groups=2), "roberts"),
        (Slide("transposed", 2, 1, 2), "emboss"),
        (Slide("maximum", 2, 1, 2), "example"),
        (Slide("average", 3, 1), "roberts"),
        (Slide("adaptive_maximum", side=7), "example"),
        (Slide("adaptive_average", side=4), "example"),
        (Slide("nearest", 3), "example"),
        (Slide("bilinear", 4), "example"),
    ],
    ids=lambda value: f"{value.kind}_{value.groups}" if isinstance(value, Slide) else value,
)
def test_the_board_computes_what_pytorch_does(page: Any, dashboard: Any, slide: Slide, kernel: str) -> None:
    settings = {
        "kind": slide.kind,
        "stride": slide.stride,
        "padding": slide.padding,
        "dilation": slide.dilation,
        "mode": slide.mode,
        "kernel": kernel,
        "side": slide.side,
        "factor": slide.stride,
        "groups": slide.groups,
    }
    channels = 4 if slide.groups > 1 else 1  # four come in and go out
    settings |= {"in": channels, "out": channels}  # fmt: skip
    page.goto(
        dashboard.page("convolution", **{f"convolution_{key}": value for key, value in settings.items()})
    )
    expect(board(page)).to_have_attribute("data-output", re.compile("[0-9]"), timeout=STARTING)
    seen = channels // slide.groups
    numbers = torch.stack([turned(NUMBERS, place) for place in range(channels)])
    kernels = [turned(KERNELS[kernel].rows, out + place) for out in range(channels) for place in range(seen)]
    weights = torch.stack(kernels).unflatten(0, (channels, seen))
    found = torch.tensor(json.loads(board(page).get_attribute("data-output")), dtype=torch.float32)
    assert torch.allclose(found, slid_channels(numbers, weights, slide), atol=1e-4)
    if slide == Slide(groups=2):  # and so by PyTorch's own function, named here
        assert torch.equal(found, functional.conv2d(numbers[None], weights, groups=2)[0])


def turned(rows: Any, number: int) -> torch.Tensor:
    """Channels and filters after the first begin mirrored: left to right, upside down, both."""
    axes = {0: [], 1: [1], 2: [0], 3: [0, 1]}[number % 4]
    return torch.tensor(rows, dtype=torch.float32).flip(axes)


def test_a_number_of_a_group_is_written_out_channel_by_channel(page: Any, dashboard: Any) -> None:
    settings = {"convolution_in": 4, "convolution_out": 4, "convolution_groups": 2}
    page.goto(dashboard.page("convolution", **settings))
    boxes = board(page).locator(".box")
    expect(boxes).to_have_count(2, timeout=STARTING)
    boxes.nth(1).locator(".output").nth(1).locator(".cell").nth(4).hover()  # channel 4, in the middle
    expect(boxes.nth(1)).to_have_class(re.compile("active"))
    expect(boxes.nth(1).locator(".input .in")).to_have_count(18)  # 3 x 3 in both of its channels
    expect(boxes.nth(0).locator(".in")).to_have_count(0)
    lines = board(page).locator(".sum p")
    expect(lines).to_have_count(4)
    expect(lines.first).to_have_text("Output 4 at 2, 2, of group 2, from input 3, 4:")
    sums = [float(str(lines.nth(place).inner_text()).rsplit("= ", 1)[1]) for place in (1, 2, 3)]
    found = json.loads(board(page).get_attribute("data-output"))
    assert sums[0] + sums[1] == sums[2] == found[3][1][1]
    first = boxes.nth(1).locator(".weights input").first
    first.fill("5")  # of the fourth filter, for the third channel
    expect(page).to_have_url(re.compile("convolution_weights="))
    changed = json.loads(board(page).get_attribute("data-output"))
    assert changed[:3] == found[:3]
    assert changed[3] != found[3]
    page.get_by_role("slider", name="Groups").press("ArrowRight")
    expect(boxes).to_have_count(4)
    expect(page.get_by_text("this is a depthwise convolution")).to_be_visible()
    expect(page).to_have_url(re.compile("convolution_groups=4"))


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
    assert found[0][4] == [0, 9, 9, 9, 9, 9, 0, 0, 0, 0]  # the identity leaves out a ring
    assert sum(map(sum, found[0])) == 45
    expect(page).to_have_url(re.compile("convolution_numbers="))
    stroke()
    expect(board(page)).to_have_attribute("data-output", re.compile(r"^[\[\],0]+$"))
