"""The window that slides, its settings, the size of what comes out by formula, and PyTorch's own answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.number_grid import packed_grid, unpacked_grid
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import noted_problem
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.slide_board import Grid, slide_board
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
EXAMPLE: Grid = [[1, 2, 0, 3, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [5, 2, 3, 1, 1], [2, 1, 0, 1, 1]]


@st.fragment
def convolution_window(words: Mapping[str, str]) -> None:
    """Runs again by itself when a control or a number changes."""
    left, right = beside("convolution_window")
    with left:
        slide, kernel_name = _settings(words)
    preset = [list(row) for row in KERNELS[kernel_name].rows]
    numbers = _grid(NUMBERS, EXAMPLE)
    kernel = _grid(WEIGHTS, preset)
    with right:
        try:
            check_slide((len(numbers), len(numbers[0])), (len(kernel), len(kernel[0])), slide)
        except ValueError as problem:
            st.warning(plain(str(problem)))
            return
        given = f"{packed_grid(numbers)}|{packed_grid(kernel)}"
        told = slide_board("convolution_board", numbers, kernel, slide, _handed(given))
        _keep(NUMBERS, told[0], EXAMPLE)
        _keep(WEIGHTS, told[1], preset)
        st.session_state[_HANDED] = f"{packed_grid(told[0])}|{packed_grid(told[1])}"
        _answer(*told, slide, words)


def _settings(words: Mapping[str, str]) -> tuple[Slide, str]:
    """Each control that the kind has."""
    kind = named_choice(
        _("Kind"), SLIDES.names(), "convolution", "convolution_kind", lambda name: _(SLIDES[name].title)
    )
    row = SLIDES[kind]
    chosen: dict[str, Any] = {}
    st.caption(_(row.summary))
    kernel = _known("convolution_kernel")
    if row.has_kernel:
        kernel = named_choice(
            _("Kernel") if row.has_weights else _("Window as large as"),
            KERNELS.names(), "example", "convolution_kernel", lambda name: _(KERNELS[name].title),
            help=_(KERNELS[kernel].summary), on_change=_forget,
        )  # fmt: skip
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


def _known(key: str) -> str:
    name = str(st.session_state.get(key, "example"))
    return name if name in KERNELS else "example"


def _forget() -> None:
    """Another kernel is chosen: what was typed into the old one goes."""
    st.session_state[WEIGHTS] = ""


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
    st.code(f"# {code_of(slide, weights.shape)}\n" + "\n".join(rows), language="python")


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
