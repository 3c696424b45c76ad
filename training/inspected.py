"""A checkpoint to be looked into, with the data its run had: `inspected(directory, "best", data_root)`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from logs.directory import RunDirectory
from logs.info import read_info
from models.probes import penultimate
from training.checkpoints import CheckpointError, build_from_checkpoint
from training.config import ConfigError, RunConfig
from training.data import Data, load_data
from training.lab_settings import LABORATORY
from training.landscape_subject import split_of
from training.parts import Part
from training.tasks import TASKS

SPLITS = ("test", "validation", "train")
AT_ONCE = 250  # samples in one pass: some tens of megabytes for the networks of this project


@dataclass(frozen=True, eq=False)
class Inspected:
    """The network is in evaluation mode on the device; `data` is split as it was for the training."""

    directory: RunDirectory | None  # of the run; None for a network from elsewhere
    checkpoint: str
    fingerprint: str  # of the file's content
    network: nn.Module
    data: Data
    position: dict[str, int]  # step, epoch


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of samples: classes (or numbers) and, of a classifier, probabilities."""

    index: np.ndarray  # int64 [samples], places in the data set
    targets: np.ndarray  # int64 [samples], or float64 in regression
    predictions: np.ndarray
    probabilities: np.ndarray | None  # float64 [samples, classes]


def inspected(
    directory: RunDirectory, checkpoint: str, data_root: Path, device: torch.device | None = None
) -> Inspected:
    """ConfigError, CheckpointError or DataError, with the way out, where it can't be."""
    where = device or torch.device("cpu")
    info = read_info(directory)
    if not info.config or LABORATORY in info.config or info.study:
        raise ConfigError(f"{directory.id} is no training of one network; choose a run that is")
    path = directory.checkpoints / f"{checkpoint}.safetensors"
    network, about = build_from_checkpoint(path)
    data = load_data(RunConfig.from_dict(info.config), where, data_root, split_of(info, directory))
    shape = tuple(about["network"].input_shape)
    if tuple(data.input_shape) != shape:
        raise CheckpointError(
            f"{path} takes samples of shape {shape}, and the data has {tuple(data.input_shape)} now; give "
            "the folder it was trained on with --data"
        )
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return Inspected(directory, checkpoint, fingerprint, network.to(where), data, {**about["position"]})


def borrowing(network: nn.Module, fingerprint: str, dataset: str, data_root: Path) -> Inspected:
    """A network from elsewhere with the samples of a data set, cut and normalised as a run would do it by
    default; the caller sees to it that shapes and classes fit. DataError where the data can't be read.
    """
    data = load_data(RunConfig(dataset=dataset), torch.device("cpu"), data_root)
    return Inspected(None, "", fingerprint, network.eval(), data, {})


def part_of(data: Data, split: str) -> Part:
    """The samples of a split. ValueError for a split that there is none of, or that is empty."""
    if split not in SPLITS:
        raise ValueError(f"the split is {split!r}; it must be one of {', '.join(SPLITS)}")
    part: Part = getattr(data, split)
    if not len(part):
        raise ValueError(f"the {split} split of this run is empty; choose another one")
    return part


def chosen_rows(part: Part, count: int, seed: int) -> np.ndarray:
    """Places within the part of `count` samples drawn by the seed, in order; all where there are fewer."""
    if count >= len(part):
        return np.arange(len(part))
    return np.sort(np.random.default_rng(seed).permutation(len(part))[:count])


def batches_of(part: Part, rows: np.ndarray, size: int = AT_ONCE) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised inputs and targets of those places (sorted) within the part, `size` places at a time."""
    wanted = torch.from_numpy(np.asarray(rows, np.int64))
    for number, (inputs, targets) in enumerate(part.batches(size)):
        start = number * size
        low, high = np.searchsorted(rows, [start, start + size])
        if low < high:
            chosen = (wanted[low:high] - start).to(targets.device)
            yield inputs[chosen], targets[chosen]
        if high == len(rows):
            return


def features_of(subject: Inspected, inputs: Tensor) -> np.ndarray:
    """float32 [batch, features]: what lies before the last layer, or of an embedding the embedding itself.

    NoUnitsError for a network without a linear layer.
    """
    if TASKS[subject.data.task].by_neighbours:
        with torch.no_grad():
            found = subject.network(inputs)
    else:
        found = penultimate(subject.network, inputs)
    return found.cpu().numpy().astype(np.float32)


def answers(
    subject: Inspected,
    split: str,
    rows: np.ndarray,
    change: Callable[[Tensor], Tensor] | None = None,
    watch: Callable[[int], bool] = lambda done: True,
) -> Answers | None:
    """What the network says of these places of a split, `change`d before where given.

    `watch(samples done)` says whether to go on; None where it did not.
    """
    task = TASKS[subject.data.task]
    part = part_of(subject.data, split)
    truth, found, done = [], [], 0
    with torch.no_grad():
        for inputs, targets in batches_of(part, rows):
            outputs = subject.network(inputs if change is None else change(inputs))
            truth.append(subject.data.in_units(targets).cpu())
            found.append(subject.data.in_units(outputs).cpu())
            done += len(targets)
            if not watch(done):
                return None
    meant = torch.cat(truth)
    said, shares = task.predict(torch.cat(found), meant)  # of all, as one may be told by the others
    return Answers(
        part.indices[rows],
        meant.numpy(),
        said.reshape(len(meant), -1)[:, 0].numpy(),
        None if shares is None else shares.double().numpy(),
    )
