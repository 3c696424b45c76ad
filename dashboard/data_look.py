"""A first look at a data set: its shape, and a few of its samples, without downloading anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.catalog import Value
from training.config import AUTO
from training.datasets import DATASETS, DataError, Dataset, Samples, torchvision_images
from training.tasks import TASKS

PICTURES = 32
POINTS = 600
TARGETS = 20_000


@dataclass(frozen=True)
class DataLook:
    """What a page shows of a data set before training. What is not known is empty or None."""

    title: str
    task: str = ""
    samples: int = 0
    input_shape: tuple[int, ...] = ()  # of one sample
    outputs: int = 0  # of a network for it
    class_names: tuple[str, ...] = ()
    pictures: np.ndarray | None = None  # uint8 [n, C, H, W]
    points: np.ndarray | None = None  # float64 [n, 2]
    targets: np.ndarray | None = None  # of the points, or of a regression
    notes: tuple[str, ...] = ()
    problem: str = ""  # why it can't be used as asked, and the way out


def look_at(
    name: str,
    settings: Mapping[str, Value],
    task: str,
    seed: int,
    root: Path,
    task_settings: Mapping[str, Value] | None = None,
) -> DataLook:
    """Reads the data set and picks some samples; of one that would have to be downloaded only the hints."""
    own = task_settings or {}
    row = DATASETS[name]
    if not is_here(row, root):
        return _hints(row, task, own)
    try:
        samples = row.load(root, settings, seed, "classification" if task == "embedding" else task)
    except (DataError, OSError) as problem:
        return DataLook(row.title, problem=str(problem))
    return _look(row, samples, samples.task if task == AUTO else task, seed, own)


def is_here(row: Dataset, root: Path) -> bool:
    """False where using the data set would download its files first."""
    if not row.download_bytes:
        return True
    files = getattr(torchvision_images, row.name.upper())
    return all((root / files.folder / name).is_file() for name in files.names)


def _hints(row: Dataset, task: str, settings: Mapping[str, Value]) -> DataLook:
    chosen = row.tasks[0] if task == AUTO else task
    return DataLook(
        row.title,
        chosen,
        row.sample_count or 0,
        row.input_shape or (),
        TASKS[chosen].outputs(row.num_classes, settings) if row.num_classes or chosen == "regression" else 0,
    )


def _look(row: Dataset, samples: Samples, task: str, seed: int, settings: Mapping[str, Value]) -> DataLook:
    count = len(samples.targets)
    chosen = np.random.default_rng(seed).permutation(count)
    shape = samples.inputs.shape if hasattr(samples.inputs, "shape") else ()
    is_resident = isinstance(samples.inputs, np.ndarray)
    shape = tuple(shape[1:]) if is_resident else tuple(shape)
    pictures = points = targets = None
    if len(shape) == 3:
        first = np.sort(chosen[:PICTURES])
        pictures = np.stack([np.asarray(samples.inputs[int(index)]) for index in first])
    elif shape == (2,) and task != "regression" and isinstance(samples.inputs, np.ndarray):
        points, targets = samples.inputs[chosen[:POINTS]], samples.targets[chosen[:POINTS]]
    elif task == "regression":
        targets = samples.targets[chosen[:TARGETS]]
    outputs = TASKS[task].outputs(len(samples.class_names) or None, settings)
    return DataLook(
        row.title, task, count, shape, outputs, samples.class_names, pictures, points, targets, samples.notes
    )
