"""A logit that losses move: each as plain gradient descent by hand would."""

from __future__ import annotations

import math

import torch

from training.loss_descent import descended, first_over


def test_every_logit_goes_its_own_way() -> None:
    starts, rates = torch.tensor([-5.0, -7.0, 1.0]), torch.tensor([1.0, 0.5, 2.0])
    found = descended(("binary_cross_entropy", "brier"), starts, rates, 30)
    assert found.shape == (2, 3, 31)
    for place, (start, rate) in enumerate(zip(starts.tolist(), rates.tolist(), strict=True)):
        entropy, square = start, start
        for _ in range(30):
            p, q = (1 / (1 + math.exp(-logit)) for logit in (entropy, square))
            entropy -= rate * (p - 1)
            square -= rate * -4 * q * (1 - q) ** 2
        ends = torch.sigmoid(torch.tensor([entropy, square], dtype=torch.float64))
        torch.testing.assert_close(found[:, place, -1], ends)


def test_cross_entropy_leaves_a_wrong_start_and_the_square_stays() -> None:
    both = ("binary_cross_entropy", "brier")
    found = descended(both, torch.tensor([-7.0]), torch.ones(1), 200)[:, 0]
    assert [first_over(row, 0.5) for row in found] == [8, None]
