"""The one way a chart gets on a page: Plotly's own bundle in a component that survives new data.

`st.plotly_chart` loses zoom and camera whenever the data changes (streamlit issues 8977 and 8882). This
component calls `Plotly.react` with a constant `uirevision`: zoom, camera, hidden series stay as the reader
left them. Colours and fonts come from the page's theme, also when it is switched.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.language import _
from dashboard.panels.plotly_library import published_library
from dashboard.theme import DARK, DARK_FOR, LIGHT

_SOURCE = Path(__file__).with_suffix(".js")
_COMPONENT = st.components.v2.component(
    "descent_plot",
    html='<div class="descent-plot"><div class="descent-figure"></div></div>\n<!-- filled by plot.js -->',
    css=".descent-plot { width: 100%; height: 100%; }\n.descent-figure { width: 100%; height: 100%; }",
    js=_SOURCE.read_text(encoding="utf-8"),
    isolate_styles=False,  # Plotly follows a drag on the whole document, which a shadow root would hide
)


def plot(
    figure: go.Figure, key: str, height: int = 420, on_click: bool = False, description: str = ""
) -> dict[str, Any] | None:
    """Draw a figure, `height` pixels high and as wide as its place; the key must be unique on the page.

    `description` is what a screen reader says; without one it is the figure's title. With `on_click`, a click
    on a point reruns the page (or the fragment) once, with a dict of `x`, `y`, `z`, `curve` (its index),
    `name`, `index` and `customdata`; otherwise, and for every other rerun, None.
    """
    words = description or _title(figure) or _("Chart")
    library = published_library() if st.get_option("server.enableStaticServing") else None
    if library is None:
        st.plotly_chart(figure, key=key, height=height, alt=words)
        st.caption(
            _("Charts lose their zoom when data changes: Plotly could not be put into dashboard/static.")
        )
        return None
    result = _COMPONENT(
        key=key,
        data={
            "figure": json.dumps(slim(figure)),
            "height": height,
            "description": words,
            "clicks": on_click,
            "library": f"{_base_path()}/app/static/{library}",
            "dark": DARK_FOR,
            "colorways": {"light": LIGHT.categorical, "dark": DARK.categorical},
        },
        height=height,
        on_clicked_change=_nothing,
    )
    return result.clicked if on_click else None


def slim(figure: go.Figure) -> dict[str, Any]:
    """The figure as a JSON-able dict: no template of Plotly's, arrays as float32 where nobody sees it."""
    described = json.loads(figure.to_json())
    described.get("layout", {}).pop("template", None)  # the page's theme takes its place, in the browser
    for holder, name, array in _arrays(described.get("data", [])):
        holder[name] = _shorter(array)
    return described


def _arrays(node: Any) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Every float64 array below, with the dict and the name it is kept under."""
    if isinstance(node, list):
        for item in node:
            yield from _arrays(item)
    elif isinstance(node, dict):
        for name, value in list(node.items()):
            if isinstance(value, dict) and value.get("dtype") == "f8":
                yield node, name, value
            elif isinstance(value, dict | list):
                yield from _arrays(value)


def _shorter(array: dict[str, Any]) -> dict[str, Any]:
    """The array as float32, unless that would move a point by more than a hundred-thousandth of the range."""
    values = np.frombuffer(base64.b64decode(array["bdata"]), dtype="<f8")
    finite = values[np.isfinite(values)]
    if len(finite) and np.abs(finite).max() > np.finfo(np.float32).max:
        return array
    short = finite.astype("<f4")
    if len(finite) and np.abs(short - finite).max() > 1e-5 * np.ptp(finite):
        return array
    encoded = base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")
    return {**array, "dtype": "f4", "bdata": encoded}


def _title(figure: go.Figure) -> str:
    return str(figure.layout.title.text or "")


def _base_path() -> str:
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _nothing() -> None:
    """A trigger only comes back to Python when a callback is named for it."""
