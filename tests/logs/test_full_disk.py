"""A full disk: said once, the training goes on, what was logged stays readable."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from logs import RunReader, RunWriter, wal
from logs.directory import RunDirectory
from logs.recorder import Recorder
from logs.repair import repair
from logs.status import read_status

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL_DISK = 12 << 20  # bytes


class Disk:
    """Has room for some segments."""

    def __init__(self, segments: int) -> None:
        self.segments = segments

    def create(self, run: Path, number: int) -> wal.Segment:
        if not self.segments:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.segments -= 1
        return wal.Segment.create(run, number)


def test_values_without_room_are_counted_and_the_others_stay(tmp_path: Path) -> None:
    disk = Disk(2)
    recorder = Recorder(tmp_path, 0, wake=lambda: None, create=disk.create)
    for step in range(2 * wal.CAPACITY + 5):
        recorder.append(step, {"loss": float(step)}, "train", 0.0)
    assert recorder.lost_rows == 5
    assert recorder.no_room is not None
    read = [wal.read_segment(wal.segment_path(tmp_path, number)).rows["step"] for number in (0, 1)]
    assert [steps[-1] for steps in read] == [wal.CAPACITY - 1, 2 * wal.CAPACITY - 1]


def test_logging_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    disk = Disk(1)
    recorder = Recorder(tmp_path, 0, wake=lambda: None, create=disk.create)
    for step in range(wal.CAPACITY + 5):
        recorder.append(step, {"loss": float(step)}, "train", 0.0)
    disk.segments = 9
    assert recorder.fill()
    recorder.append(-1, {"loss": 0.5}, "train", 0.0)
    assert wal.read_segment(wal.segment_path(tmp_path, 1)).rows["step"].tolist() == [-1]
    assert recorder.lost_rows == 5


def test_a_segment_without_room_leaves_nothing_behind(tmp_path: Path) -> None:
    def refuse(descriptor: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        wal.Segment.create(tmp_path, 0, refuse)
    assert not list(tmp_path.iterdir())


def test_it_is_said_once_and_the_run_ends_in_order(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    disk = Disk(1)
    monkeypatch.setattr(Recorder.__init__, "__defaults__", (disk.create,))
    run = RunWriter.create(runs, model="m", dataset="d", command=["test"], say=said.append)
    count = wal.CAPACITY + 1000
    for step in range(count):
        run.log(step, {"loss": float(step)}, split="train")
        if step > count - 10:
            time.sleep(0.08)  # the background thread looks several times
    run.finish()
    assert len(said) == 1, said
    assert "the disk is full" in said[0]
    assert "training goes on" in said[0]
    reader = RunReader(run.directory.path)
    assert reader.curve("loss", "train").step.tolist() == list(range(wal.CAPACITY))
    status = read_status(run.directory)
    assert status is not None
    assert status.state == "finished"


@pytest.mark.parametrize("failing", ["fold_rows", "publish", "write_status"])
def test_no_file_that_can_not_be_written_ends_the_training(
    runs: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    said: list[str] = []

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"logs.background.{failing}", full)
        patch.setattr("logs.compaction.publish", full)
        run = RunWriter.create(runs, model="m", dataset="d", command=["test"], say=said.append)
        count = wal.CAPACITY + 10
        for step in range(count):
            run.log(step, {"loss": float(step)}, split="train")
        run.text(1, "note", "hello")
        run.finish()
    assert said
    assert len(said) == len(set(said)), "each trouble is said once"
    assert RunReader(run.directory.path).curve("loss", "train").step.tolist() == list(range(count))
    if failing != "write_status":  # else nobody could write that it has ended
        repair(run.directory)
        assert not list(run.directory.path.glob("*.wal"))
        assert RunReader(run.directory.path).curve("loss", "train").step.tolist() == list(range(count))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_process_survives_a_disk_that_fills_up(small_disk: Path) -> None:
    """For real: a store into a page that the disk has no room for would end it with SIGBUS."""
    code = """
import random, sys, time
from logs import RunWriter
run = RunWriter.create(sys.argv[1], model="m", dataset="d", command=["test"])
for step in range(400_000):
    run.log(step, {"a": random.random(), "b": random.random(), "c": random.random(), "d": random.random()})
    if step % 10_000 == 0:
        time.sleep(0.02)
run.image(1, "noise", b"\\x89PNG\\r\\n\\x1a\\n" + random.randbytes(3 << 20))
time.sleep(1.5)
run.finish()
print("the training went on to its end")
"""
    command = [sys.executable, "-c", code, str(small_disk)]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert "went on to its end" in answer.stdout
    assert answer.stderr.count("no room for values (the disk is full)") == 1, answer.stderr
    (path,) = small_disk.iterdir()
    curve = RunReader(path).curve("a")
    assert len(curve) > wal.CAPACITY
    assert curve.step.tolist() == list(range(len(curve)))
    assert RunDirectory.existing(path)
