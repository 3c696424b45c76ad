"""A network's layers as tables and charts: data in, data frame or figure out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from models.receptive_field import ReceptiveField
from models.summary import Summary

INDENT = "\u2003"  # an em space: a data frame trims no spaces of this kind


def layer_table(
    summary: Summary, fields: Mapping[str, ReceptiveField], depth: int | None = None
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
                "calls": layer.calls,
                "path": layer.path,
            }
        )
    return pd.DataFrame(rows)


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
