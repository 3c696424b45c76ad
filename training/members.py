"""One of the networks that train at the same time: its configuration and its own samples.

Members may share one set of tensors and differ in the rows they take (the folds of a cross-validation), or in
nothing but the seed or a learning rate (a sweep). What must be equal for them to be computed as one,
`why_not_together` says in a sentence for the person who asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor, nn

from models.catalog import Value
from models.losses import LOSSES
from training.checkpoints import Network
from training.config import AUTO, RunConfig
from training.data import Data
from training.optimizers import OPTIMIZERS
from training.parts import Normalisation, Part, ResidentPart
from training.stacked_optimizers import RULES
from training.tasks import TASKS, Task

OWN_SETTINGS = ("dropout", "initializer")  # of a model: they change its numbers, not its shape


@dataclass(frozen=True)
class Rows:
    """Samples of one split: `rows`, on the CPU, out of tensors that other members may share."""

    inputs: Shaped[Tensor, "samples *shape"]  # uint8 pictures, or float32 that is ready
    targets: Shaped[Tensor, "samples *outputs"]  # their device is where the member trains
    rows: Int64[Tensor, "own"]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, part: Part) -> Rows:
        """All samples of a part; ValueError where they don't lie in memory."""
        if not isinstance(part, ResidentPart):
            raise ValueError(
                "networks train at the same time on samples that lie in memory, and these are read from "
                "files at each epoch; train them one after another"
            )
        return cls(part.inputs, part.targets, torch.arange(len(part)))


@dataclass(frozen=True)
class Member:
    """One network to train. `validation` may be empty: then the last weights are the best, and nothing ends
    early. Regression targets are standardised; `target_mean` and `target_std` undo that for metrics.
    """

    config: RunConfig
    task: str  # name in TASKS
    input_shape: tuple[int, ...]  # of one sample
    num_classes: int | None  # None in regression
    train: Rows
    validation: Rows
    test: Rows
    normalise: Normalisation | None = None  # of uint8 inputs
    target_mean: float = 0.0
    target_std: float = 1.0

    @classmethod
    def of(cls, config: RunConfig, data: Data) -> Member:
        """The training that `training.loop.Trainer` would make of the same two."""
        return cls(
            config=config,
            task=data.task,
            input_shape=data.input_shape,
            num_classes=data.num_classes,
            train=Rows.of(data.train),
            validation=Rows.of(data.validation),
            test=Rows.of(data.test),
            normalise=data.train.normalise if isinstance(data.train, ResidentPart) else None,
            target_mean=data.target_mean,
            target_std=data.target_std,
        )

    @property
    def row(self) -> Task:
        return TASKS[self.task]

    @property
    def loss(self) -> str:
        """Name in LOSSES."""
        return self.row.loss if self.config.loss == AUTO else self.config.loss

    @property
    def device(self) -> torch.device:
        return self.train.targets.device

    @property
    def about(self) -> Network:
        """What is needed to build the network again, for a checkpoint."""
        outputs = self.row.outputs(self.num_classes, self.config.task_settings)
        return Network(self.config.model, self.config.model_settings, self.input_shape, outputs)

    def build(self) -> nn.Module:
        """The network with the weights that a single run of this seed begins with, on the CPU."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.config.seed)  # the CPU's alone: a sixth of the time
            return self.about.build()


def networks_of(members: Sequence[Member]) -> list[nn.Module]:
    """What each member builds. Those that begin with the same weights, as folds do and most trials, share one
    network: read it, and don't write into it.
    """
    built: dict[tuple[int, Network], nn.Module] = {}
    found = []
    for member in members:
        key = (member.config.seed, member.about)
        if key not in built:
            built[key] = member.build()
        found.append(built[key])
    return found


def why_not_together(members: Sequence[Member]) -> str | None:
    """Why these can't train as one, and what to do instead; None where they can."""
    if not members:
        return "there are no networks to train; give one at least"
    for number, member in enumerate(members):
        if len(member.train) < 1:
            return f"network {number} has no samples to train on; give each of them some"
    if members[0].config.transforms:
        return (
            f"transforms ({', '.join(members[0].config.transforms)}) change each network's batches one by "
            "one; leave them out, or train one after another"
        )
    if LOSSES[members[0].loss].compares:
        return f"the loss {members[0].loss} compares the samples of a batch; train one after another"
    if any(member.config.freeze for member in members):
        return "frozen weights are for one network at a time; leave freeze out, or train one after another"
    if members[0].config.optimizer not in RULES:
        return (
            f"the optimizer {members[0].config.optimizer} has no rule for many networks at once; use one of "
            f"{', '.join(RULES)}, or train one after another"
        )
    first = _shared(members[0])
    for number, member in enumerate(members[1:], start=1):
        for name, value in _shared(member).items():
            if value != first[name]:
                return (
                    f"{name} is {_shown(first[name])} in network 0 and {_shown(value)} in network {number}; "
                    "it must be equal in networks that train at the same time: make it so, or train one "
                    "after another"
                )
    return None


def _shared(member: Member) -> dict[str, Any]:
    """Everything that must be equal, by the name that a person knows it by."""
    config = member.config
    flags = {p.name for p in OPTIMIZERS[config.optimizer].parameters if p.kind == "flag"}
    return {
        "model": config.model,
        "model_settings": _without(config.model_settings, OWN_SETTINGS),
        "task": member.task,
        "the samples' shape": tuple(member.input_shape),
        "the number of outputs": member.about.outputs,
        "the type of inputs": member.train.inputs.dtype,
        "the device": member.device,
        "batch_size": config.batch_size,
        "loss": member.loss,
        "loss_settings": dict(config.loss_settings),
        "optimizer": config.optimizer,
        "optimizer_settings": {name: config.optimizer_settings[name] for name in sorted(flags)},
        "transforms": config.transforms,
    }


def _without(settings: Mapping[str, Value], names: Sequence[str]) -> dict[str, Value]:
    return {name: value for name, value in settings.items() if name not in names}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {setting}" for name, setting in value.items()) or "none"
    return str(value)
