"""A landscape's surface as glTF 2.0, the form that browsers, office programs and Blender open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from dashboard.charts.landscape import Picture, own_values
from dashboard.landscape_files import surface_parts, unit
from training.landscape_grid import positive

FLOAT, WHOLE = 5126, 5125  # component types of glTF
POINTS_ARE, ELEMENTS_ARE = 34962, 34963  # targets of buffer views: vertices, indices
LINE_STRIP, TRIANGLES = 3, 4
LIFT = 0.01  # of the box: a path is seen above its surface


def gltf_file(picture: Picture, limits: tuple[float, float], path: pd.DataFrame | None = None) -> bytes:
    """The surface as it is drawn, as one binary glTF file (.glb) in a box of side 1, a colour at each corner;
    a path of networks is a line at the height of their own losses. y points up, as glTF has it.
    """
    places, colors, faces = surface_parts(picture, limits)
    corners = _upright(places)
    arrays = [
        (corners, FLOAT, "VEC3", POINTS_ARE),
        (_normals(corners, faces), FLOAT, "VEC3", POINTS_ARE),
        (np.concatenate([colors / 255.0, np.ones((len(colors), 1))], axis=1) ** [2.2, 2.2, 2.2, 1],
         FLOAT, "VEC4", POINTS_ARE),  # glTF's colours are linear
        (faces.reshape(-1), WHOLE, "SCALAR", ELEMENTS_ARE),
    ]  # fmt: skip
    surface = {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}
    primitives: list[dict[str, Any]] = [
        {"attributes": surface, "indices": 3, "mode": TRIANGLES, "material": 0}
    ]
    line = None if path is None else _line(picture, limits, path)
    if line is not None:
        arrays.append((line, FLOAT, "VEC3", POINTS_ARE))
        primitives.append({"attributes": {"POSITION": 4}, "mode": LINE_STRIP, "material": 1})
    return _packed(arrays, primitives, f"{picture.title}, from {limits[0]:.6g} to {limits[1]:.6g}")


def _upright(places: np.ndarray) -> np.ndarray:
    """(a, b, height) as glTF's (x, y, z): right-handed, y up."""
    return np.stack([places[:, 0], places[:, 2], -places[:, 1]], axis=1).astype("<f4")


def _normals(corners: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Of length 1: the mean of the adjacent triangles', each by its area. Up where there is no triangle."""
    first, second, third = (corners[faces[:, place]].astype(float) for place in range(3))
    across = np.cross(second - first, third - first)
    found = np.zeros((len(corners), 3))
    for place in range(3):
        np.add.at(found, faces[:, place], across)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.where(lengths > 0, found / np.maximum(lengths, 1e-30), [0.0, 1.0, 0.0]).astype("<f4")


def _line(picture: Picture, limits: tuple[float, float], path: pd.DataFrame) -> np.ndarray | None:
    if len(path) < 2:
        return None
    own = own_values(path, picture)
    heights = np.clip(np.log10(positive(own)) if picture.log else own, *limits)
    share = (heights - limits[0]) / ((limits[1] - limits[0]) or 1.0) * 0.65 + LIFT
    a, b = (unit(path[name].to_numpy(), ticks) for name, ticks in (("a", picture.a), ("b", picture.b)))
    return _upright(np.stack([a, b, share], axis=1))


def _packed(
    arrays: list[tuple[np.ndarray, int, str, int]], primitives: list[dict[str, Any]], name: str
) -> bytes:
    """A .glb file: header, the JSON chunk, the binary chunk (glTF 2.0, section 4.4)."""
    body = b"".join(_bytes(array, component) for array, component, _, _ in arrays)
    views, accessors = zip(*_described(arrays), strict=True)
    rough = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
    line = {**rough, "baseColorFactor": [0.83, 0.09, 0.0, 1.0]}
    described = {
        "asset": {"version": "2.0", "generator": "Descent"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [{"primitives": primitives, "name": name}],
        "materials": [
            {"pbrMetallicRoughness": rough, "doubleSided": True},
            {"pbrMetallicRoughness": line},
        ],
        "buffers": [{"byteLength": len(body)}],
        "bufferViews": list(views),
        "accessors": list(accessors),
    }
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 4)
    parts = [len(text).to_bytes(4, "little"), b"JSON", text, len(body).to_bytes(4, "little"), b"BIN\0", body]
    whole = b"".join(parts)
    return b"glTF" + (2).to_bytes(4, "little") + (12 + len(whole)).to_bytes(4, "little") + whole


def _bytes(array: np.ndarray, component: int) -> bytes:
    return array.astype("<f4" if component == FLOAT else "<u4").tobytes()


def _described(
    arrays: list[tuple[np.ndarray, int, str, int]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The buffer view and the accessor of each array; they follow each other, 4 bytes a number."""
    start = 0
    for number, (array, component, kind, target) in enumerate(arrays):
        size = 4 * array.size
        view = {"buffer": 0, "byteOffset": start, "byteLength": size, "target": target}
        accessor: dict[str, Any] = {
            "bufferView": number, "componentType": component, "count": len(array), "type": kind,
        }  # fmt: skip
        if kind == "VEC3":
            numbers = array.astype("<f4")
            accessor |= {"min": numbers.min(axis=0).tolist(), "max": numbers.max(axis=0).tolist()}
        yield view, accessor
        start += size
