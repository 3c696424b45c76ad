"""Two-layer networks of many widths at once: each as torch.optim.Adam trains it alone; the peak; the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from logs.reader import RunReader
from logs.tables import read_table
from logs.writer import RunWriter
from training import double_descent
from training.config import ConfigError
from training.double_descent import MOMENTS, TABLE, DescentSettings, moments
from training.width_sweep import (
    INPUTS,
    SHAPES,
    TARGETS,
    Measured,
    WidthSweep,
    parameters_of,
    sweep_widths,
    threshold_width,
)


def alone(sweep: WidthSweep, width: int, place: int, activation: str) -> nn.Sequential:
    """The network as torch has it, with the first weights of the sweep's."""
    first, bias, last, end = (torch.from_numpy(array) for array in sweep.weights(width, place))
    network = nn.Sequential(
        nn.Linear(INPUTS, width), nn.ReLU() if activation == "relu" else nn.Tanh(), nn.Linear(width, 1)
    )
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), (first.T, bias, last.T, end), strict=True):
            parameter.copy_(value)
    return network


@pytest.mark.parametrize("activation", SHAPES.names())
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_every_network_is_trained_as_torch_would_train_it_alone(activation: str, decay: float) -> None:
    """Narrow ones are padded in their group: nothing of that shows."""
    steps, seeds, widths, rate = 25, [3, 8], [1, 4, 9], 0.03
    sweep = WidthSweep("teacher", activation, 30, 0.2, seeds, widths, steps, rate, decay)
    networks = {
        (width, place): alone(sweep, width, place, activation)
        for width in widths
        for place in range(len(seeds))
    }
    sweep.train(steps)
    measured = sweep.measure()
    for (width, place), network in networks.items():
        drawn = TARGETS["teacher"].draw(30, 0.2, np.random.default_rng([seeds[place], 30]), Path())
        inputs, targets = (
            torch.from_numpy(array).float() for array in (drawn.train_inputs, drawn.train_targets)
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            optimizer.zero_grad()
            penalty = network[0].weight.square().sum() + network[2].weight.square().sum()
            (nn.functional.mse_loss(network(inputs), targets) + decay * penalty).backward()
            optimizer.step()
            schedule.step()
        for ours, theirs in zip(sweep.weights(width, place), network.parameters(), strict=True):
            np.testing.assert_allclose(ours, theirs.detach().numpy().T, atol=2e-4)
        with torch.no_grad():
            tests = torch.from_numpy(drawn.test_inputs).float()
            error = ((network(tests).numpy() - drawn.test_targets) ** 2).mean()
        row = widths.index(width)
        assert measured.test_error[row, place] == pytest.approx(error, rel=1e-2)
        norm = sum(float(network[layer].weight.detach().square().sum()) for layer in (0, 2)) ** 0.5
        assert measured.norm[row, place] == pytest.approx(norm, rel=1e-3)


def test_who_else_is_trained_changes_nothing() -> None:
    many = WidthSweep("linear", "relu", 40, 0.5, [0, 1], [2, 3, 20, 45], 50)
    few = WidthSweep("linear", "relu", 40, 0.5, [1], [3, 45], 50)
    many.train(50)
    few.train(50)
    for width in (3, 45):
        for ours, theirs in zip(many.weights(width, 1), few.weights(width, 0), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_test_error_peaks_near_the_threshold_and_falls_after_it_and_decay_takes_the_peak_away() -> None:
    widths = [1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 20, 30]
    plain, decayed = (
        WidthSweep("linear", "relu", 60, 0.5, range(6), widths, 1200, weight_decay=decay)
        for decay in (0.0, 0.02)
    )
    plain.train(1200)
    decayed.train(1200)
    error = plain.measure().test_error.mean(axis=1)
    peak = widths[int(error.argmax())]
    assert threshold_width(60) * 0.6 < peak < threshold_width(60) * 1.8
    assert error[-1] < 0.75 * error.max()
    assert error[0] < 0.75 * error.max()
    assert decayed.measure().test_error.mean(axis=1).max() < 0.5 * error.max()
    train = plain.measure().train_error.mean(axis=1)
    assert train[-1] < 1e-6 < train[1]


@pytest.mark.parametrize("row", TARGETS, ids=lambda row: row.name)
def test_a_target_has_its_shapes_and_its_noise_in_training_targets_alone(row) -> None:
    clean, noisy = (row.draw(30, noise, np.random.default_rng(1), Path()) for noise in (0.0, 0.9))
    assert clean.train_inputs.shape == (30, INPUTS)
    assert clean.test_targets.shape == (len(clean.test_inputs), 1)
    np.testing.assert_array_equal(clean.test_targets, noisy.test_targets)
    assert (clean.train_targets != noisy.train_targets).any()
    assert 0.5 < clean.test_targets.std() < 1.5


@pytest.mark.parametrize("samples", [20, 100, 240])
def test_widths_lie_closely_about_the_threshold_and_reach_far_beyond_it(samples: int) -> None:
    widths, threshold = sweep_widths(samples), threshold_width(samples)
    assert widths == sorted(set(widths))
    assert widths[0] == 1
    assert parameters_of(widths[-1]) > 5 * samples
    near = [width for width in widths if 0.5 * threshold < width < 1.5 * threshold]
    assert np.diff(near).max(initial=1) <= max(1, threshold / 8 + 1)
    assert parameters_of(1) == INPUTS + 1 + 1 + 1


def run(tmp_path: Path, *options: str, code: int = 0) -> RunReader:
    assert double_descent.main(["--runs", str(tmp_path), *options]) == code
    (made,) = tmp_path.iterdir()
    return RunReader(made)


def test_the_script_writes_a_table_of_every_width_at_every_moment(tmp_path: Path) -> None:
    reader = run(tmp_path, "--samples", "30", "--steps", "120", "--seeds", "2")
    assert (reader.info.kind, reader.status().state) == ("double_descent", "finished")
    table = read_table(reader.directory, TABLE)
    assert table is not None
    frame, widths = table.frame, sweep_widths(30)
    assert table.about["widths"] == widths
    assert table.about["step"] == 120
    assert frame["step"].unique().tolist() == moments(120)
    assert len(frame) == len(widths) * len(moments(120))
    last = frame[frame["step"] == 120]
    sweep = WidthSweep("linear", "relu", 30, 0.5, [0, 1], widths, 120)
    sweep.train(120)
    np.testing.assert_allclose(np.stack(last["test"].tolist()), sweep.measure().test_error, rtol=1e-3)
    assert reader.curve("loss", "train").value[-1] == pytest.approx(np.mean(last["train"].iloc[-1]), rel=1e-4)


def test_moments_lie_ever_further_apart_and_end_with_the_training() -> None:
    found = moments(20_000)
    assert (found[0], found[-1], len(found)) == (0, 20_000, MOMENTS + 1)
    assert (np.diff(found[1:]) > 0).all()


def test_a_stop_keeps_what_was_reached(tmp_path: Path) -> None:
    asked = iter([False] * 6 + [True] * 100)
    with RunWriter.create(tmp_path, model="networks", dataset="linear") as writer:
        double_descent.work(DescentSettings(samples=20), writer, lambda: next(asked))
        table = read_table(writer.directory, TABLE)
    assert table is not None
    assert 0 < table.about["step"] < 2000


def test_a_sweep_of_which_nothing_is_left_fails_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = np.full((2, 5), np.nan)
    monkeypatch.setattr(WidthSweep, "measure", lambda self: Measured(lost, lost, lost))
    reader = run(tmp_path, "--samples", "20", "--learning-rate", "1", code=1)
    said = reader.status().error
    assert said == "every network has diverged by step 0; choose a learning rate below 1"


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"noise is 1\.5; of digits it is a share"):
        DescentSettings(target="even_digits", noise=1.5)
    with pytest.raises(ConfigError, match="did you mean 'linear'"):
        DescentSettings(target="liner")
    with pytest.raises(ValueError, match="no network has the width 5"):
        WidthSweep("linear", "relu", 20, 0.0, [0], [2, 3], 10).weights(5, 0)
