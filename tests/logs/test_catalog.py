"""The list of all runs: every folder is a row, damage is a sentence, and only what changed is read again."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas
import pytest

from logs import catalog as catalog_module
from logs.catalog import RunCatalog
from logs.directory import RunDirectory, write_json
from logs.errors import BrokenRunError, UnknownRunError
from logs.labels import change_labels
from logs.removal import remove
from logs.status import Status, write_status


def test_runs_are_listed_newest_first_with_what_they_reached(runs, make_run) -> None:
    old = make_run(created=1000.0, model="linear")
    status = {
        "epoch": 2.0,
        "step": 50,
        "steps": 100,
        "heartbeat": 2090.0,
        "last": {"validation": {"loss": 0.5}, "": {"learning_rate": 0.1}},
        "best": {"validation": {"loss": {"value": 0.4, "step": 40, "epoch": 1.5}}},
    }
    new = make_run("stopped", status, created=2000.0, tags=("a",), group="g", kind="fold", name="mine")
    first, second = RunCatalog(runs).rows()
    assert (first.id, second.id) == (new.id, old.id)
    assert (first.name, first.model, first.dataset, first.kind) == ("mine", "mlp", "digits", "fold")
    assert (first.group, first.tags, first.state, first.broken) == ("g", ("a",), "stopped", None)
    assert (first.duration, first.progress) == (90.0, 0.5)
    assert (first.last("loss", "validation"), first.last("learning_rate")) == (0.5, 0.1)
    assert first.best("loss", "validation") == 0.4
    assert math.isnan(first.best("loss", "test"))
    assert second.name == old.id


def test_no_folder_has_no_runs(tmp_path: Path) -> None:
    assert RunCatalog(tmp_path / "missing").rows() == []


def test_a_file_instead_of_a_folder_of_runs_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(BrokenRunError, match="can't be listed as a folder of runs"):
        RunCatalog(tmp_path / "runs").rows()


def test_only_what_changed_is_read_again(runs, make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    directories = [make_run(created=float(number)) for number in range(5)]
    catalog = RunCatalog(runs)
    read: list[str] = []
    real = catalog_module.read_info

    def counting(directory: RunDirectory):
        read.append(directory.id)
        return real(directory)

    monkeypatch.setattr(catalog_module, "read_info", counting)
    assert len(catalog.rows()) == len(read) == 5
    read.clear()
    assert len(catalog.rows()) == 5
    assert read == []
    write_status(directories[2], Status("failed", error="no"))
    change_labels(directories[3], name="renamed")
    states = {row.id: (row.state, row.name) for row in catalog.rows()}
    assert sorted(read) == sorted([directories[2].id, directories[3].id])
    assert states[directories[2].id] == ("failed", directories[2].id)
    assert states[directories[3].id] == ("finished", "renamed")


def test_a_run_that_dies_between_two_looks_turns_lost_though_no_file_changed(runs, make_run) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        make_run("running", {"pid": process.pid, "process_started": 0.0})
        catalog = RunCatalog(runs)
        assert [row.state for row in catalog.rows()] == ["running"]
    finally:
        process.kill()
        process.wait()
    assert [row.state for row in catalog.rows()] == ["lost"]


def test_processes_are_looked_up_only_for_runs_that_claim_to_run(runs, make_run, monkeypatch) -> None:
    def refuse(*arguments: object) -> bool:
        raise AssertionError("a finished run needs no look at the process table")

    make_run("finished")
    make_run("failed")
    monkeypatch.setattr("logs.status.is_alive", refuse)
    assert {row.state for row in RunCatalog(runs).rows()} == {"finished", "failed"}


def test_removed_and_hidden_folders_and_stray_files_are_no_rows(runs, make_run) -> None:
    kept, gone = make_run(), make_run()
    remove(gone)
    (runs / ".cache").mkdir()
    (runs / ".DS_Store").write_text("")
    (runs / "notes.txt").write_text("")
    if os.name != "nt":
        (runs / "loop").symlink_to("loop")
        (runs / "nowhere").symlink_to("missing")
    assert [row.id for row in RunCatalog(runs).rows()] == [kept.id]


def test_a_run_that_is_just_starting_is_not_called_broken(runs) -> None:
    directory = RunDirectory.create(runs, "mlp", "digits")
    catalog = RunCatalog(runs)
    assert catalog.rows() == []
    old = time.time() - 2 * catalog_module.START_PATIENCE
    os.utime(directory.path, (old, old))
    (row,) = catalog.rows()
    assert row.broken is not None
    assert "has no run.json; it is no run, or its start failed: see its output.log" in row.broken


def test_a_run_is_found_by_id_name_beginning_and_ending(runs, make_run) -> None:
    first = make_run(created=1_000_000_000.0, name="first")
    second = make_run(created=1_100_000_000.0, name=first.id[:20])
    catalog = RunCatalog(runs)
    assert catalog.find(first.id).id == first.id
    assert catalog.find("first").id == first.id
    assert catalog.find(first.id[:16]).id == first.id
    assert catalog.find(first.id[-4:]).id == first.id
    assert catalog.find(first.id[:20]).id == second.id  # a name goes before the beginning of an id


def test_an_unknown_run_names_the_nearest(runs, make_run) -> None:
    with pytest.raises(UnknownRunError, match="holds no runs"):
        RunCatalog(runs).find("x")
    make_run(name="baseline", created=1_000_000_000.0)
    make_run(name="twins", created=1_000_000_100.0)
    make_run(name="twins", created=1_000_000_200.0)
    catalog = RunCatalog(runs)
    with pytest.raises(UnknownRunError, match=r"did you mean 'baseline'.*shows them all$"):
        catalog.find("base-line")
    with pytest.raises(UnknownRunError, match=r"2 runs .* answer to 'twins' .* write the whole id"):
        catalog.find("twins")
    with pytest.raises(UnknownRunError, match="3 runs"):
        catalog.find("2001")
    with pytest.raises(UnknownRunError, match="no run in"):
        catalog.find("")


def test_the_frame_has_a_column_per_metric(runs, make_run) -> None:
    status = {
        "last": {"train": {"loss": 0.5}},
        "best": {"test": {"accuracy": {"value": 0.9, "step": 1, "epoch": 1.0}}},
    }
    make_run("finished", status, created=1_000_000_000.0, tags=("a", "b"))
    make_run("failed", {"error": "no"}, created=1_000_000_100.0)
    broken = runs / "foreign"
    broken.mkdir()
    frame = RunCatalog(runs).frame()
    assert list(frame["state"]) == ["failed", "finished", "lost"]
    assert frame["created"].iloc[1] == pandas.Timestamp("2001-09-09 01:46:40", tz="UTC")
    assert pandas.isna(frame["created"].iloc[2])
    assert frame["tags"].iloc[1] == "a, b"
    assert frame["duration"].iloc[1] == 60.0
    assert frame["last.train.loss"].iloc[1] == 0.5
    assert frame["best.test.accuracy"].iloc[1] == 0.9
    assert pandas.isna(frame["last.train.loss"].iloc[0])
    assert "has no run.json" in frame["broken"].iloc[2]


def test_the_frame_of_no_runs_has_the_same_columns(runs, make_run) -> None:
    empty = RunCatalog(runs).frame()
    assert len(empty) == 0
    make_run()
    assert list(RunCatalog(runs).frame().columns) == list(empty.columns)


def test_a_thousand_runs_are_listed_without_pyarrow_and_pandas(runs, make_run) -> None:
    make_run()
    code = (
        "import sys; from logs import RunCatalog; assert len(RunCatalog(sys.argv[1]).rows()) == 1;"
        "heavy = {'pyarrow', 'pandas', 'numpy', 'torch'} & set(sys.modules); assert not heavy, heavy"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(runs)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_strange_numbers_break_no_row_and_no_frame(runs, make_run) -> None:
    make_run("running", {"heartbeat": math.inf, "epoch": math.nan, "epochs": math.inf, "host": "elsewhere"})
    make_run("finished", {"heartbeat": -math.inf, "steps": 2**62, "step": -5})
    (first, second), frame = RunCatalog(runs).rows(), RunCatalog(runs).frame()
    assert len(frame) == 2
    assert {first.broken, second.broken} == {None}
    assert {first.state, second.state} == {"running", "finished"}
    assert [row.progress for row in (first, second) if row.state == "finished"] == [0.0]


def test_names_from_files_stay_data(runs, make_run) -> None:
    name = "<img src=x onerror=alert(1)> {} %s ' \" ; DROP"
    make_run(name=name)
    assert RunCatalog(runs).rows()[0].name == name


def test_a_copied_or_renamed_folder_is_known_by_its_folder_name(runs, make_run) -> None:
    directory = make_run()
    directory.path.rename(runs / "copy")
    (row,) = RunCatalog(runs).rows()
    assert (row.id, row.path, row.broken) == ("copy", runs / "copy", None)


def test_json_of_another_program_is_a_broken_row(runs) -> None:
    (runs / "other").mkdir()
    write_json(runs / "other" / "run.json", {"run": 1})
    (row,) = RunCatalog(runs).rows()
    assert row.broken is not None
    assert "names no schema_version" in row.broken
