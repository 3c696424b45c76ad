"""What a person changes later: names, tags and notes, beside an untouched run.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from logs.directory import RunDirectory, write_json
from logs.errors import BrokenRunError
from logs.info import RunInfo
from logs.labels import Labels, change_labels, read_labels, shown_name, shown_tags, write_labels


def test_labels_round_trip_as_data(tmp_path: Path) -> None:
    labels = Labels('<script>alert("1")</script>', ("数字", "a,b"), "first line\n# second\n\tthird")
    write_labels(RunDirectory(tmp_path), labels)
    assert read_labels(RunDirectory(tmp_path)) == labels


def test_nothing_said_is_empty_labels(tmp_path: Path) -> None:
    assert read_labels(RunDirectory(tmp_path)) == Labels()


def test_changing_one_label_leaves_the_others(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    change_labels(directory, name="first", tags=["a"], note="why")
    change_labels(directory, tags=["b", " b ", "", "c"])
    assert read_labels(directory) == Labels("first", ("b", "c"), "why")
    change_labels(directory, tags=[], note="")
    assert read_labels(directory) == Labels("first", (), "")


def test_labels_override_what_the_run_started_with() -> None:
    info = RunInfo("id", name="start", tags=("old",))
    assert (shown_name(info, Labels(), "id"), shown_tags(info, Labels())) == ("start", ("old",))
    assert (shown_name(info, Labels("new", ()), "id"), shown_tags(info, Labels("new", ()))) == ("new", ())
    assert (shown_name(info, Labels(""), "id"), shown_name(RunInfo("id"), Labels(), "id")) == ("start", "id")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "two\nlines"}, "leave out line breaks"),
        ({"name": "lone \ud800"}, "leave out line breaks and control signs"),
        ({"name": "x" * 201}, "has 201 characters; it may have 200"),
        ({"name": 5}, "the name is 5; it must be a text"),
        ({"tags": ("x" * 51,)}, "it may have 50"),
        ({"tags": "abc"}, "it must be a list of texts"),
        ({"tags": (3,)}, "the tag is 3"),
        ({"note": "x" * 20_001}, "at most 20,000 characters"),
        ({"note": None}, "the note must be a text"),
    ],
)
def test_a_bad_label_is_refused_with_the_rule(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Labels(**wrong)


@pytest.mark.parametrize("content", [{"name": 3}, {"tags": 5}, {"tags": [None]}, {"note": [1]}])
def test_foreign_labels_are_named_and_can_be_written_again(tmp_path: Path, content: dict[str, Any]) -> None:
    directory = RunDirectory(tmp_path)
    write_json(directory.labels_json, content)
    with pytest.raises(BrokenRunError, match="delete the file and label the run again"):
        read_labels(directory)
    assert change_labels(directory, name="again") == read_labels(directory) == Labels("again")
