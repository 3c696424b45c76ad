"""The playground: real trainings of a second, filmed, each as plain PyTorch makes it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from logs.directory import RunDirectory
from logs.reader import RunReader
from logs.tables import read_table
from models.zoo import build_model
from training.config import ConfigError
from training.data import epoch_generator
from training.film import Film, FilmReader, layer_outputs
from training.loop import batches_in
from training.optimizers import OPTIMIZERS
from training.playground import Plane, Shoot, main, prepare
from training.playground_settings import PlaygroundSettings
from training.points import PLANE, read_points
from training.schedules import SCHEDULES

Played = Callable[..., tuple[RunReader, Film]]


@pytest.fixture
def play(tmp_path: Path) -> Played:
    """Runs the script with the options given; the run and its film."""
    numbers = itertools.count()

    def run(*options: str, code: int = 0) -> tuple[RunReader, Film]:
        runs = tmp_path / f"runs{next(numbers)}"
        assert main(["--runs", str(runs), *options]) == code
        (made,) = runs.iterdir()
        film = FilmReader(RunDirectory(made)).read()
        assert film is not None
        return RunReader(made), film

    return run


SMALL = ("--samples", "60", "--epochs", "5", "--seeds", "2")


def test_a_playground_is_a_run_with_a_film_and_the_spread_over_seeds(play: Played) -> None:
    reader, film = play(*SMALL, "--name", "mine", "--seed", "4")
    assert reader.status().state == "finished"
    assert (reader.info.kind, reader.info.model, reader.info.dataset) == (
        "playground",
        "playground",
        "two_moons",
    )
    assert film.epochs.tolist() == [0, 1, 2, 3, 4, 5]
    assert film.weights.shape == (6, 2, 2 * 8 + 8 + 8 * 8 + 8 + 8 + 1)
    assert film.about["seeds"] == [4, 5]
    assert np.isfinite(film.weights).all()
    for place, split in enumerate(("train", "validation")):
        for metric, values in (("loss", film.loss), ("accuracy", film.accuracy)):
            curve = reader.curve(metric, split)
            np.testing.assert_allclose(curve.value, values[:, 0, place], rtol=1e-6)
            np.testing.assert_array_equal(curve.epoch, film.epochs)
    seeds = read_table(reader.directory, "seeds")
    assert seeds is not None
    frame = seeds.frame
    chosen = frame[(frame["seed"] == 5) & (frame["split"] == "validation")]
    np.testing.assert_array_equal(chosen["epoch"], film.epochs)
    np.testing.assert_allclose(chosen["loss"], film.loss[:, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(chosen["accuracy"], film.accuracy[:, 1, 1], rtol=1e-6)


def plain(settings: PlaygroundSettings, plane: Plane, seed: int) -> list[float]:
    """The training loss before training and after each epoch, by a loop that shares nothing but the data."""
    torch.manual_seed(seed)
    outputs = 1 if plane.task == "binary" else len(plane.points.class_names)
    config = settings.run_config(seed, len(plane.train))
    network = build_model("playground", (2,), outputs, config.model_settings)
    optimizer = OPTIMIZERS[settings.optimizer].build(
        list(network.parameters()),
        settings.learning_rate,
        settings.weight_decay,
        **settings.optimizer_settings,
    )
    inputs, targets = plane.inputs[plane.train], plane.targets[plane.train]

    def loss_of(places: Any) -> torch.Tensor:
        said = network(inputs[places])
        if outputs > 1:
            return nn.functional.cross_entropy(said, targets[places])
        return nn.functional.binary_cross_entropy_with_logits(said[:, 0], targets[places].float())

    def whole() -> float:
        with torch.no_grad():
            network.eval()
            return float(loss_of(slice(None)))

    losses = [whole()]
    for epoch in range(settings.epochs):
        network.train()
        order = torch.randperm(len(inputs), generator=epoch_generator(seed, epoch))
        for step in range(batches_in(len(inputs), config.batch_size)):
            optimizer.zero_grad()
            loss = loss_of(order[step * config.batch_size : (step + 1) * config.batch_size])
            matrices = [weight for weight in network.parameters() if weight.ndim > 1]
            (loss + settings.l1 * sum(weight.abs().sum() for weight in matrices)).backward()
            optimizer.step()
        losses.append(whole())
    return losses


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "momentum", "weight_decay": 0.01, "l1": 0.001, "learning_rate": 0.1},
        {
            "layers": (2, 8, 8),
            "residual": True,
            "batch_norm": True,
            "activations": ("tanh", "prelu", "elu"),
            # Not Adam: a bias before batch norm has a gradient of rounding errors, which Adam scales up
            "optimizer": "momentum",
        },
        {"dataset": "gaussians", "class_count": 4, "features": ("x", "y", "xy", "sin_x")},
        {"layers": (), "initializer": "zeros", "batch_size": 5000},
    ],
    ids=str,
)
def test_every_seed_is_what_plain_pytorch_trains(changes: dict[str, Any], play: Played) -> None:
    settings = PlaygroundSettings(samples=60, epochs=8, seeds=3, seed=2).replace(**changes)
    _, film = play(*settings.options())
    plane = Plane.of(settings)
    for number in range(3):
        np.testing.assert_allclose(
            film.loss[:, number, 0], plain(settings, plane, 2 + number), rtol=2e-4, atol=1e-5
        )


def test_the_losses_are_those_of_the_frames_numbers(play: Played) -> None:
    """Batch norm is folded as it was at that epoch, dropout is off, and each split is what it should be."""
    options = ("--batch-norm", "--dropout", "0.3", "--layers", "8,4", "--activations", "tanh,silu")
    reader, film = play(*SMALL, *options)
    table = read_table(reader.directory, "points")
    assert table is not None
    frame = table.frame
    points = torch.from_numpy(frame[["x", "y"]].to_numpy(copy=True))
    labels = torch.from_numpy(frame["label"].to_numpy(np.float64, copy=True))
    for number, seed in itertools.product(range(6), range(2)):
        logits = layer_outputs(film, number, seed, points)[-1][:, 0]
        losses = nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        right = ((logits > 0) == (labels > 0)).double()
        for place, split in enumerate(("train", "validation")):
            own = torch.tensor((frame["split"] == split).tolist())
            assert film.loss[number, seed, place] == pytest.approx(losses[own].mean().item(), abs=1e-4)
            assert film.accuracy[number, seed, place] == pytest.approx(right[own].mean().item(), abs=0.03)


def test_a_seed_is_the_same_alone_and_in_company(play: Played) -> None:
    _, alone = play(*SMALL[:4], "--seeds", "1", "--seed", "1")
    _, together = play(*SMALL[:4], "--seeds", "3", "--seed", "0")
    assert alone.loss.shape == (6, 1, 2)
    # the points are drawn from the first seed, so only what was drawn for the network is alike
    np.testing.assert_array_equal(alone.weights[0, 0], together.weights[0, 1])
    _, again = play(*SMALL[:4], "--seeds", "3", "--seed", "0")
    np.testing.assert_array_equal(again.weights, together.weights)


def test_points_of_ones_own_are_kept_in_the_run(play: Played, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "height,weight,kind\n150,5000,cat\n151,5000,cat\n190,9000,dog\n191,9100,dog\n170,9000,ox\n"
    )
    reader, film = play("--dataset", "points", "--points", str(path), "--epochs", "3")
    assert film.about["classes"] == ["cat", "dog", "ox"]
    assert film.about["columns"] == ["height", "weight"]
    assert film.about["outputs"] == 3
    assert film.about["range"][0] == pytest.approx([150 - 0.15 * 41, 191 + 0.15 * 41])
    kept = reader.directory.tables / "points.parquet"
    assert read_points(kept).class_names == ("cat", "dog", "ox")
    again, _ = play("--dataset", "points", "--points", str(kept), "--epochs", "3")
    assert again.curve("loss", "train").value.tolist() == reader.curve("loss", "train").value.tolist()


def test_points_that_can_not_be_used_fail_the_run_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("1,2,a\n1,b,a\n")
    assert main(["--runs", str(tmp_path / "runs"), "--dataset", "points", "--points", str(path)]) == 1
    (made,) = (tmp_path / "runs").iterdir()
    assert RunReader(made).status().error == "column 'y' in line 2 is 'b'; it must be a finite number"


def test_a_training_that_is_stopped_ends_with_its_last_epoch(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("training.playground.frame_epochs", lambda epochs: {0, epochs})
    answers = iter([False, False, True])
    shoot = Shoot.shoot
    monkeypatch.setattr(Shoot, "shoot", lambda self, should_stop: shoot(self, lambda: next(answers)))
    assert main(["--runs", str(tmp_path), *SMALL]) == 0
    film = FilmReader(RunDirectory(next(tmp_path.iterdir()))).read()
    assert film is not None
    assert film.epochs.tolist() == [0, 3]


def test_a_network_that_leaves_the_numbers_ends_and_the_others_go_on(play: Played, monkeypatch) -> None:
    plain_config = PlaygroundSettings.run_config

    def wild(self: PlaygroundSettings, seed: int, train_points: int) -> Any:
        config = plain_config(self, seed, train_points)
        return config.replace(learning_rate=100.0, weight_decay=1.0) if seed == 1 else config

    monkeypatch.setattr(PlaygroundSettings, "run_config", wild)
    options = ("--optimizer", "sgd", "--layers", "8,8,8", "--activations", "identity", "--epochs", "12")
    reader, film = play(*SMALL, *options, "--seeds", "3", "--samples", "200", "--batch-size", "8")
    assert reader.status().state == "finished"
    assert list(film.endings) == [1]
    assert "learning rate (100) is too high" in film.endings[1]
    assert np.isnan(film.weights[-1, 1]).all()
    assert np.isnan(film.loss[-1, 1]).all()
    assert np.isfinite(film.weights[:, [0, 2]]).all()
    assert film.epochs[-1] == 12
    notes = [text.text for text in reader.texts("note")]
    assert any(note.startswith("seed 1 ended early") for note in notes)


def test_where_every_network_leaves_the_numbers_the_run_fails_with_the_reason(
    play: Played, monkeypatch
) -> None:
    monkeypatch.setattr("training.playground.frame_epochs", lambda epochs: {0, epochs})  # as of a long film
    options = ("--optimizer", "sgd", "--learning-rate", "10", "--weight-decay", "1", "--batch-size", "8")
    wild = ("--layers", "8,8,8,8", "--activations", "identity", "--features", "x,y,x2,y2,xy")
    reader, film = play("--samples", "200", "--epochs", "60", "--seeds", "2", *options, *wild, code=1)
    assert "is too high" in reader.status().error
    assert sorted(film.endings) == [0, 1]
    assert film.epochs[-1] < 60
    assert np.isfinite(reader.curve("loss", "train").value).all()


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_trains(name: str, play: Played) -> None:
    _, film = play(*SMALL, "--optimizer", name)
    assert np.isfinite(film.loss).all()
    assert not np.array_equal(film.weights[0], film.weights[-1])


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_every_schedule_moves_the_rate(name: str, play: Played) -> None:
    _, film = play(*SMALL, "--schedule", name)
    assert np.isfinite(film.loss).all()


@pytest.mark.parametrize("name", PLANE.names())
def test_every_set_of_points_is_filmed(name: str, play: Played) -> None:
    reader, film = play(*SMALL, "--dataset", name)
    assert reader.info.dataset == name
    assert np.isfinite(film.loss).all()


def test_a_network_of_fair_size_learns_the_moons(play: Played) -> None:
    _, film = play("--epochs", "60", "--seeds", "3", "--noise", "0.1")
    assert np.median(film.accuracy[-1, :, 1]) > 0.97
    assert film.loss[-1, :, 0].max() < film.loss[0, :, 0].min()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dataset": "points"}, "name a CSV file"),
        ({"features": ()}, "choose one at least of x, y, x2"),
        ({"features": ("x", "z")}, "no feature is named 'z'"),
        ({"layers": (8,) * 7}, "7 layers; the playground has 6 at most"),
        ({"layers": (9,)}, "between 1 and 8"),
        ({"activations": ("relu", "tanh", "relu")}, "3 activations for 2 layers"),
        ({"batch_norm": True, "batch_size": 1}, "batch norm needs 2 points"),
        ({"seeds": 21}, "between 1 and 20"),
        ({"dataset": "moons"}, "did you mean 'two_moons'"),
        ({"momentum": 0.5}, "momentum is no setting of what is chosen here"),
    ],
)
def test_what_can_not_be_played_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        PlaygroundSettings().replace(**changes)


def test_what_is_prepared_leaves_nothing_behind(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DESCENT_RUNS", str(tmp_path))
    prepare()
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().out == ""
