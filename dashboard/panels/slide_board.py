"""A window that slides over numbers, in the browser; what it gives is compared with PyTorch on the server."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import streamlit as st

from dashboard.language import _
from dashboard.number_grid import packed_grid, unpacked_grid
from models.sliding import SLIDES, Slide

HERE = Path(__file__).resolve().parent
Grid = list[list[float]]

_SLIDE = st.components.v2.component(
    "descent_slide",
    html='<div class="descent-slide"></div>\n<!-- filled by slide.js -->',
    css=(HERE / "slide.css").read_text(encoding="utf-8"),
    js=(HERE / "slide.js").read_text(encoding="utf-8"),
)


def slide_board(
    key: str, numbers: Grid, kernel: Grid, slide: Slide, given: str, pen: bool = False
) -> tuple[Grid, Grid]:
    """Shows both grids and what comes out; both as the reader has edited them. `pen`: whether the hand draws
    into the numbers to begin with.

    With another `given` than before, `numbers` and `kernel` replace what is shown.
    """
    result = _SLIDE(
        key=key,
        data={
            "numbers": numbers,
            "kernel": kernel,
            "slide": dataclasses.asdict(slide),
            "weighted": SLIDES[slide.kind].has_weights,
            "given": given,
            "pen": pen,
            "words": {
                "input": _("Input"),
                "kernel": _("Kernel"),
                "output": _("Output"),
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
        return numbers, kernel
    try:
        said = json.loads(result.grids)
        if said["given"] != given:  # it speaks of numbers that were there before
            return numbers, kernel
        told = unpacked_grid(packed_grid(said["numbers"])), unpacked_grid(packed_grid(said["kernel"]))
    except (ValueError, KeyError, TypeError):  # the browser is not ours
        return numbers, kernel
    same = [len(told[0]) == len(numbers), len(told[1]) == len(kernel), len(told[0][0]) == len(numbers[0])]
    return told if all(same) else (numbers, kernel)


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
