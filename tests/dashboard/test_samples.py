"""Pictures, points and schedules as charts."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from dashboard.charts.samples import (
    data_url,
    enlarged,
    picture_grid,
    points_chart,
    schedule_chart,
    targets_chart,
)


def test_every_picture_is_on_the_sheet_in_reading_order() -> None:
    pictures = np.zeros((5, 1, 4, 4), np.uint8)
    for index in range(5):
        pictures[index] = 10 * (index + 1)
    sheet = picture_grid(pictures, columns=3, width=14)  # 3 * 4 + 2 gaps of 1 = 14: not enlarged
    assert sheet.shape == (9, 14, 3)
    assert [int(sheet[1, left, 0]) for left in (1, 6, 11)] == [10, 20, 30]
    assert [int(sheet[6, left, 0]) for left in (1, 6)] == [40, 50]


def test_small_pictures_are_enlarged_by_a_whole_number() -> None:
    sheet = picture_grid(np.zeros((1, 3, 8, 8), np.uint8), width=100)
    assert sheet.shape == (96, 96, 3)


def test_floats_of_any_range_use_all_the_grey_there_is() -> None:
    pictures = np.linspace(-3, 16, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    sheet = picture_grid(pictures, width=4)
    assert (sheet.min(), sheet.max()) == (0, 255)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2, 8, 8\)"):
        picture_grid(np.zeros((3, 2, 8, 8)))


def test_each_class_has_its_points_a_colour_and_a_mark_of_its_own() -> None:
    points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    figure = points_chart(points, np.array([1, 0, 1]), ["inner", "outer"])
    assert [list(trace.x) for trace in figure.data] == [[2.0], [0.0, 4.0]]
    assert len({trace.marker.color for trace in figure.data}) == 2
    assert len({trace.marker.symbol for trace in figure.data}) == 2


def test_the_schedule_ends_with_the_last_epoch() -> None:
    figure = schedule_chart(np.linspace(0.1, 0, 50), 20)
    assert (figure.data[0].x[0], figure.data[0].x[-1]) == (0, 20)


def test_targets_are_counted() -> None:
    assert targets_chart(np.arange(10.0)).layout.yaxis.title.text == "samples"


def test_a_picture_as_an_address_is_the_same_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    header, _, content = data_url(pixels).partition(",")
    assert header == "data:image/png;base64"
    np.testing.assert_array_equal(enlarged(base64.b64decode(content), width=7), pixels)


def test_a_small_picture_is_enlarged_without_blur() -> None:
    pixels = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    large = enlarged(base64.b64decode(data_url(pixels).partition(",")[2]), width=8)
    assert large.shape == (4, 8, 3)
    assert set(np.unique(large)) == {0, 255}
