"""Polynomials of every degree at once, held to numpy and scikit-learn one by one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import legendre
from sklearn.linear_model import ElasticNet, Ridge

from training.capacities import polynomial_fits
from training.polynomial import MOST_DEGREE, basis, fit, jittered, values
from training.true_functions import TRUE_FUNCTIONS, draw_samples, sampled

DEGREES = range(MOST_DEGREE + 1)


def data(samples: int = 40, sets: int = 1, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    return draw_samples(TRUE_FUNCTIONS["sine"], samples, noise, np.random.default_rng(3), sets)


def test_the_basis_is_legendres_and_of_length_one() -> None:
    x = np.linspace(-1, 1, 7)
    found = basis(x, 9)
    for degree in range(10):
        expected = legendre.legval(x, np.eye(10)[degree]) * np.sqrt(2 * degree + 1)
        np.testing.assert_allclose(found[:, degree], expected, atol=1e-12)
    places, weights = legendre.leggauss(40)
    products = basis(places, MOST_DEGREE).T * weights / 2 @ basis(places, MOST_DEGREE)
    np.testing.assert_allclose(products, np.eye(MOST_DEGREE + 1), atol=1e-12)


@pytest.mark.parametrize("samples", [8, 31, 200])
def test_least_squares_is_numpys_for_every_degree_and_set(samples: int) -> None:
    """Also beyond as many coefficients as samples: there it is the solution of least norm."""
    x, y = data(samples, sets=3)
    found = values(fit(x, y, DEGREES), np.linspace(-1, 1, 50))
    for number in range(3):
        for degree in DEGREES:
            design = basis(x[number], degree)
            expected = np.linalg.lstsq(design, y[number], rcond=1e-9)[0]
            curve = basis(np.linspace(-1, 1, 50), degree) @ expected
            if np.linalg.cond(design) < 1e6:
                scale = np.abs(curve).max()
                np.testing.assert_allclose(found[number, degree], curve, rtol=1e-5, atol=1e-5 * scale)
            else:  # rounding decides the curve; the samples are met as well
                own = fit(x[number], y[number], [degree])[0]
                left = [np.linalg.norm(y[number] - design @ each) for each in (own, expected)]
                assert left[0] <= left[1] + 1e-4


def test_samples_at_one_place_are_no_harm() -> None:
    x, y = np.array([0.5, 0.5, 0.5, -0.2]), np.array([1.0, 2.0, 3.0, 0.0])
    curves = values(fit(x, y, [0, 1, 2, 3]), np.array([0.5, -0.2]))
    np.testing.assert_allclose(curves[1:], np.tile([2.0, 0.0], (3, 1)), atol=1e-9)


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 0.3])
def test_ridge_is_scikit_learns(ridge: float) -> None:
    x, y = data(20)
    found = fit(x[0], y[0], DEGREES, ridge=ridge)
    for degree in (1, 4, 15, 30):
        reference = Ridge(alpha=ridge * 20, solver="svd").fit(basis(x[0], degree)[:, 1:], y[0])
        np.testing.assert_allclose(found[degree, 1 : degree + 1], reference.coef_, rtol=1e-4, atol=1e-6)
        assert found[degree, 0] == pytest.approx(reference.intercept_, abs=1e-5)


@pytest.mark.parametrize(("ridge", "lasso"), [(0.0, 0.1), (0.0, 0.01), (0.01, 0.03)])
def test_the_lasso_is_scikit_learns_with_the_same_zeros(ridge: float, lasso: float) -> None:
    x, y = data(25)
    found = fit(x[0], y[0], DEGREES, ridge, lasso)
    for degree in (2, 7, 20):
        strength = ridge + lasso / 2
        reference = ElasticNet(alpha=strength, l1_ratio=lasso / 2 / strength, tol=1e-10, max_iter=200_000)
        reference.fit(basis(x[0], degree)[:, 1:], y[0])
        np.testing.assert_allclose(found[degree, 1 : degree + 1], reference.coef_, atol=1e-4)
        assert ((found[degree, 1 : degree + 1] == 0) == (np.abs(reference.coef_) < 1e-6)).all()


@pytest.mark.parametrize("lasso", [1e-4, 1e-3, 1e-2, 0.3])
@pytest.mark.parametrize("samples", [10, 60])
def test_the_lasso_meets_the_conditions_of_its_minimum(lasso: float, samples: int) -> None:
    """No slope where a weight is not 0, none beyond the threshold where it is (up to 31 weights, 10
    samples).
    """
    x, y = data(samples, sets=2)
    found = fit(x, y, DEGREES, lasso=lasso)
    for number in range(2):
        for degree in DEGREES:
            design = basis(x[number], degree)
            weights = found[number, degree, : degree + 1]
            slope = 2 * design.T @ (y[number] - design @ weights) / samples
            assert abs(slope[0]) < 1e-6
            inner = weights[1:] != 0
            assert (np.abs(slope[1:] - lasso * np.sign(weights[1:]))[inner] < 1e-6).all()
            assert (np.abs(slope[1:])[~inner] <= lasso + 1e-6).all()


def test_noise_in_the_places_of_copies_flattens() -> None:
    """Bishop 1995: to first order it is a penalty on the slope, so the noisier, the flatter."""
    samples = sampled(TRUE_FUNCTIONS["sine"], 20, 0.3, 1)
    steepness = []
    for deviation in (0.0, 0.05, 0.2):
        fits = polynomial_fits(samples, jitter=deviation, degrees=[12])
        steepness.append(float(np.square(np.gradient(fits.curves[0], samples.grid)).mean()))
    assert steepness[0] > steepness[1] > steepness[2]
    x, y = jittered(samples.x, samples.y, 0.1, 5, 0)
    assert len(x) == len(y) == 100
    assert np.abs(x).max() <= 1


def test_the_test_error_is_what_new_samples_measure() -> None:
    truth = TRUE_FUNCTIONS["runge"]
    samples = sampled(truth, 30, 0.2, 5)
    fits = polynomial_fits(samples, degrees=[6])
    x, y = draw_samples(truth, 400_000, 0.2, np.random.default_rng(0))
    measured = np.square(np.interp(x, samples.grid, fits.curves[0]) - y)
    assert fits.test_errors[0] == pytest.approx(
        measured.mean(), abs=4 * measured.std() / np.sqrt(400_000) + 2e-3
    )


def test_what_can_not_be_fitted_is_refused() -> None:
    x, y = data()
    with pytest.raises(ValueError, match="a penalty is at least 0"):
        fit(x, y, [1], ridge=-1)
    with pytest.raises(ValueError, match="at least 0, one or more"):
        fit(x, y, [])
