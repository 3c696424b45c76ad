"""What full-batch gradient descent does to the curvature: it settles at the edge of stability."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from training.curvature import top_eigenpairs
from training.objective import Objective


@pytest.mark.slow
@pytest.mark.parametrize("learning_rate", [0.05, 0.1])
def test_gradient_descent_settles_at_the_edge_of_stability(learning_rate: float) -> None:
    """Full-batch gradient descent: the sharpness rises to 2 / learning rate and stays (Cohen et al. 2021,
    arXiv:2103.00065). A tanh network fits a polynomial of degree 5 at 20 places.
    """
    inputs = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    targets = 16 * inputs**5 - 20 * inputs**3 + 5 * inputs
    network = nn.Sequential(
        nn.Linear(1, 30), nn.Tanh(), nn.Linear(30, 30), nn.Tanh(), nn.Linear(30, 1)
    ).double()
    objective = Objective(network, inputs, targets, lambda o, t: (o - t).square()[:, 0])
    vector, edge = objective.point.clone(), 2 / learning_rate
    first = top_eigenpairs(objective, 1, vector).values[0]
    seen: list[float] = []
    for step in range(6000):
        vector -= learning_rate * objective.gradient(vector)
        if step % 100 == 99:
            seen.append(float(top_eigenpairs(objective, 1, vector, tolerance=1e-2).values[0]))
    assert first < 0.6 * edge
    late = seen[-20:]
    assert np.mean(late) == pytest.approx(edge, rel=0.05)
    assert all(abs(value - edge) < 0.1 * edge for value in late)
