"""Corrupted pictures: worse with severity, the same for a seed, and what scipy makes of the simple ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional

from models.corruptions import CORRUPTIONS, blurred, corrupted, rotated


@pytest.mark.parametrize("row", CORRUPTIONS, ids=lambda row: row.name)
def test_more_severe_is_further_from_the_picture(row: object) -> None:
    name = row.name  # type: ignore[attr-defined]
    pictures = functional.interpolate(torch.rand(4, 3, 6, 5), (20, 16), mode="bilinear")
    distances = [float((corrupted(name, pictures, level) - pictures).square().mean()) for level in range(6)]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[1] > 0
    for level in range(6):
        made = corrupted(name, pictures, level)
        assert made.shape == pictures.shape
        assert 0 <= float(made.min()) <= float(made.max()) <= 1
        assert torch.equal(made, corrupted(name, pictures, level))


def test_a_quarter_turn_is_numpys() -> None:
    pictures = torch.rand(2, 1, 9, 9)
    torch.testing.assert_close(rotated(pictures, 90.0), pictures.rot90(1, (2, 3)), atol=1e-5, rtol=1e-5)


def test_blur_is_scipys() -> None:
    pictures = torch.rand(1, 2, 15, 12)
    expected = gaussian_filter(pictures[0].numpy(), (0, 1.5, 1.5), mode="nearest", radius=(0, 5, 5))
    np.testing.assert_allclose(blurred(pictures, 1.5)[0].numpy(), expected, atol=1e-6)


def test_a_severity_that_there_is_none_of() -> None:
    with pytest.raises(ValueError, match="between 0"):
        corrupted("noise", torch.rand(1, 1, 4, 4), 6)
