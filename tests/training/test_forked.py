"""Workers forked from their driver: as safe as new processes, and there at once."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from logs.directory import read_json
from tests.training.engine_drivers import ends_with_its_driver
from tests.training.pieces_for_engines import Piece, attempts
from training.config import RunConfig
from training.datasets.dataset import Samples
from training.fold_study import FoldOptions
from training.forked import may_fork, ready_workers
from training.jobs import members
from training.plans import planned
from training.studies import Means
from training.study_script import SHARED_BYTES, with_workers

ROOT = Path(__file__).resolve().parents[2]
needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")
BEGIN = """
import json, os, sys, threading, time
from concurrent.futures import BrokenExecutor
from tests.training.pieces_for_engines import Piece, attempts, square
from training.engines import WorkerLostError, open_engine, run_pieces
from training.forked import ready_workers
folder = sys.argv[1]
"""


def script(text: str, folder: Path) -> subprocess.Popen[str]:
    """Runs in a process of its own: pytest's has threads, and so can't fork."""
    command = [sys.executable, "-W", "error::DeprecationWarning:training", "-c", BEGIN + text, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@needs_fork
@pytest.mark.slow  # whoever takes the place of a dead worker imports PyTorch
def test_forked_workers_answer_die_alone_and_end_with_the_block(tmp_path: Path) -> None:
    process = script(
        """
pieces = [Piece(folder, number, deaths=number == 1, wrong=number == 3, seconds=0.3) for number in range(6)]
answers = {}
with ready_workers(2) as workers:
    first = [worker.process.pid for worker in workers]
    with open_engine("processes", 2, ready=workers) as engine:
        left = run_pieces(engine, pieces, square, lambda piece, given: answers.update({piece.number: given}))
    try:
        engine.executor.submit(square, pieces[0])
    except RuntimeError as error:
        closed = str(error)
alive = [worker.process.is_alive() for worker in workers]
print(json.dumps([{n: str(a) for n, a in answers.items()}, len(left), first, alive, closed]))
""",
        tmp_path,
    )
    said, _ = process.communicate(timeout=100)
    answers, left, forked, alive, closed = json.loads(said)
    assert answers == {"0": "0", "1": "1", "2": "4", "3": "piece 3 is wrong", "4": "16", "5": "25"}
    assert left == 0
    assert alive == [False, False]
    assert "closed" in closed
    began = [attempts(Piece(str(tmp_path), number)) for number in range(6)]
    assert [len(each) for each in began] == [1, 2, 1, 1, 1, 1]
    assert {began[0][0], began[1][0]} == set(forked)  # the first pieces go to those that are there
    assert began[1][1] != began[1][0]


@needs_fork
def test_what_can_not_be_sent_is_said_and_the_worker_lives(tmp_path: Path) -> None:
    process = script(
        """
def said(future):
    return f"{type(future.exception()).__name__}: {future.exception()}"
with ready_workers(1) as (worker,):
    call = said(worker.submit(lambda: 1))
    answer = said(worker.submit(threading.Lock))
    then = worker.submit(square, Piece(folder, 7)).result()
    worker.process.kill()
    worker.process.join()
    try:
        worker.submit(square, Piece(folder, 8))
    except BrokenExecutor as error:
        gone = str(error)
print(json.dumps([call, answer, then, gone]))
""",
        tmp_path,
    )
    out, _ = process.communicate(timeout=100)
    call, answer, then, gone = json.loads(out)
    assert "pickle" in call
    assert "can't be sent" in answer
    assert then == 49
    assert "ended" in gone


@needs_fork
def test_workers_forked_ahead_are_lent_taken_and_ended(tmp_path: Path) -> None:
    process = script(
        """
from training.forked import end_ahead, fork_ahead, lent
def pids(workers):
    return [worker.process.pid for worker in workers]
def alive(workers):
    return [worker.process.is_alive() for worker in workers]
def joined(workers):
    for worker in workers:
        worker.process.join(60)
    return alive(workers)
fork_ahead(3)
with lent():
    with ready_workers(2) as first, open_engine("processes", 2, ready=first) as engine:
        run_pieces(engine, [Piece(folder, number) for number in range(2)], square, lambda piece, given: None)
    with ready_workers(3) as every:
        rehearsed = [worker.submit(square, Piece(folder, 5)).result() for worker in every]
still = alive(every)
with ready_workers(2) as second:
    others = joined(every[2:])
with ready_workers(1) as third:
    pass
fork_ahead(1)
with ready_workers(2) as fourth:
    taken = fourth
fork_ahead(2)
with ready_workers(1) as known:
    spare = pids(known)
fork_ahead(1)
from training import forked
waiting = pids(forked._ahead)
with ready_workers(1, anew=True) as fifth:
    anew = pids(fifth) == waiting
fork_ahead(2)
left = list(forked._ahead)
end_ahead()
print(json.dumps([
    pids(first) == pids(every)[:2], rehearsed, still, pids(second) == pids(first), others, alive(second),
    pids(third)[0] in pids(every), len(set(pids(taken))), anew, joined(left), len(forked._ahead),
]))
""",
        tmp_path,
    )
    said, _ = process.communicate(timeout=100)
    same, rehearsed, still, taken, others, after, third, fourth, anew, left, waiting = json.loads(said)
    assert same
    assert rehearsed == [25, 25, 25]
    assert still == [True, True, True], "they outlast who takes them while they are lent"
    assert taken
    assert others == [False], "who is not taken has nothing to wait for"
    assert after == [False, False]
    assert not third
    assert fourth == 2, "where they are too few, others are forked"
    assert not anew
    assert left == [False, False]
    assert waiting == 0
    assert process.returncode == 0


@needs_fork
@pytest.mark.parametrize("inside", ["fork_ahead(2)", "child = get_context('fork').Process(target=fork_ahead, "
                                    "args=(2,)); child.start(); child.join()"])  # fmt: skip
def test_a_process_ends_whose_workers_wait_for_nobody(inside: str, tmp_path: Path) -> None:
    process = script(
        f"""
from multiprocessing import get_context
from training.forked import fork_ahead
{inside}
print(json.dumps("ended"))
""",
        tmp_path,
    )
    said, _ = process.communicate(timeout=60)
    assert json.loads(said) == "ended"
    assert process.returncode == 0


@needs_fork
def test_what_is_called_in_workers_ahead_ends_those_that_fail(tmp_path: Path) -> None:
    process = script(
        """
from training.forked import call_ahead, fork_ahead, ready_workers
def fails_in(pid):
    if os.getpid() == pid:
        raise OSError("no such place")
    os.chdir(folder)
from training import forked
fork_ahead(2)
bad, good = (worker.process for worker in forked._ahead)
call_ahead(fails_in, bad.pid)
bad.join(60)
with ready_workers(1) as (worker,):
    print(json.dumps([bad.is_alive(), worker.process.pid == good.pid, worker.submit(os.getcwd).result()]))
""",
        tmp_path,
    )
    said, _ = process.communicate(timeout=100)
    lives, taken, place = json.loads(said)
    assert not lives
    assert taken
    assert Path(place) == tmp_path


@needs_fork
def test_forked_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    driver = script(
        """
with ready_workers(2) as workers, open_engine("processes", 2, ready=workers) as engine:
    run_pieces(engine, [Piece(folder, number, seconds=120) for number in range(2)], square, print)
""",
        tmp_path,
    )
    ends_with_its_driver(driver, tmp_path)


def test_a_process_with_another_thread_forks_no_worker() -> None:
    ending = threading.Event()
    other = threading.Thread(target=ending.wait)
    other.start()
    try:
        assert not may_fork()
        with ready_workers(2) as workers:
            assert workers == ()
    finally:
        ending.set()
        other.join()


@pytest.mark.parametrize(
    ("means", "threads", "most"),
    [
        (Means(engine="serial"), 1, 8),
        (Means(workers=1), 1, 8),
        (Means(), 2, 8),
        (Means(), 1, 1),
    ],
)
def test_where_forks_are_no_use_none_are_made(means: Means, threads: int, most: int, tmp_path: Path) -> None:
    with with_workers(means, RunConfig(device="cpu", threads=threads), most, tmp_path) as found:
        assert found == means


@pytest.mark.parametrize(
    ("changes", "way", "asked"),
    [
        ({}, "auto", [5 * 3 * 29]),  # of five trainings by each of two workers: three epochs of 29 batches
        ({"train_samples": 128}, "together", [5 * 3 * 2]),
        ({}, "alone", []),
        ({"model": "lenet5"}, "auto", []),
        ({"optimizer": "rmsprop"}, "auto", []),
    ],
)
def test_compiled_steps_are_fetched_before_the_fork(
    changes: dict[str, Any], way: str, asked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    monkeypatch.setattr("training.study_script.brought", found.append)
    config = RunConfig(device="cpu", epochs=3).replace(**changes)
    with with_workers(Means(workers=2, way=way), config, 10, tmp_path):
        assert found == asked


@pytest.mark.parametrize(
    ("read", "loads", "anew"),
    [(None, False, False), (100, False, False), (SHARED_BYTES, False, True), (None, True, True)],
)
def test_workers_ahead_are_passed_over_where_they_lack_what_the_driver_has(
    read: int | None, loads: bool, anew: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bool] = []

    @contextlib.contextmanager
    def noted(count: int, anew: bool) -> Iterator[tuple[()]]:
        found.append(anew)
        yield ()

    samples = None if read is None else Samples(np.zeros((read, 1, 1, 1), np.uint8), np.zeros(read), "")
    monkeypatch.setattr("training.study_script.ready_workers", noted)
    monkeypatch.setattr("training.study_script.has_read", lambda config, root: samples)
    monkeypatch.setattr("training.study_script.is_loaded", iter([False, loads]).__next__)
    with with_workers(Means(workers=2), RunConfig(device="cpu", model="lenet5"), 10, tmp_path):
        assert found == [anew]


@pytest.mark.parametrize(
    ("ready", "folds", "workers", "processes"),
    [(True, 10, 2, 2), (True, 10, 4, 4), (True, 4, 3, 2), (True, 3, 2, 0), (False, 10, 2, 0)],
)
def test_small_networks_are_shared_by_workers_that_wait(
    ready: bool, folds: int, workers: int, processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.plans.time_together", lambda members, enough=0.0: 0.0005)
    monkeypatch.setattr("training.plans.time_alone", lambda member: 0.0004)
    config = RunConfig(epochs=30, train_samples=300, device="cpu").replace(hidden_width=8)
    options = FoldOptions("stratified", folds)
    jobs = options.study(config, options.plan(config, tmp_path), "study", tmp_path).jobs({})
    before = torch.get_num_threads()
    torch.set_num_threads(2)  # as torch has it where nobody has said otherwise
    try:
        (group,) = planned(jobs, tmp_path, "auto", "auto", workers, {}, ready)
        assert torch.get_num_threads() == config.threads == 1  # what is timed is timed as it will run
    finally:
        torch.set_num_threads(before)
    assert group.plan.way == "together"
    assert group.plan.workers == processes
    assert group.at_once == folds
    assert [job for batch in group.batches for job in batch] == jobs
    assert len(group.batches) == max(1, processes)
    assert max(map(len, group.batches)) - min(map(len, group.batches)) <= 1
    assert ("processes share them" in group.plan.reason) == bool(processes)


@needs_fork
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has nobody to share with")
def test_folds_are_the_same_runs_in_two_processes_and_in_one(tmp_path: Path) -> None:
    scores = []
    for name, engine in (("shared", "auto"), ("one", "serial")):
        runs = tmp_path / name
        small = ["--train-samples", "300", "--hidden-width", "16", "--epochs", "2", "--visdom", "off"]
        command = [sys.executable, "-m", "training.kfold", *small, "--folds", "4", "--workers", "2"]
        subprocess.run(
            [*command, "--engine", engine, "--device", "cpu", "--runs", str(runs)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        (plan,) = runs.glob("*/plan.json")
        assert read_json(plan)["workers"] == (2 if name == "shared" else 0)
        rows = members(runs, plan.parent.name).values()
        assert {row.state for row in rows} == {"finished"}
        scores.append({str(row.info.member): row.status.last["test"] for row in rows})  # type: ignore[union-attr]
    shared, one = scores
    assert shared.keys() == one.keys()
    assert len(one) == 4
    for member, found in shared.items():
        assert found == pytest.approx(one[member], rel=1e-4)
