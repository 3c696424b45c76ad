"""A window that slides over numbers, in the browser; what it gives is compared with PyTorch on the server."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import streamlit as st

from dashboard.language import _
from dashboard.number_grid import packed_grids, unpacked_grids
from dashboard.panels.film import joined
from models.sliding import SLIDES, Slide

HERE = Path(__file__).resolve().parent
Grid = list[list[float]]
Stack = list[Grid]  # of one size: the channels of an input, or kernels, filter after filter

_SLIDE = st.components.v2.component(
    "descent_slide",
    html='<div class="descent-slide"></div>\n<!-- filled by slide.js -->',
    css=(HERE / "slide.css").read_text(encoding="utf-8"),
    js=joined("element", "slide_math", "slide"),
)


def slide_board(
    key: str, numbers: Stack, kernels: Stack, slide: Slide, given: str, pen: bool = False
) -> tuple[Stack, Stack]:
    """Shows the input, the kernels and what comes out; the first two as the reader has edited them. Each
    filter has a kernel for each channel of its group. `pen`: whether the hand draws into the numbers to begin
    with.

    With another `given` than before, `numbers` and `kernels` replace what is shown.
    """
    result = _SLIDE(
        key=key,
        data={
            "numbers": numbers,
            "kernels": kernels,
            "slide": dataclasses.asdict(slide),
            "weighted": SLIDES[slide.kind].has_weights,
            "given": given,
            "pen": pen,
            "words": {
                "input": _("Input"),
                "kernel": _("Kernel"),
                "output": _("Output"),
                "group": _("Group {n}"),
                "pair": _("Kernel {in} to {out}"),
                "sees": _("Output {out} at {place}, from input {in}:"),
                "sees_group": _("Output {out} at {place}, of group {group}, from input {in}:"),
                "play": _("Slide"),
                "pause": _("Pause"),
                "pen": _("Draw"),
                "clear": _("Clear"),
                "no_fit": _("The window does not fit into these numbers."),
            },
        },
        on_grids_change=_nothing,
    )
    if not result.grids:
        return numbers, kernels
    try:
        said = json.loads(result.grids)
        if said["given"] != given:  # it speaks of numbers that were there before
            return numbers, kernels
        told = tuple(unpacked_grids(packed_grids(said[name])) for name in ("numbers", "kernels"))
    except (ValueError, KeyError, TypeError):  # the browser is not ours
        return numbers, kernels
    same = all(_size(new) == _size(old) for new, old in zip(told, (numbers, kernels), strict=True))
    return (told[0], told[1]) if same else (numbers, kernels)


def _size(stack: Stack) -> tuple[int, int, int]:
    return len(stack), len(stack[0]), len(stack[0][0])


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
