"""Trainings small enough for a test: real data, real runs, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from logs.directory import RunDirectory
from logs.reader import RunReader
from training import compiled_steps
from training.train import main

Trained = Callable[..., RunReader]


@pytest.fixture
def train(tmp_path: Path) -> Trained:
    """Runs the training script in this process with the options given; the run it wrote."""

    def run(*options: str, code: int = 0, small: bool = True) -> RunReader:
        runs = tmp_path / "runs"
        before = set(runs.iterdir()) if runs.is_dir() else set()
        size = ["--train-samples", "200", "--batch-size", "32", "--hidden-width", "16"] if small else []
        places = ["--runs", str(runs), "--data", str(tmp_path / "data"), "--visdom", "off"]
        if "--resume" in options or "--from-run" in options:
            size, places = [], places[:4]
        assert main([*places, *size, *options]) == code
        after = set(runs.iterdir()) - before
        if "--resume" in options:
            after = {runs / options[options.index("--resume") + 1]}
        (made,) = after
        return RunReader(RunDirectory.existing(made).path)

    return run


@pytest.fixture
def kernel() -> Iterator[None]:
    """With compiled steps at hand, as in a process that has waited for its job."""
    assert compiled_steps.loaded() is not None, "numba is a requirement, and compiles"
    yield
    compiled_steps._loaded.cache_clear()


@pytest.fixture
def no_kernel() -> Iterator[None]:
    """As a process begins."""
    compiled_steps._loaded.cache_clear()
    yield
    compiled_steps._loaded.cache_clear()
