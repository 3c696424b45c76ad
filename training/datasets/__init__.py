"""The table of data sets, collected from every file of this folder that ends in SPECS."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from models.catalog import Catalog
from training.datasets.dataset import Dataset, Samples
from training.datasets.errors import DataError

__all__ = ["DATASETS", "DataError", "Dataset", "Samples"]


def _collected() -> Iterator[Dataset]:
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        yield from getattr(importlib.import_module(module.name), "SPECS", ())


DATASETS: Catalog[Dataset] = Catalog("data set", _collected())
