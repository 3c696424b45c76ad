"""How often each level of brightness occurs in a picture, before and after something was done to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT

COLORS = (("red", LIGHT.categorical[1]), ("green", LIGHT.categorical[2]), ("blue", LIGHT.categorical[0]))


def level_counts(picture: np.ndarray) -> np.ndarray:
    """Pixels of each level, int64 [1 or 3, 256], of a picture uint8 [height, width] or [height, width, 3]."""
    channels = picture.reshape(-1, 1 if picture.ndim == 2 else 3)
    return np.stack([np.bincount(channels[:, place], minlength=256) for place in range(channels.shape[1])])


def levels_chart(before: np.ndarray, after: np.ndarray) -> go.Figure:
    """Two panes: a line for each channel (a grey one where all are the same), and, dotted, the share of
    pixels up to each level.
    """
    figure = QuickFigure()
    axes: dict[str, Any] = {}
    for side, (picture, title) in enumerate(((before, "before"), (after, "after"))):
        pane, share = ("", "2") if side == 0 else ("2", "4")
        heights = "" if side == 0 else "3"
        counts = level_counts(picture)
        for name, color, row in _lines(counts):
            looks = {"xaxis": f"x{pane}", "mode": "lines", "legendgroup": name}
            figure.add_scatter(
                y=row,
                yaxis=f"y{heights}",
                name=name,
                showlegend=False,
                line={"color": color, "width": 1.5},
                fill="tozeroy",
                hovertemplate=f"{name}, level %{{x}}: %{{y}} pixels<extra></extra>",
                **looks,
            )
            figure.add_scatter(
                y=np.cumsum(row) / row.sum(),
                yaxis=f"y{share}",
                name=name,
                showlegend=False,
                line={"color": color, "width": 1.5, "dash": "dot"},
                hovertemplate=f"{name}: %{{y:.1%}} of the pixels up to level %{{x}}<extra></extra>",
                **looks,
            )
        top = float(np.quantile(counts[:, 1:-1], 0.995)) or float(counts.max())  # the ends may tower
        left = 0.54 * side
        axes[f"xaxis{pane}"] = {
            "domain": [left, left + 0.42], "anchor": f"y{heights}", "title": f"level {title}",
            "range": [-4, 259],  # so that black and white, which are often many, are not on the frame
        }  # fmt: skip
        axes[f"yaxis{heights}"] = {
            "anchor": f"x{pane}", "title": "pixels" if side == 0 else "", "range": [0, 1.15 * top],
            "uirevision": f"{top:.3g}",
        }  # fmt: skip
        axes[f"yaxis{share}"] = {
            "anchor": f"x{pane}", "overlaying": f"y{heights}", "side": "right", "range": [0, 1.02],
            "tickformat": ".0%", "showgrid": False, "tickvals": [0, 0.5, 1],
        }  # fmt: skip
    figure.update_layout(**axes, hovermode="closest", margin={"l": 56, "r": 44, "t": 12, "b": 44})
    return figure.made()


def _lines(counts: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    if len(counts) == 1 or (counts == counts[0]).all():
        return [("grey", LIGHT.quiet, counts[0])]
    return [(name, color, row) for (name, color), row in zip(COLORS, counts, strict=True)]
