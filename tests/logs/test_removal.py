"""Removing a run: to the trash and back; never from under a running process."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from logs.catalog import RunCatalog
from logs.directory import RunDirectory
from logs.errors import BrokenRunError, LogsError, RunningError, UnknownRunError
from logs.process import process_started
from logs.removal import empty_trash, list_trash, remove, restore


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_removed_run_comes_back_whole(runs, make_run) -> None:
    directory = make_run()
    (directory.path / "scalars").mkdir()
    (directory.path / "scalars" / "0.parquet").write_bytes(b"part")
    before = contents(directory.path)
    removed = remove(directory)
    assert not directory.path.exists()
    assert removed.path.parent == runs / ".trash"
    assert RunCatalog(runs).rows() == []
    assert [item.id for item in list_trash(runs)] == [directory.id]
    assert restore(runs, directory.id) == directory
    assert contents(directory.path) == before
    assert list_trash(runs) == []


def test_a_running_run_is_refused_with_the_way_out(runs, make_run) -> None:
    mine = {"pid": os.getpid(), "process_started": process_started(os.getpid()), "host": socket.gethostname()}
    directory = make_run("running", mine)
    with pytest.raises(RunningError, match=f"is running; stop it first: python -m logs stop {directory.id}"):
        remove(directory)
    directory.run_json.write_text("damaged")
    with pytest.raises(RunningError):
        remove(directory)
    assert directory.path.is_dir()


def test_a_run_that_beats_on_another_machine_is_refused(make_run) -> None:
    directory = make_run("running", {"pid": 1, "host": "elsewhere", "heartbeat": time.time()})
    with pytest.raises(RunningError):
        remove(directory)


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_run_that_ended_is_removed_though_its_process_lives(make_run, state: str) -> None:
    directory = make_run(state, {"pid": os.getpid(), "process_started": process_started(os.getpid())})
    remove(directory)
    assert not directory.path.exists()


def test_a_broken_run_can_be_removed(runs) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    remove(RunDirectory(runs / "broken"))
    assert [item.id for item in list_trash(runs)] == ["broken"]


def test_what_is_not_there_cannot_be_removed_or_restored(runs, make_run) -> None:
    with pytest.raises(BrokenRunError, match="no such folder"):
        remove(RunDirectory(runs / "missing"))
    directory = make_run()
    remove(directory)
    with pytest.raises(UnknownRunError, match=f"did you mean '{directory.id}'"):
        restore(runs, directory.id[:-1])
    with pytest.raises(UnknownRunError):
        restore(runs, "..")


def test_nothing_is_overwritten_on_the_way(runs, make_run) -> None:
    directory = make_run()
    remove(directory)
    directory.path.mkdir()
    with pytest.raises(LogsError, match="exists already"):
        restore(runs, directory.id)
    with pytest.raises(LogsError, match="exists already; remove it for good first"):
        remove(directory)


def test_emptying_the_trash_deletes_removed_runs_and_nothing_else(runs, make_run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    kept, gone = make_run(), make_run()
    remove(gone)
    if os.name != "nt":
        (runs / ".trash" / gone.id / "link").symlink_to(outside)
        (runs / ".trash" / "linked").symlink_to(outside)
    (runs / ".trash" / gone.id / "read_only").write_text("")
    (runs / ".trash" / gone.id / "read_only").chmod(0o400)
    assert empty_trash(runs) == (2 if os.name != "nt" else 1)
    assert list_trash(runs) == []
    assert kept.path.is_dir()
    assert (outside / "kept").exists()
    assert empty_trash(runs) == 0


def test_a_file_that_another_program_holds_is_one_sentence(make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = make_run()

    def held(self: Path, target: Path) -> Path:
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(LogsError, match=r"can't be moved to .* close what has it open"):
        remove(directory)
    assert directory.path.is_dir()
