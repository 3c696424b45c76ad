"""L1 and L2 paths: scikit-learn's Lasso and Ridge as oracle, exact zeros, and which rules reach them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Lasso, Ridge

from models.catalog import UnknownNameError
from training.weight_paths import (
    PENALTIES,
    PROBLEMS,
    RULES,
    Prepared,
    descend,
    l1_path,
    l2_path,
    objective,
    prepare,
    soft_threshold,
)

EVERY = pytest.mark.parametrize("problem", PROBLEMS.names())


def samples_of(problem: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The standardised training samples, made as `prepare` says."""
    random = np.random.default_rng(seed)
    inputs, targets, _ = PROBLEMS[problem].draw(random)
    chosen = random.permutation(len(targets))[:count]
    x, y = inputs[chosen], targets[chosen]
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1), (y - y.mean()) / y.std()


@EVERY
def test_the_l1_path_is_scikit_learns_lasso(problem: str) -> None:
    x, y = samples_of(problem, 60, 1)
    path = l1_path(prepare(problem, 60, 1))
    for place in (15, 25, 32, 40):
        oracle = Lasso(alpha=PENALTIES[place], fit_intercept=False, tol=1e-12, max_iter=200_000).fit(x, y)
        np.testing.assert_allclose(path.weights[place], oracle.coef_, atol=2e-4)
        assert path.zeros[place] == (oracle.coef_ == 0).sum()


@EVERY
def test_the_l2_path_is_scikit_learns_ridge(problem: str) -> None:
    x, y = samples_of(problem, 60, 1)
    path = l2_path(prepare(problem, 60, 1))
    for place in (10, 30, 50):
        oracle = Ridge(alpha=PENALTIES[place] * len(y), fit_intercept=False).fit(x, y)
        np.testing.assert_allclose(path.weights[place], oracle.coef_, atol=1e-6)
        error = ((x @ oracle.coef_ - y) ** 2).mean()
        assert path.train_error[place] == pytest.approx(error, abs=1e-6)


@EVERY
def test_l1_has_exact_zeros_more_and_more_and_l2_has_none(problem: str) -> None:
    prepared = prepare(problem, 80, 0)
    l1, l2 = l1_path(prepared), l2_path(prepared)
    varying = (np.diag(prepared.gram) > 0).sum()
    assert l1.zeros[-1] == len(prepared.cross)
    assert l1.zeros[0] < l1.zeros[25] < l1.zeros[-1]
    assert ((l2.weights != 0).sum(axis=1) == varying).all()
    for path in (l1, l2):
        assert (np.diff(np.abs(path.weights).sum(axis=1)) < 1e-6).all()  # the weights only shrink
        assert (np.diff(path.train_error) > -1e-9).all()
        assert path.held_error[path.best] < path.held_error[-1]


def test_every_input_that_matters_is_found_and_most_others_are_dropped() -> None:
    prepared = prepare("sparse", 120, 3)
    assert prepared.truth is not None
    path = l1_path(prepared)
    chosen = path.weights[path.best] != 0
    assert chosen[prepared.truth != 0].all()
    assert chosen[prepared.truth == 0].sum() < 11
    few = path.weights[int(np.flatnonzero(PENALTIES > 0.1)[0])] != 0
    assert few[prepared.truth == 0].sum() <= 1
    assert few[prepared.truth != 0].sum() >= 4


def test_the_zero_condition_of_the_lasso_holds() -> None:
    """A weight is 0 exactly where the error's slope is no steeper than the penalty (the KKT conditions)."""
    prepared = prepare("diabetes", 50, 0)
    for penalty, weights in zip(PENALTIES, l1_path(prepared).weights, strict=True):
        slope = prepared.gram @ weights - prepared.cross
        at_zero = weights == 0
        assert (np.abs(slope[at_zero]) <= penalty + 1e-6).all()
        np.testing.assert_allclose(slope[~at_zero], -penalty * np.sign(weights[~at_zero]), atol=1e-6)


@EVERY
def test_only_a_threshold_reaches_exact_zeros(problem: str) -> None:
    prepared = prepare(problem, 100, 0)
    found = {rule.name: descend(prepared, 0.1, rule.name, 400) for rule in RULES}
    varying = np.diag(prepared.gram) > 0
    assert (found["subgradient"].weights[-1][varying] != 0).all()
    assert found["proximal"].zeros > 2
    assert found["proximal"].zeros == found["coordinate"].zeros
    np.testing.assert_allclose(found["proximal"].weights[-1], found["coordinate"].weights[-1], atol=2e-3)
    assert found["coordinate"].gap[-1] < 1e-9
    assert found["proximal"].gap[-1] < 1e-4
    assert found["subgradient"].gap[-1] > found["proximal"].gap[-1]
    assert (np.diff(found["proximal"].gap) < 1e-12).all()  # never uphill


def test_the_objective_is_the_definition() -> None:
    x, y = samples_of("sparse", 40, 5)
    prepared = prepare("sparse", 40, 5)
    weights = np.random.default_rng(0).standard_normal((3, 20))
    expected = [((y - x @ row) ** 2).sum() / 80 + 0.3 * np.abs(row).sum() for row in weights]
    np.testing.assert_allclose(objective(prepared, weights, 0.3), expected, rtol=1e-9)


def test_a_threshold_moves_towards_zero_and_never_past_it() -> None:
    values = np.array([-2.0, -0.1, 0.0, 0.3, 1.5])
    np.testing.assert_allclose(soft_threshold(values, 0.3), [-1.7, 0.0, 0.0, 0.0, 1.2])


def test_a_pixel_that_never_changes_has_no_weight() -> None:
    prepared = prepare("digits", 20, 0)
    still = np.diag(prepared.gram) == 0
    assert still.any()
    assert (l1_path(prepared).weights[:, still] == 0).all()
    assert isinstance(prepared, Prepared)


@pytest.mark.parametrize("row", PROBLEMS, ids=lambda row: row.name)
def test_a_problem_says_what_a_page_needs(row) -> None:
    inputs, targets, truth = row.draw(np.random.default_rng(0))
    assert len(inputs) == len(targets) > 300
    assert row.summary.endswith(".")
    assert not row.input_names or len(row.input_names) == inputs.shape[1]
    assert row.picture is None or row.picture[0] * row.picture[1] == inputs.shape[1]
    assert truth is None or len(truth) == inputs.shape[1]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="samples is 10; it must be between 15 and 150"):
        prepare("diabetes", 10, 0)
    with pytest.raises(UnknownNameError, match="did you mean 'diabetes'"):
        prepare("diabetis", 50, 0)
    with pytest.raises(ValueError, match="penalty is -1"):
        descend(prepare("diabetes", 50, 0), -1, "proximal", 5)
    with pytest.raises(UnknownNameError, match="known: subgradient, proximal, coordinate"):
        descend(prepare("diabetes", 50, 0), 1, "newton", 5)
