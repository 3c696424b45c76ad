"""Double descent of random features: numpy's solution as oracle, the peak, what ridge does, the theory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.catalog import UnknownNameError
from training.descent_problems import HIGHEST_NOISE, PROBLEMS, TEST_SAMPLES, draw
from training.random_features import (
    FEATURES,
    DescentCurves,
    descent_curves,
    expected_error,
    feature_counts,
    fitted,
    noisy_targets,
    sweep,
)

NOWHERE = Path("/nowhere")  # the problems of these tests need no files
RIDGES = np.geomspace(1e-5, 30, 14)
LOCAL = [row.name for row in PROBLEMS if row.dataset != "fashion_mnist"]
PAIRS = [(name, kind) for name in LOCAL for kind in PROBLEMS[name].features]


def solved(
    problem: str, kind: str, samples: int = 30, noise: float = 0.2, seeds: int = 8, ridge: float = 0.0
) -> DescentCurves:
    swept = sweep(problem, kind, samples, seeds, NOWHERE)
    return descent_curves(swept, noisy_targets(problem, samples, noise, seeds, NOWHERE), ridge)


def features_of(
    problem: str, kind: str, samples: int, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A model's features of the training and the test points."""
    drawn = draw(problem, samples, 0.0, seed, NOWHERE)
    points = np.concatenate([drawn.train_inputs, drawn.test_inputs])
    made = FEATURES[kind].make(points, count, PROBLEMS[problem].length, np.random.default_rng([seed, 1]))
    made = made / np.sqrt(count) if FEATURES[kind].shares else made
    return made[:samples], made[samples:]


@pytest.mark.parametrize(("problem", "kind"), PAIRS)
@pytest.mark.parametrize("samples", [20, 45])
def test_the_peak_is_within_a_step_of_as_many_features_as_samples_and_the_error_falls_after_it(
    problem: str, kind: str, samples: int
) -> None:
    curves = solved(problem, kind, samples)
    steps = list(curves.counts)
    assert abs(steps.index(curves.peak) - steps.index(samples)) <= 1
    error = curves.test_error.mean(axis=1)
    peak = error[steps.index(curves.peak)]
    assert error[-1] < peak / 5
    assert error[steps.index(curves.valley)] < peak / 5


@pytest.mark.parametrize(("problem", "kind"), PAIRS)
def test_ridge_takes_the_peak_away(problem: str, kind: str) -> None:
    """With a fixed ridge most of it, with the best one for each model all (Nakkiran et al. 2021)."""
    plain = solved(problem, kind)
    at = list(plain.counts).index(30)
    ridges = [solved(problem, kind, ridge=ridge).test_error.mean(axis=1) for ridge in RIDGES]
    assert min(one[at] for one in ridges) < plain.test_error[at].mean() / 20
    best = np.min(ridges, axis=0)
    assert best[at] < 1.5 * best[:at].min()
    assert best[-1] < 1.15 * best[at]


def test_the_widest_model_of_real_digits_beats_every_one_before_the_threshold() -> None:
    curves = solved("digits", "fourier", samples=100, noise=0.0)
    error = curves.test_error.mean(axis=1)
    assert error[-1] < 0.8 * error[curves.counts < 100].min()
    assert curves.test_mistakes is not None
    mistakes = curves.test_mistakes.mean(axis=1)
    assert mistakes[-1] < mistakes[curves.counts < 100].min()
    assert mistakes[-1] < 0.2


@pytest.mark.parametrize(("problem", "kind"), PAIRS)
@pytest.mark.parametrize("count", [7, 24, 60])
def test_without_ridge_it_is_the_pseudoinverse(problem: str, kind: str, count: int) -> None:
    samples, seeds = 24, 2
    swept = sweep(problem, kind, samples, seeds, NOWHERE, counts=[count])
    targets = noisy_targets(problem, samples, 0.3, seeds, NOWHERE)
    said = fitted(swept, targets, count, 0.0)
    curves = descent_curves(swept, targets, 0.0)
    for seed in range(seeds):
        train, test = features_of(problem, kind, samples, count, seed)
        weights = np.linalg.pinv(train, rcond=1e-9) @ targets[seed]
        scale = np.abs(test @ weights).max()
        np.testing.assert_allclose(said[seed], test @ weights, atol=1e-4 * scale)
        assert curves.norm[0, seed] == pytest.approx(np.linalg.norm(weights), rel=1e-4)
        residuals = train @ weights - targets[seed]
        assert curves.train_error[0, seed] == pytest.approx((residuals**2).mean(), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("count", [5, 40])
@pytest.mark.parametrize("ridge", [1e-4, 0.03, 2.0])
def test_with_ridge_it_is_the_normal_equations(count: int, ridge: float) -> None:
    samples = 20
    swept = sweep("digits", "relu", samples, 1, NOWHERE, counts=[count])
    targets = noisy_targets("digits", samples, 0.1, 1, NOWHERE)
    train, test = features_of("digits", "relu", samples, count, 0)
    weights = np.linalg.solve(train.T @ train + ridge * samples * np.eye(count), train.T @ targets[0])
    np.testing.assert_allclose(fitted(swept, targets, count, ridge)[0], test @ weights, atol=1e-8)
    curves = descent_curves(swept, targets, ridge)
    truth = swept.test_targets[0]
    assert curves.test_error[0, 0] == pytest.approx(((test @ weights - truth) ** 2).mean(), rel=1e-8)
    assert curves.test_mistakes is not None
    wrong = (test @ weights).argmax(axis=1) != truth.argmax(axis=1)
    assert curves.test_mistakes[0, 0] == pytest.approx(wrong.mean())


def test_from_the_threshold_on_every_training_sample_is_met() -> None:
    curves = solved("gaussian", "coordinates", samples=25)
    assert (curves.train_error[curves.counts >= 25] < 1e-8).all()
    assert (curves.train_error[curves.counts < 20] > 1e-3).all()


def test_the_norm_has_its_peak_with_the_error_and_falls_after_it() -> None:
    curves = solved("digits", "relu")
    norm = curves.norm.mean(axis=1)
    steps = list(curves.counts)
    assert abs(int(norm.argmax()) - steps.index(30)) <= 1
    assert norm[-1] < norm.max() / 10


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_errors_of_gaussian_inputs_are_what_the_theory_expects(noise: float) -> None:
    """Over 50 seeds, away from the threshold, where the error has no variance."""
    counts = np.array([5, 10, 20, 80, 120, 200])
    swept = sweep("gaussian", "coordinates", 40, 50, NOWHERE, counts=counts.tolist())
    curves = descent_curves(swept, noisy_targets("gaussian", 40, noise, 50, NOWHERE), 0.0)
    expected = expected_error(40, counts, noise, PROBLEMS["gaussian"].inputs)
    error = curves.test_error.mean(axis=1)
    spread = curves.test_error.std(axis=1) / np.sqrt(50)
    assert (np.abs(error - expected) < 4 * spread + 0.01).all()


def test_the_theory_is_infinite_at_the_threshold_and_says_nothing_of_noise_twice() -> None:
    expected = expected_error(40, np.array([1, 39, 40, 41, 200]), 0.0, 200)
    assert np.isinf(expected[1:4]).all()
    assert expected[-1] == pytest.approx(
        1 - 40 / 200
    )  # all inputs, no noise: the unseen share of the weights
    assert expected_error(40, np.array([0]), 0.7, 200)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("samples", [5, 17, 40, 120])
def test_the_threshold_is_among_the_counts_and_steps_near_it_are_small(samples: int) -> None:
    counts = feature_counts(samples)
    assert samples in counts
    assert counts[0] == 1
    assert counts[-1] == 10 * samples
    near = counts[(counts >= 0.8 * samples) & (counts <= 1.2 * samples)]
    assert (np.diff(near) <= max(1, 0.11 * samples)).all()
    assert feature_counts(40, 200).max() == 200


@pytest.mark.parametrize("kind", FEATURES, ids=lambda row: row.name)
def test_few_features_are_the_first_of_many(kind) -> None:
    points = np.random.default_rng(3).uniform(-1, 1, (7, 30))[:, : 1 if kind.name == "cosines" else 30]
    few, many = (kind.make(points, count, 2.0, np.random.default_rng(0)) for count in (4, 20))
    ratio = few[:, 0] @ many[:, 0] / (few[:, 0] @ few[:, 0])  # relu: of its own mean square
    np.testing.assert_allclose(few * ratio, many[:, :4], atol=1e-12)


@pytest.mark.parametrize("problem", LOCAL)
def test_noise_moves_training_targets_alone(problem: str) -> None:
    clean, noisy = (draw(problem, 30, noise, 4, NOWHERE) for noise in (0.0, 0.5))
    np.testing.assert_array_equal(clean.train_inputs, noisy.train_inputs)
    np.testing.assert_array_equal(clean.test_targets, noisy.test_targets)
    np.testing.assert_array_equal(clean.test_inputs, noisy.test_inputs)
    assert (clean.train_targets != noisy.train_targets).any()
    assert clean.test_inputs.shape == (TEST_SAMPLES, PROBLEMS[problem].inputs)
    assert clean.test_targets.shape == (TEST_SAMPLES, PROBLEMS[problem].outputs)
    other = draw(problem, 30, 0.0, 5, NOWHERE)
    assert (clean.train_inputs != other.train_inputs).any()


def test_no_test_digit_is_a_training_digit() -> None:
    drawn = draw("digits", 120, 0.0, 0, NOWHERE)
    together = np.concatenate([drawn.train_inputs, drawn.test_inputs])
    assert len(np.unique(together, axis=0)) == len(together)


@pytest.mark.parametrize("row", PROBLEMS, ids=lambda row: row.name)
def test_a_problem_says_what_a_page_needs(row) -> None:
    assert row.title
    assert row.summary.endswith(".")
    assert row.noise_means
    assert all(kind in FEATURES for kind in row.features)


@pytest.mark.data
def test_fashion_mnist_peaks_there_too(real_data: Path) -> None:
    swept = sweep("fashion_mnist", "relu", 40, 5, real_data)
    curves = descent_curves(swept, noisy_targets("fashion_mnist", 40, 0.0, 5, real_data), 0.0)
    steps = list(curves.counts)
    assert abs(steps.index(curves.peak) - steps.index(40)) <= 1


def test_wrong_settings_are_refused_with_the_rule() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'digits'"):
        sweep("digit", "relu", 30, 1, NOWHERE)
    with pytest.raises(ValueError, match="features is 'cosines'; digits goes with fourier, relu"):
        sweep("digits", "cosines", 30, 1, NOWHERE)
    with pytest.raises(ValueError, match="samples is 4; it must be between 5 and 120"):
        sweep("digits", "relu", 4, 1, NOWHERE)
    with pytest.raises(ValueError, match="seeds is 0; it must be between 1 and 50"):
        sweep("digits", "relu", 30, 0, NOWHERE)
    with pytest.raises(ValueError, match="at least 1 and at most 200"):
        sweep("gaussian", "coordinates", 30, 1, NOWHERE, counts=[201])
    with pytest.raises(ValueError, match=f"between 0 and {HIGHEST_NOISE:g}"):
        draw("wave", 30, 2.5, 0, NOWHERE)
    swept = sweep("wave", "cosines", 10, 1, NOWHERE)
    targets = noisy_targets("wave", 10, 0.0, 1, NOWHERE)
    with pytest.raises(ValueError, match=r"ridge is -0\.1; it must be 0 or more"):
        descent_curves(swept, targets, -0.1)
    with pytest.raises(ValueError, match="no model has 11111 features here"):
        fitted(swept, targets, 11111, 0.0)
