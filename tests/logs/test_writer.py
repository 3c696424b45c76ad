"""RunWriter: three lines for anyone's loop, and how a run ends."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from logs import RunReader, RunWriter
from logs.background import Background
from logs.directory import RunDirectory
from logs.errors import RunningError
from logs.info import RunInfo, read_info
from logs.requests import send_request
from logs.status import Status, effective_state, read_status
from logs.wal import segment_path

REPOSITORY = Path(__file__).resolve().parents[2]


def started(runs: Path, **more: object) -> RunWriter:
    return RunWriter.create(runs, model="my-net", dataset="my-data", command=["test"], **more)  # type: ignore[arg-type]


def status_of(run: RunWriter) -> Status:
    status = read_status(run.directory)
    assert status is not None
    return status


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for what the background thread does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "the background thread did not get there"
        time.sleep(0.02)


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)


def test_three_lines_log_a_run(runs: Path) -> None:
    run = RunWriter.create(runs, model="my-net", dataset="my-data")
    for step in range(5):
        run.log(step, {"loss": 1 / (step + 1)}, split="train")
    run.finish()
    reader = RunReader(run.directory.path)
    assert reader.curve("loss", "train").value.tolist() == [1 / (step + 1) for step in range(5)]
    assert reader.info.model == "my-net"
    assert status_of(run).state == "finished"


def test_a_finished_run_is_one_part_and_no_segment(runs: Path) -> None:
    with started(runs) as run:
        run.log(1, {"loss": 1.0}, split="train")
    assert [path.name for path in run.directory.scalars.iterdir()] == ["000000-000000.parquet"]
    assert not list(run.directory.path.glob("*.wal"))


def test_a_run_without_a_row_finishes_too(runs: Path) -> None:
    with started(runs) as run:
        pass
    assert RunReader(run.directory.path).metrics() == []
    assert status_of(run).state == "finished"


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (ValueError("the loss is NaN"), "failed", "ValueError: the loss is NaN"),
        (KeyboardInterrupt(), "stopped", ""),
        (SystemExit(0), "stopped", ""),
    ],
)
def test_the_with_block_says_how_the_run_ended(
    runs: Path, error: BaseException, state: str, text: str
) -> None:
    def train(run: RunWriter) -> None:
        with run:
            run.log(1, {"loss": 1.0})
            raise error

    run = started(runs)
    with pytest.raises(type(error)):
        train(run)
    assert (status_of(run).state, status_of(run).error) == (state, text)
    assert len(RunReader(run.directory.path).curve("loss")) == 1


def test_finish_twice_does_nothing_and_logging_after_it_is_refused(runs: Path) -> None:
    run = started(runs)
    run.finish("stopped")
    run.finish("failed", error="too late")
    assert status_of(run).state == "stopped"
    with pytest.raises(RuntimeError, match="is stopped"):
        run.log(1, {"loss": 1.0})
    with pytest.raises(RuntimeError, match="is stopped"):
        run.text(1, "note", "hello")
    with pytest.raises(ValueError, match="finished, stopped, failed"):
        run.finish("done")


END = """
import sys
from logs import RunWriter
run = RunWriter.create(sys.argv[1], model="m", dataset="d")
run.log(1, {"loss": 1.0}, split="train")
"""


@pytest.mark.parametrize(
    ("last_line", "state", "error"),
    [
        ("", "stopped", ""),
        ("raise ValueError('the loss is NaN')", "failed", "ValueError: the loss is NaN"),
        ("raise KeyboardInterrupt", "stopped", ""),
        ("run.finish()", "finished", ""),
        ("import os; os._exit(0)", "running", ""),  # which readers see as lost
    ],
)
def test_a_process_that_ends_says_how(runs: Path, last_line: str, state: str, error: str) -> None:
    run_python(END + last_line, runs)
    (path,) = runs.iterdir()
    directory = RunDirectory(path)
    status = read_status(directory)
    assert status is not None
    assert (status.state, status.error) == (state, error)
    assert len(RunReader(path).curve("loss", "train")) == 1
    if state == "running":
        assert effective_state(read_info(directory), status) == "lost"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_can_not_write_to_its_parents_run(runs: Path) -> None:
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")
from logs import RunWriter
run = RunWriter.create(sys.argv[1], model="m", dataset="d")
run.log(1, {"loss": 1.0})
child = os.fork()
if not child:
    try:
        run.log(2, {"loss": 2.0})
    except RuntimeError as error:
        print(error, flush=True)
    run.finish("failed")
    sys.exit(0)
os.waitpid(child, 0)
run.log(3, {"loss": 3.0})
run.finish()
"""
    answer = run_python(code, runs)
    assert "not its fork" in answer.stdout, answer.stderr
    (path,) = runs.iterdir()
    assert RunReader(path).curve("loss").step.tolist() == [1, 3]
    status = RunReader(path).status()
    assert status is not None
    assert status.state == "finished"


def test_importing_the_writer_waits_for_neither_pyarrow_nor_pandas() -> None:
    answer = run_python("import sys, logs.writer; print({'pyarrow', 'pandas', 'torch'} & set(sys.modules))")
    assert answer.stdout.strip() == "set()", answer.stderr


def test_a_training_process_needs_no_pandas(runs: Path) -> None:
    """Its import takes as long as everything else together."""
    code = END + "run.finish(); print('pandas' in sys.modules)"
    assert run_python(code, runs).stdout.strip() == "False"


def test_the_status_follows_the_rows(runs: Path) -> None:
    run = started(runs, higher_is_better={"score": True})
    for step, loss in enumerate([3.0, 1.0, math.nan, 2.0]):
        run.log(step, {"loss": loss, "score": -loss, "accuracy": loss}, split="validation", epoch=step / 2)
    until(lambda: status_of(run).last)
    status = status_of(run)
    assert status.last == {"validation": {"loss": 2.0, "score": -2.0, "accuracy": 2.0}}
    best = status.best["validation"]
    assert best["loss"] == {"value": 1.0, "step": 1, "epoch": 0.5}
    assert best["score"] == {"value": -1.0, "step": 1, "epoch": 0.5}
    assert best["accuracy"]["value"] == 3.0, "more accuracy is better without being told so"
    assert (status.step, status.epoch, status.state) == (3, 1.5, "running")
    run.finish()


def test_the_best_value_is_finite_and_the_last_is_what_was_logged(runs: Path) -> None:
    with started(runs) as run:
        for step, loss in enumerate([math.inf, -math.inf, 5.0, math.nan]):
            run.log(step, {"loss": loss, "broken": math.nan})
    status = status_of(run)
    assert math.isnan(status.last[""]["loss"])
    assert status.best[""] == {
        "loss": {"value": 5.0, "step": 2, "epoch": pytest.approx(math.nan, nan_ok=True)}
    }


def test_progress_is_in_the_status(runs: Path) -> None:
    run = started(runs)
    run.progress(epoch=1.5, epochs=10, step=150, steps=1000, rate=50.0)
    until(lambda: status_of(run).steps)
    status = status_of(run)
    assert (status.epoch, status.epochs, status.step, status.steps, status.rate) == (1.5, 10, 150, 1000, 50.0)
    assert status.eta_seconds == pytest.approx(17.0)
    run.progress(step=250)
    until(lambda: status_of(run).step == 250)
    assert status_of(run).epochs == 10
    run.finish()
    assert math.isnan(status_of(run).eta_seconds)


def test_what_was_done_before_a_run_went_on_is_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    beats, now = SimpleNamespace(_beats=deque()), iter((10.0, 11.0, 12.0))
    monkeypatch.setattr("logs.background.time.monotonic", lambda: next(now))
    rates = [Background._measured_rate(beats, step) for step in (0, 34, 35, 38)]  # type: ignore[arg-type]
    assert np.isnan(rates[:2]).all(), "34 are there at once: they say nothing of the next"
    assert rates[2:] == [1, 2]


def test_the_heartbeat_goes_on_while_nothing_is_logged(runs: Path) -> None:
    run = started(runs)
    first = status_of(run).heartbeat
    until(lambda: status_of(run).heartbeat > first)
    run.finish()


def test_requests_reach_the_training(runs: Path) -> None:
    run = started(runs)
    assert run.requests() == []
    send_request(run.directory, "learning_rate", 0.01)
    send_request(run.directory, "stop")
    found: list = []
    until(lambda: found.extend(run.requests()) or len(found) == 2)
    assert [(request.kind, request.value) for request in found] == [("learning_rate", 0.01), ("stop", None)]
    run.finish("stopped")


def test_a_resumed_run_appends(runs: Path) -> None:
    with started(runs) as run:
        for step in range(10):
            run.log(step, {"loss": 10.0 - step}, split="train", epoch=step / 10)
    again = RunWriter.resume(run.directory.path)
    assert status_of(again).state == "running"
    for step in range(5, 12):  # from the last checkpoint, which was at 5
        again.log(step, {"loss": step * 1.0}, split="train", epoch=step / 10)
    reader = RunReader(run.directory.path)
    steps = [*range(10), *range(5, 12)]
    assert reader.curve("loss", "train").step.tolist() == steps, "steps that go back are kept"
    again.finish()
    reader.refresh()
    assert reader.curve("loss", "train").step.tolist() == steps
    assert len(list(run.directory.scalars.iterdir())) == 1
    best = status_of(again).best["train"]["loss"]
    assert (best["value"], best["step"]) == (1.0, 9), "what was best before counts"


def test_a_killed_run_is_resumed_with_all_its_rows(runs: Path) -> None:
    code = (
        END + "import os, signal; os.kill(os.getpid(), signal.SIGKILL if os.name != 'nt' else signal.SIGTERM)"
    )
    run_python(code, runs)
    (path,) = runs.iterdir()
    assert segment_path(path, 0).exists()
    run = RunWriter.resume(path)
    run.log(2, {"loss": 0.5}, split="train")
    run.finish()
    assert RunReader(path).curve("loss", "train").value.tolist() == [1.0, 0.5]


def test_a_running_run_is_not_resumed(runs: Path) -> None:
    run = started(runs)
    with pytest.raises(RunningError, match="is running"):
        RunWriter.resume(run.directory.path)
    run.finish()


def test_open_writes_into_a_folder_that_was_prepared(runs: Path) -> None:
    directory = RunDirectory.create(runs, "mlp", "digits")
    run = RunWriter.open(directory, RunInfo.new(directory, model="mlp", dataset="digits", command=["x"]))
    run.log(1, {"loss": 1.0})
    run.finish()
    assert RunReader(directory.path).info.command == ("x",)


def test_many_rows_are_folded_while_the_run_goes_on(runs: Path) -> None:
    from logs import wal

    run = started(runs)
    count = 2 * wal.CAPACITY + 100
    for step in range(count):
        run.log(step, {"loss": float(step), "accuracy": 0.5}, split="train", epoch=step / 1000)
    until(lambda: len(list(run.directory.scalars.glob("*.parquet"))) == 2)
    reader = RunReader(run.directory.path)
    assert np.array_equal(reader.curve("loss", "train").value, np.arange(count))
    run.finish()
    reader.refresh()
    assert np.array_equal(reader.curve("loss", "train").value, np.arange(count))
    assert [path.name for path in run.directory.scalars.iterdir()] == ["000000-000002.parquet"]
    assert status_of(run).best["train"]["loss"]["step"] == 0
    assert status_of(run).step == count - 1


def test_a_folder_that_is_moved_away_does_not_end_the_training(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = started(runs)
    run.log(1, {"loss": 1.0})
    until(lambda: len(list(run.directory.path.glob("*.wal"))) == 3)  # else one may be made meanwhile
    try:
        run.directory.path.rename(tmp_path / "elsewhere")
    except PermissionError:
        pytest.skip("this system keeps the files of a running process where they are")
    run.log(2, {"loss": 2.0})
    run.text(2, "note", "nobody will read this")
    run.finish()
    assert "can't be written" in capfd.readouterr().err
    assert RunReader(tmp_path / "elsewhere").curve("loss").step.tolist() == [1, 2], (
        "the mapped rows went along"
    )
