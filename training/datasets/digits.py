"""The 1,797 real handwritten digits that scikit-learn brings along: no download, seconds to learn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.catalog import Value
from training.datasets.dataset import Dataset, Samples

LEVELS = 16  # a pixel counts the set dots of a 4x4 block of a 32x32 bitmap: 0 to 16


def load(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    pixels = np.rint(loaded.images * (255 / LEVELS)).astype(np.uint8)  # 17 levels stay 17 levels
    return Samples(
        inputs=pixels[:, None],  # [1797, 1, 8, 8]
        targets=loaded.target.astype(np.int64),
        task="classification",
        class_names=tuple(str(name) for name in loaded.target_names),
    )


SPECS = (
    Dataset(
        name="digits",
        title="Digits",
        summary="1,797 handwritten digits of 43 people as 8x8 pictures; part of scikit-learn.",
        source="Alpaydin and Kaynak 1998, https://archive.ics.uci.edu/dataset/80 (its test set)",
        licence="CC BY 4.0",
        tasks=("classification",),
        load=load,
        input_shape=(1, 8, 8),
        num_classes=10,
        sample_count=1797,
    ),
)
