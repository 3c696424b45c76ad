"""Names of runs, the paths in them, and JSON that is whole or absent."""

from __future__ import annotations

import json
import math
import os
import re
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs import directory as directory_module
from logs.directory import SLUG_LIMIT, RunDirectory, read_json, slug, write_json
from logs.errors import BrokenRunError, MissingFileError


def test_a_run_is_named_by_utc_time_model_data_set_and_four_hex_digits(tmp_path: Path) -> None:
    shanghai = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=8)))
    made = RunDirectory.create(tmp_path / "new" / "runs", "mlp", "fashion_mnist", shanghai)
    assert re.fullmatch(r"20260101T190405Z-mlp-fashion_mnist-[0-9a-f]{4}", made.id)
    assert made.path.is_dir()
    assert list(made.path.iterdir()) == []


def test_runs_of_the_same_second_get_different_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = iter(["aaaa", "aaaa", "bbbb"])  # the second run draws the first one's digits, and draws again
    monkeypatch.setattr(directory_module.secrets, "token_hex", lambda count: next(digits))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first, second = (RunDirectory.create(tmp_path, "mlp", "digits", now) for _ in range(2))
    assert (first.id[-4:], second.id[-4:]) == ("aaaa", "bbbb")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("resnet20", "resnet20"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\net:work*?", "C-net-work"),
        ("Zoë's Net", "Zoe-s-Net"),
        ("手写数字", "model"),
        ("..", "model"),
        ("a" * 500, "a" * SLUG_LIMIT),
        ("x\0y\nz", "x-y-z"),
        ("broken \ud800 surrogate", "broken-surrogate"),
    ],
)
def test_a_bad_name_becomes_a_plain_part_of_a_folder_name(name: str, plain: str) -> None:
    assert slug(name, "model") == plain


@settings(deadline=None)
@given(st.text(min_size=1))
def test_every_name_gives_a_part_that_every_file_system_takes(name: str) -> None:
    if name.strip():
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,38}[A-Za-z0-9])?", slug(name, "model"))


@pytest.mark.parametrize("name", ["", "   ", None, 7])
def test_a_missing_name_is_refused_with_the_way_out(name: Any) -> None:
    with pytest.raises(
        ValueError, match=r"the model's name is .* it must be a text with at least one letter"
    ):
        slug(name, "model")


@pytest.mark.parametrize("run_id", ["", ".", "..", "../secret", "a/b", "a\\b", "C:x", ".trash", "a\0b"])
def test_an_id_from_outside_cannot_leave_the_folder_of_runs(tmp_path: Path, run_id: str) -> None:
    (tmp_path / "secret").mkdir()
    write_json(tmp_path / "secret" / "run.json", {})
    with pytest.raises(BrokenRunError, match="an id is a plain folder name"):
        RunDirectory.within(tmp_path / "runs", run_id)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenRunError, match="no such folder"):
        RunDirectory.existing(tmp_path / "missing")
    with pytest.raises(BrokenRunError, match=r"has no run\.json; it is no run"):
        RunDirectory.existing(tmp_path)
    write_json(tmp_path / "run.json", {})
    assert RunDirectory.existing(tmp_path) == RunDirectory.within(tmp_path.parent, tmp_path.name)


def test_json_round_trips_with_numpy_paths_and_tuples(tmp_path: Path) -> None:
    value = {
        "number": np.float32(0.5),
        "list": np.arange(3),
        "path": tmp_path,
        "tuple": (1, None, True),
        3: "é",
    }
    write_json(tmp_path / "a.json", value)
    expected = {"number": 0.5, "list": [0, 1, 2], "path": str(tmp_path), "tuple": [1, None, True], "3": "é"}
    assert read_json(tmp_path / "a.json") == expected


def test_numbers_json_does_not_have_are_written_as_texts(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"values": [math.nan, math.inf, -math.inf]})

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads((tmp_path / "a.json").read_text(), parse_constant=refuse)
    assert found == {"values": ["NaN", "Infinity", "-Infinity"]}


def test_what_json_cannot_hold_is_refused_and_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(TypeError, match="can't be written as JSON"):
        write_json(tmp_path / "a.json", {"new": object()})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "a.json", {"old": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(tmp_path / "a.json", {"new": 1})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_file_held_open_on_windows_is_replaced_a_moment_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refusals = os.replace, iter([True, True, False])

    def replace(source: Path, target: Path) -> None:
        if next(refusals):
            raise PermissionError(13, "The process cannot access the file")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    write_json(tmp_path / "a.json", {"new": 1})
    assert read_json(tmp_path / "a.json") == {"new": 1}


def test_a_reader_beside_a_busy_writer_always_sees_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_json(path, {"round": 0, "filler": "x" * 10_000})
    done = threading.Event()

    def write() -> None:
        for number in range(200):
            write_json(path, {"round": number, "filler": "x" * 10_000 * (number % 3)})
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set():
        assert "round" in read_json(path)
        seen += 1
    writer.join()
    assert seen > 10


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b'{"schema_version": 1, "id": "20', "is not whole JSON"),
        (b"\xff\xfe\x00broken", "is not whole JSON"),
        (b"[1, 2]", "holds a list, not an object"),
        (b"[" * 100_000, "is not whole JSON"),
    ],
    ids=["empty", "truncated", "binary", "list", "nested"],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(BrokenRunError, match=sentence) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="is missing"):
        read_json(tmp_path / "run.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(BrokenRunError, match="can't be read"):
        read_json(tmp_path / "folder.json")
