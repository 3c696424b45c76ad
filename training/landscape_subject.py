"""Whose landscape: the network of a run's checkpoint, and samples of the run's own data, drawn once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from logs.directory import RunDirectory
from logs.info import RunInfo, read_info
from models.losses import LOSSES
from training.checkpoints import CheckpointError, build_from_checkpoint
from training.config import AUTO, ConfigError, RunConfig
from training.data import Data, load_data
from training.directions import weights_of
from training.fold_files import read_assignment
from training.lab_settings import LABORATORY
from training.landscape_scores import Samples, Score
from training.parts import Part
from training.splits import Split
from training.tasks import TASKS


@dataclass(frozen=True)
class Subject:
    """A checkpoint, ready to be looked at. The network is in evaluation mode on the device."""

    directory: RunDirectory
    checkpoint: str  # its name, such as best
    fingerprint: str  # of the file's content
    config: RunConfig
    network: nn.Module
    epoch: int
    samples: dict[str, Samples]  # train and test
    score: Score

    @property
    def title(self) -> str:
        return f"{self.directory.id}, {self.checkpoint} (epoch {self.epoch})"

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        return weights_of(self.network)


def subject_of(
    directory: RunDirectory,
    checkpoint: str,
    count: int,
    seed: int,
    device: torch.device,
    data_root: Path,
    like: Subject | None = None,
) -> Subject:
    """The checkpoint of that name, and `count` samples of each of the run's training and test data (all,
    where there are fewer), drawn by `seed`; or those of `like`, so that two networks are measured alike.

    ConfigError, CheckpointError or DataError, with the way out, where it can't be.
    """
    info = read_info(directory)
    if not info.config or LABORATORY in info.config or info.study:
        raise ConfigError(f"{directory.id} is no training of one network; choose a run that is")
    config = RunConfig.from_dict(info.config)
    path = directory.checkpoints / f"{checkpoint}.safetensors"
    network, about = build_from_checkpoint(path)
    shape = tuple(about["network"].input_shape)
    if like is None:
        data = load_data(config, device, data_root, split_of(info, directory))
        _refuse_shape(tuple(data.input_shape), shape, path)
        samples = {
            "train": _drawn(data.train, count, seed, directory, "training"),
            "test": _drawn(data.test, count, seed, directory, "test"),
        }
        score = _score_of(config, data)
    else:
        samples, score = like.samples, like.score
        _refuse_shape(tuple(samples["train"].inputs.shape[1:]), shape, path)
    return Subject(
        directory=directory,
        checkpoint=checkpoint,
        fingerprint=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
        config=config,
        network=network.to(device),
        epoch=int(about["position"].get("epoch", 0)),
        samples=samples,
        score=score,
    )


def path_checkpoints(directory: RunDirectory) -> list[str]:
    """The checkpoints kept along the way, `epoch-0001` and so on, and the last one, in their order."""
    kept = sorted(path.stem for path in directory.checkpoints.glob("epoch-*.safetensors"))
    last = [name for name in ("last",) if (directory.checkpoints / f"{name}.safetensors").is_file()]
    return [*kept, *last]


def split_of(info: RunInfo, directory: RunDirectory) -> Split | None:
    """The samples that a fold was given; None for a run that cut its own."""
    if info.kind != "fold":
        return None
    study = RunDirectory(directory.path.parent / info.group)
    wanted = (info.member.get("repeat"), info.member.get("fold"))
    if "inner" in info.member:
        raise ConfigError(
            f"{directory.id} is an inner fold, whose samples are not kept; choose a fold of its study"
        )
    for fold in read_assignment(study):
        if (fold.repeat, fold.fold) == wanted:
            return fold.split
    raise ConfigError(f"{info.group} does not say which samples fold {wanted[1]} had; choose another run")


def _drawn(part: Part, count: int, seed: int, directory: RunDirectory, title: str) -> Samples:
    if not len(part):
        raise ConfigError(f"{directory.id} has no {title} samples to measure on; choose another run")
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = next(part.batches(min(count, len(part)), generator))
    return Samples(inputs.clone(), targets.clone())


def _score_of(config: RunConfig, data: Data) -> Score:
    """The loss that the run reports: without label smoothing."""
    loss = TASKS[data.task].loss if config.loss == AUTO else config.loss
    if LOSSES[loss].compares:
        raise ConfigError(
            f"{loss} compares the samples of a batch, and a landscape needs a loss for each sample; choose a "
            "run of another loss"
        )
    settings = tuple((name, v) for name, v in config.loss_settings.items() if name != "label_smoothing")
    return Score(loss, settings, classes=data.num_classes is not None)


def _refuse_shape(given: tuple[int, ...], taken: tuple[int, ...], path: Path) -> None:
    if given != taken:
        raise CheckpointError(
            f"{path} takes samples of shape {taken}, and these have {given}; if the data set has changed "
            "since, give the folder it was trained on with --data"
        )
