"""The page of sliding windows: its opening example, and what a link may say amiss."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dashboard.number_grid import packed_grid, unpacked_grid


def board(page: Any) -> dict[str, Any]:
    sent = [item.proto.mixed.json or item.proto.json for item in page.get("bidi_component")]
    return next(data for data in map(json.loads, filter(None, sent)) if "numbers" in data)


def test_the_page_opens_with_the_worked_example(open_page: Callable) -> None:
    page = open_page("convolution")
    assert board(page)["kernel"] == [[1, 2, 1], [0, 1, 0], [2, 1, 0]]
    assert "10, 12, 12\n18, 16, 16\n13, 9, 3" in page.code[0].value
    assert page.dataframe[0].value["parameters"].tolist()[0] == 448


def test_numbers_and_settings_come_from_the_address(open_page: Callable) -> None:
    page = open_page(
        "convolution", convolution_numbers="1,2;3,4", convolution_kind="maximum",
        convolution_kernel="roberts", convolution_stack="c8k3p1", convolution_channels="1",
    )  # fmt: skip
    assert board(page)["numbers"] == [[1, 2], [3, 4]]
    assert page.code[0].value.endswith("\n4")
    assert page.dataframe[0].value["parameters"].tolist() == [80]


def test_a_senseless_link_is_said_and_the_page_lives(open_page: Callable, words: Callable) -> None:
    page = open_page(
        "convolution", convolution_numbers="1,2;3", convolution_kernel="sharp", convolution_stride="zero",
        convolution_dilation="3", convolution_stack="c0",
    )  # fmt: skip
    said = words(page)
    for part in ("rows must be equally long", "sharp", "does not fit into 5", "how many channels"):
        assert part in said


@pytest.mark.parametrize("text", ["", "a,b", "1,2;3", "1e9", "nan", ",".join("1" * 13)])
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the numbers"):
        unpacked_grid(text)
    assert unpacked_grid(packed_grid([[1, -0.5], [0, 3]])) == [[1, -0.5], [0, 3]]
