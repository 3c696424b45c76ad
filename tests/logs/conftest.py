"""Runs made of their small files alone, for tests that need no Parquet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from logs.directory import RunDirectory, write_json
from logs.info import RunInfo
from logs.process import process_started
from logs.status import Status

MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An empty folder of runs."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def make_run(runs: Path) -> MakeRun:
    """make_run(state=..., status={...}, **RunInfo fields) -> a run without scalars."""

    def make(state: str = "finished", status: dict[str, Any] | None = None, **info: Any) -> RunDirectory:
        created = info.setdefault("created", time.time() - 100)
        moment = datetime.fromtimestamp(created, UTC)
        directory = RunDirectory.create(
            runs, info.setdefault("model", "mlp"), info.setdefault("dataset", "digits"), moment
        )
        described = {"host": "", "pid": os.getpid(), "process_started": process_started(os.getpid()), **info}
        write_json(directory.run_json, RunInfo(directory.id, **described).to_dict())
        reached = {"heartbeat": created + 60.0, "state": state, **(status or {})}
        write_json(directory.status_json, Status(**reached).to_dict())
        return directory

    return make
