"""Early stopping: one curve with its stop, and what each patience misses on average."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure, upright
from dashboard.theme import LIGHT, SPLITS


def stop_chart(
    values: np.ndarray,
    stopped: int,
    kept: int,
    y_title: str,
    true: np.ndarray | None = None,
    ran_out: bool = False,
) -> go.Figure:
    """`values` [epochs] as measured; after the stop they are faint, as nobody would have seen them.

    `true`: the same without noise, with its own lowest point. Epochs count from 1.
    """
    epochs = np.arange(1, len(values) + 1)
    figure = QuickFigure()
    for begin, end, opacity in ((0, stopped, 1.0), (stopped - 1, len(values), 0.3)):
        figure.add_scatter(
            x=epochs[begin:end],
            y=np.where(np.isfinite(values[begin:end]), values[begin:end], np.nan),
            mode="lines",
            name="measured" if begin == 0 else "not trained any more",
            line={"color": SPLITS["validation"], "width": 1.8},
            opacity=opacity,
            hovertemplate="epoch %{x}: %{y:.4g}<extra></extra>",
        )
    if true is not None:
        figure.add_scatter(
            x=epochs, y=true, mode="lines", name="without noise",
            line={"color": LIGHT.text, "width": 1.5, "dash": "dash"},
            hovertemplate="epoch %{x}, without noise: %{y:.4g}<extra></extra>",
        )  # fmt: skip
        least = int(true.argmin())
        _mark(figure, epochs[least], float(true[least]), "best there is", "star", LIGHT.categorical[2])
    _mark(figure, kept, float(values[kept - 1]), "kept", "circle", LIGHT.categorical[0])
    unseen = []
    if not ran_out:
        _mark(figure, stopped, float(values[stopped - 1]), "stopped", "x", LIGHT.categorical[6])
        unseen = [
            {"type": "rect", "x0": stopped, "x1": len(values), "y0": 0, "y1": 1, "yref": "y domain",
             "fillcolor": LIGHT.border, "opacity": 0.25, "line": {"width": 0}}
        ]  # fmt: skip
    return _laid_out(
        figure,
        xaxis={"title": "epoch", "rangemode": "tozero", "uirevision": "epoch"},
        yaxis={"title": y_title, "uirevision": y_title},
        shapes=unseen,
    )


def patience_chart(
    patiences: np.ndarray,
    missed: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    epochs: np.ndarray,
    chosen: int,
) -> go.Figure:
    """What is missed (left axis, with the middle 80% of runs) and the epochs trained (right), by patience."""
    figure = QuickFigure()
    figure.add_scatter(
        x=np.concatenate([patiences, patiences[::-1]]), y=np.concatenate([high, low[::-1]]), fill="toself",
        mode="none", fillcolor=LIGHT.sequential[3], opacity=0.35, name="8 of 10 runs", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=patiences, y=missed, mode="lines+markers", name="missed, on average",
        line={"color": LIGHT.categorical[0], "width": 2.5}, marker={"size": 5},
        hovertemplate="patience %{x}: misses %{y:.3g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=patiences, y=epochs, mode="lines", name="epochs trained", yaxis="y2",
        line={"color": LIGHT.categorical[4], "width": 2, "dash": "dot"},
        hovertemplate="patience %{x}: %{y:.0f} epochs<extra></extra>",
    )  # fmt: skip
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100) if patiences[0] <= tick <= patiences[-1]]
    return _laid_out(
        figure,
        right=56,
        shapes=[upright(chosen, color=LIGHT.text, width=1.3, dash="dot")],
        xaxis={
            "title": "patience (epochs)",
            "type": "log",
            "tickvals": ticks,
            "ticktext": [f"{tick}" for tick in ticks],
        },
        yaxis={"title": "loss missed", "rangemode": "tozero"},
        yaxis2={
            "title": "epochs",
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
            "tickmode": "auto",
        },
    )


def _mark(figure: QuickFigure, x: float, y: float, name: str, symbol: str, color: str) -> None:
    figure.add_scatter(
        x=[x], y=[y], mode="markers", name=name,
        marker={"symbol": symbol, "size": 12, "color": color},
        hovertemplate=f"{name}: epoch %{{x}}, %{{y:.4g}}<extra></extra>",
    )  # fmt: skip


def _laid_out(figure: QuickFigure, right: int = 12, **more: Any) -> go.Figure:
    figure.update_layout(
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 60, "r": right, "t": 44, "b": 46},
        **more,
    )
    return figure.made()
