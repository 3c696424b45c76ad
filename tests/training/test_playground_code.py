"""The exported script is plain PyTorch, and trains what the playground trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from logs.directory import RunDirectory
from models.activations import ACTIVATIONS
from models.initializers import INITIALIZERS
from models.playground import FEATURES
from training import playground_code as code_module
from training.film import FilmReader
from training.optimizers import OPTIMIZERS
from training.playground import main
from training.playground_code import optimizer_call, playground_code
from training.playground_settings import PlaygroundSettings
from training.points import OWN
from training.schedules import SCHEDULES

SMALL = PlaygroundSettings(samples=61, epochs=6, seeds=1, seed=3, batch_size=16)


def exported(settings: PlaygroundSettings) -> np.ndarray:
    """What the script's `history` says: [epochs + 1, (loss, accuracy) of train, then of validation]."""
    names: dict[str, Any] = {}
    exec(compile(playground_code(settings), "playground.py", "exec"), names)
    return np.array(names["history"])


def filmed(settings: PlaygroundSettings, runs: Path) -> np.ndarray:
    assert main(["--runs", str(runs), *settings.options()]) == 0
    (run,) = runs.iterdir()
    film = FilmReader(RunDirectory(run)).read()
    assert film is not None
    return np.stack([film.loss[:, 0], film.accuracy[:, 0]], axis=2).reshape(len(film), 4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dataset": "spirals", "class_count": 3, "features": tuple(FEATURES.names())},
        {"dataset": "circles", "layers": (2, 8, 8), "residual": True, "activations": ("tanh", "elu", "step")},
        {"dataset": "xor", "layers": ()},
        {"dataset": "gaussians", "batch_norm": True, "optimizer": "momentum", "batch_size": 14},
        {"l1": 0.003, "weight_decay": 0.01, "optimizer": "adamw"},
        {"batch_size": 1},
        {"batch_size": 5000},
    ],
    ids=str,
)
def test_the_script_comes_to_the_losses_of_the_film(changes: dict[str, Any], tmp_path: Path) -> None:
    settings = SMALL.replace(**changes)
    np.testing.assert_allclose(exported(settings), filmed(settings, tmp_path), rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("schedule", SCHEDULES.names())
def test_every_schedule_is_in_the_script(schedule: str, tmp_path: Path) -> None:
    settings = SMALL.replace(schedule=schedule, optimizer="sgd", learning_rate=0.3)
    np.testing.assert_allclose(exported(settings), filmed(settings, tmp_path), rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("initializer", INITIALIZERS.names())
def test_every_first_weight_is_in_the_script(initializer: str, tmp_path: Path) -> None:
    settings = SMALL.replace(initializer=initializer, epochs=1)
    np.testing.assert_allclose(exported(settings), filmed(settings, tmp_path), rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS.names())
def test_every_activation_is_in_the_script(activation: str, tmp_path: Path) -> None:
    settings = SMALL.replace(activations=(activation,), epochs=2)
    np.testing.assert_allclose(exported(settings), filmed(settings, tmp_path), rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names())
def test_an_optimizer_is_called_with_what_it_is_set_to(optimizer: str) -> None:
    settings = SMALL.replace(optimizer=optimizer, weight_decay=0.02)
    row = OPTIMIZERS[optimizer]
    weight = torch.nn.Parameter(torch.ones(2))
    names = {"torch": torch, "LEARNING_RATE": 0.1, "network": torch.nn.ParameterList([weight])}
    called = eval(optimizer_call(settings), names)  # noqa: S307 - it is ours
    wanted = row.build([weight], 0.1, 0.02, **settings.optimizer_settings)
    quiet = {"fused", "foreach"}
    assert {k: v for k, v in called.defaults.items() if k not in quiet} == {
        k: v for k, v in wanted.defaults.items() if k not in quiet
    }


def test_dropout_differs_by_chance_alone(tmp_path: Path) -> None:
    settings = SMALL.replace(dropout=0.2, epochs=40, samples=300)
    ours, theirs = exported(settings), filmed(settings, tmp_path)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    assert ours[-1][0] < 0.6 * ours[0][0]
    assert abs(ours[-1][0] - theirs[-1][0]) < 0.15


def test_own_points_stand_in_the_script(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    file = tmp_path / "own.csv"
    file.write_text(
        "".join(f"{x:.3f};{y:.3f};{'red' if x > y else 'blue'}\n" for x, y in random.normal(size=(40, 2)))
    )
    settings = SMALL.replace(dataset=OWN, points=str(file))
    code = playground_code(settings)
    assert "blue" in code
    assert "own.csv" not in code
    np.testing.assert_allclose(exported(settings), filmed(settings, tmp_path / "runs"), rtol=2e-3, atol=2e-5)


def test_the_script_runs_by_itself_and_needs_nothing_of_ours(tmp_path: Path) -> None:
    script = tmp_path / "playground.py"
    script.write_text(playground_code(SMALL))
    assert "training" not in script.read_text().replace("training point", "")
    answer = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "validation loss" in answer.stdout


def test_the_tables_of_code_have_every_row() -> None:
    assert set(code_module.FEATURES) == set(FEATURES.names())
    assert set(code_module.FILLS) | {"default"} == set(INITIALIZERS.names())
    assert set(code_module.SCHEDULES) | {"constant"} == set(SCHEDULES.names())
