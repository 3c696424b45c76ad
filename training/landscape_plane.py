"""The point and the directions that a landscape's settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from logs.directory import RunDirectory
from training.checkpoints import load_checkpoint
from training.config import ConfigError
from training.curvature import top_eigenpairs
from training.directions import (
    difference,
    norm,
    principal_plane,
    random_direction,
    random_plane,
    shaped,
)
from training.landscape_settings import LandscapeSettings
from training.landscape_subject import Subject, path_checkpoints
from training.objective import Objective

MARGIN = 0.2  # of a path's extent, shown around it


@dataclass(frozen=True)
class Cut:
    """What is cut, and how far: the centre and one or two directions, float32 on the CPU."""

    parts: tuple[Mapping[str, Tensor], ...]  # centre, first direction, second direction
    a_range: tuple[float, float]
    b_range: tuple[float, float] | None
    axes: tuple[str, ...]  # what each direction is, for a person
    about: dict[str, Any] = field(default_factory=dict)
    path: tuple[PathPoint, ...] = ()


@dataclass(frozen=True)
class PathPoint:
    """A checkpoint of the training, seen from the plane: its place, and how far it lies from the plane."""

    checkpoint: str
    epoch: int
    a: float
    b: float
    distance: float


def cut_of(
    settings: LandscapeSettings,
    subject: Subject,
    other: Subject | None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Cut:
    """The plane or line of these settings. ConfigError or CheckpointError where there is none."""
    reach = settings.reach
    if settings.kind == "between":
        assert other is not None
        return _between(subject, other, reach)
    if settings.kind == "trajectory":
        return _trajectory(settings, subject, reach)
    if settings.kind == "hessian":
        return _hessian(settings, subject, reach, should_stop)
    weights = subject.weights
    if settings.kind == "line":
        generator = torch.Generator().manual_seed(settings.seed)
        direction = random_direction(weights, settings.normalisation, settings.ignore_biasbn, generator)
        return Cut((weights, direction), (-reach, reach), None, ("random direction",))
    first, second = random_plane(
        weights, settings.normalisation, settings.ignore_biasbn, settings.orthogonal, settings.seed
    )
    axes = ("first random direction", "second random direction")
    return Cut((weights, first, second), (-reach, reach), (-reach, reach), axes)


def _between(subject: Subject, other: Subject, reach: float) -> Cut:
    start, end = subject.weights, other.weights
    if {name: own.shape for name, own in start.items()} != {name: own.shape for name, own in end.items()}:
        raise ConfigError(
            f"{subject.title} and {other.title} are different networks; a line joins two of one shape"
        )
    if subject.fingerprint == other.fingerprint or norm(difference(end, start)) == 0:
        raise ConfigError(
            f"{subject.title} and {other.title} are the same network; choose another one with --other-run or "
            "--other-checkpoint"
        )
    beyond = reach - 1  # past either end, in lengths of the line
    axes = (f"from {subject.title} (0) to {other.title} (1)",)
    about = {"distance": norm(difference(end, start))}
    return Cut((start, difference(end, start)), (-beyond, 1 + beyond), None, axes, about)


def _trajectory(settings: LandscapeSettings, subject: Subject, reach: float) -> Cut:
    names = path_checkpoints(subject.directory)
    read = [load_checkpoint(_file(subject.directory, name)) for name in names]
    parameters = list(subject.weights)
    path = [{name: own.weights[name].float() for name in parameters} for own in read]
    try:
        found = principal_plane(path, settings.ignore_biasbn)
    except ValueError as error:
        raise ConfigError(f"{subject.directory.id}: {error}") from None
    places = found.places.tolist()
    points = tuple(
        PathPoint(name, int(own.position.get("epoch", 0)), a, b, distance)
        for name, own, (a, b), distance in zip(names, read, places, found.distances.tolist(), strict=True)
    )
    ranges = [_around([point.a for point in points], reach), _around([point.b for point in points], reach)]
    axes = tuple(
        f"{title} principal component ({100 * share:.1f}% of the variance)"
        for title, share in zip(("first", "second"), found.shares, strict=False)
    )
    about = {"shares": list(found.shares)}
    return Cut((path[-1], *found.directions), ranges[0], ranges[1], axes, about, points)


def _around(values: list[float], reach: float) -> tuple[float, float]:
    """The path's extent and a margin; `reach` 1.2 shows a fifth of it on both sides."""
    low, high = min(values), max(values)
    beyond = max(reach - 1, 0.0) * max(high - low, 1e-6)
    return low - beyond, high + beyond


def _hessian(
    settings: LandscapeSettings, subject: Subject, reach: float, should_stop: Callable[[], bool]
) -> Cut:
    own = subject.samples["train"]
    objective = Objective(subject.network, own.inputs, own.targets, subject.score.sample_loss())
    found = top_eigenpairs(objective, 2, seed=settings.seed, should_stop=should_stop)
    if should_stop():
        raise ConfigError("it was stopped before the two eigenvectors were found")
    if len(found.values) < 2:
        raise ConfigError(f"{subject.title} has one trainable number; a plane needs two directions")
    weights = subject.weights
    length = norm(weights)
    directions = [shaped(vector.cpu().float() * length, weights) for vector in found.vectors]
    values = [float(value) for value in found.values]
    axes = tuple(
        f"{title} eigenvector (eigenvalue {value:.4g})"
        for title, value in zip(("first", "second"), values, strict=True)
    )
    about = {"eigenvalues": values, "length": length}
    return Cut((weights, *directions), (-reach, reach), (-reach, reach), axes, about)


def _file(directory: RunDirectory, name: str) -> Path:
    return directory.checkpoints / f"{name}.safetensors"
