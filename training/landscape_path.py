"""Networks drawn on a landscape: checkpoints of the training, a trained curve of low loss, a line's ends.

The contours of a plane are the losses on that plane. A training's checkpoints lie off it, so that each one is
measured where it is, and its distance from the plane is kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from logs.tables import write_table
from logs.writer import RunWriter
from training.checkpoints import build_from_checkpoint
from training.directions import Weights, difference, inner, norm, weights_of
from training.landscape_modules import ModuleLosses
from training.landscape_subject import Subject, path_checkpoints

PATH = "path"
MOST = 60  # checkpoints drawn on a plane that was not made from them; of more, evenly chosen ones


@dataclass(frozen=True)
class PathPoint:
    """A network seen from the landscape: its place, and how far it lies from there."""

    name: str  # the checkpoint's, or what stands for one
    epoch: float  # of the training; on a curve between two networks the share of the way, from 0 to 1
    a: float
    b: float
    distance: float  # in the space of weights
    network: Callable[[], nn.Module]  # made when it is measured, and dropped


def checkpoint_network(subject: Subject, name: str) -> Callable[[], nn.Module]:
    """What makes the network of another checkpoint of the same run, on the same device."""

    def make() -> nn.Module:
        network, _ = build_from_checkpoint(subject.directory.checkpoints / f"{name}.safetensors")
        return network.to(next(subject.network.parameters()).device)

    return make


def network_with(subject: Subject, weights: Weights) -> Callable[[], nn.Module]:
    """What makes the subject's network with other weights; its batch norm keeps the subject's statistics."""

    def make() -> nn.Module:
        network = copy.deepcopy(subject.network)
        with torch.no_grad():
            for name, own in network.named_parameters():
                own.copy_(weights[name])
        return network

    return make


def projected_path(subject: Subject, parts: Sequence[Mapping[str, Tensor]]) -> tuple[PathPoint, ...]:
    """The saved checkpoints of the subject's run, each at the nearest point of the plane (centre and two
    directions); none where the run has kept fewer than two.

    CheckpointError for a damaged one, or one that is gone.
    """
    names = path_checkpoints(subject.directory)
    if len(names) < 2:
        return ()
    if len(names) > MOST:
        chosen = np.unique(np.linspace(0, len(names) - 1, MOST).round().astype(int))
        names = [names[place] for place in chosen]
    found = []
    for name in names:
        network, about = build_from_checkpoint(subject.directory.checkpoints / f"{name}.safetensors")
        a, b, distance = nearest(difference(weights_of(network), parts[0]), parts[1], parts[2])
        epoch = float(about["position"].get("epoch", 0))
        found.append(PathPoint(name, epoch, a, b, distance, checkpoint_network(subject, name)))
    return tuple(found)


def nearest(offset: Weights, first: Weights, second: Weights) -> tuple[float, float, float]:
    """The coordinates of the plane's point that is nearest to `offset` (from the plane's centre), and how far
    it is away: least squares, since the directions need not be at right angles.
    """
    products = np.array([[inner(first, first), inner(first, second)], [0.0, inner(second, second)]])
    products[1, 0] = products[0, 1]
    a, b = np.linalg.lstsq(products, np.array([inner(offset, first), inner(offset, second)]), rcond=None)[0]
    left = {
        name: own.double() - float(a) * first[name].double() - float(b) * second[name].double()
        for name, own in offset.items()
    }
    return float(a), float(b), norm(left)


def write_path(
    run: RunWriter,
    subject: Subject,
    path: Sequence[PathPoint],
    recompute: bool,
    about: Mapping[str, Any],
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """The table `path`: every point with its own loss and accuracy of each split. It grows as they are found,
    since a large network takes seconds for each.
    """
    rows: list[dict[str, float]] = []
    for point in path:
        if should_stop():
            break
        network = point.network()
        losses = ModuleLosses(network, (weights_of(network),), subject.samples, subject.score, recompute)
        found = losses.row(0.0, [0.0])
        rows.append(
            {
                f"{split}_{name}": float(found[split][0, place]) / len(subject.samples[split])
                for split in subject.samples
                for place, name in enumerate(("loss", "accuracy"))
            }
        )
    if not rows:
        return
    done = path[: len(rows)]
    columns: dict[str, Any] = {"checkpoint": [point.name for point in done]}
    for name in ("epoch", "a", "b", "distance"):
        columns[name] = np.array([float(getattr(point, name)) for point in done])
    columns |= {name: np.array([row[name] for row in rows]) for name in rows[0]}
    write_table(run.directory, PATH, columns, about)
