"""The one way a chart gets on a page: Plotly's own bundle in a component that survives new data.

`st.plotly_chart` loses zoom and camera whenever the data changes (streamlit issues 8977 and 8882). This
component calls `Plotly.react` with a constant `uirevision`: zoom, camera, hidden series stay as the reader
left them. Colours and fonts come from the page's theme, also when it is switched.
"""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.io.json import to_json_plotly

from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.plotly_library import published_library
from dashboard.theme import DARK, DARK_FOR, LIGHT

_SOURCE = Path(__file__).with_suffix(".js")
_COMPONENT = st.components.v2.component(
    "descent_plot",
    html=(
        '<div class="descent-heading"></div>'
        '<div class="descent-plot"><div class="descent-figure"></div></div>'
        '<div class="descent-note"></div>\n<!-- filled by plot.js -->'
    ),
    css=_SOURCE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_SOURCE.read_text(encoding="utf-8"),
    isolate_styles=False,  # Plotly follows a drag on the whole document, which a shadow root would hide
)


def plot(
    figure: go.Figure,
    key: str,
    height: int = 420,
    on_click: bool = False,
    description: str = "",
    heading: str = "",
    note: str = "",
    first: bool = False,
) -> dict[str, Any] | None:
    """Draw a figure, `height` pixels high and as wide as its place; the key must be unique on the page.

    `heading` and `note` are texts above and below it, as they are: a page of fewer elements answers sooner.
    A `first` figure is drawn before others that come with it, and seen before one of them begins.
    `description` is what a screen reader says; without one it is the figure's title. With `on_click`, a click
    on a point reruns the page (or the fragment) once, with a dict of `x`, `y`, `z`, `curve` (its index),
    `name`, `index` and `customdata`; otherwise, and for every other rerun, None.
    """
    described = slim(figure)
    words = description or str(described["layout"].get("title", {}).get("text") or "") or _("Chart")
    library = published_library() if st.get_option("server.enableStaticServing") else None
    if library is None:
        if heading:
            st.markdown(f"**{plain(heading)}**")
        st.plotly_chart(figure, key=key, height=height, alt=words)
        if note:
            st.caption(plain(note))
        st.caption(
            _("Charts lose their zoom when data changes: Plotly could not be put into dashboard/static.")
        )
        return None
    result = _COMPONENT(
        key=key,
        data={
            "figure": json.dumps(described),
            "height": height,
            "description": words,
            "heading": heading,
            "note": note,
            "first": first,
            "clicks": on_click,
            "library": _address(library),
            "dark": DARK_FOR,
            "colorways": {"light": LIGHT.categorical, "dark": DARK.categorical},
        },
        height="content" if heading or note else height,
        on_clicked_change=_nothing,
    )
    return result.clicked if on_click else None


def prepare_plots() -> None:
    """The browser loads what draws charts now: for a page that waits for its first one. Once a page."""
    library = published_library() if st.get_option("server.enableStaticServing") else None
    if library is not None:
        _COMPONENT(key="plot_prepared", data={"library": _address(library)}, height="content")


def _address(library: str) -> str:
    return f"{_base_path()}/app/static/{library}"


def slim(figure: go.Figure) -> dict[str, Any]:
    """The figure as a JSON-able dict: no template of Plotly's, arrays as float32 where nobody sees it.

    What `figure.to_json` gives, a third of the time: that copies the figure and looks at each number twice.
    """
    layout = {name: value for name, value in figure._layout.items() if name != "template"}
    return {"data": _plain(figure._data), "layout": _plain(layout)}  # the page's theme is the template


EXACT = ("range", "geojson", "layer", "layers")  # where plotly.js takes no typed array


def _plain(value: Any, exact: bool = False) -> Any:
    """The value as JSON has it; numbers that are none are null."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, dict):
        return {name: _plain(inner, name in EXACT) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return _array(value, exact)
    return json.loads(to_json_plotly(value))  # dates and the like


def _array(values: np.ndarray, exact: bool) -> Any:
    """The numbers as plotly.js's typed array, in the fewest bytes that show the same; others as a list."""
    if values.dtype.kind in "iuf" and values.size and not exact:
        fewer = _shorter(values) if values.dtype.kind == "f" else _smallest(values)
        if fewer.dtype.itemsize < 8 or fewer.dtype.kind == "f":
            little = fewer.astype(fewer.dtype.newbyteorder("<"), copy=False)
            encoded = base64.b64encode(little.tobytes()).decode("ascii")
            array = {"dtype": f"{fewer.dtype.kind}{fewer.dtype.itemsize}", "bdata": encoded}
            return array if values.ndim == 1 else {**array, "shape": ", ".join(map(str, values.shape))}
    if values.dtype.kind in "mM":
        return json.loads(to_json_plotly(values))
    return _plain(values.tolist())


def _shorter(values: np.ndarray) -> np.ndarray:
    """The values as float32, unless that moved a point by more than a hundred-thousandth of the range."""
    if values.dtype.itemsize <= 4:
        return values.astype(np.float32, copy=False)
    finite = values[np.isfinite(values)]
    if len(finite) and np.abs(finite).max() > np.finfo(np.float32).max:
        return values
    if len(finite) and np.abs(finite.astype(np.float32) - finite).max() > 1e-5 * np.ptp(finite):
        return values
    return values.astype(np.float32)


def _smallest(values: np.ndarray) -> np.ndarray:
    """Whole numbers of eight bytes, which browsers don't count with, in fewer where they fit."""
    if values.dtype.itemsize < 8:
        return values
    low, high = int(values.min()), int(values.max())
    for name in ("int8", "int16", "int32", "uint32"):
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return values.astype(name)
    return values


def _base_path() -> str:
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _nothing() -> None:
    """A trigger only comes back to Python when a callback is named for it."""
