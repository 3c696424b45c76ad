"""Crew: many runs share two threads, and each is a run like any other."""

from __future__ import annotations

import errno
import mmap
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from logs import Crew, RunReader, RunWriter
from logs.directory import RunDirectory
from logs.info import read_info
from logs.repair import repair
from logs.requests import send_request
from logs.status import Status, effective_state, read_status
from logs.wal import SHARED_CAPACITY, Segment, segment_path

REPOSITORY = Path(__file__).resolve().parents[2]
MEMBERS = 5


def opened(runs: Path, crew: Crew, number: int = 0, say: Callable[[str], None] = print) -> RunWriter:
    member = {"repeat": 0, "fold": number}
    return RunWriter.create(
        runs, model="m", dataset="d", group="study", member=member, command=["test"], say=say, crew=crew
    )


def status_of(path: Path) -> Status:
    status = read_status(RunDirectory(path))
    assert status is not None
    return status


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits for what the background thread does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "the background thread did not get there"
        time.sleep(0.02)


def log_threads() -> int:
    return sum(thread.name.startswith("run-log") for thread in threading.enumerate())


def test_many_runs_have_two_threads_and_each_its_own_rows(runs: Path) -> None:
    before = log_threads()
    with Crew() as crew:
        writers = [opened(runs, crew, number) for number in range(20)]
        assert log_threads() == before + 2
        for step in range(100):
            for number, run in enumerate(writers):
                run.log(step, {"loss": number + step / 100}, "train", step / 10)
        for number, run in enumerate(writers):
            run.log_rows(np.arange(100, 200), {"loss": np.full(100, number)}, "train", 10.0)
            run.finish("stopped" if number == 3 else "finished")
    assert log_threads() == before
    for number, run in enumerate(writers):
        reader = RunReader(run.directory.path)
        expected = [*(number + step / 100 for step in range(100)), *[number] * 100]
        assert reader.curve("loss", "train").value.tolist() == expected
        assert dict(reader.info.member) == {"repeat": 0, "fold": number}
        status = status_of(run.directory.path)
        assert (status.state, status.step) == ("stopped" if number == 3 else "finished", 199)
        assert [path.name for path in run.directory.scalars.iterdir()] == ["000000-000000.parquet"]
        assert not list(run.directory.path.glob("*.wal"))


def test_small_segments_are_folded_while_the_run_goes_on_and_read_whole(runs: Path) -> None:
    count = (3 * SHARED_CAPACITY // 10 + 1) * 10
    with Crew() as crew:
        run, quiet = opened(runs, crew), opened(runs, crew)
        reader = RunReader(run.directory.path)
        assert segment_path(run.directory.path, 0).stat().st_size < 200_000
        for step in range(0, count, 10):
            run.log_rows(range(step, step + 10), {"loss": range(step, step + 10), "b": [0.5] * 10}, "train")
        until(lambda: len(list(run.directory.scalars.glob("*.parquet"))) == 3)
        assert np.array_equal(reader.curve("loss", "train").value, np.arange(count))
        until(lambda: segment_path(run.directory.path, 4).exists())  # made ahead, as some were used
        assert [path.name for path in quiet.directory.path.glob("*.wal")] == ["scalars-000000.wal"]
    reader.refresh()
    assert np.array_equal(reader.curve("loss", "train").value, np.arange(count))
    assert [path.name for path in run.directory.scalars.iterdir()] == ["000000-000003.parquet"]
    best = status_of(run.directory.path).best["train"]["loss"]
    assert (best["value"], best["step"]) == (0.0, 0)


def test_status_pictures_and_requests_of_every_run_are_seen_to(runs: Path) -> None:
    with Crew() as crew:
        writers = [opened(runs, crew, number) for number in range(30)]
        first = [status_of(run.directory.path).heartbeat for run in writers]
        for run in writers:
            run.log(7, {"loss": 1.0})
            run.text(7, "note", "hello")
            run.progress(step=7, steps=14)
        send_request(writers[17].directory, "stop")
        found: list = []
        until(lambda: found.extend(writers[17].requests()) or found)
        assert [request.kind for request in found] == ["stop"]
        assert not any(run.requests() for run in writers)
        paths = [run.directory.path for run in writers]
        until(lambda: all(status_of(path).heartbeat > old for path, old in zip(paths, first, strict=True)))
        until(lambda: all(status_of(path).progress == 0.5 for path in paths))
        until(lambda: all(RunReader(path).texts() for path in paths))


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (None, "finished", ""),
        (ValueError("out of memory"), "failed", "ValueError: out of memory"),
        (KeyboardInterrupt(), "stopped", ""),
    ],
)
def test_the_with_block_ends_the_runs_that_are_open(
    runs: Path, error: BaseException | None, state: str, text: str
) -> None:
    writers: list[RunWriter] = []

    def train() -> None:
        with Crew() as crew:
            writers.extend(opened(runs, crew, number) for number in range(3))
            writers[0].finish("failed", "the loss is NaN")
            writers[1].log(1, {"loss": 1.0})
            if error is not None:
                raise error

    if error is None:
        train()
    else:
        with pytest.raises(type(error)):
            train()
    states = [(status_of(run.directory.path).state, status_of(run.directory.path).error) for run in writers]
    assert states == [("failed", "the loss is NaN"), (state, text), (state, text)]
    with pytest.raises(RuntimeError, match=f"is {state}"):
        writers[1].log(2, {"loss": 1.0})


def test_a_crew_that_has_ended_takes_no_run(runs: Path) -> None:
    with Crew() as crew:
        pass
    with pytest.raises(RuntimeError, match="the crew has ended; open runs within its `with` block"):
        opened(runs, crew)
    assert not list(runs.iterdir()), "no run is left that looks as if it went on"


def test_runs_come_and_go_while_a_crew_lasts(runs: Path) -> None:
    before = log_threads()
    with Crew() as crew:
        for number in range(3):
            with opened(runs, crew, number) as run:
                run.log(1, {"loss": 1.0})
            assert status_of(run.directory.path).state == "finished"
            assert log_threads() == before + 2
    assert log_threads() == before


def test_a_run_of_a_crew_resumes_alone_and_the_other_way_round(runs: Path) -> None:
    with Crew() as crew:
        run = opened(runs, crew)
        run.log(0, {"loss": 3.0}, "train")
    with RunWriter.resume(run.directory.path) as alone:
        alone.log(1, {"loss": 2.0}, "train")
    with Crew() as crew, RunWriter.resume(run.directory.path, crew=crew) as again:
        again.log_rows(range(2, 2 + SHARED_CAPACITY), {"loss": [1.0] * SHARED_CAPACITY}, "train")
    curve = RunReader(run.directory.path).curve("loss", "train")
    assert curve.step.tolist() == list(range(2 + SHARED_CAPACITY))
    assert len(list(run.directory.scalars.iterdir())) == 1
    assert status_of(run.directory.path).best["train"]["loss"]["step"] == 2


# After each call that returned, its number is in a file that the kernel keeps: what must be found again.
TRAINING = """
import mmap, sys
import numpy as np
from logs import Crew, RunWriter
members = int(sys.argv[3])
with open(sys.argv[2], "r+b") as file:
    returned = np.frombuffer(mmap.mmap(file.fileno(), 8 * members), np.int64)
chance = np.random.default_rng(0)
with Crew() as crew:
    about = {"model": "m", "dataset": "d", "command": ["test"], "crew": crew}
    runs = [RunWriter.create(sys.argv[1], member={"fold": n}, **about) for n in range(members)]
    while True:
        for number, run in enumerate(runs):
            start = int(returned[number])
            count = int(chance.integers(1, 400))
            steps = np.arange(start, start + count)
            if count % 3:
                run.log_rows(steps, {"loss": steps / 2, "accuracy": -steps / 4}, "train", steps / 8)
                returned[number] += count
            else:
                run.log(start, {"loss": start / 2, "accuracy": -start / 4}, "train", start / 8)
                returned[number] += 1
"""


def check(path: Path, returned: int, most: int) -> None:
    """All rows whose call returned, at most those of one more call besides, each once and whole."""
    reader = RunReader(path)
    for metric, factor in (("loss", 0.5), ("accuracy", -0.25)):
        curve = reader.curve(metric, "train")
        assert returned <= len(curve) <= returned + most
        step = np.arange(len(curve))
        assert np.array_equal(curve.step, step)
        assert np.array_equal(curve.value, step * factor)
        assert np.array_equal(curve.epoch, step / 8)


@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.5])
def test_a_kill_loses_no_returned_row_of_any_run(tmp_path: Path, seconds: float) -> None:
    runs, counter = tmp_path / "runs", tmp_path / "returned"
    counter.write_bytes(bytes(8 * MEMBERS))
    command = [sys.executable, "-c", TRAINING, str(runs), str(counter), str(MEMBERS)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE)
    with counter.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as counted:
        until(lambda: any(counted[-8:]) or process.poll() is not None)
        time.sleep(seconds)
        process.kill()
        _, complaint = process.communicate()
        assert not complaint
        returned = struct.unpack(f"<{MEMBERS}q", counted)
    paths = {read_info(RunDirectory(path)).member["fold"]: path for path in runs.iterdir()}
    assert sorted(paths) == list(range(MEMBERS))
    for number, path in paths.items():
        directory = RunDirectory(path)
        assert effective_state(read_info(directory), read_status(directory)) == "lost"
        check(path, returned[number], 400)
    for number, path in paths.items():
        before = len(RunReader(path).curve("loss", "train"))
        if number % 2:
            with Crew() as crew, RunWriter.resume(path, crew=crew) as run:
                run.log(before, {"loss": before / 2, "accuracy": -before / 4}, "train", before / 8)
        else:
            repair(RunDirectory(path))
        check(path, before, 1)
        assert not list(path.glob("*.wal"))
        assert len(list((path / "scalars").iterdir())) == 1


def test_a_full_disk_is_said_once_for_each_run_and_all_end_in_order(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    room = [3]  # segments

    def create(run: Path, number: int, capacity: int) -> Segment:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] -= 1
        return real(run, number, capacity=capacity)

    real = Segment.create
    monkeypatch.setattr("logs.crew.Segment.create", create)
    count = SHARED_CAPACITY + 100
    with Crew() as crew:
        writers = [opened(runs, crew, number, said.append) for number in range(3)]
        for run in writers:
            run.log_rows(range(count), {"loss": range(count)}, "train")
        until(lambda: len(said) == 3)
        time.sleep(0.5)
        assert len(said) == 3
        assert all("no room for values (the disk is full)" in line for line in said)
        room[0] = 9
        until(lambda: len(said) == 6)
        assert all("there is room again; 100 values were not logged" in line for line in said[3:])
        for run in writers:
            run.log(-1, {"loss": -1.0}, "train")
    for run in writers:
        steps = RunReader(run.directory.path).curve("loss", "train").step.tolist()
        assert steps == [*range(SHARED_CAPACITY), -1]
        assert status_of(run.directory.path).state == "finished"


def test_what_waits_to_be_written_is_limited_for_all_runs_together(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("logs.background.WAITING_BYTES", 10_000)
    monkeypatch.setattr("logs.background.BEAT_SECONDS", 1e9)  # nothing is written before the end
    with Crew() as crew:
        writers = [opened(runs, crew, number, said.append) for number in range(4)]
        for run in writers:
            run.text(1, "note", "x" * 4000)
    kept = [len(RunReader(run.directory.path).texts()) for run in writers]
    assert kept == [1, 1, 0, 0]
    assert len(said) == 2
    assert "some are left out" in said[0]


def test_one_trouble_in_a_turn_does_not_end_those_of_the_others(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with Crew() as crew:
        broken, fine = opened(runs, crew, 0, said.append), opened(runs, crew, 1, said.append)
        monkeypatch.setattr(broken._recorder, "current", lambda: 1 / 0)
        fine.log(1, {"loss": 2.0})
        until(lambda: status_of(fine.directory.path).last)
        assert said == ["run log: the run log's thread met ZeroDivisionError: division by zero"]
        monkeypatch.undo()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_neither_uses_nor_ends_its_parents_crew(runs: Path) -> None:
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")
from logs import Crew, RunWriter
with Crew() as crew:
    run = RunWriter.create(sys.argv[1], model="m", dataset="d", crew=crew)
    run.log(1, {"loss": 1.0})
    child = os.fork()
    if not child:
        try:
            run.log_rows([2], {"loss": [2.0]})
        except RuntimeError as error:
            print(error, flush=True)
        try:
            RunWriter.create(sys.argv[1] + "-child", model="m", dataset="d", crew=crew)
        except RuntimeError as error:
            print(error, flush=True)
        raise SystemExit(0)
    assert os.waitpid(child, 0)[1] == 0
    run.log(3, {"loss": 3.0})
"""
    answer = subprocess.run(
        [sys.executable, "-c", code, str(runs)], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    assert "not its fork" in answer.stdout
    assert "the crew belongs to process" in answer.stdout
    (path,) = runs.iterdir()
    assert RunReader(path).curve("loss").step.tolist() == [1, 3]
    assert status_of(path).state == "finished"


def test_a_process_that_ends_with_a_crew_leaves_its_runs_stopped(runs: Path) -> None:
    code = """
import sys
from logs import Crew, RunWriter
crew = Crew()
for number in range(3):
    RunWriter.create(sys.argv[1], model="m", dataset="d", crew=crew).log(number, {"loss": 1.0})
"""
    subprocess.run([sys.executable, "-c", code, str(runs)], cwd=REPOSITORY, check=True, timeout=60)
    assert [status_of(path).state for path in runs.iterdir()] == ["stopped"] * 3
    assert sorted(RunReader(path).curve("loss").step.tolist() for path in runs.iterdir()) == [[0], [1], [2]]
