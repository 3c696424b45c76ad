"""The gallery's pictures are what a training would see, with the shares of their labels."""

from __future__ import annotations

import numpy as np
import pytest

from training.augmentation_gallery import label_words, transformed
from training.transforms import TRANSFORMS

PICTURES = np.random.default_rng(0).integers(0, 256, (6, 1, 8, 8), dtype=np.uint8)
CLASSES = np.arange(6)


@pytest.mark.parametrize("row", TRANSFORMS, ids=lambda row: row.name)
def test_every_transform_gives_pictures_and_shares(row) -> None:
    settings = {parameter.name: parameter.default for parameter in row.parameters}
    changed, shares = transformed(PICTURES, CLASSES, 10, row.name, settings, 3)
    assert changed.shape == PICTURES.shape
    assert changed.dtype == np.uint8
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    again, _ = transformed(PICTURES, CLASSES, 10, row.name, settings, 3)
    np.testing.assert_array_equal(changed, again)
    if not row.changes_targets:
        np.testing.assert_array_equal(shares, np.eye(10, dtype=np.float32)[:6])


def test_a_transform_of_no_strength_gives_the_pictures_back() -> None:
    for name, settings in (("flip", {"flip_share": 0.0}), ("rotation", {"rotation_degrees": 0.0})):
        changed, _ = transformed(PICTURES, CLASSES, 10, name, settings, 0)
        np.testing.assert_array_equal(changed, PICTURES)


def test_cutout_blanks_to_the_mean_picture_value() -> None:
    changed, _ = transformed(PICTURES, CLASSES, 10, "cutout", {"cutout_share": 0.5}, 0)
    blanked = changed != PICTURES
    assert blanked.any(axis=(1, 2, 3)).all()
    assert set(np.unique(changed[blanked])) == {round(float(PICTURES.mean()))}


def test_a_label_says_its_largest_shares() -> None:
    names = ("a", "b", "c")
    assert label_words(np.array([0.0, 1.0, 0.0]), names) == "b"
    assert label_words(np.array([0.3, 0.0, 0.7]), names) == "70% c, 30% a"
    assert label_words(np.array([0.999, 0.001, 0.0]), names) == "a"
