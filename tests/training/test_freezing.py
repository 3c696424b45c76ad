"""Frozen weights, networks of torchvision and of one's own code: trained, saved and loaded again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from logs.catalog import RunCatalog
from models import own
from models.zoo import build_model
from training import train
from training.checkpoints import CheckpointError, build_from_checkpoint, load_checkpoint
from training.config import ConfigError, RunConfig
from training.freezing import freeze, training_mode
from training.launch import LaunchError, launch

SHORT = ["--dataset", "digits", "--epochs", "1", "--train-samples", "128", "--visdom", "off"]


def trained(runs: Path, *options: str) -> Path:
    """The folder of the run."""
    assert train.main([*options, *SHORT, "--runs", str(runs)]) == 0
    return RunCatalog(runs).rows()[0].directory.path


def test_frozen_weights_and_statistics_stay_and_the_others_learn(tmp_path: Path) -> None:
    options = ["--model", "resnet20", "--blocks-per-stage", "1", "--freeze", "stem.*,features.stage1.*"]
    folder = trained(tmp_path, *options)
    torch.manual_seed(RunConfig().seed)  # as the training begins
    fresh = build_model("resnet20", (1, 8, 8), 10, {"blocks_per_stage": 1}).state_dict()
    now = load_checkpoint(folder / "checkpoints" / "last.safetensors").weights
    for name, tensor in now.items():
        frozen = name.startswith(("stem.", "features.stage1."))
        assert torch.equal(tensor, fresh[name]) == frozen, name


def test_a_step_moves_what_is_not_frozen() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    assert freeze(network, ["0.*", "1.*"]) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    training_mode(network)
    assert network[2].training
    assert not network[1].training
    network(torch.randn(8, 3)).sum().backward()
    assert network[0].weight.grad is None
    assert network[2].weight.grad is not None
    assert network[1].num_batches_tracked == 0


def test_patterns_that_match_nothing_or_everything_are_refused() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    with pytest.raises(ConfigError, match=r"'stem.\*', and no weights are named so; try 0.\*"):
        freeze(network, ["stem.*"])
    with pytest.raises(ConfigError, match="every weight of the network"):
        freeze(network, ["*"])


def test_a_network_of_torchvision_trains_and_loads_again(tmp_path: Path) -> None:
    options = ["--model", "torchvision/squeezenet1_1", "--resize", "32", "--freeze", "network.features.*"]
    folder = trained(tmp_path, *options)
    network, about = build_from_checkpoint(folder / "checkpoints" / "last.safetensors")
    assert about["network"].model == "torchvision/squeezenet1_1"
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 10)


def test_ones_own_code_trains_where_it_was_typed_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "_allowed", set())
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "def net(in_features, outputs, width=8):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), nn.Linear(width, outputs))\n",
        "utf-8",
    )
    name = f"{file}:net"
    runs = tmp_path / "runs"
    folder = trained(runs, "--model", name, "--model-args", "width=5")
    saved = folder / "checkpoints" / "last.safetensors"
    assert build_from_checkpoint(saved)[0][1].weight.shape == (5, 64)
    monkeypatch.setattr(own, "_allowed", set())  # another process
    with pytest.raises(CheckpointError, match="is code, and it is run only where you typed its name"):
        build_from_checkpoint(saved)
    with pytest.raises(LaunchError, match=r"only a command line may run it: python -m training\.train"):
        launch(RunConfig(model=name), runs)
    assert train.main(["--from-run", str(folder), "--runs", str(runs)]) == 2
    assert train.main(["--from-run", str(folder), "--model", name, "--runs", str(runs)]) == 0
