"""Pictures of loss landscapes: what is drawn is what was computed, and a hole stays a hole."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dashboard.charts.landscape import (
    common_limits,
    contour_chart,
    picture_of,
    surface_chart,
)
from dashboard.charts.landscape_lines import Line, line_chart, slice_chart
from dashboard.charts.log_ticks import log_ticks, round_ticks
from dashboard.landscape_files import points_file, surface_file
from dashboard.landscape_mesh import gltf_file
from training.landscape_grid import Grid


def trace(figure: Any, name: str) -> Any:
    (found,) = [each for each in figure.data if each.name == name]
    return found


def plane(level: int, hole: bool = False) -> tuple[pd.DataFrame, Mapping[str, Any]]:
    """The bowl a^2 + 4 b^2 + 0.1, twice as high on the training samples."""
    grid = Grid((-1.0, 1.0), (-0.5, 0.5), {"train": 1, "test": 1}, level)
    for row in grid.ticks(level):
        for column in grid.ticks(level):
            loss = grid.a(row) ** 2 + 4 * grid.b(column) ** 2 + 0.1
            torn = hole and row == column == 0
            grid.known[row, column] = {
                "train": (2 * loss, 0.5),
                "test": (np.inf if torn else loss, 0.25),
            }
    about = {
        "level": level, "lattice": grid.lattice, "a_range": [-1.0, 1.0], "b_range": [-0.5, 0.5],
        "kind": "plane",
    }  # fmt: skip
    return pd.DataFrame(grid.columns()), about


def test_a_coarse_plane_is_drawn_through_a_spline_that_meets_the_truth() -> None:
    picture = picture_of(*plane(13))
    assert picture is not None
    assert picture.values.shape == (101, 101)
    a, b = np.meshgrid(picture.a, picture.b)
    truth = a**2 + 4 * b**2 + 0.1
    assert np.abs(np.log(picture.values / truth)).max() < 0.06
    assert picture.values[picture.centre] == pytest.approx(0.1, rel=1e-6)
    assert picture.limits() == pytest.approx((-1, np.log10(2.1)), abs=0.02)


def test_the_finest_plane_and_accuracies_are_drawn_as_they_are() -> None:
    fine = picture_of(*plane(49))
    assert fine is not None
    assert fine.values.shape == (49, 49)
    assert fine.values[0, 24] == pytest.approx(0.0**2 + 4 * 0.25 + 0.1), "rows are b, columns a"
    accuracy = picture_of(*plane(9), what="accuracy")
    assert accuracy is not None
    assert accuracy.values.shape == (9, 9)
    assert not accuracy.log
    assert (accuracy.values == 0.25).all()


def test_the_difference_is_test_minus_train_and_never_logarithmic() -> None:
    picture = picture_of(*plane(49), of="difference")
    assert picture is not None
    assert not picture.log
    assert picture.values[picture.centre] == pytest.approx(0.1 - 0.2)


def test_what_is_no_number_and_what_is_clipped_are_holes() -> None:
    picture = picture_of(*plane(13, hole=True))
    assert picture is not None
    assert np.isnan(picture.values[0, 0])
    assert np.isfinite(picture.values[50, 50])
    clipped = picture.clipped(0.5)
    assert np.nanmax(clipped.values) <= 0.5
    for chart in (surface_chart(clipped, (-1, 1)), contour_chart(clipped, (-1, 1))):
        assert np.isnan(np.asarray(chart.data[0].z, dtype=float)).any()


def test_no_plane_before_its_first_level_is_whole_and_none_of_a_line() -> None:
    points, about = plane(9)
    assert picture_of(points, {**about, "level": 0}) is None
    assert picture_of(points, {**about, "b_range": None}) is None


def test_a_difference_is_as_long_below_nothing_as_above() -> None:
    picture = picture_of(*plane(49), of="difference")
    assert picture is not None
    low, high = common_limits([picture])
    assert low == -high == pytest.approx(-2.1)
    assert surface_chart(picture, (low, high)).data[0].colorscale != contour_chart(
        picture_of(*plane(49)) or picture, (low, high)
    ).data[0].colorscale  # fmt: skip


def test_two_pictures_share_one_scale() -> None:
    small, large = picture_of(*plane(9)), picture_of(*plane(9), of="train")
    assert small is not None
    assert large is not None
    low, high = common_limits([small, large])
    assert (low, high) == (small.limits()[0], large.limits()[1])


def test_a_paths_points_have_the_colour_of_their_own_loss() -> None:
    picture = picture_of(*plane(9))
    assert picture is not None
    path = pd.DataFrame(
        {"a": [0.9, 0.0], "b": [0.2, 0.0], "epoch": [1, 2], "distance": [3.0, 0.0], "test_loss": [0.5, 0.1]}
    )
    chart = contour_chart(picture, (-1.0, 1.0), path)
    assert np.asarray(trace(chart, "path").marker.color) == pytest.approx(np.log10([0.5, 0.1]))
    surface = surface_chart(picture, (-1.0, 1.0), path)
    assert np.asarray(trace(surface, "path").z) == pytest.approx(np.log10([0.5, 0.1]) + 0.04)


def test_a_cut_goes_through_the_place() -> None:
    picture = picture_of(*plane(49))
    assert picture is not None
    along_a, along_b = slice_chart([picture], (0.5, -0.25), (-1.0, 1.0)).data
    assert np.asarray(along_a.y) == pytest.approx(picture.a**2 + 4 * 0.0625 + 0.1, abs=0.03)
    assert np.asarray(along_b.y) == pytest.approx(0.25 + 4 * picture.b**2 + 0.1, abs=0.03)


def test_a_line_shows_both_splits_and_marks_its_ends() -> None:
    points = pd.DataFrame({"a": [0.5, 0.0, 1.0], "train_loss": [1.0, 0.1, 0.2], "test_loss": [2.0, 0.3, 0.0]})
    chart = line_chart(Line(points, {"kind": "between"}))
    train, test = chart.data
    assert list(train.x) == [0.0, 0.5, 1.0]
    assert list(train.y) == [0.1, 1.0, 0.2]
    assert np.isnan(np.asarray(test.y, dtype=float)[2]), "0 has no place on a logarithmic axis"
    assert [shape.x0 for shape in chart.layout.shapes] == [0.0, 1.0]


def test_the_parquet_file_has_the_points_and_how_they_were_made() -> None:
    points, about = plane(9)
    table = pq.read_table(io.BytesIO(points_file(points, about)))
    assert table.num_rows == 81
    assert table.column("test_loss").to_pylist() == points["test_loss"].tolist()
    assert table.schema.metadata[b"kind"] == b"plane"


def test_the_mesh_has_a_corner_for_each_point_and_no_triangle_at_a_hole() -> None:
    whole, torn = picture_of(*plane(49)), picture_of(*plane(49, hole=True))
    assert whole is not None
    assert torn is not None
    for picture, triangles in ((whole, 2 * 48 * 48), (torn, 2 * 48 * 48 - 2)):
        file = surface_file(picture, (-1.0, 0.4))
        header, _, body = file.partition(b"end_header\n")
        assert header.startswith(b"ply\nformat binary_little_endian 1.0\n")
        assert f"element vertex {49 * 49}\n".encode() in header
        assert f"element face {triangles}\n".encode() in header
        assert len(body) == 49 * 49 * 15 + triangles * 13
    corners = np.frombuffer(body[: 49 * 49 * 15], [("place", "<f4", 3), ("color", "u1", 3)])
    assert corners["place"].min() >= 0
    assert corners["place"].max() <= 1
    lowest = corners["place"][corners["place"][:, 2].argsort()[1]]
    assert lowest[:2] == pytest.approx([0.5, 0.5], abs=0.03), "the bowl is lowest in the middle"


def gltf_parts(file: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What the file says of itself, and its arrays, read as glTF 2.0 lays them out."""
    assert file[:4] == b"glTF"
    version, length, size = np.frombuffer(file[4:16], "<u4")
    assert (version, length) == (2, len(file))
    assert file[16:20] == b"JSON"
    described = json.loads(file[20 : 20 + size])
    start = 28 + int(size)
    assert file[start - 4 : start] == b"BIN\0"
    arrays = []
    for accessor in described["accessors"]:
        view = described["bufferViews"][accessor["bufferView"]]
        at = start + view["byteOffset"]
        kind = "<f4" if accessor["componentType"] == 5126 else "<u4"
        array = np.frombuffer(file[at : at + view["byteLength"]], kind)
        arrays.append(array.reshape(accessor["count"], -1))
    return described, arrays


def test_a_gltf_file_has_the_surface_upright_with_its_normals_colours_and_path() -> None:
    picture = picture_of(*plane(49, hole=True))
    assert picture is not None
    path = pd.DataFrame({"a": [1.0, 0.0], "b": [0.5, 0.0], "test_loss": [2.0, 0.1]})
    described, (corners, normals, colors, faces, line) = gltf_parts(gltf_file(picture, (-1.0, 0.4), path))
    assert len(corners) == 49 * 49
    assert faces.size == 3 * (2 * 48 * 48 - 2)
    assert faces.max() < len(corners)
    assert described["accessors"][0]["min"] == pytest.approx(corners.min(axis=0))
    lowest = corners[24 * 49 + 24]
    assert lowest == pytest.approx([0.5, 0.0, -0.5], abs=1e-6), "y is the height, z points to the reader"
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)
    assert normals[24 * 49 + 24] == pytest.approx([0, 1, 0], abs=1e-3), "flat at the bottom, seen from above"
    assert (colors[:, :3] <= 1).all()
    assert (colors[:, 3] == 1).all()
    assert line[1] == pytest.approx([0.5, 0.01, -0.5], abs=1e-6)
    modes = [primitive["mode"] for primitive in described["meshes"][0]["primitives"]]
    assert modes == [4, 3]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (math.log10(0.21), math.log10(3.5), ["0.5", "1", "2"]),
        (math.log10(0.48), math.log10(14_900), ["1", "10", "100", "1000", "10⁴"]),
        (-9, 12, ["10⁻⁸", "10⁻⁴", "1", "10⁴", "10⁸", "10¹²"]),
        (-4, 0, ["10⁻⁴", "0.001", "0.01", "0.1", "1"]),
        (-1, 0, ["0.1", "0.2", "0.5", "1"]),
        (-300, 300, ["10⁻²⁰²", "10⁻¹⁰¹", "1", "10¹⁰¹", "10²⁰²"]),
        (math.log10(0.95), math.log10(1.41), ["0.95", "1.1", "1.26", "1.41"]),
    ],
)
def test_a_logarithmic_scale_has_round_numbers_written_in_full(
    low: float, high: float, expected: list[str]
) -> None:
    places, words = log_ticks(low, high)
    assert words == expected
    assert all(low - 1e-9 <= place <= high + 1e-9 for place in places)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.11, 0.11, [-0.1, -0.05, 0, 0.05, 0.1]),
        (0.08, 0.87, [0.2, 0.4, 0.6, 0.8]),
        (0.2, 14_900, [5000, 10_000]),
    ],
)
def test_a_linear_scale_has_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert round_ticks(low, high) == pytest.approx(expected)
