"""Curves, their slopes below, and a point that follows the hand; its numbers are found in the browser.

The component of the pages of activations and of losses. The point's place is a part of the address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from torch import Tensor

from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.theme import DARK, LIGHT

HERE = Path(__file__).resolve().parent
Span = tuple[float, float]

_CURVES = st.components.v2.component(
    "descent_curves",
    html='<div class="descent-curves"></div>\n<!-- filled by activation_curves.js -->',
    css=(HERE / "activation_curves.css").read_text(encoding="utf-8"),
    js=(HERE / "activation_curves.js").read_text(encoding="utf-8"),
)


def curve(name: str, title: str, values: Tensor, slopes: Tensor, flat: Sequence[Span] = ()) -> dict[str, Any]:
    """A curve for `curves_board`, from numbers at evenly spaced places; `flat` is shaded if it is chosen."""
    return {
        "name": name,
        "title": title,
        "values": [round(value, 5) for value in values.tolist()],
        "slopes": [round(slope, 5) for slope in slopes.tolist()],
        "flat": list(flat),
    }


def curves_board(
    key: str,
    address: str,
    curves: Sequence[Mapping[str, Any]],
    span: Span,
    at: float,
    words: Mapping[str, str],
    *,
    layers: int = 0,
    limits: Mapping[str, Span] | None = None,
    marks: Sequence[tuple[float, str]] = (),
    height: int = 520,
) -> None:
    """Draws `curves` over `span` with the point at `at`; where it is left goes into the address.

    `words` has x, value, slope and focus. `layers`: a column with the slope to that power. `limits`: what is
    shown at most of "values" and of "slopes". `marks`: places with a word each.
    """
    result = _CURVES(
        key=key,
        data={
            "low": span[0],
            "high": span[1],
            "at": min(max(at, span[0]), span[1]),
            "layers": layers,
            "height": height,
            "curves": list(curves),
            "limits": dict(limits or {}),
            "marks": [{"x": x, "text": text} for x, text in marks],
            "palettes": {"light": LIGHT.categorical, "dark": DARK.categorical},
            "words": {
                "layers": _("after {n} layers"),
                "point": _("at x = {x}"),
                "drag": _("Drag the point, or use the arrow keys"),
                **words,
            },
        },
        on_at_change=_nothing,
    )
    if result.at is not None and f"{result.at:g}" != st.query_params.get(address):
        st.query_params[address] = f"{result.at:g}"


def board_place(address: str, low: float, high: float, usual: float) -> float:
    """Where the point stands, as the address says; what it says amiss is remembered."""
    if address in st.session_state:  # a "try this" has set it; no widget of Streamlit's holds it
        st.query_params[address] = f"{st.session_state.pop(address):g}"
    said = st.query_params.get(address)
    if said is None:
        return usual
    try:
        place = float(said)
    except ValueError:
        place = float("nan")
    if not low <= place <= high:
        words = _("{name} in the address is {value}; it must be a number between {low} and {high}.")
        noted_problem(address, words.format(name=address, value=repr(said), low=f"{low:g}", high=f"{high:g}"))
        return usual
    return place


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
