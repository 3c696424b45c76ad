"""ONNX files give PyTorch's numbers, for any batch, and belong to the weights that they were made of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from logs.catalog import RunCatalog
from logs.directory import RunDirectory
from models.watched import WatchedNetwork
from models.zoo import build_model
from training.checkpoints import CheckpointError
from training.config import ConfigError
from training.drawing import Preparation
from training.onnx_export import (
    ExportError,
    data_of_run,
    export_onnx,
    export_watched,
    exported,
    kept_export,
    largest_difference,
    main,
)
from training.train import main as train

pytestmark = pytest.mark.slow  # the first export of a process imports for seconds


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A small network on digits."""
    runs = tmp_path_factory.mktemp("runs")
    small = ["--train-samples", "100", "--hidden-width", "8", "--epochs", "1", "--visdom", "off"]
    assert train([*small, "--runs", str(runs)]) == 0
    return RunCatalog(runs).rows()[0].directory


def test_a_network_with_its_layers_gives_the_same_numbers_in_onnx_runtime() -> None:
    shape = (1, 12, 12)
    network = WatchedNetwork(build_model("lenet5", shape, 4, {}), shape, (0.3,), (0.4,), ["features.c1"])
    content = export_watched(network, shape, 4)
    for batch in (1, 9):  # the example had three
        chosen = torch.eye(4).repeat(3, 1)[:batch]
        difference, largest, odd = largest_difference(content, network, (torch.rand(batch, *shape), chosen))
        assert difference < 1e-5 * max(1, largest)
        assert not odd


def test_a_plain_export_takes_what_the_network_takes_and_leaves_its_mode() -> None:
    network = build_model("mlp", (6,), 3, {"hidden_width": 5, "dropout": 0.5}).train()
    content = export_onnx(network, (6,))
    assert network.training
    assert largest_difference(content, network.eval(), (torch.randn(7, 6),))[0] < 1e-6


def test_an_export_is_kept_by_the_hash_of_its_weights(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kept_export(run, "best", watched=True) is None
    older = run.exports / "best-0123456789ab.watched.onnx"  # of weights that are gone
    older.parent.mkdir()
    older.touch()
    assert main([str(run.path), "--watched"]) == 0
    assert not older.exists()
    assert "largest difference to PyTorch over 64 samples" in capsys.readouterr().out
    made = kept_export(run, "best", watched=True)
    assert made is not None
    assert made.about["classes"] == [str(digit) for digit in range(10)]
    assert made.about["largest_difference"] < 1e-5
    assert Preparation.from_dict(made.about["preparation"]).box == 8
    assert exported(run, "best", tmp_path, watched=True).about == made.about  # found, not made again
    weights = run.checkpoints / "best.safetensors"
    weights.write_bytes((run.checkpoints / "last.safetensors").read_bytes() + b" ")
    os.utime(weights, ns=(0, 1))
    assert kept_export(run, "best", watched=True) is None


def test_what_cannot_be_exported_is_said(run: RunDirectory, tmp_path: Path) -> None:
    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(2))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs * self.weight if inputs.sum().item() > 0 else inputs

    with pytest.raises(ExportError, match="can't write Odd as ONNX"):
        export_onnx(Odd(), (2,))
    with pytest.raises(CheckpointError, match="in its folder: best, last"):
        exported(run, "newest", tmp_path)
    assert main([str(run.path), "--checkpoint", "newest"]) == 2


def test_a_study_has_no_data_of_one_network(run: RunDirectory, tmp_path: Path) -> None:
    from logs.writer import RunWriter

    with RunWriter.create(run.path.parent, model="mlp", dataset="digits", config={}) as other:
        pass
    with pytest.raises(ConfigError, match="no training of one network"):
        data_of_run(other.directory, torch.device("cpu"), tmp_path)
