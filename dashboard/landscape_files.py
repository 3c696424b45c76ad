"""A landscape to take along: its points as Parquet, its surface as PLY for programs that draw in space.

glTF is in dashboard/landscape_mesh.py.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dashboard.charts.landscape import Picture, scale_of


def points_file(points: pd.DataFrame, about: Mapping[str, Any]) -> bytes:
    """Every point that was computed, with how it was made in the file's metadata."""
    table = pa.Table.from_pandas(points.drop(columns=["row", "column"]), preserve_index=False)
    known = {str(name).encode(): str(value).encode() for name, value in about.items()}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(known), buffer)
    return buffer.getvalue()


def surface_parts(picture: Picture, limits: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The surface as it is drawn, in a box of side 1: corners (a, b, height) [corners, 3], their colours
    [corners, 3] of bytes, and triangles [faces, 3], counter-clockwise from above. Those with a corner that is
    no number are left out.
    """
    low, high = limits
    heights = np.clip(picture.drawn, low, high)
    x, y = np.meshgrid(unit(picture.a, picture.a), unit(picture.b, picture.b))
    share = (heights - low) / ((high - low) or 1.0)
    known = np.isfinite(picture.drawn)
    corners = np.stack([x, y, np.where(known, share, 0.0) * 0.65], axis=-1).reshape(-1, 3).astype("<f4")
    colors = _colors(np.where(known, share, 0.0).ravel(), picture)
    place = np.arange(heights.size).reshape(heights.shape)
    first = np.stack([place[:-1, :-1], place[:-1, 1:], place[1:, 1:]], axis=-1).reshape(-1, 3)
    second = np.stack([place[:-1, :-1], place[1:, 1:], place[1:, :-1]], axis=-1).reshape(-1, 3)
    faces = np.concatenate([first, second])
    return corners, colors, faces[known.ravel()[faces].all(axis=1)].astype("<i4")


def surface_file(picture: Picture, limits: tuple[float, float]) -> bytes:
    """The surface as a binary PLY mesh of triangles, with a colour for each corner, in a box of side 1."""
    low, high = limits
    corners, colors, faces = surface_parts(picture, limits)
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"comment {picture.title}{', log10' if picture.log else ''}, from {low:.6g} to {high:.6g}\n"
        f"element vertex {len(corners)}\nproperty float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    vertices = np.empty(len(corners), [("place", "<f4", 3), ("color", "u1", 3)])
    vertices["place"], vertices["color"] = corners, colors
    triangles = np.empty(len(faces), [("count", "u1"), ("corners", "<i4", 3)])
    triangles["count"], triangles["corners"] = 3, faces
    return header.encode("ascii") + vertices.tobytes() + triangles.tobytes()


def unit(places: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """Places as shares of the way from the first tick to the last."""
    return np.asarray((places - ticks[0]) / ((ticks[-1] - ticks[0]) or 1.0))


def _colors(shares: np.ndarray, picture: Picture) -> np.ndarray:
    """uint8 [corners, 3] between the picture's own colours: dark is low."""
    stops = [str(color) for _, color in scale_of(picture)]
    scale = np.array([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in stops], float)
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(shares, at, scale[:, channel]) for channel in range(3)], axis=1).astype("u1")
