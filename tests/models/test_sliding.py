"""Windows over numbers: sizes by formula and costs of stacks are PyTorch's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from models.convolution_stack import StackLayer, parsed_stack, stack_rows
from models.kernels import KERNELS
from models.receptive_field import receptive_fields
from models.sliding import (
    LARGEST_SIDE,
    PADDING_MODES,
    SLIDES,
    Slide,
    code_of,
    common_divisors,
    fitting,
    output_size,
    slid,
    slid_channels,
    torch_weights,
    weights_and_work,
)

NUMBERS = torch.tensor(
    [[1.0, 2, 0, 3, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [5, 2, 3, 1, 1], [2, 1, 0, 1, 1]]
)


def test_the_worked_example() -> None:
    found = slid(NUMBERS, torch.tensor(KERNELS["example"].rows, dtype=torch.float32), Slide())
    assert found.tolist() == [[10, 12, 12], [18, 16, 16], [13, 9, 3]]


slides = st.builds(
    Slide,
    st.sampled_from(SLIDES.names()),
    st.integers(1, 4),
    st.integers(0, 4),
    st.integers(1, 3),
    st.sampled_from(PADDING_MODES),
    st.integers(1, LARGEST_SIDE),
).map(fitting)


@given(slides, st.integers(1, 9), st.integers(1, 4))
def test_the_size_of_the_formula_is_what_comes_out(slide: Slide, length: int, kernel: int) -> None:
    numbers, weights = torch.randn(length, length + 1), torch.ones(kernel, kernel)
    try:
        found = slid(numbers, weights, slide)
    except ValueError:
        return  # a sentence of ours, never an error of PyTorch's
    assert found.shape == tuple(output_size(size, kernel, slide) for size in numbers.shape)
    names = {"functional": functional, "picture": numbers[None, None], "kernel": weights[None, None]}
    shown = eval(code_of(slide, weights.shape), names)  # noqa: S307 - our own line, as the page shows it
    assert torch.equal(shown[0, 0], found)


sizes = st.integers(1, 9)


@given(sizes, sizes, st.integers(1, LARGEST_SIDE))
def test_adaptive_windows_begin_and_end_as_their_summary_says(height: int, width: int, side: int) -> None:
    numbers = torch.randn(height, width)
    means, largest = (
        slid(numbers, torch.ones(1, 1), Slide(f"adaptive_{kind}", side=side))
        for kind in ("average", "maximum")
    )
    for row in range(side):
        for column in range(side):
            window = numbers[
                math.floor(row * height / side) : math.ceil((row + 1) * height / side),
                math.floor(column * width / side) : math.ceil((column + 1) * width / side),
            ]
            assert means[row, column].item() == pytest.approx(window.mean().item(), abs=1e-5)
            assert largest[row, column] == window.max()


@given(sizes, sizes, st.integers(1, 4))
def test_upsampling_copies_or_weighs_neighbours(height: int, width: int, factor: int) -> None:
    numbers = torch.randn(height, width)
    copied = np.kron(numbers.numpy(), np.ones((factor, factor), np.float32))
    assert np.array_equal(slid(numbers, torch.ones(1, 1), Slide("nearest", factor)).numpy(), copied)
    places = [
        np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1) for size in (height, width)
    ]
    down, across = (
        np.stack([np.interp(place, np.arange(size), unit) for unit in np.eye(size)], axis=1)
        for place, size in zip(places, (height, width), strict=True)
    )
    wanted = down @ numbers.numpy() @ across.T
    assert np.allclose(slid(numbers, torch.ones(1, 1), Slide("bilinear", factor)).numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("slide", "rule"),
    [
        (Slide(dilation=3), "does not fit"),
        (Slide(padding=5, mode="reflect"), "has 4 numbers to repeat"),
        (Slide("maximum", padding=2), "half of that at most"),
        (Slide("average", dilation=2), "average pooling has none"),
        (Slide("maximum", mode="circular"), "zeros alone"),
        (Slide(mode="ones"), "it can be of zeros"),
        (Slide("adaptive_average", side=0), "choose 1 to 12"),
        (Slide("adaptive_maximum", stride=2), "stride is 2, and adaptive max pooling has none; make it 1"),
        (Slide("bilinear", padding=1), "padding is 1, and upsampling, bilinear has none; make it 0"),
    ],
)
def test_a_window_that_cannot_slide_is_refused(slide: Slide, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        slid(NUMBERS, torch.ones(3, 3), slide)


@given(
    st.sampled_from(("convolution", "transposed")),
    sizes,
    sizes,
    st.integers(1, 3),
    st.integers(1, 3),
    st.data(),
)
def test_groups_are_convolutions_side_by_side(
    kind: str, channels: int, filters: int, stride: int, size: int, data: st.DataObject
) -> None:
    groups = data.draw(st.sampled_from(common_divisors(channels, filters)))
    slide = Slide(kind, stride, 1, groups=groups)
    numbers = torch.randn(channels, 5, 6)
    weights = torch.randn(filters, channels // groups, size, size)
    layer = {"convolution": nn.Conv2d, "transposed": nn.ConvTranspose2d}[kind](
        channels, filters, size, stride, 1, groups=groups, bias=False
    )
    with torch.no_grad():
        layer.weight.copy_(torch_weights(weights, slide))
        found = slid_channels(numbers, weights, slide)
        assert torch.equal(found, layer(numbers[None])[0])
        names = {"functional": functional, "picture": numbers[None], "kernel": layer.weight}
        assert torch.equal(eval(code_of(slide, (size, size)), names)[0], found)  # noqa: S307 - our own line
        parts = zip(numbers.chunk(groups), weights.chunk(groups), strict=True)
        alone = [slid_channels(each, kernels, Slide(kind, stride, 1)) for each, kernels in parts]
        assert torch.allclose(torch.cat(alone), found, atol=1e-5)
        with FlopCounterMode(display=False) as counter:
            layer(numbers[None])
    work = counter.get_total_flops() // 2  # a multiplication and an addition each
    assert weights_and_work(channels, (5, 6), tuple(weights.shape), slide) == (layer.weight.numel(), work)


def test_groups_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="3 groups for 4 channels and 6 filters"):
        slid_channels(torch.ones(4, 5, 5), torch.ones(6, 1, 3, 3), Slide(groups=3))
    with pytest.raises(ValueError, match="with 2 groups it sees 2 of 4 channels"):
        slid_channels(torch.ones(4, 5, 5), torch.ones(6, 4, 3, 3), Slide(groups=2))
    with pytest.raises(ValueError, match="groups is 2, and max pooling has none; make it 1"):
        slid(NUMBERS, torch.ones(2, 2), Slide("maximum", 2, groups=2))


def test_slopes_add_up_to_nothing_and_averages_to_one() -> None:
    for kernel in KERNELS:
        total = sum(map(sum, kernel.rows))
        if kernel.name.startswith(("sobel", "prewitt", "roberts", "laplacian")):
            assert total == 0
        elif kernel.name in ("mean", "gaussian", "identity", "sharpen"):
            assert total == pytest.approx(1)


def built(layers: list[StackLayer], channels: int) -> nn.Sequential:
    made: list[nn.Module] = []
    for layer in layers:
        out = layer.channels or channels
        window = {"kernel_size": layer.kernel, "stride": layer.stride, "padding": layer.padding}
        if layer.kind == "convolution":
            made.append(nn.Conv2d(channels, out, dilation=layer.dilation, groups=layer.groups, **window))
        elif layer.kind == "depthwise":
            made.append(nn.Conv2d(channels, out, groups=channels, dilation=layer.dilation, **window))
        elif layer.kind == "transposed":
            made.append(
                nn.ConvTranspose2d(channels, out, dilation=layer.dilation, groups=layer.groups, **window)
            )
        else:
            made.append({"maximum": nn.MaxPool2d, "average": nn.AvgPool2d}[layer.kind](**window))
        channels = out
    return nn.Sequential(*made)


@pytest.mark.parametrize(
    "text",
    [
        "c16k3p1, m2, c32k3p1, m2, d, c64k1",
        "c8k5s2p2 c8k3p2d2 a2",
        "d m3s2p1 c4k1",
        "c4k3p1 x6k4s2p1",
        "c12k3p1g3 c8k3g4 c8k1g8 x4k2s2g2",
    ],
)
def test_a_stack_costs_and_sees_what_pytorch_says(text: str) -> None:
    layers = parsed_stack(text)
    network = built(layers, 3)
    rows = stack_rows(layers, 3, 32)
    picture = torch.randn(1, 3, 32, 32)
    for part, row in zip(network, rows, strict=True):
        with FlopCounterMode(display=False) as counter:
            picture = part(picture)
        assert picture.shape[1:] == (row.channels, row.size, row.size)
        assert sum(parameter.numel() for parameter in part.parameters()) == row.parameters
        assert counter.get_total_flops() / 2 == row.multiply_adds
    if "x" not in text:
        seen = receptive_fields(network, (3, 32, 32))
        assert [seen[str(place)].size for place in range(len(rows))] == [
            (row.field, row.field) for row in rows
        ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "0 layers"),
        ("q3", "is no layer"),
        ("ck3", "how many channels"),
        ("c8k99", "out of range"),
        ("c8g3", "write g with one of 1, 2, 4, 8"),
        ("m2g2", "leave g out"),
        ("c8g0", "0 groups"),
    ],
)
def test_a_stack_that_cannot_be_read_is_refused(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parsed_stack(text)


def test_groups_must_divide_what_goes_in() -> None:
    with pytest.raises(ValueError, match=r"layer 2: 4 groups do not divide the 6 channels.*one of 1, 2$"):
        stack_rows(parsed_stack("c6k1 c8k1g4"), 3, 8)


def test_a_stack_that_runs_out_of_pixels_says_where() -> None:
    with pytest.raises(ValueError, match="layer 4: a window of 2 does not fit into 1"):
        stack_rows(parsed_stack("m2 m2 m2 m2"), 1, 8)
