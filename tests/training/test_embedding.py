"""Networks whose outputs are points: trained by every loss that compares samples, and what they can't do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.losses import LOSSES
from tests.training.conftest import Trained
from training.config import ConfigError, RunConfig
from training.data import load_data
from training.landscape import main as landscape
from training.members import Member, why_not_together


@pytest.mark.parametrize("loss", [row.name for row in LOSSES if row.compares])
def test_neighbours_become_of_one_class(loss: str, train: Trained) -> None:
    run = train(
        "--task", "embedding", "--loss", loss, "--embedding-size", "4", "--epochs", "8", "--learning-rate",
        "0.01",
    )  # fmt: skip
    found = run.curve("retrieval", "validation").value
    assert found[-1] > 0.7, "a class in ten by chance"
    table = run.predictions("test")
    right = np.mean(table["target"].to_numpy() == table["prediction"].to_numpy())
    assert right == pytest.approx(run.curve("retrieval", "test").value[-1])
    assert table["probabilities"].null_count == table.num_rows


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"loss": "triplet"}, "loss is triplet, and for digits it must be one of cross_entropy"),
        ({"task": "embedding", "loss": "mse"}, "must be one of contrastive, triplet, quadruplet"),
        ({"task": "embedding", "transforms": "mixup"}, "mixes targets, and the loss triplet needs one right"),
        ({"task": "embedding", "label_smoothing": 0.1}, "the loss triplet has no labels to smooth"),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RunConfig(**settings)


def test_the_size_is_a_setting_of_the_task() -> None:
    assert RunConfig(task="embedding").task_settings == {"embedding_size": 32}
    assert RunConfig().replace(task="embedding", embedding_size=2).task_settings == {"embedding_size": 2}
    with pytest.raises(ConfigError, match="embedding_size is no setting of what is chosen here"):
        RunConfig().replace(embedding_size=2)


def test_a_landscape_and_training_together_say_why_not(
    train: Trained, capfd: pytest.CaptureFixture[str]
) -> None:
    run = train("--task", "embedding", "--epochs", "1")
    folder = run.directory.path
    assert landscape([folder.name, "--runs", str(folder.parent), "--points", "9"]) != 0
    assert "triplet compares the samples of a batch" in "".join(capfd.readouterr())
    config = RunConfig(task="embedding")
    data = load_data(config, torch.device("cpu"), folder.parent)
    reason = why_not_together([Member.of(config, data)])
    assert reason is not None
    assert "compares the samples of a batch" in reason
