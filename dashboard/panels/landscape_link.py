"""What links the pictures of one landscape or two: one cursor, one camera, one zoom; and the picture to take.

The charts are drawn by panels/plot.py; this component finds them by what a screen reader calls them, and
moves what is in them in the browser, without asking the server. A click is the server's: it keeps the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.language import _

HERE = Path(__file__).resolve().parent

_LINK = st.components.v2.component(
    "descent_landscape_link",
    html='<button class="descent-picture" type="button"></button>\n<!-- landscape_link.js does the rest -->',
    css=(HERE / "landscape_link.css").read_text(encoding="utf-8"),
    js=(HERE / "landscape_link.js").read_text(encoding="utf-8"),
)


def landscape_link(
    key: str,
    surfaces: Sequence[str],
    contours: Sequence[str],
    cut: str,
    *,
    at: tuple[float, float],
    log: bool,
    filename: str,
    title: str,
) -> None:
    """A button that saves the pictures as one PNG with `title` above them, which may have several lines, and
    the link between them.

    `surfaces`, `contours` and `cut` are the descriptions of the charts: the first two of equal length, a
    landscape each; without surfaces, what is saved is the contours (or the chart of a line). `at` is where
    the cuts go through while no pointer is over a picture.
    """
    _LINK(
        key=key,
        data={
            "surfaces": list(surfaces),
            "contours": list(contours),
            "cut": cut,
            "at": list(at),
            "log": log,
            "filename": filename,
            "title": title,
            "words": {"save": _("Picture (PNG)"), "saving": _("Drawing ...")},
        },
        height="content",
        width="content",
    )
