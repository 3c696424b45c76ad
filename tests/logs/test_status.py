"""status.json, and what state it amounts to: a run is believed to run only while its process does."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logs.directory import RunDirectory, write_json
from logs.errors import BrokenRunError
from logs.info import RunInfo
from logs.process import is_alive, process_started
from logs.status import (
    HEARTBEAT_LIMIT,
    Status,
    duration_text,
    effective_state,
    read_status,
    state_sentence,
    write_status,
)

HERE = socket.gethostname()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def running(pid: int, started: float, host: str = HERE, heartbeat: float = 0.0) -> Status:
    return Status(pid=pid, process_started=started, host=host, heartbeat=heartbeat)


def test_a_status_round_trips_with_numbers_json_does_not_have(tmp_path: Path) -> None:
    status = Status(
        "failed",
        heartbeat=12.5,
        epoch=1.5,
        step=30,
        steps=60,
        eta_seconds=math.inf,
        last={"train": {"loss": math.inf}, "": {"learning_rate": 0.1}},
        best={"validation": {"loss": {"value": -math.inf, "step": 3, "epoch": 0.5}}},
        error="ValueError: no",
    )
    write_status(RunDirectory(tmp_path), status)
    found = read_status(RunDirectory(tmp_path))
    assert found is not None
    assert math.isnan(found.rate)
    assert found.to_dict() | {"rate": 0} == status.to_dict() | {"rate": 0}


def test_a_nan_loss_is_still_a_number_when_read_back(tmp_path: Path) -> None:
    write_status(RunDirectory(tmp_path), Status(last={"train": {"loss": math.nan}}))
    found = read_status(RunDirectory(tmp_path))
    assert found is not None
    assert math.isnan(found.last["train"]["loss"])


def test_no_status_yet_is_none(tmp_path: Path) -> None:
    assert read_status(RunDirectory(tmp_path)) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"state": "asleep"},
        {"step": 1.5},
        {"steps": 10**400},
        {"heartbeat": 10**400},
        {"heartbeat": "yesterday"},
        {"last": [1]},
        {"last": {"train": {"loss": None}}},
        {"best": {"train": {"loss": 3}}},
        {"pid": True},
        {"error": None},
    ],
)
def test_a_foreign_status_is_refused_with_the_field_that_is_wrong(
    tmp_path: Path, damage: dict[str, Any]
) -> None:
    write_json(tmp_path / "status.json", {**Status().to_dict(), **damage})
    with pytest.raises(BrokenRunError, match=f"says {next(iter(damage))} is"):
        read_status(RunDirectory(tmp_path))


@pytest.mark.parametrize("state", ["lost", "asleep", ""])
def test_a_run_cannot_say_that_it_is_lost(tmp_path: Path, state: str) -> None:
    with pytest.raises(ValueError, match="it is running, finished, stopped or failed"):
        write_status(RunDirectory(tmp_path), Status(state))


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_run_that_said_how_it_ended_is_believed(state: str) -> None:
    assert effective_state(None, Status(state)) == state


def test_a_run_runs_while_its_process_lives(sleeper: subprocess.Popen[bytes]) -> None:
    started = process_started(sleeper.pid)
    status = running(sleeper.pid, started, heartbeat=time.time() - 10 * HEARTBEAT_LIMIT)
    assert (
        effective_state(None, status) == "running"
    )  # a laptop that slept: the heartbeat is old, the process lives
    sleeper.kill()
    sleeper.wait()
    assert effective_state(None, running(sleeper.pid, started, heartbeat=time.time())) == "lost"


def test_a_pid_that_another_process_got_is_not_the_run() -> None:
    mine = process_started(os.getpid())
    assert effective_state(None, running(os.getpid(), mine)) == "running"
    assert effective_state(None, running(os.getpid(), mine - 3600)) == "lost"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no zombies")
def test_a_zombie_is_lost(sleeper: subprocess.Popen[bytes]) -> None:
    started = process_started(sleeper.pid)
    os.kill(sleeper.pid, 9)
    deadline = time.monotonic() + 30
    while is_alive(sleeper.pid, started) and time.monotonic() < deadline:
        time.sleep(0.01)  # killed and not waited for: it stays in the process table
    assert sleeper.returncode is None
    assert effective_state(None, running(sleeper.pid, started)) == "lost"


@pytest.mark.parametrize(("age", "state"), [(5.0, "running"), (HEARTBEAT_LIMIT + 1, "lost")])
def test_on_another_machine_the_heartbeat_decides(age: float, state: str) -> None:
    status = running(1, 0.0, host="elsewhere", heartbeat=1000.0)
    assert effective_state(None, status, now=1000.0 + age) == state


def test_without_a_status_the_process_of_run_json_decides() -> None:
    mine = process_started(os.getpid())
    assert effective_state(RunInfo("a", pid=os.getpid(), process_started=mine, host=HERE), None) == "running"
    assert effective_state(RunInfo("a", pid=os.getpid(), process_started=1.0, host=HERE), None) == "lost"
    there = RunInfo("a", pid=os.getpid(), process_started=mine, host="elsewhere", created=100.0)
    assert effective_state(there, None, now=110.0) == "running"
    assert effective_state(there, None, now=1000.0) == "lost"
    assert effective_state(None, None) == "lost"


def test_a_resumed_run_is_judged_by_its_latest_process() -> None:
    first = RunInfo("a", pid=os.getpid(), process_started=1.0, host=HERE)
    again = running(os.getpid(), process_started(os.getpid()))
    assert effective_state(first, again) == "running"


@pytest.mark.parametrize("pid", [0, -1, 2**62, 10**30])
def test_an_impossible_pid_is_no_process(pid: int) -> None:
    assert not is_alive(pid, 0.0)


def test_a_lost_run_is_told_with_its_last_heartbeat() -> None:
    assert "last heartbeat was 1 min 30 s ago" in state_sentence("lost", Status(heartbeat=910.0), now=1000.0)
    assert "before the first heartbeat" in state_sentence("lost", None)
    assert (
        state_sentence("failed", Status("failed", error="Traceback\nValueError: no"))
        == "failed: ValueError: no"
    )
    assert state_sentence("finished", Status("finished")) == "finished"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (0.001, "0.1 s"),
        (0.97, "1 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
    assert duration_text(math.nan) == ""


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        (Status(step=30, steps=60), 0.5),
        (Status(epoch=3, epochs=4), 0.75),
        (Status(step=90, steps=60), 1.0),
        (Status(step=90), math.nan),
    ],
)
def test_progress_is_the_share_of_what_was_asked_for(status: Status, progress: float) -> None:
    assert status.progress == pytest.approx(progress, nan_ok=True)
