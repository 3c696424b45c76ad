"""Processes that wait for a job: they take it, outlive who gave it, and end when nobody can give one."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from logs.directory import RunDirectory
from logs.reader import RunReader
from models.catalog import UnknownNameError
from training import warm
from training.engines import cores
from training.film import FilmReader
from training.forked import end_ahead
from training.jobs import members
from training.launch import LaunchError, is_running, launch_lab, launch_study, resume, stop
from training.warm import Spares, spares

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--samples", "40", "--epochs", "3", "--seeds", "2"]
LONG = ["--epochs", "5000", "--seeds", "1"]

pytestmark = pytest.mark.slow


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture
def kept() -> Iterator[Spares]:
    """A process that waits, while a test goes on."""
    own = spares()
    own.keep()
    yield own
    own.end()


def ended(directory: RunDirectory) -> RunReader:
    until(lambda: not is_running(directory), "it did not end")
    return RunReader(directory.path)


def test_a_laboratory_starts_without_a_waiting_process(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / launch_lab("playground", SMALL, "cold", tmp_path))
    reader = ended(directory)
    assert (reader.status().state, reader.info.name, reader.info.kind) == ("finished", "cold", "playground")
    film = FilmReader(directory).read()
    assert film is not None
    assert len(film) == 4


def test_a_waiting_process_becomes_the_job(tmp_path: Path, kept: Spares, monkeypatch) -> None:
    monkeypatch.setenv("DESCENT_DATA", str(tmp_path / "sets"))  # set after it was started
    pid = kept._spare.pid
    directory = RunDirectory(tmp_path / launch_lab("playground", SMALL, "warm", tmp_path, tmp_path / "sets"))
    reader = ended(directory)
    assert reader.info.pid == pid
    assert (reader.status().state, reader.info.name) == ("finished", "warm")
    until(lambda: "finished" in directory.output_log.read_text("utf-8"), "it said nothing")
    until(lambda: kept._spare is not None and kept._spare.pid != pid, "no other one was started")


def test_what_is_rehearsed_can_be_trained_and_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    try:
        assert warm.rehearse()
    finally:
        gc.unfreeze()
        end_ahead()
    assert list(tmp_path.iterdir()) == []


def test_a_job_given_at_once_waits_for_the_imports_only(tmp_path: Path) -> None:
    own = Spares()
    own.keep()
    folder = tmp_path / "run"
    folder.mkdir()
    taken = own.run("training.playground", [*SMALL, "--run-directory", str(folder)], tmp_path / "output.log")
    own.end()
    assert taken is not None
    assert taken.wait(120) == 0
    assert RunReader(folder).status().state == "finished"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")
def test_a_study_takes_the_workers_that_wait_with_their_process(tmp_path: Path, kept: Spares) -> None:
    kept.wait()
    driver = psutil.Process(kept._spare.pid)
    workers = {child.pid for child in driver.children()}
    assert len(workers) == min(cores(), warm.AHEAD)
    small = [
        "--dataset",
        "digits",
        "--train-samples",
        "300",
        "--epochs",
        "2",
        "--folds",
        "8",
        "--workers",
        "2",
    ]
    options = [*small, "--device", "cpu", "--visdom", "off"]
    study = launch_study("training.kfold", options, "mlp", "digits", tmp_path, tmp_path / "sets")
    reader = ended(RunDirectory(tmp_path / study))
    assert reader.info.pid == driver.pid
    assert reader.status().state == "finished"
    folds = list(members(tmp_path, study).values())
    assert {row.state for row in folds} == {"finished"}
    trained = {row.info.pid for row in folds if row.info is not None}
    assert len(trained) == 2
    assert len(trained & workers) == min(2, len(workers))
    assert "error:" not in reader.directory.output_log.read_text("utf-8")
    until(lambda: not any(map(psutil.pid_exists, workers)), "its workers live on")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")
def test_a_laboratory_has_no_use_for_workers(tmp_path: Path, kept: Spares) -> None:
    kept.wait()
    workers = [child.pid for child in psutil.Process(kept._spare.pid).children()]
    assert workers
    directory = RunDirectory(tmp_path / launch_lab("playground", LONG, "", tmp_path))
    until(lambda: all(map(_gone, workers)), "they wait for nothing")
    until(lambda: FilmReader(directory).read() is not None, "no film")
    assert is_running(directory)
    stop(directory)
    assert ended(directory).status().state == "stopped"


def test_a_running_laboratory_is_stopped_and_not_resumed(tmp_path: Path, kept: Spares) -> None:
    directory = RunDirectory(tmp_path / launch_lab("playground", LONG, "", tmp_path))
    reader = FilmReader(directory)
    until(lambda: (film := reader.read()) is not None and film.epochs[-1] > 2, "no film")
    stop(directory)
    assert ended(directory).status().state == "stopped"
    film = reader.read()
    assert film is not None
    assert film.epochs[-1] < 5000
    with pytest.raises(LaunchError, match=r"starts anew: python -m training\.playground --from-run"):
        resume(directory)


def test_what_can_not_start_says_why(tmp_path: Path, kept: Spares) -> None:
    with pytest.raises(LaunchError, match="epochs of the run is '0'; it must be between 1 and 5000"):
        launch_lab("playground", ["--epochs", "0"], "", tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'playground'"):
        launch_lab("playgruond", [], "", tmp_path)


def test_no_job_runs_a_module_that_is_no_script_of_ours(tmp_path: Path) -> None:
    own = Spares()
    own.keep()
    taken = own.run("os", [], tmp_path / "output.log")
    own.end()
    assert taken is not None
    assert taken.wait(120) == 2


def test_a_waiting_process_that_has_died_is_passed_over(tmp_path: Path) -> None:
    own = Spares()
    own.keep()
    assert own._spare is not None
    own._spare.kill()
    own._spare.wait(60)
    assert own.run("training.playground", SMALL, tmp_path / "output.log") is None
    own.end()


def test_an_idle_one_ends_with_who_keeps_it_and_a_job_lives_on(tmp_path: Path) -> None:
    """Its keeper is killed, so nothing but the closed pipe can tell."""
    program = (
        "import sys; from pathlib import Path; from training.launch import launch_lab; "
        "from training.warm import spares; spares().keep(); runs = Path(sys.argv[1]); "
        "name = launch_lab('playground', ['--epochs', '5000', '--seeds', '1'], '', runs); spares().keep(); "
        "print(name, spares()._spare.pid, flush=True); sys.stdin.read()"
    )
    keeper = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert keeper.stdout is not None
    assert keeper.stdin is not None
    name, idle = keeper.stdout.readline().split()
    directory = RunDirectory(tmp_path / name)
    until(lambda: FilmReader(directory).read() is not None, "no film")
    assert psutil.pid_exists(int(idle))
    keeper.kill()
    keeper.wait(60)
    keeper.stdin.close()
    keeper.stdout.close()
    until(lambda: _gone(int(idle)), "the idle process lives on")
    assert is_running(directory), "the job ended with its keeper"
    stop(directory)
    assert ended(directory).status().state == "stopped"


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
