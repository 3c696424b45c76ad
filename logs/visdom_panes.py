"""Visdom's panes as plain data: numbers and texts in, what its server takes out. No network, no files.

A pane is re-created whole each time (its window's name stays the same): appending costs Visdom more with
every point, and after a restart it leaves windows without title and history. Titles say what a pane shows and
nothing that changes: Visdom compares environments by them.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Colours that people with any colour vision tell apart (Okabe and Ito 2008).
BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
    "#333333",
)
SPLIT_COLOURS = {"train": BLUE, "validation": VERMILION, "test": GREEN}
LAYER_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, BLACK, "#999933")
MAX_LAYERS = len(LAYER_COLOURS)
MARKED_POINTS = 60  # up to here each point of a curve gets a marker: one value per epoch, mostly
LABELLED_CLASSES = 12  # up to here the cells of a matrix show their numbers

WIDTH, HEIGHT = 400, 330  # pixels of every pane: equal ones stand in three even columns on a common screen

CONTROLS = "controls"  # the window of the property pane
CONTROL_REQUESTS = {"0": "learning_rate", "1": "checkpoint", "2": "stop"}  # by the property's place there


@dataclass(frozen=True)
class Pane:
    """One window: `window` names it in its environment; `data` and `layout` as Visdom's server takes them."""

    window: str
    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)
    height: int = HEIGHT  # pixels

    def message(self, environment: str) -> dict[str, Any]:
        """The body of a post to /events."""
        options = {"title": self.title, "width": WIDTH, "height": self.height}
        return {
            "win": self.window,
            "eid": environment,
            "data": self.data,
            "layout": self.layout,
            "opts": options,
        }


def environment_name(run_id: str) -> str:
    """The run's environment. Visdom groups names by what precedes an underscore, and splits at / and +."""
    return "".join(sign if sign.isalnum() or sign in ".-" else "-" for sign in run_id)


def plain_numbers(values: Sequence[float] | np.ndarray) -> list[float | None]:
    """The numbers as JSON has them: None, a gap in the line, for NaN and infinities."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    if finite.all():
        return numbers.tolist()
    return [value if ok else None for value, ok in zip(numbers.tolist(), finite.tolist(), strict=True)]


def _layout(x_title: str, y_title: str, **more: Any) -> dict[str, Any]:
    return {
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 60, "r": 15, "t": 35, "b": 50},
        "xaxis": {"title": {"text": x_title, "standoff": 8}, "automargin": True},
        "yaxis": {"title": {"text": y_title, "standoff": 8}, "automargin": True},
        **more,
    }


def curves_pane(metric: str, curves: Sequence[tuple[str | None, np.ndarray, np.ndarray]]) -> Pane:
    """One metric over the steps; `curves` holds (split, steps, values), thinned already, train first."""
    title = metric.replace("_", " ")
    data = []
    for split, steps, values in curves:
        few = len(steps) <= MARKED_POINTS
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if few else "lines",
                "name": split or title,
                "x": np.asarray(steps).tolist(),
                "y": plain_numbers(values),
                "line": {"color": SPLIT_COLOURS.get(split or "train", PURPLE), "width": 2 if few else 1},
                "marker": {"size": 5},
            }
        )
    layout = _layout("step", title)
    numbers = [number for trace in data for number in trace["y"] if number]
    if numbers and min(numbers) == max(numbers):  # Plotly would draw a constant 0.001 between -1 and 1
        layout["yaxis"]["range"] = sorted((0.0, 2 * numbers[0]))
    return Pane(f"curves {metric}", title, data, layout)


def image_pane(name: str, png: bytes, caption: str = "") -> Pane:
    """A picture; `png` is a whole PNG file."""
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    content = {"src": source, "caption": caption}  # the page escapes captions, unlike texts
    height = HEIGHT - 15 if caption else HEIGHT  # a caption makes the pane one row of its grid taller
    data = [{"type": "image", "content": content}]
    return Pane(f"image {name}", name.replace("_", " "), data, height=height)


def matrix_pane(name: str, values: np.ndarray, labels: Sequence[str], when: str = "") -> Pane:
    """A heat map: rows are targets, columns predictions, the first class at the top; `when` says of what."""
    rows = np.asarray(values, dtype=np.float64)
    names = [str(label) for label in labels] or [str(number) for number in range(len(rows))]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "name": "samples",
        "z": [plain_numbers(row) for row in rows],
        "x": names,
        "y": names,
        "colorscale": [[0, "#F7FBFF"], [0.5, "#6BAED6"], [1, "#08306B"]],
        "hovertemplate": "target %{y}<br>predicted %{x}<br>%{z}<extra></extra>",
    }
    if len(rows) <= LABELLED_CLASSES:
        trace["texttemplate"] = "%{z}"
    title = "predicted" + (f" ({when})" if when else "")
    layout = _layout(title, "target", showlegend=False)
    layout["margin"] = {"l": 60, "r": 15, "t": 15, "b": 50}
    for axis in ("xaxis", "yaxis"):
        layout[axis]["type"] = "category"  # else the classes 0 to 9 become a line of numbers
    layout["yaxis"]["autorange"] = "reversed"
    return Pane(f"matrix {name}", f"{name.replace('_', ' ')} matrix", [trace], layout)


def histograms_pane(
    kind: str, histograms: Sequence[tuple[str, np.ndarray, np.ndarray]], when: str = "", layers: int = 0
) -> Pane:
    """Histograms, each (layer, counts, edges), in one plot: MAX_LAYERS at most, out of so many `layers`."""
    data = []
    for (layer, counts, edges), colour in zip(histograms, LAYER_COLOURS, strict=False):
        share = np.asarray(counts, dtype=np.float64) / max(float(np.sum(counts)), 1.0)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": layer,
                "x": plain_numbers(edges),
                "y": plain_numbers(np.append(share, share[-1:])),  # a step from each edge to the next
                "line": {"shape": "hv", "color": colour, "width": 1.5},
            }
        )
    about = [when] if when else []
    if len(data) < layers:
        about.append(f"{len(data)} of {layers} layers")
    layout = _layout(f"value ({', '.join(about)})" if about else "value", "share of values per bin")
    layout["legend"] = {"x": 1, "xanchor": "right", "y": 1, "bgcolor": "rgba(255, 255, 255, 0.6)"}
    layout["legend"]["font"] = {"size": 9}
    layout["margin"]["t"] = 15
    return Pane(f"histograms {kind}", kind, data, layout)


def representative(items: list[Any], limit: int) -> list[Any]:
    """At most `limit` items, evenly from first to last."""
    if len(items) <= limit:
        return items
    return [items[round(place)] for place in np.linspace(0, len(items) - 1, limit)]


def controls_pane() -> Pane:
    """What a person can change while it trains; what became of it stands under progress.

    The learning rate is a text field, because Visdom's number fields refuse 1e-3, and an empty one, because
    the page sends what stands in it as soon as somebody who has touched it clicks elsewhere.
    """
    properties = [
        {"type": "text", "name": "New learning rate", "value": ""},
        {"type": "button", "name": "Save a checkpoint", "value": "Save"},
        {"type": "button", "name": "Stop after this step", "value": "Stop"},
    ]
    return Pane(CONTROLS, "controls", [{"type": "properties", "content": properties}])


def ended_controls_pane() -> Pane:
    """Takes the place of the controls once the run has ended."""
    text = "<p>The run has ended; there is nothing left to control.</p>"
    return Pane(CONTROLS, "controls", [{"type": "text", "content": text}])


def table_pane(title: str, rows: Mapping[str, Any]) -> Pane:
    """Names and values. Visdom shows a text as HTML and runs what stands in it: everything is escaped."""
    style = "padding: 1px 12px 1px 0; vertical-align: top"
    label = f"{style}; white-space: nowrap"
    lines = [
        f"<tr><td style='{label}'>{html.escape(str(name))}</td>"
        f"<td style='{style}'><b>{html.escape(short_text(value))}</b></td></tr>"
        for name, value in rows.items()
    ]
    # Visdom scrolls a text to its end; one that scrolls within itself starts at its beginning.
    text = f"<div style='max-height: {HEIGHT - 35}px; overflow: auto'><table>{''.join(lines)}</table></div>"
    return Pane(title, title, [{"type": "text", "content": text}])


def short_text(value: Any) -> str:
    """A value for a person: four digits of a float, names and values of a mapping, at most 300 signs."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} {short_text(item)}" for name, item in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(short_text(item) for item in value)
    else:
        text = str(value)
    return text if len(text) <= 300 else text[:299] + "…"
