"""The diagnosis of a training: right on labelled curves that are made here, and on real trainings."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from logs.reader import RunReader
from logs.writer import RunWriter
from training.diagnosis import DIAGNOSES, FitCurves, diagnose
from training.evidence import gathered, smoothed
from training.fit_curves import averaged, read_fit_curves
from training.guided_set import IMAGE_SETS, Variant
from training.jobs import Job
from training.remedies import REMEDIES, remedies_against

Make = Callable[[np.random.Generator, int], FitCurves]
CLASSES = (2, 10, 100)


def noisy(values: np.ndarray, random: np.random.Generator, share: float) -> np.ndarray:
    """The values with a scatter of `share` of each."""
    return np.maximum(values * (1 + share * random.normal(size=len(values))), 1e-9)


def drawn(random: np.random.Generator, *rows: tuple[float, float]) -> list[float]:
    return [float(random.uniform(low, high)) for low, high in rows]


def curves(
    random: np.random.Generator, classes: int, train: np.ndarray, validation: np.ndarray, share: float = 0.02
) -> FitCurves:
    """Losses given as shares of guessing; accuracies as they go with them, roughly."""
    guess = math.log(classes)
    scatter = float(random.uniform(0, share))
    losses = [noisy(values, random, scatter) for values in (train, validation)]
    chance = 1 / classes
    train_accuracy, validation_accuracy = (
        np.clip(1 - (1 - chance) * np.minimum(values, 1), 0, 1) for values in losses
    )
    return FitCurves(
        epochs=np.arange(1.0, len(train) + 1),
        train_loss=losses[0] * guess,
        validation_loss=losses[1] * guess,
        train_accuracy=train_accuracy,
        validation_accuracy=validation_accuracy,
        guess_loss=guess,
        guess_accuracy=chance,
    )


def good_fit(random: np.random.Generator, classes: int) -> FitCurves:
    """Falls to a low floor and stays there; the validation loss a little above."""
    count = int(random.integers(15, 200))
    time = np.arange(count) / count
    rate, floor, gap = drawn(random, (5, 30), (0.01, 0.15), (0.0, 0.1))
    train = floor + (1 - floor) * np.exp(-rate * time)
    return curves(random, classes, train, train + gap * (1 - np.exp(-rate * time)))


def underfitting(random: np.random.Generator, classes: int) -> FitCurves:
    """Falls slowly, and is still high at the end; the validation loss close to it."""
    count = int(random.integers(15, 200))
    time = np.arange(1, count + 1) / count
    end, power, gap = drawn(random, (0.35, 0.8), (0.2, 1.5), (0.0, 0.06))
    train = end + (1 - end) * (1 - time) ** power if power > 1 else end * time ** (-power * 0.3)
    return curves(random, classes, np.minimum(train, 1.0), np.minimum(train, 1.0) + gap, 0.01)


def plateau(random: np.random.Generator, classes: int) -> FitCurves:
    """Stands still: from the start, or after a quick fall, still near guessing."""
    count = int(random.integers(20, 200))
    time = np.arange(count) / count
    level, rate = drawn(random, (0.6, 1.0), (20, 80))
    train = level + (1 - level) * np.exp(-rate * time)
    return curves(random, classes, train, train + 0.02, 0.005)


def overfitting_turned(random: np.random.Generator, classes: int) -> FitCurves:
    """The training loss falls on, the validation loss turns."""
    count = int(random.integers(20, 200))
    time = np.arange(count) / count
    rate, turn, rise, low = drawn(random, (6, 20), (0.1, 0.6), (0.15, 1.0), (0.1, 0.3))
    train = np.exp(-rate * time)
    validation = low + (1 - low) * np.exp(-rate * time) + rise * np.clip(time - turn, 0, None)
    return curves(random, classes, train, validation)


def overfitting_apart(random: np.random.Generator, classes: int) -> FitCurves:
    """The validation loss stays far above the training loss."""
    count = int(random.integers(20, 200))
    time = np.arange(count) / count
    rate, gap = drawn(random, (6, 20), (0.25, 0.6))
    train = np.exp(-rate * time)
    return curves(random, classes, train, gap + (1 - gap) * train)


def diverging_to_nothing(random: np.random.Generator, classes: int) -> FitCurves:
    """A loss becomes infinite, or no number, at some epoch."""
    found = good_fit(random, classes)
    broken = found.train_loss.copy()
    broken[int(random.integers(0, len(broken))) :] = random.choice([np.nan, np.inf])
    return dataclasses.replace(found, train_loss=broken)


def diverging_up(random: np.random.Generator, classes: int) -> FitCurves:
    """Falls, then climbs."""
    count = int(random.integers(20, 200))
    time = np.arange(count) / count
    turn, steep = drawn(random, (0.1, 0.6), (3, 20))
    train = 0.3 + 0.7 * np.exp(-10 * time) + steep * np.clip(time - turn, 0, None)
    return curves(random, classes, train, train + 0.05, 0.05)


LABELLED: list[tuple[str, Make]] = [
    ("good_fit", good_fit),
    ("underfitting", underfitting),
    ("plateau", plateau),
    ("overfitting", overfitting_turned),
    ("overfitting", overfitting_apart),
    ("diverging", diverging_to_nothing),
    ("diverging", diverging_up),
]


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize(("label", "make"), LABELLED, ids=[make.__name__ for _, make in LABELLED])
def test_labelled_curves_are_told_apart(label: str, make: Make, classes: int) -> None:
    wrong = {}
    for seed in range(100):
        verdict = diagnose(make(np.random.default_rng([seed, classes]), classes))
        if verdict.row.name != label:
            wrong[seed] = (verdict.row.name, verdict.decided.says)
    assert not wrong


@pytest.mark.parametrize(("label", "make"), LABELLED, ids=[make.__name__ for _, make in LABELLED])
def test_losses_alone_are_enough(label: str, make: Make) -> None:
    nothing = np.empty(0)
    for seed in range(100):
        found = make(np.random.default_rng([seed, 7]), 10)
        bare = dataclasses.replace(
            found, train_accuracy=nothing, validation_accuracy=nothing, guess_accuracy=0.0
        )
        assert diagnose(bare).row.name == label, seed


def test_the_unit_of_the_loss_does_not_matter() -> None:
    for label, make in LABELLED:
        found = make(np.random.default_rng(3), 10)
        scaled = dataclasses.replace(
            found,
            train_loss=found.train_loss * 1000,
            validation_loss=found.validation_loss * 1000,
            guess_loss=found.guess_loss * 1000,
        )
        assert diagnose(scaled).row.name == label


def test_the_verdict_names_the_rule_and_its_numbers() -> None:
    epochs = np.arange(1.0, 21)
    validation = np.concatenate([np.linspace(2, 0.6, 10), np.linspace(0.6, 1.2, 10)])
    verdict = diagnose(FitCurves(epochs, np.linspace(2, 0.01, 20), validation, guess_loss=math.log(10)))
    assert verdict.row.name == "overfitting"
    assert verdict.decided.holds
    assert verdict.decided.value == pytest.approx((verdict.evidence.rise), abs=1e-12)
    assert verdict.decided.value >= verdict.decided.threshold
    assert "lowest (0.6" in verdict.decided.says
    assert [check.holds for _row, check in verdict.tried].count(True) == 1
    assert verdict.tried[-1] == (verdict.row, verdict.decided)


def test_a_few_epochs_say_nothing_unless_the_loss_is_broken() -> None:
    few = FitCurves(np.arange(1.0, 4), np.array([2.0, 1.0, 0.5]), np.array([2.0, 1.0, 0.5]))
    assert diagnose(few).row.name == "too_early"
    broken = dataclasses.replace(few, train_loss=np.array([2.0, np.inf, np.nan]))
    verdict = diagnose(broken)
    assert verdict.row.name == "diverging"
    assert "epoch 2" in verdict.decided.says


def test_without_validation_no_overfitting_is_claimed() -> None:
    epochs = np.arange(1.0, 51)
    verdict = diagnose(FitCurves(epochs, np.exp(-epochs / 5), np.empty(0), guess_loss=1.0))
    assert verdict.row.name == "good_fit"
    assert not any(row.name == "overfitting" for row, _check in verdict.tried)


def test_curves_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="no training loss"):
        diagnose(FitCurves(np.empty(0), np.empty(0), np.empty(0)))
    with pytest.raises(ValueError, match="validation_loss has 2 values for 3 epochs"):
        diagnose(FitCurves(np.arange(3.0), np.ones(3), np.ones(2)))


def test_every_diagnosis_but_a_good_fit_has_remedies_and_every_remedy_a_diagnosis() -> None:
    assert {name for remedy in REMEDIES for name in remedy.against} <= set(DIAGNOSES.names())
    for diagnosis in DIAGNOSES:
        assert bool(remedies_against(diagnosis.name)) == (diagnosis.name != "good_fit")


def test_the_running_median_is_numpys() -> None:
    values = np.random.default_rng(0).normal(size=50)
    found = smoothed(values)
    assert found[10] == np.median(values[8:13])
    assert found[0] == np.median(values[:3])
    assert smoothed(np.empty(0)).shape == (0,)
    assert gathered(FitCurves(np.arange(50.0), values + 9, values + 10)).train_end == np.median(
        values[-5:] + 9
    )


def test_curves_of_any_loop_are_read(tmp_path: Path) -> None:
    """One that logs batches only: means between two validations."""
    run = RunWriter.create(tmp_path, model="mine", dataset="mine")
    for step in range(1, 61):
        run.log(step, {"loss": float(step % 10)}, split="train")
        if step % 10 == 0:
            run.log(step, {"loss": 100.0 / step}, split="validation")
    run.finish()
    found = read_fit_curves(RunReader(run.directory.path))
    assert found is not None
    assert found.unit == "step"
    assert found.epochs.tolist() == [10, 20, 30, 40, 50, 60]
    assert found.train_loss.tolist() == [4.5] * 6
    assert found.validation_loss.tolist() == pytest.approx([100 / step for step in range(10, 70, 10)])
    assert math.isnan(found.guess_loss)


def test_a_run_without_a_loss_has_no_curves(tmp_path: Path) -> None:
    run = RunWriter.create(tmp_path, model="mine", dataset="mine")
    run.finish()
    assert read_fit_curves(RunReader(run.directory.path)) is None


def test_a_loss_that_breaks_within_an_epoch_is_seen(tmp_path: Path) -> None:
    run = RunWriter.create(tmp_path, model="mlp", dataset="digits")
    for epoch in range(1, 8):
        run.log(10 * epoch, {"epoch_loss": 1.0}, split="train", epoch=epoch)
        run.log(10 * epoch, {"loss": 1.0}, split="train", epoch=epoch)
        run.log(10 * epoch, {"loss": 1.0}, split="validation", epoch=epoch)
    run.log(75, {"loss": math.nan}, split="train", epoch=7.5)
    run.finish("failed", error="the loss became nan")
    found = read_fit_curves(RunReader(run.directory.path))
    assert found is not None
    verdict = diagnose(found)
    assert verdict.row.name == "diverging"
    assert "7.5" in verdict.decided.says


def test_without_marks_a_curve_is_averaged_over_stretches(tmp_path: Path) -> None:
    run = RunWriter.create(tmp_path, model="mine", dataset="mine")
    for step in range(1000):
        run.log(step, {"loss": float(step)}, split="train")
    run.finish()
    reader = RunReader(run.directory.path)
    found = averaged(reader.curve("loss", "train"), reader.curve("loss", "validation"))
    assert len(found) == 100
    assert found.value[0] == pytest.approx(4.5)
    assert found.value.mean() == pytest.approx(499.5)


def trained(text: str, dataset: str, runs: Path, data: Path, **changes: object) -> str:
    """The diagnosis of a variant of the guided set, trained for real."""
    from training.alone import train_alone

    config = Variant.parse(text).config(IMAGE_SETS[dataset].config()).replace(visdom="off", **changes)
    run = train_alone(Job(config, "variant", {"variant": 0, "seed": config.seed}, "none"), runs, data)
    found = read_fit_curves(RunReader(runs / run))
    assert found is not None
    return diagnose(found).row.name


GUIDED = [
    ("too_small", "underfitting"),
    ("right", "good_fit"),
    ("too_large", "overfitting"),
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("text", "label"), GUIDED)
def test_the_guided_set_on_digits_is_what_it_says(text: str, label: str, seed: int, tmp_path: Path) -> None:
    assert trained(text, "digits", tmp_path, tmp_path, seed=seed) == label


@pytest.mark.slow
@pytest.mark.parametrize(("text", "label"), GUIDED)
def test_the_guided_set_on_clothes_is_what_it_says(
    text: str, label: str, tmp_path: Path, fashion_mnist: Path
) -> None:
    assert trained(text, "fashion_mnist", tmp_path, fashion_mnist) == label


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"optimizer": "sgd", "learning_rate": 1e-6}, "plateau"),
        ({"optimizer": "sgd", "learning_rate": 100.0}, "diverging"),
        ({"activation": "sigmoid", "optimizer": "sgd", "learning_rate": 0.001}, "plateau"),
        ({"epochs": 3}, "too_early"),
        ({"optimizer": "sgd", "learning_rate": 10.0}, "diverging"),
        ({"epochs": 8, "learning_rate": 3e-4}, "underfitting"),
    ],
)
def test_real_trainings_that_go_wrong_are_told(changes: dict, label: str, tmp_path: Path) -> None:
    assert trained("right", "digits", tmp_path, tmp_path, **changes) == label
