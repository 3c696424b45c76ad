"""The point and the directions that a landscape's settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from logs.directory import RunDirectory
from training.checkpoints import load_checkpoint
from training.config import ConfigError
from training.curvature import top_eigenpairs
from training.directions import (
    difference,
    inner,
    norm,
    principal_plane,
    random_direction,
    random_plane,
    shaped,
)
from training.landscape_numbers import shaped_like, trained_curve
from training.landscape_path import (
    PathPoint,
    checkpoint_network,
    nearest,
    network_with,
    projected_path,
)
from training.landscape_settings import LandscapeSettings
from training.landscape_subject import Subject, path_checkpoints
from training.objective import Objective

CURVE_POINTS = 31  # of a trained curve that are drawn, each with its own loss


@dataclass(frozen=True)
class Cut:
    """What is cut, and how far: the centre and one or two directions, float32 on the CPU."""

    parts: tuple[Mapping[str, Tensor], ...]  # centre, first direction, second direction
    a_range: tuple[float, float]
    b_range: tuple[float, float] | None
    axes: tuple[str, ...]  # what each direction is, for a person
    about: dict[str, Any] = field(default_factory=dict)
    path: tuple[PathPoint, ...] = ()


def cut_of(
    settings: LandscapeSettings,
    subject: Subject,
    other: Subject | None,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Cut:
    """The plane or line of these settings; `progress` hears of what takes long before there is one.
    ConfigError or CheckpointError where there is none.
    """
    reach = settings.reach
    if settings.kind in ("between", "connection"):
        assert other is not None
        _check_ends(subject, other)
        if settings.kind == "connection":
            return _connection(settings, subject, other, reach, should_stop, progress)
        return _between(subject, other, reach)
    if settings.kind == "trajectory":
        return _trajectory(settings, subject, reach)
    if settings.kind == "hessian":
        return _with_path(settings, subject, _hessian(settings, subject, reach, should_stop))
    weights = subject.weights
    if settings.kind == "line":
        generator = torch.Generator().manual_seed(settings.seed)
        direction = random_direction(weights, settings.normalisation, settings.ignore_biasbn, generator)
        return Cut((weights, direction), (-reach, reach), None, ("random direction",))
    first, second = random_plane(
        weights, settings.normalisation, settings.ignore_biasbn, settings.orthogonal, settings.seed
    )
    axes = ("first random direction", "second random direction")
    return _with_path(
        settings, subject, Cut((weights, first, second), (-reach, reach), (-reach, reach), axes)
    )


def _with_path(settings: LandscapeSettings, subject: Subject, cut: Cut) -> Cut:
    """The same cut with the training's checkpoints on it, where they are asked for."""
    return replace(cut, path=projected_path(subject, cut.parts)) if settings.path else cut


def _check_ends(subject: Subject, other: Subject) -> None:
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


def _between(subject: Subject, other: Subject, reach: float) -> Cut:
    start, line = subject.weights, difference(other.weights, subject.weights)
    beyond = reach - 1  # past either end, in lengths of the line
    axes = (f"from {subject.title} (0) to {other.title} (1)",)
    about = {"distance": norm(line), "path": "ends"}
    ends = tuple(
        PathPoint(each.title, float(each.epoch), place, 0.0, 0.0, lambda network=each.network: network)
        for place, each in ((0.0, subject), (1.0, other))
    )
    return Cut((start, line), (-beyond, 1 + beyond), None, axes, about, ends)


def _connection(
    settings: LandscapeSettings,
    subject: Subject,
    other: Subject,
    reach: float,
    should_stop: Callable[[], bool],
    progress: Callable[[int, int], None],
) -> Cut:
    """The plane of both networks and the middle point of a Bezier curve between them, which holds the curve.
    a runs from one network (0) to the other (1); b, at right angles, in the same lengths.
    """
    found = trained_curve(settings, subject, other, should_stop, progress)
    if should_stop():
        raise ConfigError("it was stopped before the curve was trained")
    start = subject.weights
    line = difference(other.weights, start)
    bend = difference(shaped_like(found.curve.middle[0], subject), start)
    share = inner(bend, line) / inner(line, line)
    across = {name: own - share * line[name] for name, own in bend.items()}
    length, height = norm(line), norm(across)
    if height == 0:
        raise ConfigError(
            f"the trained curve from {subject.title} to {other.title} is the straight line: they span "
            "no plane; choose the kind between"
        )
    second = {name: own * (length / height) for name, own in across.items()}
    points = []
    for t in np.linspace(0.0, 1.0, CURVE_POINTS).tolist():
        weights = shaped_like(found.curve.at(t), subject)
        a, b, distance = nearest(difference(weights, start), line, second)
        points.append(PathPoint(f"t = {t:.3g}", t, a, b, distance, network_with(subject, weights)))
    beyond = reach - 1
    top = max(point.b for point in points)
    axes = (
        f"from {subject.title} (0) to {other.title} (1)",
        "towards the middle point of the trained curve, at right angles, in the same lengths",
    )
    about = {"distance": length, "path": "curve", "steps": found.steps}
    b_range = (-2 * beyond, top + 2 * beyond)
    return Cut((start, line, second), (-beyond, 1 + beyond), b_range, axes, about, tuple(points))


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
        PathPoint(
            name, float(own.position.get("epoch", 0)), a, b, distance, checkpoint_network(subject, name)
        )
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
