"""Statistics of weights beside numpy, and the cases that a chart must survive."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from models.weights import (
    changes,
    dead_units,
    first_filters,
    singular_values,
    stable_rank,
    unit_norms,
    weights_of_state,
)


def test_the_numbers_are_those_of_numpy() -> None:
    tensor = torch.randn(6, 3, 2, 2)
    tensor[2] = 0
    (row,) = weights_of_state({"conv.weight": tensor, "conv.count": torch.tensor(3)})
    values = tensor.numpy()
    expected = (values.mean(), values.std(), values.min(), values.max(), np.linalg.norm(values))
    assert (row.mean, row.std, row.low, row.high, row.norm) == pytest.approx(expected, rel=1e-5)
    assert (row.zeros, row.units, row.dead) == (pytest.approx(1 / 6), 6, (2,))
    shares = np.histogram(values, bins=len(row.histogram))[0] / values.size
    assert row.histogram == pytest.approx(tuple(shares), abs=1e-6)


def test_numbers_that_are_not_finite_are_counted_and_left_out() -> None:
    rows = weights_of_state({"a": torch.tensor([1.0, math.nan, math.inf]), "b": torch.full((2,), math.nan)})
    assert [(row.broken, row.mean) for row in rows] == [(2, 1.0), (2, 0.0)]


def test_a_layer_of_zeros_is_dead_as_a_whole() -> None:
    assert dead_units(unit_norms(torch.zeros(3, 4))) == (0, 1, 2)


@pytest.mark.parametrize("shape", [(5, 7), (3, 2, 4, 4), (40, 2)])
def test_singular_values_are_those_of_numpy(shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape)
    values = singular_values(tensor)
    expected = np.linalg.svd(tensor.double().flatten(1).numpy(), compute_uv=False)
    assert values.numpy() == pytest.approx(expected, rel=1e-9)
    assert stable_rank(values) == pytest.approx((expected**2).sum() / expected[0] ** 2)


def test_what_would_take_minutes_is_refused() -> None:
    with pytest.raises(ValueError, match="too many singular values"):
        singular_values(torch.zeros(1).expand(2000, 2000))
    with pytest.raises(ValueError, match="not finite"):
        singular_values(torch.tensor([[math.nan]]))


def test_changes_are_of_what_both_have() -> None:
    before = {"a": torch.tensor([3.0, 4.0]), "b": torch.zeros(2), "old": torch.ones(1)}
    found, others = changes(before, {"a": torch.tensor([3.0, 9.0]), "b": torch.ones(2), "new": torch.ones(1)})
    assert {row.name: row.relative for row in found} == {"a": 1.0, "b": math.inf}
    assert found[0].largest == 5.0
    assert set(others) == {"old", "new"}


def test_first_filters_are_kernels_or_rows_as_pictures() -> None:
    kernels = torch.randn(8, 3, 5, 5)
    assert first_filters({"norm.weight": torch.ones(3), "conv.weight": kernels}, None)[0] == "conv.weight"
    _, rows = first_filters({"layer.weight": torch.randn(4, 784)}, (1, 28, 28))
    assert rows.shape == (4, 1, 28, 28)
    assert first_filters({"layer.weight": torch.randn(4, 2)}, (2,)) is None
