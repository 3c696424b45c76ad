"""Tables of results: what is written comes back, whole, also while it is being replaced."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from logs.directory import RunDirectory
from logs.errors import BrokenRunError, NewerSchemaError
from logs.tables import list_tables, read_table, table_path, table_version, write_table

COLUMNS = {
    "degree": np.arange(3),
    "error": np.array([0.5, np.nan, np.inf]),
    "small": np.array([1, 2, 3], np.float32),
    "chosen": np.array([True, False, True]),
    "kind": ["train", None, "train"],
    "curve": np.arange(6, dtype=np.float32).reshape(3, 2),
}


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    about = {"noise": 0.25, "best": float("nan"), "names": ["a", "b"], "nested": {"x": 1}}
    write_table(tmp_path, "capacity", COLUMNS, about)
    table = read_table(tmp_path, "capacity")
    assert table is not None
    assert table.about == {**about, "best": "NaN"}
    frame = table.frame
    assert list(frame) == list(COLUMNS)
    assert len(frame) == len(table) == 3
    for name in ("degree", "error", "small", "chosen"):
        np.testing.assert_array_equal(frame[name].to_numpy(), COLUMNS[name])
        assert frame[name].dtype == np.asarray(COLUMNS[name]).dtype
    assert [value if isinstance(value, str) else None for value in frame["kind"]] == COLUMNS["kind"]
    np.testing.assert_array_equal(np.stack(frame["curve"].to_list()), COLUMNS["curve"])


@given(values=arrays.arrays(np.float64, st.integers(0, 50), elements=st.floats(allow_subnormal=False)))
def test_numbers_survive_bit_for_bit(values: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("table")
    write_table(folder, "any", {"values": values})
    table = read_table(folder, "any")
    assert table is not None
    assert table.frame["values"].to_numpy().tobytes() == values.tobytes()


def test_a_table_that_is_not_there_yet_is_none(tmp_path: Path) -> None:
    assert read_table(tmp_path, "later") is None
    assert table_version(tmp_path, "later") is None
    assert list_tables(tmp_path) == []


def test_a_run_directory_and_its_path_are_the_same_place(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    write_table(directory, "seeds", {"seed": [0]})
    assert table_path(tmp_path, "seeds") == directory.tables / "seeds.parquet"
    assert read_table(tmp_path, "seeds") is not None
    assert list_tables(directory) == ["seeds"]


def test_a_replaced_table_has_another_version(tmp_path: Path) -> None:
    write_table(tmp_path, "grows", {"x": [1]})
    before = table_version(tmp_path, "grows")
    assert table_version(tmp_path, "grows") == before
    write_table(tmp_path, "grows", {"x": [2]})
    assert table_version(tmp_path, "grows") != before


def _replace(folder: Path, times: int) -> None:
    for size in range(1, times):
        write_table(folder, "grows", {"x": np.arange(size)}, {"size": size})


def test_a_reader_never_sees_half_a_table(tmp_path: Path) -> None:
    _replace(tmp_path, 2)
    writer = multiprocessing.get_context("spawn").Process(target=_replace, args=(tmp_path, 150))
    writer.start()
    seen = 0
    while writer.is_alive():
        table = read_table(tmp_path, "grows")
        assert table is not None
        assert len(table) == table.about["size"] or table.about == {}
        seen += 1
    writer.join()
    assert writer.exitcode == 0
    assert seen
    assert not [name for name in os.listdir(tmp_path / "tables") if name != "grows.parquet"]  # noqa: PTH208


def test_other_readers_of_parquet_read_it(tmp_path: Path) -> None:
    write_table(tmp_path, "capacity", COLUMNS)
    path = table_path(tmp_path, "capacity")
    found = duckdb.sql(
        f"SELECT sum(degree) AS total, max(kind) AS kind FROM read_parquet('{path}')"
    ).fetchall()
    assert found == [(3, "train")]


@pytest.mark.parametrize("name", ["", "../up", "Capital", "a b", "dot.dot", "x" * 65, None])
def test_a_name_that_no_file_should_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="small letters"):
        table_path(tmp_path, name)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({}, "no columns"),
        ({"a": [1], "b": [1, 2]}, r"different lengths \(a: 1, b: 2\)"),
        ({"a": [{}]}, "numbers, flags or texts"),
        ({"a": np.zeros((1, 1, 1))}, "numbers, flags or texts"),
        ({"a": ["text", 1]}, "numbers, flags or texts"),
    ],
)
def test_what_is_no_table_is_refused(columns: dict, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        write_table(tmp_path, "bad", columns)
    assert list_tables(tmp_path) == []


def test_a_damaged_table_is_said_in_a_sentence(tmp_path: Path) -> None:
    write_table(tmp_path, "torn", COLUMNS)
    path = table_path(tmp_path, "torn")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BrokenRunError, match="damaged"):
        read_table(tmp_path, "torn")


def test_a_table_of_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.schema.SCHEMA_VERSION", 99)
    write_table(tmp_path, "newer", {"x": [1]})
    monkeypatch.undo()
    with pytest.raises(NewerSchemaError):
        read_table(tmp_path, "newer")
