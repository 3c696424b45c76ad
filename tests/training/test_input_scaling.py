"""Bowls of linear regression: against torch.optim.SGD, autograd's curvature, scikit-learn's scalers, closed
forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from models.catalog import UnknownNameError
from training.input_scaling import SCALINGS, Scaling, bowl, descent, drawn_inputs

inputs = st.builds(
    drawn_inputs, st.floats(0.1, 30), st.floats(-4, 4), st.floats(-0.95, 0.95), st.integers(0, 20)
)


@settings(max_examples=25)
@given(inputs, st.sampled_from(SCALINGS.names()), st.floats(0.05, 1.1))
def test_the_path_is_that_of_torchs_sgd_on_the_real_loss(
    given: np.ndarray, scaling: str, share: float
) -> None:
    surface = bowl(given, scaling)
    start, rate = surface.best + np.array([1.5, -0.7]), share * surface.limit
    path = descent(surface, start, rate, 12)
    x, y = torch.from_numpy(surface.inputs), torch.from_numpy(surface.targets)
    weights = torch.from_numpy(start).clone().requires_grad_()
    optimizer = torch.optim.SGD([weights], lr=rate)
    for step in range(12):
        loss = 0.5 * (x @ weights - y).square().mean()
        scale = max(1.0, np.abs(path).max())
        np.testing.assert_allclose(path[step], weights.detach().numpy(), rtol=1e-7, atol=1e-7 * scale)
        np.testing.assert_allclose(surface.loss(path[step]), loss.item(), rtol=1e-6, atol=1e-10)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@settings(max_examples=25)
@given(inputs, st.sampled_from(SCALINGS.names()))
def test_the_curvature_is_autograds(given: np.ndarray, scaling: str) -> None:
    surface = bowl(given, scaling)
    x, y = torch.from_numpy(surface.inputs), torch.from_numpy(surface.targets)
    hessian = torch.autograd.functional.hessian(
        lambda weights: 0.5 * (x @ weights - y).square().mean(), torch.zeros(2, dtype=torch.float64)
    )
    np.testing.assert_allclose(surface.curvature, hessian.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(surface.eigenvalues, torch.linalg.eigvalsh(hessian).numpy(), rtol=1e-6)


def test_scalings_are_scikit_learns() -> None:
    given = drawn_inputs(7.0, 2.0, 0.5)
    np.testing.assert_allclose(SCALINGS["standardised"].scale(given), StandardScaler().fit_transform(given))
    np.testing.assert_allclose(SCALINGS["unit_range"].scale(given), MinMaxScaler().fit_transform(given))
    white = SCALINGS["whitened"].scale(given)
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(2), atol=1e-12)


@pytest.mark.parametrize("ratio", [1.0, 10.0, 30.0])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_condition_numbers_have_closed_forms(ratio: float, correlation: float) -> None:
    given = drawn_inputs(ratio, 0.0, correlation)
    if not correlation:
        assert bowl(given, "none").condition == pytest.approx(ratio**2)
    assert bowl(given, "standardised").condition == pytest.approx((1 + correlation) / (1 - correlation))
    assert bowl(given, "whitened").condition == pytest.approx(1)
    away = bowl(drawn_inputs(1.0, 3.0, 0.0), "none")  # eigenvalues 1 and 1 + 2 * 3^2
    assert away.condition == pytest.approx(19)


def test_the_limit_parts_rest_from_flight_and_the_steps_suffice() -> None:
    surface = bowl(drawn_inputs(5.0, 0.0, 0.0), "none")
    start = surface.best + surface.directions @ np.array([1.0, 1.0])
    below, above = (descent(surface, start, share * surface.limit, 400) for share in (0.99, 1.01))
    assert surface.loss(below[-1]) < 1e-3 * surface.loss(start)
    assert surface.loss(above[-1]) > 1e3 * surface.loss(start)
    rate = 0.5 * surface.limit
    steps = int(surface.steps_for(0.01, rate))
    ends = np.abs((descent(surface, start, rate, steps) - surface.best) @ surface.directions)
    assert ends[-1].max() <= 0.01 < ends[-2].max()
    assert surface.steps_for(0.01, surface.limit) == float("inf")
    assert np.isfinite(descent(surface, start, 5.0, 5000)).all()  # cut before it overflows


def test_a_new_scaling_is_one_row_and_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Scaling("half", "Halved", r"x / 2", "Half.", "a test", lambda x: x / 2)
    monkeypatch.setitem(SCALINGS._rows, "half", row)
    given = drawn_inputs(3.0, 0.0, 0.0)
    np.testing.assert_allclose(bowl(given, "half").eigenvalues, bowl(given, "none").eigenvalues / 4)
    with pytest.raises(UnknownNameError, match="did you mean 'whitened'"):
        bowl(given, "whitend")
    with pytest.raises(ValueError, match="between -1 and 1"):
        drawn_inputs(1.0, 0.0, 1.0)
