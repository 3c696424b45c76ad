"""A figure from plain traces, in a tenth of the time: for charts that follow a slider, several on a page.

Plotly checks every property as it is added, which takes 5 to 10 ms for a chart of a few lines. Here nothing
is checked but what tests check: they build the same figure the slow way.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


class QuickFigure:
    """Takes traces and a layout as go.Figure does; `made` gives the figure."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {}

    def add(self, kind: str, **trace: Any) -> None:
        """A trace of any kind, such as surface."""
        self.data.append({"type": kind, **trace})

    def add_trace(self, trace: dict[str, Any]) -> None:
        self.data.append(trace)

    def add_scatter(self, **trace: Any) -> None:
        self.data.append({"type": "scatter", **trace})

    def add_bar(self, **trace: Any) -> None:
        self.data.append({"type": "bar", **trace})

    def add_heatmap(self, **trace: Any) -> None:
        self.data.append({"type": "heatmap", **trace})

    def update_layout(self, **layout: Any) -> None:
        self.layout |= layout

    def made(self) -> go.Figure:
        """The figure, its properties unchecked. Titles may be texts, as go.Figure takes them."""
        layout = _titled(self.layout)
        for name in layout:
            if name.startswith(("xaxis", "yaxis")):
                layout[name] = _titled(layout[name])
        return go.Figure({"data": self.data, "layout": layout}, _validate=False)


def upright(x: float, **line: object) -> dict[str, object]:
    """A line from the foot to the top, for `shapes`."""
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "y domain", "line": line}


def level(y: float, **line: object) -> dict[str, object]:
    """A line from side to side, for `shapes`."""
    return {"type": "line", "y0": y, "y1": y, "x0": 0, "x1": 1, "xref": "x domain", "line": line}


def _titled(part: dict[str, Any]) -> dict[str, Any]:
    title = part.get("title")
    return {**part, "title": {"text": title}} if isinstance(title, str) else dict(part)
