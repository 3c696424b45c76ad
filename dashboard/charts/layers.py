"""A network's layers as tables and charts: data in, data frame or figure out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.quick_figure import QuickFigure
from dashboard.language import _
from dashboard.theme import LIGHT
from models.receptive_field import ReceptiveField
from models.summary import Summary

MOST_BARS = 60
INDENT = "\u2003"  # an em space: a data frame trims no spaces of this kind


def layer_table(
    summary: Summary,
    fields: Mapping[str, ReceptiveField],
    depth: int | None = None,
    seconds: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """A row per module, down to `depth` levels (None: all); indented by how deep it lies."""
    rows = []
    for layer in summary.layers:
        if depth is not None and layer.depth > depth:
            continue
        rows.append(
            {
                "layer": INDENT * layer.depth + (layer.name or "(whole network)"),
                "kind": layer.kind,
                "settings": layer.settings,
                "output": shape_words(layer.output_shape),
                "field": field_words(fields.get(layer.path)),
                "parameters": layer.parameters_below,
                "frozen": layer.parameters_below - layer.trainable_below,
                "buffers": layer.buffers_below,
                "multiply_adds": layer.multiply_adds,
                "kilobytes": layer.output_bytes / 1000,
                "milliseconds": None if seconds is None else 1000 * seconds.get(layer.path, 0.0),
                "calls": layer.calls,
                "path": layer.path,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.drop(columns="milliseconds") if seconds is None else frame


def layer_bars_chart(names: list[str], values: list[float], title: str, unit: str) -> go.Figure:
    """A bar a layer from the first at the top to the last; of many, the largest ones in their order."""
    if len(names) > MOST_BARS:
        kept = sorted(sorted(range(len(names)), key=lambda place: -values[place])[:MOST_BARS])
        names, values = [names[place] for place in kept], [values[place] for place in kept]
        title = _("{title}, the {n} largest").format(title=title, n=MOST_BARS)
    figure = QuickFigure()
    figure.add_bar(
        x=values,
        y=names,
        orientation="h",
        marker={"color": LIGHT.categorical[0]},
        hovertemplate="%{y}: %{x:,.4~g} " + unit + "<extra></extra>",
    )
    figure.update_layout(
        title=title,
        xaxis={"title": unit, "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "automargin": True, "type": "category"},
        bargap=0.25,
        showlegend=False,
    )
    return figure.made()


def shape_words(shape: tuple[int, ...] | None) -> str:
    """Without the batch: "16 x 28 x 28"."""
    return "" if shape is None else " x ".join(map(str, shape[1:]))


def field_words(field: ReceptiveField | None) -> str:
    """Height x width in pixels, or "all"."""
    if field is None:
        return ""
    if field.size is None:
        return "all"
    return f"{field.size[0]} x {field.size[1]}"
