"""A tensor before and after a normalisation: every number by its channel, and means and widths as small
tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.theme import LIGHT, color_scale

BINS = 25
GAP = 0.02
HEADROOM = 1.6  # of a table's colours: the deepest would hide the numbers in the cells


def numbers_chart(before: np.ndarray, after: np.ndarray) -> go.Figure:
    """Tensors [samples, channels, *places]: at the left before, at the right after. Each number above its
    channel, coloured by its sample, with the channel's mean and width; beside them how all numbers are
    spread.
    """
    figure = QuickFigure()
    axes: dict[str, Any] = {}
    for side, (values, title) in enumerate(((before, "before"), (after, "after"))):
        left = 0.53 * side
        strip, spread = f"{2 * side + 1}" if side else "", f"{2 * side + 2}"
        _numbers(figure, values, strip, named=side == 0)
        _spread(figure, values, spread, f"y{strip}")
        channels = list(range(1, values.shape[1] + 1))
        axes[f"xaxis{strip}"] = {
            "domain": [left, left + 0.36], "anchor": f"y{strip}", "title": "channel", "tickvals": channels,
            "range": [0.4, len(channels) + 0.6], "showgrid": False, "zeroline": False,
        }  # fmt: skip
        axes[f"xaxis{spread}"] = {
            "domain": [left + 0.36 + GAP / 2, left + 0.47], "anchor": f"y{strip}", "title": "count",
            "nticks": 3, "rangemode": "tozero",
        }  # fmt: skip
        axes[f"yaxis{strip}"] = {"anchor": f"x{strip}", "title": title, "domain": [0, 1]}
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(
        **axes, legend=legend, hovermode="closest", margin={"l": 52, "r": 12, "t": 34, "b": 44}, bargap=0
    )
    return figure.made()


def _numbers(figure: QuickFigure, values: np.ndarray, axis: str, named: bool) -> None:
    samples, channels = values.shape[:2]
    flat = values.reshape(samples, channels, -1)
    places = flat.shape[2]
    across = np.arange(1, channels + 1)[:, None] + np.linspace(-0.1, 0.1, places)[None] * (places > 1)
    for sample in range(samples):
        shift = (sample - (samples - 1) / 2) * 0.6 / max(1, samples)
        figure.add_scatter(
            x=(across + shift).ravel(),
            y=flat[sample].ravel(),
            mode="markers",
            name=f"sample {sample + 1}",
            legendgroup=f"sample {sample + 1}",
            showlegend=named,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            marker={"size": 6, "color": LIGHT.categorical[sample % 10], "opacity": 0.85},
            hovertemplate=f"sample {sample + 1}: %{{y:.2f}}<extra></extra>",
        )
    of_channels = flat.transpose(1, 0, 2).reshape(channels, -1)
    figure.add_scatter(
        x=list(range(1, channels + 1)),
        y=of_channels.mean(axis=1),
        error_y={"type": "data", "array": of_channels.std(axis=1), "thickness": 1.4, "width": 5},
        mode="markers",
        name="mean and standard deviation of a channel",
        legendgroup="mean",
        showlegend=named,
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        marker={
            "symbol": "line-ew",
            "size": 22,
            "color": LIGHT.text,
            "line": {"width": 2, "color": LIGHT.text},
        },
        hovertemplate="channel %{x}: mean %{y:.2f}, standard deviation %{error_y.array:.2f}<extra></extra>",
    )


def _spread(figure: QuickFigure, values: np.ndarray, axis: str, heights: str) -> None:
    low, high = float(values.min()), float(values.max())
    counts, edges = np.histogram(values, BINS, (low, high if high > low else low + 1))
    figure.add_bar(
        x=counts,
        y=(edges[1:] + edges[:-1]) / 2,
        width=np.diff(edges) * 0.94,
        orientation="h",
        xaxis=f"x{axis}",
        yaxis=heights,
        marker={"color": LIGHT.quiet},
        showlegend=False,
        hovertemplate="%{x} numbers near %{y:.2f}<extra></extra>",
    )


def statistics_chart(before: np.ndarray, after: np.ndarray) -> go.Figure:
    """Means and standard deviations over the places of every sample and channel, before and after, as four
    tables: a row for each sample, a column for each channel, the last ones over all of them.
    """
    figure = QuickFigure()
    axes: dict[str, Any] = {}
    notes = []
    samples, channels = before.shape[:2]
    tables = [
        (f"{word} {when}", _table(values, take))
        for take, word in ((np.mean, "mean"), (np.std, "standard deviation"))
        for when, values in (("before", before), ("after", after))
    ]
    columns = [*(str(channel) for channel in range(1, channels + 1)), "all"]
    rows = [*(str(sample) for sample in range(1, samples + 1)), "all"]
    for number, (title, table) in enumerate(tables):
        axis = str(number + 1) if number else ""
        mean = number < 2
        limit = max(
            1e-9,
            float(np.abs(np.concatenate([tables[number // 2 * 2][1], tables[number // 2 * 2 + 1][1]])).max()),
        )
        figure.add_heatmap(
            z=table,
            x=columns,
            y=rows,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            zmin=-HEADROOM * limit if mean else 0,
            zmax=HEADROOM * limit,
            colorscale=color_scale(LIGHT.diverging if mean else LIGHT.sequential),
            showscale=False,
            xgap=2,
            ygap=2,
            text=[[f"{value + 0:.2f}".replace("-0.00", "0.00") for value in row] for row in table.tolist()],
            texttemplate="%{text}",
            textfont={"color": LIGHT.text},
            hovertemplate="sample %{y}, channel %{x}: %{z:.3f}<extra></extra>",
        )
        across = number % 2
        left = 0.53 * across
        up = [0.58, 0.94] if number < 2 else [0, 0.36]
        axes[f"xaxis{axis}"] = {
            "domain": [left, left + 0.47], "anchor": f"y{axis}", "type": "category", "showgrid": False,
            **({"title": "channel"} if number > 1 else {}),
        }  # fmt: skip
        axes[f"yaxis{axis}"] = {
            "domain": up, "anchor": f"x{axis}", "type": "category", "autorange": "reversed",
            "showgrid": False,
            **({"title": "sample"} if not across else {}),
        }  # fmt: skip
        notes.append(
            {"text": title, "x": left, "y": up[1], "xref": "paper", "yref": "paper",
             "showarrow": False, "xanchor": "left", "yanchor": "bottom"}
        )  # fmt: skip
    figure.update_layout(**axes, annotations=notes, margin={"l": 52, "r": 12, "t": 12, "b": 44})
    return figure.made()


def _table(values: np.ndarray, take: Any) -> np.ndarray:
    """[samples + 1, channels + 1]: over places, over all of a sample, of a channel, and of everything."""
    samples, channels = values.shape[:2]
    flat = values.reshape(samples, channels, -1)
    table = np.empty((samples + 1, channels + 1))
    table[:-1, :-1] = take(flat, axis=2)
    table[:-1, -1] = take(flat, axis=(1, 2))
    table[-1, :-1] = take(flat, axis=(0, 2))
    table[-1, -1] = take(flat)
    return table
