"""Three small real tables that scikit-learn brings along, known from every textbook: learned in a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.catalog import Value
from training.datasets.dataset import Dataset, Load, Samples


def loader(name: str, target_name: str) -> Load:
    """Reads `sklearn.datasets.load_<name>`; `target_name` is what its classes are of."""

    def load(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
        from sklearn import datasets

        read: Callable[[], Any] = getattr(datasets, f"load_{name}")
        loaded = read()
        return Samples(
            inputs=np.asarray(loaded.data, np.float64),
            targets=loaded.target.astype(np.int64),
            task="classification",
            class_names=tuple(str(each) for each in loaded.target_names),
            feature_names=tuple(str(each) for each in loaded.feature_names),
            target_name=target_name,
        )

    return load


SPECS = (
    Dataset(
        name="iris",
        title="Iris",
        summary="150 iris flowers of three species by length and width of sepals and petals.",
        source="Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x",
        licence="CC BY 4.0",
        tasks=("classification",),
        load=loader("iris", "species"),
        input_shape=(4,),
        num_classes=3,
        sample_count=150,
    ),
    Dataset(
        name="wine",
        title="Wine",
        summary="178 wines of three cultivars by 13 chemical measurements.",
        source="Forina et al. 1988, https://archive.ics.uci.edu/dataset/109",
        licence="CC BY 4.0",
        tasks=("classification",),
        load=loader("wine", "cultivar"),
        input_shape=(13,),
        num_classes=3,
        sample_count=178,
    ),
    Dataset(
        name="breast_cancer",
        title="Breast cancer",
        summary="569 breast masses, malignant or benign, by 30 measurements of their cells' nuclei.",
        source="Street, Wolberg and Mangasarian 1993, doi:10.1117/12.148698",
        licence="CC BY 4.0",
        tasks=("classification", "binary"),
        load=loader("breast_cancer", "diagnosis"),
        input_shape=(30,),
        num_classes=2,
        sample_count=569,
    ),
)
