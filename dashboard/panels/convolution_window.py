"""The window that slides, its settings, the size of what comes out by formula, and PyTorch's own answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from dashboard.language import _
from dashboard.number_grid import LARGEST_SIDE as LARGEST_GRID
from dashboard.number_grid import packed_grid, unpacked_grid
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import noted_problem
from dashboard.panels.convolution_picture import convolution_picture
from dashboard.panels.convolution_trained import trained_kernel
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.slide_board import Grid, slide_board
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
    slid,
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
        usual = _input(words)
        slide, preset = _settings(settings, words)
    numbers = _grid(NUMBERS, usual)
    kernel = _grid(WEIGHTS, preset)
    with right:
        kernel = _board(numbers, kernel, usual, preset, slide, words)
    convolution_picture(kernel, slide, words)


def _board(
    numbers: Grid, kernel: Grid, usual: Grid, preset: Grid, slide: Slide, words: Mapping[str, str]
) -> Grid:
    """Draws the window and its answer; the kernel as the reader has edited it."""
    try:
        check_slide((len(numbers), len(numbers[0])), (len(kernel), len(kernel[0])), slide)
    except ValueError as problem:
        st.warning(plain(str(problem)))
        return kernel
    given = f"{packed_grid(numbers)}|{packed_grid(kernel)}"
    pen = st.session_state.get("convolution_input") == "drawing"
    told = slide_board("convolution_board", numbers, kernel, slide, _handed(given), pen)
    _keep(NUMBERS, told[0], usual)
    _keep(WEIGHTS, told[1], preset)
    st.session_state[_HANDED] = f"{packed_grid(told[0])}|{packed_grid(told[1])}"
    _answer(*told, slide, words)
    return told[1]


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


def _settings(settings: Settings, words: Mapping[str, str]) -> tuple[Slide, Grid]:
    """Each control that the kind has; what they say, and the kernel before a hand changes it."""
    kind = named_choice(
        _("Kind"), SLIDES.names(), "convolution", "convolution_kind", lambda name: _(SLIDES[name].title)
    )
    row = SLIDES[kind]
    chosen: dict[str, Any] = {}
    st.caption(_(row.summary))
    kernel = _kernel(row, settings, words)
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
    return slide, kernel


TRAINED = "trained"  # beside the names of KERNELS


def _kernel(row: SlideKind, settings: Settings, words: Mapping[str, str]) -> Grid:
    """The kernel that is chosen, where the kind has one: of the table, or of a trained network."""
    name = "example"
    if row.has_kernel:
        said = str(st.session_state.get("convolution_kernel", name))
        name = named_choice(
            _("Kernel") if row.has_weights else _("Window as large as"),
            [*KERNELS.names(), TRAINED], name, "convolution_kernel",
            lambda name: _("Of a trained network") if name == TRAINED else _(KERNELS[name].title),
            help=_(KERNELS[said].summary) if said in KERNELS else words["trained"], on_change=_forget,
        )  # fmt: skip
    found = trained_kernel(settings, words, _forget) if name == TRAINED else None
    return found or [list(each) for each in KERNELS["example" if name == TRAINED else name].rows]


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


def _grid(key: str, usual: Grid) -> Grid:
    """What the session or the address says, else the usual numbers."""
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get(key, "")
    text = str(st.session_state[key])
    if not text:
        return usual
    try:
        return unpacked_grid(text)
    except ValueError as problem:
        noted_problem(key, str(problem))
        st.session_state[key] = ""
        return usual


def _keep(key: str, grid: Grid, usual: Grid) -> None:
    """In the session and the address, where it is not what is usual."""
    text = "" if packed_grid(grid) == packed_grid(usual) else packed_grid(grid)
    st.session_state[key] = text
    if text:
        st.query_params[key] = text
    elif key in st.query_params:
        del st.query_params[key]


def _answer(numbers: Grid, kernel: Grid, slide: Slide, words: Mapping[str, str]) -> None:
    import torch

    given, weights = (torch.tensor(grid, dtype=torch.float32) for grid in (numbers, kernel))
    found = slid(given, weights, slide)
    row = SLIDES[slide.kind]
    size: dict[str, Any] = {"n": len(numbers), "k": len(kernel)}
    st.latex(rf"{row.size} = {output_size(size['n'], size['k'], slide)}")
    st.caption(f"{_symbols(row, size, slide)}. " + words["agrees"].format(function=row.source))
    rows = [", ".join(f"{value:.6g}" for value in line) for line in found.tolist()]
    st.code(
        f"# {code_of(slide, weights.shape)}\n" + "\n".join(rows),
        language="python",
        height=HIGH if len(rows) > MOST_ROWS else "content",
    )


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
