"""What theory says of quadratics is what torch's SGD does on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.race import Course, Racer, race
from training.stability import contraction, stability


@given(st.floats(0.01, 20), st.floats(0.0, 1.5), st.floats(0.0, 0.99))
def test_a_steps_matrix_has_this_largest_eigenvalue(curvature: float, rate: float, momentum: float) -> None:
    matrix = np.array([[1 - rate * curvature, -rate * momentum], [curvature, momentum]])
    largest = np.abs(np.linalg.eigvals(matrix)).max()
    assert float(contraction(curvature, np.array(rate), np.array(momentum))) == pytest.approx(
        largest, abs=1e-6
    )


@pytest.mark.parametrize(
    ("rate", "momentum"), [(1.0, 0.0), (1.99, 0.0), (0.3, 0.6), (0.05, 0.95), (3.0, 0.7)]
)
def test_torchs_sgd_closes_in_as_fast_as_theory_says(rate: float, momentum: float) -> None:
    known = stability("ravine", {"condition": 20})
    racer = Racer("momentum", rate, settings=(("momentum", momentum),))
    path = race(Course("ravine", (-9.0, 2.5), 1200, settings=(("condition", 20.0),)), [racer])[0]
    distance = np.hypot(*path.positions.T)
    seen = np.flatnonzero(distance > 1e-12 * distance[0])[-1]
    measured = (distance[seen] / distance[0]) ** (1 / seen)
    assert measured == pytest.approx(float(known.left(np.array(rate), np.array(momentum))), abs=0.02)


def test_the_limit_parts_what_arrives_from_what_leaves() -> None:
    known = stability("booth")
    assert known.limit == pytest.approx(2 / 18)
    inside, outside = race(
        Course("booth", (2.0, 5.0), 800), [Racer("sgd", 0.98 * known.limit), Racer("sgd", 1.02 * known.limit)]
    )
    assert inside.losses[-1] < 1e-3
    assert outside.left is not None
    limit = known.momentum_limit(0.8)
    settings = (("momentum", 0.8),)
    racers = [Racer("momentum", share * limit, settings=settings) for share in (0.98, 1.02)]
    inside, outside = race(Course("booth", (2.0, 5.0), 800), racers)
    assert inside.losses[-1] < 1e-3
    assert outside.left is not None


def test_the_best_settings_are_the_best_of_all_and_have_the_published_rates() -> None:
    known = stability("ravine", {"condition": 100})
    root = np.sqrt(known.condition)
    assert float(known.left(np.array(known.best_rate), np.array(0.0))) == pytest.approx(99 / 101)
    rate, momentum = known.best_momentum
    best = float(known.left(np.array(rate), np.array(momentum)))
    assert best == pytest.approx((root - 1) / (root + 1))
    rates, momenta = np.meshgrid(np.linspace(0.01, 4, 200), np.linspace(0, 0.99, 100))
    assert known.left(rates, momenta).min() >= best - 1e-9
    assert known.left(rates[0], np.zeros(200)).min() >= 99 / 101 - 1e-9


def test_only_quadratics_have_one() -> None:
    with pytest.raises(ValueError, match="changes from place to place"):
        stability("rosenbrock")
