"""Repair: what a killed process or a bad disk left is brought into its final form."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from logs import RunReader, RunWriter
from logs.compaction import fold_rows
from logs.curve import Curve
from logs.directory import RunDirectory, write_json
from logs.errors import BrokenRunError, RunningError
from logs.info import RunInfo
from logs.parts import list_parts, part_name
from logs.recorder import Recorder
from logs.repair import repair
from logs.status import Status, effective_state, read_status, write_status
from logs.wal import curves, read_segment, segment_path


@pytest.fixture
def killed(runs: Path) -> RunDirectory:
    """A run whose process is gone: two parts, a segment with rows, one without."""
    directory = RunDirectory.create(runs, "mlp", "digits")
    info = RunInfo(
        directory.id, model="mlp", dataset="digits", pid=2**22 + 1, process_started=1.0, created=1.7e9
    )
    write_json(directory.run_json, info.to_dict())
    write_status(directory, Status(step=3, pid=info.pid, process_started=1.0, heartbeat=1.7e9))
    for number in range(4):
        recorder = Recorder(directory.path, number, wake=lambda: None)
        for step in range(number * 10, number * 10 + 10 * (number < 3)):
            recorder.append(step, {"loss": 100.0 - step}, "train", step / 10)
        recorder._segment.close()
        if number < 2:
            found = read_segment(segment_path(directory.path, number))
            fold_rows(directory, number, curves(found.rows, found.groups))
            segment_path(directory.path, number).unlink()
    (directory.scalars / ".000002-000002.parquet.77-abcd.tmp").write_bytes(b"half")
    return directory


def loss(directory: RunDirectory) -> Curve:
    return RunReader(directory.path).curve("loss", "train")


def test_a_killed_run_is_folded_and_says_what_was_done(killed: RunDirectory) -> None:
    assert loss(killed).step.tolist() == list(range(30))
    done = repair(killed)
    assert any("folded 10 rows of 2 write-ahead segments" in sentence for sentence in done)
    assert loss(killed).step.tolist() == list(range(30))
    assert [path.name for path in killed.scalars.iterdir()] == ["000000-000002.parquet"]
    assert not list(killed.path.glob("*.wal"))


def test_the_status_is_brought_up_to_date_and_stays_lost(killed: RunDirectory) -> None:
    repair(killed)
    status = read_status(killed)
    assert status is not None
    assert status.last == {"train": {"loss": 71.0}}
    assert status.best["train"]["loss"] == {"value": 71.0, "step": 29, "epoch": 2.9}
    assert status.step == 29
    assert effective_state(RunReader(killed.path).info, status) == "lost"


def test_a_second_repair_has_nothing_to_do(killed: RunDirectory) -> None:
    repair(killed)
    before = {path: path.read_bytes() for path in killed.path.rglob("*") if path.is_file()}
    assert repair(killed) == []
    assert {path: path.read_bytes() for path in killed.path.rglob("*") if path.is_file()} == before


def test_a_damaged_part_is_set_aside_and_the_rest_is_kept(killed: RunDirectory) -> None:
    part = killed.scalars / part_name(0, 0)
    part.write_bytes(part.read_bytes()[:-7])
    with pytest.raises(BrokenRunError, match="repair"):
        loss(killed)
    done = repair(killed)
    assert any("set scalars" in sentence and "aside" in sentence for sentence in done)
    assert loss(killed).step.tolist() == list(range(10, 30))
    assert (killed.scalars / ".damaged-000000-000000.parquet").exists(), "nothing is deleted"


def test_a_damaged_segment_is_set_aside(killed: RunDirectory) -> None:
    segment_path(killed.path, 2).write_bytes(b"something else" * 10_000)
    repair(killed)
    assert loss(killed).step.tolist() == list(range(20))


def test_damaged_bytes_inside_a_part_are_found(killed: RunDirectory) -> None:
    part = killed.scalars / part_name(1, 1)
    content = bytearray(part.read_bytes())
    content[4:40] = bytes(36)
    part.write_bytes(content)
    repair(killed)
    assert loss(killed).step.tolist() == [*range(10), *range(20, 30)]


@pytest.mark.parametrize("content", [None, b"", b'{"state": "run', b'{"state": "dancing"}'])
def test_a_missing_or_torn_status_is_rebuilt(killed: RunDirectory, content: bytes | None) -> None:
    killed.status_json.unlink()
    if content is not None:
        killed.status_json.write_bytes(content)
    repair(killed)
    status = read_status(killed)
    assert status is not None
    assert status.last == {"train": {"loss": 71.0}}
    assert effective_state(RunReader(killed.path).info, status) == "lost"


def test_a_finished_run_stays_finished(runs: Path) -> None:
    with RunWriter.create(runs, model="m", dataset="d", command=["test"]) as run:
        run.log(1, {"loss": 1.0}, split="train")
    assert repair(run.directory) == []
    status = read_status(run.directory)
    assert status is not None
    assert status.state == "finished"


def test_a_running_run_is_left_alone(runs: Path) -> None:
    run = RunWriter.create(runs, model="m", dataset="d", command=["test"])
    with pytest.raises(RunningError, match="is running"):
        repair(run.directory)
    run.finish()


def test_a_repaired_run_can_be_resumed(killed: RunDirectory) -> None:
    repair(killed)
    with RunWriter.resume(killed.path) as run:
        run.log(30, {"loss": 1.0}, split="train")
    assert loss(killed).step.tolist() == list(range(31))
    assert len(list_parts(killed.scalars)) == 1
    status = read_status(killed)
    assert status is not None
    assert (status.state, status.pid) == ("finished", os.getpid())
