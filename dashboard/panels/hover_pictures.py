"""The picture of the sample under the pointer, beside a chart whose points carry their number."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_SOURCE = Path(__file__).with_suffix(".js")
_COMPONENT = st.components.v2.component(
    "descent_hover_pictures",
    html='<div class="descent-hover-pictures" hidden></div>',
    css=_SOURCE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_SOURCE.read_text(encoding="utf-8"),
    isolate_styles=False,  # it watches a chart elsewhere on the page
)
SIDE = 96  # pixels of the picture beside the pointer, about


def hover_pictures(chart: str, atlas: str, tile: tuple[int, int], columns: int, key: str) -> None:
    """`chart` is the description of the chart; `atlas` an address of all pictures in one, each `tile`
    (height, width) pixels large, `columns` a row. The points' customdata are their numbers in that order.
    """
    _COMPONENT(
        key=key,
        data={
            "chart": chart,
            "atlas": atlas,
            "height": tile[0],
            "width": tile[1],
            "columns": columns,
            "factor": max(1, round(SIDE / max(tile))),
        },
        height=1,
    )
