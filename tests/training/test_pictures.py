"""Histograms as NumPy counts them, at any size and place of the values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.pictures import histogram


@pytest.mark.parametrize(
    ("scale", "shift"), [(1.0, 0.0), (1e-3, 1000.0), (1e38, 0.0), (1e-38, 0.0), (5.0, -1e4)]
)
def test_counts_are_those_of_numpy(scale: float, shift: float) -> None:
    values = torch.randn(5000, generator=torch.Generator().manual_seed(0)).clamp(-3, 3) * scale + shift
    counts, edges = histogram(values, 16)
    expected, expected_edges = np.histogram(values.double().numpy(), 16)
    assert counts.sum() == 5000
    assert np.allclose(edges, expected_edges, rtol=1e-6)
    # float32 may put a value that lies on an edge into the neighbouring bin
    assert np.abs(counts - expected).max() <= 3


def test_what_is_no_number_is_left_out_and_one_value_has_bins_around_it() -> None:
    counts, edges = histogram(torch.tensor([2.0, float("nan"), float("inf"), 2.0]), 4)
    assert counts.sum() == 2
    assert edges[0] == 1.0
    assert edges[-1] == 3.0
    assert histogram(torch.tensor([float("nan")]), 4)[0].sum() == 0
    assert histogram(torch.empty(0), 4)[0].sum() == 0
