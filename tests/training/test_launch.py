"""Background trainings: started, stopped, resumed, and alive after whoever started them is gone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from logs.directory import RunDirectory
from logs.errors import RunningError
from logs.reader import RunReader
from logs.requests import waiting_requests
from logs.writer import RunWriter
from training.config import RunConfig
from training.launch import LaunchError, is_running, launch, resume, stop

ROOT = Path(__file__).resolve().parents[2]
LONG = RunConfig(epochs=10_000, batch_size=16, visdom="off")


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """A folder of runs; what still trains in it at the end is ended."""
    yield tmp_path
    for path in tmp_path.glob("*/run.json"):
        directory = RunDirectory(path.parent)
        stop(directory)
        until(lambda directory=directory: not is_running(directory), "a training did not stop")


def steps(directory: RunDirectory) -> int:
    curve = RunReader(directory.path).curve("loss", "train")
    return int(curve.step[-1]) if len(curve.step) else 0


def test_a_training_is_started_stopped_and_resumed(runs):
    directory = RunDirectory(runs / launch(LONG, runs))
    assert is_running(directory)
    until(lambda: steps(directory) > 5, "no steps were made")
    with pytest.raises(RunningError, match="is running; stop it first"):
        resume(directory)
    stop(directory)
    until(lambda: not is_running(directory), "it did not stop")
    assert RunReader(directory.path).status().state == "stopped"
    before = steps(directory)
    assert resume(directory) == directory.id
    until(lambda: steps(directory) > before, "it did not go on")
    assert is_running(directory)


def test_an_ended_training_leaves_no_zombie(runs):
    directory = RunDirectory(runs / launch(RunConfig(epochs=1, visdom="off"), runs))
    until(lambda: not is_running(directory), "it did not end")
    assert RunReader(directory.path).status().state == "finished"

    def zombies() -> list[psutil.Process]:
        children = psutil.Process().children()
        return [child for child in children if child.status() == psutil.STATUS_ZOMBIE]

    until(lambda: not zombies(), "a zombie is left")


def test_a_training_outlives_the_process_that_started_it(runs):
    program = (
        "import sys; from pathlib import Path; from training.arguments import config_from, parser; "
        "from training.launch import launch; "
        "print(launch(config_from(parser().parse_args(sys.argv[2:])), Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(runs), "--epochs", "10000", "--visdom", "off"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    directory = RunDirectory(runs / said.stdout.strip())
    before = steps(directory)
    until(lambda: steps(directory) > before, "it ended with its parent")
    assert is_running(directory)


def test_a_training_that_can_not_start_says_why(runs, monkeypatch):
    monkeypatch.setattr("training.launch.command_line", lambda _: ["--device", "cuda", "--model", "mpl"])
    with pytest.raises(LaunchError, match="did not start: error: no model is named 'mpl'"):
        launch(LONG, runs)


def test_data_folders_reach_the_training(runs, tmp_path):
    config = RunConfig(dataset="table", visdom="off").replace(path="nowhere.csv", target="x")
    directory = RunDirectory(runs / launch(config, runs, tmp_path / "tables"))
    until(lambda: not is_running(directory), "it did not end")
    assert RunReader(directory.path).status().state == "failed"


def test_a_loop_that_is_not_ours_is_asked_by_a_file_and_not_killed(tmp_path):
    with RunWriter.create(tmp_path, model="m", dataset="d", command=["my-loop"]) as run:
        run.log(1, {"loss": 1.0})
        stop(run.directory)  # a signal would end this very process
        deadline = time.monotonic() + 30
        asked: list[str] = []
        while not asked and time.monotonic() < deadline:
            asked = [request.kind for request in run.requests()]
            time.sleep(0.02)
    assert asked == ["stop"]


def test_stopping_what_has_ended_does_nothing(tmp_path):
    with RunWriter.create(tmp_path, model="m", dataset="d") as run:
        pass
    stop(run.directory)
    assert waiting_requests(run.directory) == []


def test_a_finished_or_unsaved_run_is_not_resumed(tmp_path):
    with RunWriter.create(tmp_path, model="m", dataset="d") as finished:
        pass
    with pytest.raises(LaunchError, match="has finished; start a new run from it"):
        resume(finished.directory)
    unsaved = RunWriter.create(tmp_path, model="m", dataset="d")
    unsaved.finish("failed", "a fault")
    with pytest.raises(LaunchError, match="ended before its first checkpoint"):
        resume(unsaved.directory)
