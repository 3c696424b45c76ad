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
    """Draws `curves` over `span` with the point at `at`; where it is left goes into the address, as does the
    curve whose flat part is shaded (the first at first).

    `words` has x, value, slope and focus. `layers`: a column with the slope to that power. `limits`: what is
    shown at most of "values" and of "slopes". `marks`: places with a word each.
    """
    names = [str(curve["name"]) for curve in curves]
    focus = f"{address.removesuffix('_at')}_focus"
    result = _CURVES(
        key=key,
        data={
            "focus": _focus(focus, names),
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
        on_focus_change=_nothing,
    )
    if isinstance(result.at, int | float) and _is_news(address, result.at):
        st.query_params[address] = f"{result.at:g}"
    if result.focus in names and _is_news(focus, result.focus):
        if result.focus == names[0]:
            st.query_params.pop(focus, None)
        else:
            st.query_params[focus] = str(result.focus)


def _is_news(address: str, told: object) -> bool:
    """What the board says again is none: a link may have changed it since."""
    heard = f"{address}_told"
    before = st.session_state.get(heard)
    st.session_state[heard] = told
    return told != before


def _focus(address: str, names: Sequence[str]) -> str:
    """The curve in focus, as the address says. One that is no longer shown is forgotten."""
    if address in st.session_state:  # a "try this" has set it; no widget of Streamlit's holds it
        st.query_params[address] = str(st.session_state.pop(address))
    said = st.query_params.get(address)
    seen = f"{address}_seen"
    if said is not None and said not in names:
        del st.query_params[address]
        if seen not in st.session_state:  # else the reader has taken the curve away
            words = _("{name} in the address is {value}; shown are {names}.")
            noted_problem(address, words.format(name=address, value=repr(said), names=", ".join(names)))
    st.session_state[seen] = True
    return said if said is not None and said in names else names[0]


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
