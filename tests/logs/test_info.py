"""run.json: written once, checked when read."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from logs.directory import RunDirectory, read_json, write_json
from logs.errors import BrokenRunError, NewerSchemaError
from logs.info import RunInfo, git_commit, read_info, write_info
from logs.process import process_started
from logs.vocabulary import SCHEMA_VERSION


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path, "mlp", "digits")


def test_info_round_trips_through_its_file(directory: RunDirectory) -> None:
    info = RunInfo.new(
        directory,
        model="mlp",
        dataset="digits",
        config={"hidden_width": 200, "transforms": []},
        name="数字 <b>",
        group="folds",
        study={"scheme": "stratified", "folds": 10, "split_seed": 0},
        member={"repeat": 0, "fold": 3},
        tags=["a", "b"],
        seed=7,
        higher_is_better={"accuracy": True},
    )
    write_info(directory, info)
    assert read_info(directory) == info


def test_a_new_run_knows_its_process_machine_and_versions(directory: RunDirectory) -> None:
    info = RunInfo.new(directory, model="mlp", dataset="digits")
    assert (info.id, info.pid, info.schema_version) == (directory.id, os.getpid(), SCHEMA_VERSION)
    assert info.process_started == process_started(os.getpid()) > 0
    assert abs(info.created - time.time()) < 60
    assert {"python", "platform", "numpy", "torch"} <= set(info.versions)
    assert info.command


def test_a_hundred_runs_of_one_process_ask_git_once(
    runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("logs.info.git_commit", lambda: asked.append(Path.cwd()) or "a" * 40)
    monkeypatch.setattr("logs.info.COMMIT_SECONDS", 1e9)
    monkeypatch.chdir(tmp_path)
    made = [RunInfo.new(RunDirectory(runs / str(n)), model="m", dataset="d") for n in range(100)]
    assert {info.git_commit for info in made} == {"a" * 40}
    assert asked == [tmp_path]
    monkeypatch.chdir(runs)  # another folder may be another repository
    RunInfo.new(RunDirectory(runs / "x"), model="m", dataset="d")
    assert asked == [tmp_path, runs]


def test_run_json_is_written_once(directory: RunDirectory) -> None:
    info = RunInfo.new(directory, model="mlp", dataset="digits")
    write_info(directory, info)
    with pytest.raises(FileExistsError, match="written once"):
        write_info(directory, dataclasses.replace(info, model="other"))
    assert read_info(directory).model == "mlp"


def test_an_older_file_without_newer_fields_gets_their_defaults(directory: RunDirectory) -> None:
    write_json(
        directory.run_json, {"schema_version": 1, "id": directory.id, "created": 5, "from_tomorrow": [1]}
    )
    info = read_info(directory)
    assert (info.created, info.kind, info.tags, dict(info.config)) == (5, "train", (), {})
    assert (dict(info.study), dict(info.member)) == ({}, {})


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99])
def test_a_newer_format_is_refused_and_says_update(directory: RunDirectory, version: int) -> None:
    write_json(directory.run_json, {"schema_version": version, "id": directory.id})
    with pytest.raises(NewerSchemaError, match=f"format version {version} and this program reads up to"):
        read_info(directory)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema_version": None}, "names no schema_version"),
        ({"schema_version": True}, "names no schema_version"),
        ({"schema_version": "1"}, "names no schema_version"),
        ({"id": ""}, "names no id"),
        ({"id": 3}, "says id is 3; it must be a text"),
        ({"pid": "12"}, "says pid is '12'; it must be a whole number"),
        ({"pid": True}, "says pid is True"),
        ({"created": 10**400}, "it must be seconds since 1970"),
        ({"created": -1}, "says created is -1; it must be seconds since 1970"),
        ({"process_started": 1e300}, "says process_started is 1e"),
        ({"created": None}, "says created is None; it must be a number"),
        ({"config": [1]}, r"says config is \[1\]; it must be an object"),
        ({"tags": "one"}, "it must be a list of texts"),
        ({"study": "kfold"}, "says study is 'kfold'; it must be an object"),
        ({"member": 3}, "says member is 3; it must be an object"),
    ],
)
def test_a_foreign_file_is_named_with_the_field_that_is_wrong(
    directory: RunDirectory, change: dict[str, Any], sentence: str
) -> None:
    write_json(directory.run_json, {**RunInfo(directory.id).to_dict(), **change})
    with pytest.raises(BrokenRunError, match=sentence):
        read_info(directory)


def test_half_a_sign_in_a_name_becomes_a_question_mark(directory: RunDirectory) -> None:
    text = (
        '{"schema_version": 1, "id": "a", "name": "x\\uD800y \\ud83d\\ude00", "config": {"a": ["\\udfff"]}}'
    )
    directory.run_json.write_text(text)
    info = read_info(directory)
    assert (info.name, info.config) == ("x?y \U0001f600", {"a": ["?"]})  # a whole pair stays


def test_times_are_numbers_that_other_programs_can_read(directory: RunDirectory) -> None:
    write_info(directory, RunInfo.new(directory, model="mlp", dataset="digits", config={"l1": math.nan}))
    data = read_json(directory.run_json)
    assert isinstance(data["created"], float)
    assert data["config"] == {"l1": "NaN"}
    assert next(iter(data)) == "schema_version"


def test_the_commit_is_that_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert git_commit() == ""

    def git(*words: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *identity, *words], check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-q", "-m", "first")
    git("tag", "v1")
    commit = git("rev-parse", "HEAD").strip()
    assert git_commit() == commit
    (tmp_path / "file").write_text("2")
    assert git_commit() == f"{commit}-dirty"


def test_without_git_the_commit_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_commit() == ""
