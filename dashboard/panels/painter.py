"""A square to paint labelled points into with the pointer."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.language import _
from dashboard.painted_points import MOST_PAINTED
from dashboard.theme import DARK, LIGHT

HERE = Path(__file__).resolve().parent
CLASSES = 4  # that can be painted; a file may have more

_PAINTER = st.components.v2.component(
    "descent_painter",
    html='<div class="descent-painter"></div>\n<!-- filled by painter.js -->',
    css=(HERE / "painter.css").read_text(encoding="utf-8"),
    js=(HERE / "painter.js").read_text(encoding="utf-8"),
)


def painter(key: str, points: str) -> str:
    """Shows the points of a text (dashboard/painted_points.py); the text of what is painted now."""
    result = _PAINTER(
        key=key,
        data={
            "points": points,
            "most": MOST_PAINTED,
            "classes": CLASSES,
            "palettes": {"light": LIGHT.categorical, "dark": DARK.categorical},
            "words": {
                "undo": _("Undo"),
                "clear": _("Clear"),
                "class": _("Paint class {n}"),
                "count": _("{n} points"),
                "sheet": _("Press or drag to paint points, from -1 to 1 in both directions"),
            },
        },
        default={"points": points},
        on_points_change=_nothing,
    )
    return str(result.points if result.points is not None else points)


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
