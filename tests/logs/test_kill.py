"""`kill -9` at random moments: while logging, folding, compacting, finishing and resuming."""

from __future__ import annotations

import mmap
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from logs import RunReader, RunWriter
from logs.directory import RunDirectory
from logs.info import read_info
from logs.repair import repair
from logs.status import effective_state, read_status

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 50
AT_ONCE = 10

# Small segments, so that many are filled and folded, and runs that end and go on. After each call that
# returned, its number is in a file that the kernel keeps: what must be found again.
TRAINING = """
import mmap, random, struct, sys
from logs import wal
wal.CAPACITY = 256
wal.SEGMENT_BYTES = wal.HEADER_BYTES + wal.CAPACITY * wal.RECORD_BYTES
from logs.writer import RunWriter

with open(sys.argv[2], "r+b") as file:
    returned = mmap.mmap(file.fileno(), 8)
run = RunWriter.create(sys.argv[1], model="m", dataset="d", command=["test"])
step = 0
while True:
    for _ in range(random.randint(50, 5000)):
        if step % 7:
            run.log(step, {"loss": step / 2, "accuracy": -step / 4}, split="train", epoch=step / 8)
        else:
            run.log(step, {"accuracy": -step / 4, "loss": step / 2}, split="train", epoch=step / 8)
        step += 1
        struct.pack_into("<q", returned, 0, step)
    run.finish("stopped")
    run = RunWriter.resume(run.directory.path)
"""


class Victim:
    """A process that logs until it is killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.runs = folder / "runs"
        self.counter = folder / "returned"
        self.counter.write_bytes(bytes(8))
        command = [sys.executable, "-c", TRAINING, str(self.runs), str(self.counter)]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE)
        self.killed = False

    @property
    def returned(self) -> int:
        """How many calls have returned."""
        with self.counter.open("rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as counted:
            return int(struct.unpack("<q", counted)[0])

    def kill(self) -> str:
        """What it had complained of."""
        self.process.kill()
        _, complaint = self.process.communicate()
        return complaint.decode()


def check(path: Path, returned: int) -> None:
    """All rows whose call returned, at most the one that was being logged besides, each once and whole."""
    reader = RunReader(path)
    for metric, factor in (("loss", 0.5), ("accuracy", -0.25)):
        curve = reader.curve(metric, "train")
        assert returned <= len(curve) <= returned + 1
        step = np.arange(len(curve))
        assert np.array_equal(curve.step, step)
        assert np.array_equal(curve.value, step * factor)
        assert np.array_equal(curve.epoch, step / 8)


@pytest.mark.slow
def test_fifty_kills_lose_no_row_and_leave_no_unreadable_run(tmp_path: Path) -> None:
    moments = random.Random(0)
    seen = {"segments": 0, "covered": 0, "unfinished": 0}
    for batch in range(KILLS // AT_ONCE):
        victims = [Victim(tmp_path / f"{batch}-{number}") for number in range(AT_ONCE)]
        for victim in victims:
            deadline = time.monotonic() + 60
            while not victim.returned:
                assert victim.process.poll() is None, victim.kill()
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.25))
            complaint = victim.kill()
            assert not complaint
            (path,) = victim.runs.iterdir()
            directory = RunDirectory(path)
            seen["segments"] += len(list(path.glob("*.wal"))) > 1
            seen["unfinished"] += bool(list(directory.scalars.glob(".*.tmp")))
            check(path, victim.returned)
            if effective_state(read_info(directory), read_status(directory)) != "stopped":
                assert effective_state(read_info(directory), read_status(directory)) == "lost"
            repair(directory)
            check(path, victim.returned)
            assert not list(path.glob("*.wal"))
            assert len(list(directory.scalars.iterdir())) <= 1
    assert seen["segments"], "no kill met a process that was logging"


def test_a_run_goes_on_after_a_kill(tmp_path: Path) -> None:
    victim = Victim(tmp_path / "one")
    while victim.returned < 1000 and victim.process.poll() is None:
        time.sleep(0.005)
    assert not victim.kill()
    (path,) = victim.runs.iterdir()
    count = len(RunReader(path).curve("loss", "train"))
    with RunWriter.resume(path) as run:
        for step in range(count, count + 10):
            run.log(step, {"loss": step / 2, "accuracy": -step / 4}, split="train", epoch=step / 8)
    check(path, count + 10)
    status = read_status(run.directory)
    assert status is not None
    assert (status.state, status.last["train"]["loss"]) == ("finished", (count + 9) / 2)
    assert status.best["train"]["loss"]["value"] == 0.0
