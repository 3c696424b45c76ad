"""The stream as a process: it shows the whole run, outlives nobody for long, and is in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from logs.visdom_panes import environment_name
from logs.visdom_process import VisdomProcess
from logs.writer import RunWriter
from tests.visdom_servers import ROOT, RunningVisdom, free_port, hanging_server, running_visdom, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVisdom]:
    with running_visdom(tmp_path_factory.mktemp("visdom")) as running:
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunWriter]:
    with RunWriter.create(tmp_path / "runs", model="mlp", dataset="digits") as writer:
        yield writer


def steps_drawn(server: RunningVisdom, run_id: str) -> list[float]:
    pane = server.windows(environment_name(run_id)).get("curves loss")
    return pane["content"]["data"][0]["x"] if pane else []


def followers(run_id: str) -> list[psutil.Process]:
    """The processes that stream this run."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "logs.visdom_stream" in (process.info["cmdline"] or []) and run_id in str(process.info["cmdline"])
    ]


def test_it_shows_the_run_while_it_trains_and_whole_after_it(server: RunningVisdom, run: RunWriter) -> None:
    said: list[str] = []
    stream = VisdomProcess(run.directory, server.address, said.append).start()
    run.log(1, {"loss": 2.0}, split="train")
    wait_until(lambda: steps_drawn(server, run.directory.id) == [1], "the first step is drawn")
    for step in range(2, 50):
        run.log(step, {"loss": 1 / step}, split="train")
    run.finish()
    assert stream.close(timeout=20)
    assert steps_drawn(server, run.directory.id) == list(range(1, 50))
    assert "finished" in server.windows(environment_name(run.directory.id))["progress"]["content"]
    assert any("live in Visdom" in line for line in said)


def test_an_absent_server_is_said_and_holds_nobody(run: RunWriter) -> None:
    said: list[str] = []
    stream = VisdomProcess(run.directory, f"http://127.0.0.1:{free_port()}", said.append).start()
    wait_until(lambda: any("no Visdom at" in line for line in said), "it says that no server answers")
    run.finish()
    assert stream.close(timeout=20)


def test_a_hanging_server_holds_the_training_no_longer_than_asked(run: RunWriter) -> None:
    with hanging_server() as address:
        stream = VisdomProcess(run.directory, address, lambda line: None).start()
        wait_until(lambda: followers(run.directory.id), "the process runs")
        run.finish()
        began = time.monotonic()
        stream.close(timeout=0.2)
        assert time.monotonic() - began < 5
    wait_until(lambda: not followers(run.directory.id), "the process ends by itself")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_it_ends_after_a_training_that_was_killed(server: RunningVisdom, tmp_path: Path) -> None:
    """And shows what was logged last: the run directory is all it needs."""
    script = f"""
import time
from logs.visdom_process import VisdomProcess
from logs.writer import RunWriter
run = RunWriter.create({str(tmp_path / "runs")!r}, model="mlp", dataset="digits")
VisdomProcess(run.directory, {server.address!r}, lambda line: None).start()
for step in range(1, 31):
    run.log(step, {{"loss": 1 / step}}, split="train")
print(run.directory.id, flush=True)
time.sleep(600)
"""
    training = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert training.stdout is not None
    with training.stdout:
        run_id = training.stdout.readline().strip()
        wait_until(lambda: followers(run_id), "the process runs")
        os.kill(training.pid, signal.SIGKILL)
        training.wait()
    wait_until(lambda: not followers(run_id), "the process ends by itself")
    assert steps_drawn(server, run_id) == list(range(1, 31))


def test_ctrl_c_is_for_the_training_alone(server: RunningVisdom, run: RunWriter) -> None:
    stream = VisdomProcess(run.directory, server.address, lambda line: None).start()
    wait_until(lambda: followers(run.directory.id), "the process runs")
    (follower,) = followers(run.directory.id)
    if hasattr(os, "getsid"):
        assert os.getsid(follower.pid) != os.getsid(0)
    run.finish("stopped")
    assert stream.close(timeout=20)


def test_an_address_that_is_none_is_refused_at_once(run: RunWriter) -> None:
    with pytest.raises(ValueError, match="127"):
        VisdomProcess(run.directory, "127.0.0.1:8097", lambda line: None)
