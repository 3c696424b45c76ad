"""The page of sliding windows: its opening example, and what a link may say amiss."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from dashboard.charts.slid_picture import SHOWN, drawn
from dashboard.number_grid import mirrored, packed_grids, unpacked_grid, unpacked_grids
from models.kernels import KERNELS, Kernel
from models.zoo import build_model
from training.checkpoints import Checkpoint, Network, save_checkpoint
from training.filters import filters_of, may_have_filters


def board(page: Any) -> dict[str, Any]:
    sent = [item.proto.mixed.json or item.proto.json for item in page.get("bidi_component")]
    return next(data for data in map(json.loads, filter(None, sent)) if "numbers" in data)


def test_the_page_opens_with_the_worked_example(open_page: Callable) -> None:
    page = open_page("convolution")
    assert board(page)["kernels"] == [[[1, 2, 1], [0, 1, 0], [2, 1, 0]]]
    assert "10, 12, 12\n18, 16, 16\n13, 9, 3" in page.code[0].value
    assert page.dataframe[0].value["parameters"].tolist()[0] == 448


def test_numbers_and_settings_come_from_the_address(open_page: Callable) -> None:
    page = open_page(
        "convolution", convolution_numbers="1,2;3,4", convolution_kind="maximum",
        convolution_kernel="roberts", convolution_stack="c8k3p1", convolution_channels="1",
    )  # fmt: skip
    assert board(page)["numbers"] == [[[1, 2], [3, 4]]]
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


def test_senseless_inputs_of_the_newer_kinds_are_said(open_page: Callable, words: Callable) -> None:
    said = words(
        open_page(
            "convolution", convolution_kind="bilinear", convolution_factor="99", convolution_input="photo",
            convolution_picture="cat", convolution_stack="c8k3g3",
        )
    )  # fmt: skip
    for part in ("99", "photo", "cat", "3 groups for 8 channels"):
        assert part in said
    page = open_page("convolution", convolution_kind="adaptive_average", convolution_side="12")
    assert page.code[0].value.count("\n") == 12  # more come out than go in


def test_a_digit_is_the_input_and_a_picture_below(open_page: Callable, words: Callable) -> None:
    page = open_page(
        "convolution", convolution_input="digit", convolution_digit="3", convolution_kernel="sobel_x",
        convolution_picture="chart", convolution_stride="2",
    )  # fmt: skip
    assert board(page)["numbers"] == [load_digits().images[3].tolist()]
    said = words(page)
    assert "Somebody wrote a 3" in said
    assert "110 × 160" in said
    assert "54 × 79" in said  # (110 - 3) // 2 + 1, (160 - 3) // 2 + 1
    assert "pale is 0" in said  # slopes have both signs


def test_a_trained_kernel_fills_the_board(open_page: Callable, make_run: Callable, words: Callable) -> None:
    page = open_page("convolution", convolution_kernel="trained")
    assert "No network with convolutions" in words(page)
    assert board(page)["kernels"] == [[[1, 2, 1], [0, 1, 0], [2, 1, 0]]]
    folder = make_run(kind="train", model="lenet5") / "checkpoints"
    network = build_model("lenet5", (1, 8, 8), 10)
    position = {"step": 1, "epoch": 1, "batch": 0}
    described = Network("lenet5", {}, (1, 8, 8), 10)
    save_checkpoint(folder, "best", Checkpoint(described, network.state_dict(), position, {}))
    filters = filters_of(network, 12)
    name = list(filters)[1]
    page = open_page(
        "convolution", convolution_kernel="trained", convolution_layer=name, convolution_filter="2",
        convolution_channel="3", convolution_input="digit",
    )  # fmt: skip
    kernel = torch.tensor(board(page)["kernels"])
    assert torch.allclose(kernel, filters[name][2, 3], rtol=1e-3)
    assert "convolution_weights" not in page.query_params  # run, layer and filter say it all
    last = filters[name].shape[0] - 1
    page = open_page(
        "convolution", convolution_kernel="trained", convolution_layer=name, convolution_filter=str(last),
        convolution_channel="3", convolution_in="2", convolution_out="2",
    )  # fmt: skip
    kernels = torch.tensor(board(page)["kernels"]).unflatten(0, (2, 2))
    assert torch.allclose(kernels, filters[name][[last, 0], 3:5], rtol=1e-3)
    assert not may_have_filters(folder / "nowhere.safetensors")
    assert not filters_of(network, 1)


@pytest.mark.parametrize(
    ("values", "first"),
    [([[-2.0, 0.0], [0.0, 1.0]], None), ([[0.5, 0.0], [0.0, 1.0]], 128), ([[3.0, 3.0], [3.0, 3.0]], 255)],
)
def test_numbers_of_one_sign_are_grey(values: list[list[float]], first: int | None) -> None:
    pixels = drawn(np.array(values, np.float32))
    assert pixels.shape == (SHOWN, SHOWN, 3)
    grey = bool((pixels == pixels[..., :1]).all())
    assert grey == (first is not None)
    assert first is None or pixels[0, 0, 0] == first


@pytest.mark.parametrize("text", ["", "a,b", "1,2;3", "1e9", "nan", ",".join("1" * 13)])
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the numbers"):
        unpacked_grid(text)
    with pytest.raises(ValueError, match="the numbers"):
        unpacked_grids(f"1,2/{text}")
    assert unpacked_grids(packed_grids([[[1, -0.5]], [[0, 3]]])) == [[[1, -0.5]], [[0, 3]]]


def test_grids_of_one_size_are_asked_for() -> None:
    with pytest.raises(ValueError, match="1 x 2 and 2 x 1; all must be equally large"):
        unpacked_grids("1,2/1;2")
    with pytest.raises(ValueError, match="16 are the most"):
        unpacked_grids("/".join("1" * 17))
    assert [mirrored([[1, 2], [3, 4]], number)[0] for number in range(5)] == [
        [1, 2],
        [2, 1],
        [3, 4],
        [4, 3],
        [1, 2],
    ]


def test_groups_are_those_that_divide_and_depthwise_is_one_of_them(
    open_page: Callable, words: Callable
) -> None:
    page = open_page("convolution", convolution_in="4", convolution_out="4", convolution_groups="4")
    sent = board(page)
    assert (len(sent["numbers"]), len(sent["kernels"]), sent["slide"]["groups"]) == (4, 4, 4)
    weights = torch.tensor(sent["kernels"], dtype=torch.float32)[:, None]
    wanted = functional.conv2d(torch.tensor(sent["numbers"], dtype=torch.float32), weights, groups=4)
    said = [line for line in page.code[0].value.splitlines() if not line.startswith("#")]
    assert [float(each) for line in said for each in line.split(", ")] == wanted.flatten().tolist()
    assert "36 weights" in words(page)
    assert "depthwise" in words(page)
    page.slider(key="convolution_out").set_value(2).run()
    assert board(page)["slide"]["groups"] == 2  # 4 does not divide two filters
    assert page.query_params["convolution_groups"] == "2"
    page.select_slider(key="convolution_groups_of_4_2").set_value(1).run()
    assert board(page)["slide"]["groups"] == 1
    assert "convolution_groups" not in page.query_params


def test_senseless_channels_are_said_and_missing_ones_are_mirrored(
    open_page: Callable, words: Callable
) -> None:
    page = open_page(
        "convolution", convolution_in="9", convolution_out="no", convolution_groups="many",
        convolution_numbers="1,2/3;4",
    )  # fmt: skip
    assert words(page).count("a number between 1 and 4") == 2
    for part in ("many", "must be equally large"):
        assert part in words(page)
    page = open_page(
        "convolution", convolution_in="2", convolution_numbers="1,2;3,4", convolution_kernel="roberts"
    )
    assert board(page)["numbers"] == [[[1, 2], [3, 4]], [[2, 1], [4, 3]]]
    page = open_page("convolution", convolution_in="4", convolution_out="4", convolution_groups="3")
    assert "it can be 1, 2, 4" in words(page).replace("\\", "")
    assert page.query_params["convolution_groups"] == "2"
    page = open_page("convolution", convolution_kind="maximum", convolution_in="3", convolution_groups="3")
    assert len(board(page)["numbers"]) == 1  # poolings have no groups
    assert not page.exception


def test_an_empty_sheet_waits_for_a_drawing(open_page: Callable) -> None:
    page = open_page("convolution", convolution_input="drawing")
    sent = board(page)
    assert sent["pen"]
    assert sent["numbers"] == [[[0] * 12] * 12]
    assert not board(open_page("convolution"))["pen"]


def test_a_new_kernel_is_on_the_page(open_page: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Kernel("corner", "Corner", "Answers where two edges meet.", "this test", ((1, -1), (-1, 1)))
    monkeypatch.setitem(KERNELS._rows, row.name, row)
    page = open_page("convolution", convolution_kernel="corner")
    assert board(page)["kernels"] == [[[1, -1], [-1, 1]]]
    assert "Corner" in next(box for box in page.selectbox if box.key == "convolution_kernel").options
