"""Two pictures in one place: the border between them follows the hand, in the browser."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.charts.samples import data_url
from dashboard.language import _
from dashboard.panels.film import joined

HERE = Path(__file__).resolve().parent
QUICK = 1  # of PNG: less than half the time for a few more bytes

_WIPE = st.components.v2.component(
    "descent_wipe",
    html='<div class="descent-wipe"></div>\n<!-- filled by picture_wipe.js -->',
    css=(HERE / "picture_wipe.css").read_text(encoding="utf-8"),
    js=joined("element", "picture_wipe"),
)
Named = tuple[str, np.ndarray]  # a title, and a picture uint8 [height, width] or [height, width, 3]


def picture_wipe(key: str, before: Named, after: Named, more: Sequence[Named]) -> None:
    """`before` at the left of the border and `after` at the right, both of one size; `more` smaller,
    below."""
    _WIPE(
        key=key,
        data={
            "before": _sent(before),
            "after": _sent(after),
            "more": [_sent(each) for each in more],
            "words": {
                "keys": _("Drag the border, or use the arrow keys; point at a pixel to read it"),
                "pixel": _("Row {row}, column {column}: {before} became {after}"),
            },
        },
    )


def _sent(named: Named) -> dict[str, str]:
    """Packed once as long as it is shown: a slider moves one of the pictures. Kept in the session, since it
    may be the reader's own.
    """
    title, picture = named
    digest = hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16).hexdigest()
    name = f"{digest} {picture.shape}"
    packed: dict[str, str] = st.session_state.setdefault(_PACKED, {})
    url = packed.pop(name, None) or data_url(picture, QUICK)
    packed[name] = url  # the newest stands last
    while len(packed) > KEPT:
        del packed[next(iter(packed))]
    return {"title": title, "url": url}


_PACKED = "picture_wipe_packed"
KEPT = 8  # pictures of some hundred kilobytes
