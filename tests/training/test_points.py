"""Points in the plane: read from CSV with errors that name line and column, and shared out by class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.directory import RunDirectory
from training.points import (
    PLANE,
    PointsError,
    drawn_points,
    parse_points,
    read_points,
    split_points,
    write_points,
)

FOUR = "0,0,a\n1,0,a\n0,1,b\n1,1,b\n"


@pytest.mark.parametrize(
    "text",
    [
        FOUR,
        "width,height,kind\n" + FOUR,
        FOUR.replace(",", ";"),
        FOUR.replace(",", "\t"),
        "\n" + FOUR.replace("\n", "\r\n\n"),
        FOUR.replace(",", " , "),
        FOUR.replace("a", '"a"'),
    ],
)
def test_a_table_of_two_numbers_and_a_label_is_read_however_it_is_written(text: str) -> None:
    points = parse_points(text)
    np.testing.assert_array_equal(points.places, [[0, 0], [1, 0], [0, 1], [1, 1]])
    np.testing.assert_array_equal(points.classes, [0, 0, 1, 1])
    assert points.class_names == ("a", "b")
    assert points.names == (("width", "height") if "width" in text else ("x", "y"))


def test_numbered_classes_stand_in_the_order_of_their_numbers() -> None:
    points = parse_points("0,0,10\n1,0,10\n0,1,9\n1,1,two\n")
    assert points.class_names == ("9", "10", "two")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b,c\n1,2,x\n3,oops,x\n", r"column 'b' in line 3 is 'oops'; it must be a finite number"),
        ("1,2,x\n3,nan,x\n", r"column 'y' in line 2 is 'nan'"),
        ("1,2,x\n\n3,4\n", r"line 3 has 2 columns; each line is two numbers and a label"),
        ("1,2,x\n3,4,\n", r"line 2 has no label"),
        ("1,2,x\n3,4,x\n", r"all are 'x'; give points of two classes"),
        ("", r"there are none"),
        ("a,b,c\n", r"there are none"),
        ("1,2,x\n3,4,y\n", r"one point only"),
        ("".join(f"1,2,{n}\n" for n in range(9)) + "1,2,0\n", r"9 labels .* takes 8 classes at most"),
        ("1,2,x\n" * 5001, r"5,001 points; the playground takes 5,000"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(PointsError, match=sentence):
        parse_points(text)


def test_files_that_can_not_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(PointsError, match="No such file"):
        read_points(tmp_path / "nowhere.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PointsError, match="no UTF-8 text"):
        read_points(tmp_path / "binary.csv")
    (tmp_path / "odd.parquet").write_bytes(b"")
    with pytest.raises(PointsError, match="no table of points"):
        read_points(tmp_path / "odd.parquet")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text(FOUR, "utf-8-sig")
    assert len(read_points(path)) == 4


def test_the_points_of_a_run_can_be_taken_again(tmp_path: Path) -> None:
    points = parse_points("width,height,kind\n0.1,0.2,b\n1,0,b\n0,1,a\n1,1,a\n")
    write_points(RunDirectory(tmp_path), points, np.array([1]))
    again = read_points(tmp_path / "tables" / "points.parquet")
    np.testing.assert_array_equal(again.places, points.places)
    np.testing.assert_array_equal(again.classes, points.classes)
    assert (again.class_names, again.names) == (points.class_names, points.names)


@pytest.mark.parametrize("row", PLANE, ids=lambda row: row.name)
def test_every_set_draws_as_many_points_as_are_asked_for(row) -> None:
    settings = {parameter.name: parameter.default for parameter in row.parameters}
    points = drawn_points(row.name, settings, 20, seed=3)
    assert points.places.shape == (20, 2)
    assert set(points.classes.tolist()) == set(range(len(points.class_names)))


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    share=st.floats(0.1, 0.9),
    seed=st.integers(0),
)
def test_a_split_is_whole_disjoint_and_keeps_each_class(counts: list[int], share: float, seed: int) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    train, rest = split_points(classes, share, seed)
    assert sorted(train.tolist() + rest.tolist()) == list(range(len(classes)))
    for number, count in enumerate(counts):
        trained = int((classes[train] == number).sum())
        assert trained >= 1
        if count > 1:
            assert count - trained >= 1
            assert abs(trained - share * count) <= 1
