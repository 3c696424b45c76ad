"""From a configuration to batches: load the data set, split it, normalise it by its training part, put it on
the device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.config import AUTO, RunConfig
from training.datasets import DATASETS, DataError, Samples
from training.datasets.pictures import PictureFiles
from training.features import prepare
from training.parts import Normalisation, Part, ResidentPart, StreamedPart
from training.splits import Split, split_samples, subset

__all__ = ["Data", "DataError", "Part", "epoch_generator", "load_data", "read_samples", "split_of", "task_of"]

MEASURED_FILES = 2000  # pictures from which mean and deviation are taken where they don't all fit into memory
CHUNK = 1000  # pictures whose values are counted at a time
DEVICE_SHARE = 0.5  # of an accelerator's free memory; the rest is for the network


@dataclass(frozen=True)
class Data:
    """A data set, split and ready. `mean` and `std` undo the normalisation of inputs: one number a channel
    (of value/255) or a feature (in its unit). `target_mean` and `target_std` undo that of regression targets.
    """

    name: str
    task: str
    input_shape: tuple[int, ...]  # of one sample: (channels, height, width) or (features,)
    num_classes: int | None  # None in regression
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    target_name: str
    train: Part
    validation: Part
    test: Part
    mean: tuple[float, ...]
    std: tuple[float, ...]
    target_mean: float
    target_std: float
    seed: int
    notes: tuple[str, ...]  # what was done to the data, in sentences

    def epoch_generator(self, epoch: int) -> torch.Generator:
        """The stream that shuffles the training samples of that epoch."""
        return epoch_generator(self.seed, epoch)

    def shown(self, inputs: Tensor) -> Tensor:
        """Normalised inputs as they were: pictures with values from 0 to 1, features in their own units."""
        shape = (-1, *(1 for _ in self.input_shape[1:]))
        mean = torch.tensor(self.mean, dtype=torch.float32, device=inputs.device).reshape(shape)
        std = torch.tensor(self.std, dtype=torch.float32, device=inputs.device).reshape(shape)
        original = inputs * std + mean
        return original.clamp(0, 1) if len(self.input_shape) == 3 else original

    def in_units(self, targets: Tensor) -> Tensor:
        """Regression targets or predictions in the target's own unit; classes stay what they are."""
        if self.num_classes is not None:
            return targets
        return targets * self.target_std + self.target_mean

    def preview(self, part: Part, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The first samples of a part as they were, and their targets: uint8 pictures [n, C, H, W], or
        float64 features [n, F] rounded to what the normalised float32 kept.
        """
        inputs, targets = next(part.batches(count))
        units = self.in_units(targets).cpu().numpy()
        if len(self.input_shape) == 3:
            return (self.shown(inputs) * 255).round().to(torch.uint8).cpu().numpy(), units
        mean, std = np.array(self.mean), np.array(self.std)
        step = 10.0 ** (np.floor(np.log10(std)) - 5)
        return np.rint((inputs.cpu().numpy().astype(np.float64) * std + mean) / step) * step, units


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """A generator that depends on these two numbers alone, so that an epoch's order is the same after a
    resume.
    """
    mixed = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(mixed)


def load_data(
    config: RunConfig,
    device: torch.device,
    data_root: Path,
    split: Split | None = None,
    samples: Samples | None = None,
) -> Data:
    """The configuration's data on `device`; data sets of files lie in or below `data_root`.

    A given `split` is taken as it is (the folds of a cross-validation), in place of the one that the
    configuration draws. `samples`: what `read_samples` gave, where it is there already.
    DataError, with the way out, for data that can't be used as asked.
    """
    row = DATASETS[config.dataset]
    samples = read_samples(config, data_root) if samples is None else samples
    task = task_of(config, samples)
    split = split_of(config, samples) if split is None else split
    train = split.train
    if config.batch_size > len(train):
        raise DataError(
            f"batch_size is {config.batch_size:,}, more than the {len(train):,} samples to train on; make it "
            "smaller"
        )
    targets, target_mean, target_std = _targets(samples, task, train, device)
    made = _pictures if _has_pictures(samples) else _features
    ready = made(samples, split, targets, device, config)
    return Data(
        name=row.name,
        task=task,
        num_classes=None if task == "regression" else len(samples.class_names),
        class_names=samples.class_names,
        target_name=samples.target_name,
        target_mean=target_mean,
        target_std=target_std,
        seed=config.seed,
        notes=(*samples.notes, *ready.pop("notes")),
        **ready,
    )


def read_samples(config: RunConfig, data_root: Path) -> Samples:
    """All samples of the configuration's data set, not yet split; DataError as `load_data` raises it."""
    task = "classification" if config.task == "embedding" else config.task
    return DATASETS[config.dataset].load(data_root, config.dataset_settings, config.seed, task)


def split_of(config: RunConfig, samples: Samples) -> Split:
    """The split that the configuration's shares and seed draw; DataError as `load_data` raises it."""
    classes = None if task_of(config, samples) == "regression" else samples.targets
    split = split_samples(
        len(samples.targets),
        classes,
        samples.class_names,
        config.validation_share,
        config.test_share,
        config.seed,
        samples.predefined,
    )
    train = subset(split.train, config.train_samples, classes, samples.class_names, config.seed)
    return Split(train, split.validation, split.test)


def task_of(config: RunConfig, samples: Samples) -> str:
    """What is learned: the configuration's task, or what "auto" stands for; DataError where it can't be."""
    row, asked = DATASETS[config.dataset], config.task
    task = samples.task if asked == AUTO else asked
    if task not in row.tasks:
        raise DataError(f"task is {task}, and {row.name} serves {', '.join(row.tasks)}; use --task auto")
    if task == "binary" and len(samples.class_names) != 2:
        raise DataError(
            f"task is binary, and {row.name} has {len(samples.class_names)} classes here; use --task "
            "classification"
        )
    return task


def _has_pictures(samples: Samples) -> bool:
    return isinstance(samples.inputs, PictureFiles) or samples.inputs.ndim == 4


def _targets(
    samples: Samples, task: str, train: np.ndarray, device: torch.device
) -> tuple[Tensor, float, float]:
    """Class indices (int64), or numbers (float32) standardised by the training samples, with their mean and
    std.
    """
    if task != "regression":
        return torch.from_numpy(samples.targets.astype(np.int64)).to(device), 0.0, 1.0
    known = samples.targets[train]
    mean, std = float(known.mean()), float(known.std())
    if known.min() == known.max():
        raise DataError(
            f"{samples.target_name} is {known[0]:g} in all {len(train):,} training samples: there is nothing "
            "to learn; choose another target"
        )
    return torch.from_numpy(((samples.targets - mean) / std).astype(np.float32)).to(device), mean, std


def _features(
    samples: Samples, split: Split, targets: Tensor, device: torch.device, config: RunConfig
) -> dict[str, Any]:
    """The fields of Data that are about inputs, for float64 features [N, F]."""
    used = np.concatenate([split.train, split.validation, split.test])
    prepared = prepare(np.asarray(samples.inputs), samples.feature_names, split.train, used)
    values = torch.from_numpy(prepared.values)

    def part(indices: np.ndarray) -> Part:
        rows = torch.from_numpy(indices)
        return ResidentPart(values[rows].to(device), targets[rows.to(device)], indices)

    return {
        "input_shape": (len(prepared.names),),
        "feature_names": prepared.names,
        "mean": tuple(prepared.mean.tolist()),
        "std": tuple(prepared.std.tolist()),
        "train": part(split.train),
        "validation": part(split.validation),
        "test": part(split.test),
        "notes": prepared.notes,
    }


def _pictures(
    samples: Samples, split: Split, targets: Tensor, device: torch.device, config: RunConfig
) -> dict[str, Any]:
    """The fields of Data that are about inputs, for uint8 pictures [N, C, H, W] or files of such."""
    files = samples.inputs if isinstance(samples.inputs, PictureFiles) else None
    notes: tuple[str, ...] = ()
    if files is not None:
        measured = np.random.default_rng(config.seed).permutation(split.train)[:MEASURED_FILES]
        mean, std = channel_statistics(files[index][None] for index in measured.tolist())
        notes = (
            "the pictures don't fit into memory: they are read from their files at each epoch, and their "
            f"mean and deviation are those of {len(measured):,} training pictures",
        )
    else:
        pictures = np.asarray(samples.inputs)
        chunks = range(0, len(split.train), CHUNK)
        mean, std = channel_statistics(pictures[split.train[start : start + CHUNK]] for start in chunks)
        where = device if pictures.nbytes < _room(device) else torch.device("cpu")
    normalise = Normalisation(mean, std, device)

    def part(indices: np.ndarray) -> Part:
        own_targets = targets[torch.from_numpy(indices).to(device)]
        if files is not None:
            workers = int(config.dataset_settings.get("loader_workers", 0))
            return StreamedPart(files, own_targets, indices, normalise, workers)
        pixels = torch.from_numpy(pictures[indices]).to(where)
        return ResidentPart(pixels, own_targets, indices, normalise)

    return {
        "input_shape": files.shape if files is not None else tuple(pictures.shape[1:]),
        "feature_names": (),
        "mean": mean,
        "std": std,
        "train": part(split.train),
        "validation": part(split.validation),
        "test": part(split.test),
        "notes": notes,
    }


def channel_statistics(chunks: Iterable[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 pictures that come in chunks [n, C, H, W], of
    value/255.

    A deviation of 0 becomes 1. From counts of the 256 values, so exact: the sum of 47 million floats depends
    on its order.
    """
    counts = torch.zeros((), dtype=torch.int64)
    for chunk in chunks:
        channels = torch.from_numpy(chunk).unbind(dim=1)
        counts = counts + torch.stack([torch.bincount(c.reshape(-1), minlength=256) for c in channels])
    values = torch.arange(256, dtype=torch.float64) / 255
    shares = counts.double() / counts.sum(dim=1, keepdim=True)
    mean = shares @ values
    std = (shares * (values - mean[:, None]).square()).sum(dim=1).sqrt()
    return tuple(mean.tolist()), tuple(torch.where(std > 0, std, 1.0).tolist())


def _room(device: torch.device) -> float:
    """Bytes that a data set may take on the device."""
    if device.type != "cuda":
        return float("inf")  # it lies in the same memory already
    return DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]
