"""Softmax, its Jacobian and entropies against closed forms and scipy."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipys_entropy

from models.softmax import (
    cross_entropy,
    divergence,
    entropy,
    logit_gradients,
    softmax_jacobian,
    surprise,
    tempered_softmax,
)

LOGITS = st.lists(st.floats(-8, 8), min_size=2, max_size=8)
SHARES = st.lists(st.floats(0.001, 1), min_size=4, max_size=4)


def shares(weights: list[float]) -> torch.Tensor:
    found = torch.tensor(weights, dtype=torch.float64)
    return found / found.sum()


@given(LOGITS, st.floats(0.2, 10))
def test_the_jacobian_and_both_gradients_are_their_formulas(logits: list[float], temperature: float) -> None:
    z = torch.tensor(logits, dtype=torch.float64)
    p = tempered_softmax(z, temperature)
    slopes = softmax_jacobian(z, temperature)
    torch.testing.assert_close(slopes, (p.diag() - torch.outer(p, p)) / temperature)
    y = torch.zeros_like(z)
    y[0] = 1
    likelihood, squared = logit_gradients(z, y, temperature)
    torch.testing.assert_close(likelihood, (p - y) / temperature)
    torch.testing.assert_close(squared, 2 * slopes @ (p - y))


@given(SHARES, SHARES)
def test_entropies_are_scipys(truth: list[float], belief: list[float]) -> None:
    q, p = shares(truth), shares(belief)
    assert entropy(q) == pytest.approx(scipys_entropy(q.numpy(), base=2))
    assert divergence(q, p) == pytest.approx(scipys_entropy(q.numpy(), p.numpy(), base=2), abs=1e-9)
    assert cross_entropy(q, p) == pytest.approx(entropy(q) + divergence(q, p))


def test_what_never_should_happen_surprises_without_end() -> None:
    q, p = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])
    assert cross_entropy(q, p) == math.inf
    assert cross_entropy(p, q) == 1
    assert surprise(torch.tensor([0.25])).item() == 2
