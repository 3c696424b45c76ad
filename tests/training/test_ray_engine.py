"""Ray: listens to this machine only, shares out GPUs, and a machine that is lost costs its pieces only."""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from logs.catalog import RunCatalog
from tests.training.pieces_for_engines import Piece, attempts, share_of_gpu, square
from training import kfold
from training.engines import open_engine, run_pieces

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="ray is not installed: pip install -r requirements-ray.txt",
    ),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # it listens on 127.0.0.1
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 1})
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    made.shutdown()


def test_a_local_ray_listens_to_this_machine_only() -> None:
    with open_engine("ray", 1) as engine:
        assert engine.workers == 1
        ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
        names = {process.name() for process in ours}
        listening = {
            connection.laddr.ip.removeprefix("::ffff:")
            for process in ours
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
    assert "raylet" in names
    assert listening == {"127.0.0.1"}
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_request_to_end_reaches_the_study_and_not_ray() -> None:
    heard: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with open_engine("ray", 1):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert heard == [signal.SIGTERM]


def test_two_pieces_share_a_gpu(cluster: Any, tmp_path: Path) -> None:
    answers: list[Any] = []
    with open_engine("ray://auto", 0, gpus_per_worker=0.5) as engine:
        assert engine.workers == 2
        pieces = [Piece(str(tmp_path), number) for number in range(2)]
        run_pieces(engine, pieces, share_of_gpu, lambda piece, answer: answers.append(answer))
    (first, began, ended), (second, began_too, ended_too) = answers
    assert first == second == "0"
    assert max(began, began_too) < min(ended, ended_too), "at the same time"


def test_pieces_of_a_lost_machine_run_again_elsewhere(cluster: Any, tmp_path: Path) -> None:
    second = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    pieces = [Piece(str(tmp_path), number, seconds=4.0) for number in range(4)]
    answers: dict[int, Any] = {}
    removed: list[bool] = []

    def stop() -> bool:
        if not removed and all(attempts(piece) for piece in pieces):
            removed.append(True)
            cluster.remove_node(second, allow_graceful=False)
        return False

    with open_engine("ray://auto") as engine:
        assert engine.workers == 4
        left = run_pieces(engine, pieces, square, lambda p, a: answers.update({p.number: a}), stop=stop)
    assert removed
    assert not left
    assert answers == {0: 0, 1: 1, 2: 4, 3: 9}
    assert sorted(len(attempts(piece)) for piece in pieces) == [1, 1, 2, 2]


def test_the_folds_of_a_lost_machine_are_trained_again_and_the_scores_are_those_of_processes(
    cluster: Any, tmp_path: Path
) -> None:
    second = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    runs = {name: tmp_path / name for name in ("ray://auto", "processes")}
    removed: list[bool] = []

    def remove() -> None:
        deadline = time.monotonic() + 60
        while not removed and time.monotonic() < deadline:
            rows = RunCatalog(runs["ray://auto"]).rows() if runs["ray://auto"].exists() else []
            if sum(row.kind == "fold" and row.state == "running" for row in rows) == 4:
                cluster.remove_node(second, allow_graceful=False)
                removed.append(True)
            time.sleep(0.1)

    remover = threading.Thread(target=remove)
    remover.start()
    scores = {}
    for engine, folder in runs.items():
        options = [
            "--dataset",
            "digits",
            "--folds",
            "6",
            "--epochs",
            "60",
            "--way",
            "alone",
            "--visdom",
            "off",
        ]
        assert kfold.main([*options, "--engine", engine, "--runs", str(folder)]) == 0
        rows = [row for row in RunCatalog(folder).rows() if row.info is not None and row.kind == "fold"]
        assert sorted(row.info.member["fold"] for row in rows if row.info) == list(range(6)), "each once"
        assert {row.state for row in rows} == {"finished"}
        scores[engine] = {row.info.member["fold"]: row.last("loss", "test") for row in rows if row.info}
    remover.join()
    assert removed
    assert scores["ray://auto"] == scores["processes"]
