"""Engines: a piece is done once, whatever dies; a stop begins nothing more; no worker outlives its driver."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from models.catalog import UnknownNameError
from tests.training.engine_drivers import ends_with_its_driver
from tests.training.pieces_for_engines import Piece, attempts, square
from tests.visdom_servers import wait_until
from training.engines import ENGINES, EngineError, WorkerLostError, open_engine, run_pieces

ROOT = Path(__file__).resolve().parents[2]
HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_RAY, reason="ray is not installed: pip install -r requirements-ray.txt"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]
RAY = pytest.param("ray", marks=needs_ray)


def run(engine: str, pieces: list[Piece], **more: Any) -> dict[Any, Any]:
    """Each piece's number, and what `done` was given."""
    answers: dict[Any, Any] = {}

    def done(piece: Piece, answer: Any) -> None:
        assert piece.number not in answers, "done is called once for each piece"
        answers[piece.number] = answer

    with open_engine(engine, 2) as opened:
        answers["left"] = [piece.number for piece in run_pieces(opened, pieces, square, done, **more)]
    return answers


@pytest.mark.parametrize("engine", ["serial", "processes", "auto", RAY])
def test_every_engine_gives_the_same_answers(engine: str, tmp_path: Path) -> None:
    pieces = [Piece(str(tmp_path), number, wrong=number == 3) for number in range(6)]
    answers = run(engine, pieces)
    error = answers.pop(3)
    assert isinstance(error, ValueError)
    assert "piece 3 is wrong" in str(error)
    assert answers == {0: 0, 1: 1, 2: 4, 4: 16, 5: 25, "left": []}
    assert all(len(attempts(piece)) == 1 for piece in pieces)


@pytest.mark.parametrize("engine", ["processes", RAY])
def test_a_killed_workers_piece_runs_again_and_no_other(engine: str, tmp_path: Path) -> None:
    pieces = [Piece(str(tmp_path), number, deaths=number == 1, seconds=0.5) for number in range(4)]
    assert run(engine, pieces) == {0: 0, 1: 1, 2: 4, 3: 9, "left": []}
    assert [len(attempts(piece)) for piece in pieces] == [1, 2, 1, 1]


@pytest.mark.parametrize("engine", ["processes", RAY])
def test_a_piece_that_kills_every_worker_is_given_up(engine: str, tmp_path: Path) -> None:
    pieces = [Piece(str(tmp_path), 0, deaths=9), Piece(str(tmp_path), 1)]
    answers = run(engine, pieces, tries=2)
    assert isinstance(answers[0], WorkerLostError)
    assert answers[1] == 1
    assert len(attempts(pieces[0])) == 2


def test_the_caller_says_whether_a_lost_piece_runs_again(tmp_path: Path) -> None:
    piece = Piece(str(tmp_path), 0, deaths=1)
    assert isinstance(run("processes", [piece], lost=lambda piece: False)[0], WorkerLostError)
    assert len(attempts(piece)) == 1


def test_a_worker_that_dies_idle_costs_nothing(tmp_path: Path) -> None:
    answers = []
    with open_engine("processes", 1) as engine:
        for number in range(2):
            piece = Piece(str(tmp_path), number)
            run_pieces(engine, [piece], square, lambda piece, answer: answers.append(answer))
            os.kill(attempts(piece)[0], signal.SIGKILL)
            wait_until(lambda piece=piece: not psutil.pid_exists(attempts(piece)[0]), "the worker is gone")
    assert answers == [0, 1]


@pytest.mark.parametrize("engine", ["serial", "processes", RAY])
def test_a_stop_begins_nothing_more_and_waits_for_the_rest(engine: str, tmp_path: Path) -> None:
    pieces = [Piece(str(tmp_path), number, seconds=1.0) for number in range(5)]
    answers = run(engine, pieces, stop=lambda: bool(attempts(pieces[0])))
    left = answers.pop("left")
    assert answers[0] == 0
    assert sorted([*answers, *left]) == list(range(5))
    assert len(left) >= 3
    assert not any(attempts(pieces[number]) for number in left)


def test_an_exception_of_the_driver_ends_its_workers_at_once(tmp_path: Path) -> None:
    pieces = [Piece(str(tmp_path), 0), Piece(str(tmp_path), 1, seconds=60)]

    def done(piece: Piece, answer: Any) -> None:
        wait_until(lambda: attempts(pieces[1]), "the other piece runs")
        raise RuntimeError("the driver is broken")

    began = time.monotonic()
    with pytest.raises(RuntimeError, match="driver is broken"), open_engine("processes", 2) as engine:
        run_pieces(engine, pieces, square, done)
    assert time.monotonic() - began < 30


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    script = (
        "from tests.training.pieces_for_engines import Piece, square\n"
        "from training.engines import open_engine, run_pieces\n"
        "with open_engine('processes', 2) as engine:\n"
        f"    pieces = [Piece({str(tmp_path)!r}, number, seconds=120) for number in range(2)]\n"
        "    run_pieces(engine, pieces, square, print)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    ends_with_its_driver(driver, tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("processes", {"workers": -1}, "workers is -1; it must be at least 0"),
        ("processes", {"gpus_per_worker": 0.5}, "only the engine ray shares out GPUs"),
        ("serial://here", {}, "only ray:// takes an address"),
    ],
)
def test_what_cannot_be_opened_is_said(name: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(EngineError, match=text), open_engine(name, **options):
        pass


def test_a_wrong_name_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'processes'"), open_engine("proceses"):
        pass
    assert ENGINES.names() == ["auto", "processes", "serial", "ray"]


@pytest.mark.skipif(HAS_RAY, reason="ray is installed")
def test_without_ray_the_way_to_it_is_said() -> None:
    with pytest.raises(EngineError, match=r"pip install -r requirements-ray\.txt"), open_engine("ray"):
        pass
