"""The window that slides, its settings, the size of what comes out by formula, and PyTorch's own answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from dashboard.language import _
from dashboard.number_grid import LARGEST_SIDE as LARGEST_GRID
from dashboard.number_grid import packed_grids, unpacked_grids
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import noted_problem
from dashboard.panels.convolution_channels import (
    Kernels,
    channel_numbers,
    channel_settings,
    costs,
    filter_kernels,
    mirrored_kernels,
)
from dashboard.panels.convolution_picture import convolution_picture
from dashboard.panels.convolution_trained import trained_kernels
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.slide_board import Grid, Stack, slide_board
from dashboard.settings import Settings
from models.kernels import KERNELS
from models.sliding import (
    LARGEST_SIDE,
    PADDING_MODES,
    SLIDES,
    Slide,
    SlideKind,
    check_slide,
    code_of,
    output_size,
    slid_channels,
    torch_weights,
)

NUMBERS, WEIGHTS = "convolution_numbers", "convolution_weights"  # of the address
MOST_ROWS, HIGH = 10, 280  # of PyTorch's answer; what is longer scrolls in so many pixels
EXAMPLE: Grid = [[1, 2, 0, 3, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [5, 2, 3, 1, 1], [2, 1, 0, 1, 1]]


@st.fragment
def convolution_window(settings: Settings, words: Mapping[str, str]) -> None:
    """The window, then a picture that the same window slides over. Runs again by itself when a control or a
    number changes.
    """
    left, right = beside("convolution_window")
    with left:
        first = _input(words)
        slide, channels, filters, preset = _settings(settings, words)
    usual = channel_numbers(first, channels)
    usual_kernels = filter_kernels(preset, filters, channels // slide.groups)
    numbers = _numbers(usual)
    kernels = _kernels(usual_kernels, filters)
    with right:
        kernels = _board(numbers, kernels, usual, usual_kernels, slide, words)
    convolution_picture(kernels[0], replace(slide, groups=1), words)


def _board(
    numbers: Stack, kernels: Stack, usual: Stack, usual_kernels: Stack, slide: Slide, words: Mapping[str, str]
) -> Stack:
    """Draws the window and its answer; the kernels as the reader has edited them."""
    try:
        check_slide(_size(numbers), _size(kernels), slide)
    except ValueError as problem:
        st.warning(plain(str(problem)))
        return kernels
    given = f"{packed_grids(numbers)}|{packed_grids(kernels)}|{slide.groups}"
    pen = st.session_state.get("convolution_input") == "drawing"
    told = slide_board("convolution_board", numbers, kernels, slide, _handed(given), pen)
    _keep(NUMBERS, told[0], usual)
    _keep(WEIGHTS, told[1], usual_kernels)
    st.session_state[_HANDED] = f"{packed_grids(told[0])}|{packed_grids(told[1])}|{slide.groups}"
    _answer(*told, slide, words)
    return told[1]


def _size(stack: Stack) -> tuple[int, int]:
    return len(stack[0]), len(stack[0][0])


INPUTS = {"hand": "Numbers by hand", "drawing": "A drawing", "digit": "A handwritten digit"}
SHEET: Grid = [[0.0] * LARGEST_GRID for _row in range(LARGEST_GRID)]


def _input(words: Mapping[str, str]) -> Grid:
    """What the board holds before a hand changes it."""
    kind = named_choice(
        _("Input"), list(INPUTS), "hand", "convolution_input", lambda name: _(INPUTS[name]),
        on_change=_forget_numbers,
    )  # fmt: skip
    if kind == "hand":
        return EXAMPLE
    if kind == "drawing":
        st.caption(words["drawing"])
        return SHEET
    digits, classes = _digits()
    number = bound_slider(
        _("Sample"), 0, len(digits) - 1, 0, "convolution_digit", about=words["digit"],
        on_change=_forget_numbers,
    )  # fmt: skip
    st.caption(_("Somebody wrote a {digit}.").format(digit=classes[number]))
    found: Grid = digits[number].tolist()
    return found


@st.cache_resource(show_spinner=False)
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Pictures [samples, 8, 8] from 0 (paper) to 16, and which digit each is."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return loaded.images, loaded.target


def _settings(settings: Settings, words: Mapping[str, str]) -> tuple[Slide, int, int, Kernels]:
    """Each control that the kind has; what they say, how many channels go in and come out, and the kernels
    before a hand changes them.
    """
    kind = named_choice(
        _("Kind"), SLIDES.names(), "convolution", "convolution_kind", lambda name: _(SLIDES[name].title)
    )
    row = SLIDES[kind]
    chosen: dict[str, Any] = {}
    st.caption(_(row.summary))
    kernels = _preset(row, settings, words)
    if "side" in row.settings:
        chosen["side"] = bound_slider(
            _("Numbers a side"), 1, LARGEST_SIDE, 3, "convolution_side", about=words["side"]
        )
    if "stride" in row.settings:
        label, about = (_("Stride"), "stride") if row.has_kernel else (_("Factor"), "factor")
        usual = 1 if row.has_kernel else 2
        key = "convolution_stride" if row.has_kernel else "convolution_factor"
        chosen["stride"] = bound_slider(label, 1, 4, usual, key, about=words[about])
    if "padding" in row.settings:
        chosen["padding"] = bound_slider(_("Padding"), 0, 4, 0, "convolution_padding", about=words["padding"])
    if "dilation" in row.settings:
        chosen["dilation"] = bound_slider(
            _("Dilation"), 1, 3, 1, "convolution_dilation", about=words["dilation"]
        )
    slide = Slide(kind, **chosen)
    if "mode" in row.settings:
        mode = named_choice(_("Padding is of"), PADDING_MODES, "zeros", "convolution_mode", _)
        slide = replace(slide, mode=mode)
    if "groups" not in row.settings:
        return slide, 1, 1, kernels
    channels, filters, groups = channel_settings(words)
    return replace(slide, groups=groups), channels, filters, kernels


TRAINED = "trained"  # beside the names of KERNELS


def _preset(row: SlideKind, settings: Settings, words: Mapping[str, str]) -> Kernels:
    """The kernels that are chosen, where the kind has some: of the table, or of a trained network."""
    name = "example"
    if row.has_kernel:
        said = str(st.session_state.get("convolution_kernel", name))
        name = named_choice(
            _("Kernel") if row.has_weights else _("Window as large as"),
            [*KERNELS.names(), TRAINED], name, "convolution_kernel",
            lambda name: _("Of a trained network") if name == TRAINED else _(KERNELS[name].title),
            help=_(KERNELS[said].summary) if said in KERNELS else words["trained"], on_change=_forget,
        )  # fmt: skip
    found = trained_kernels(settings, words, _forget) if name == TRAINED else None
    rows = KERNELS["example" if name == TRAINED else name].rows
    return found or mirrored_kernels([list(each) for each in rows])


def _forget() -> None:
    """Another kernel is chosen: what was typed into the old one goes."""
    st.session_state[WEIGHTS] = ""


def _forget_numbers() -> None:
    """Other numbers are chosen: what was typed into the old ones goes."""
    st.session_state[NUMBERS] = ""


_HANDED, _GIVEN = "convolution_handed", "convolution_given"


def _handed(given: str) -> str:
    """A name that changes when the numbers come from elsewhere than the board itself."""
    if given != st.session_state.get(_HANDED):
        st.session_state[_GIVEN] = int(st.session_state.get(_GIVEN, 0)) + 1
    return str(st.session_state.get(_GIVEN, 0))


def _numbers(usual: Stack) -> Stack:
    """What the session or the address says, else what is usual. Channels that it does not name are the first
    one mirrored.
    """
    told = _told(NUMBERS)
    return told[: len(usual)] + channel_numbers(told[0], len(usual))[len(told) :] if told else usual


def _kernels(usual: Stack, filters: int) -> Stack:
    """The same for the kernels; where they are not as many as are wanted, the first one mirrored."""
    told = _told(WEIGHTS)
    if not told or len(told) == len(usual):
        return told or usual
    return filter_kernels(mirrored_kernels(told[0]), filters, len(usual) // filters)


def _told(key: str) -> Stack:
    """What the session or the address says; empty where that is nothing, or no numbers."""
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get(key, "")
    text = str(st.session_state[key])
    try:
        return unpacked_grids(text) if text else []
    except ValueError as problem:
        noted_problem(key, str(problem))
        st.session_state[key] = ""
        return []


def _keep(key: str, stack: Stack, usual: Stack) -> None:
    """In the session and the address, where it is not what is usual."""
    text = "" if packed_grids(stack) == packed_grids(usual) else packed_grids(stack)
    st.session_state[key] = text
    if text:
        st.query_params[key] = text
    elif key in st.query_params:
        del st.query_params[key]


def _answer(numbers: Stack, kernels: Stack, slide: Slide, words: Mapping[str, str]) -> None:
    import torch

    given = torch.tensor(numbers, dtype=torch.float32)
    weights = torch.tensor(kernels, dtype=torch.float32)
    weights = weights.unflatten(0, (-1, len(numbers) // slide.groups))
    found = slid_channels(given, weights, slide)
    row = SLIDES[slide.kind]
    size: dict[str, Any] = {"n": len(numbers[0]), "k": len(kernels[0])}
    st.latex(rf"{row.size} = {output_size(size['n'], size['k'], slide)}")
    st.caption(f"{_symbols(row, size, slide)}. " + words["agrees"].format(function=row.source))
    code = [f"# {code_of(slide, weights.shape[2:])}"]
    if many := len(numbers) > 1 or len(kernels) > 1:
        sizes = [1, *given.shape], list(torch_weights(weights, slide).shape)
        code.append("# picture {}, kernel {}".format(*sizes))
    for number, channel in enumerate(found.tolist(), start=1):
        code += [f"# output channel {number}"] if many else []
        code += [", ".join(f"{value:.6g}" for value in line) for line in channel]
    tall = len(code) > MOST_ROWS + 1
    # Plain where it is long: in colours each number is an element of its own, and hundreds are slow to draw.
    st.code("\n".join(code), language=None if tall else "python", height=HIGH if tall else "content")
    if many:
        st.caption(costs(numbers, kernels, slide, words))


def _symbols(row: SlideKind, size: Mapping[str, int], slide: Slide) -> str:
    """What stands for which number in the formula."""
    said = [f"n = {size['n']}"]
    if row.has_kernel:
        said.append(f"k = {size['k']}")
    named = {
        "stride": _("stride s = {value}") if row.has_kernel else _("factor s = {value}"),
        "padding": _("padding p = {value}"),
        "dilation": _("dilation d = {value}"),
        "side": _("numbers a side m = {value}"),
    }
    said += [text.format(value=getattr(slide, name)) for name, text in named.items() if name in row.settings]
    return ", ".join(said)
