"""Numbers under a landscape: curvature, sharpness and gradient noise, with errors where there are some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from logs.tables import write_table
from logs.writer import RunWriter
from training.curvature import NotFiniteError, hessian_trace, spectral_density, top_eigenpairs
from training.directions import shaped
from training.gradient_noise import gradient_noise
from training.landscape_settings import LandscapeSettings
from training.landscape_subject import Subject
from training.mode_connection import Connection, connect, heights, straight_line
from training.objective import Objective
from training.sharpness import box_sharpness, sam_sharpness

NUMBERS, SPECTRUM, CURVE = "numbers", "spectrum", "curve"
EIGENVALUES = 5
TRACE_SAMPLES = 30
VECTORS, STEPS = 2, 40  # of the spectrum: a few seconds for a small network
SHARE = 10  # connecting: batches are a tenth of the samples at most


def objective_of(subject: Subject, statistics: str = "saved", batch: int = 500) -> Objective:
    """The training loss that a landscape's points have, as a function of the trainable weights."""
    own = subject.samples["train"]
    way: Any = "batch" if statistics == "recomputed" else "saved"
    return Objective(subject.network, own.inputs, own.targets, subject.score.sample_loss(), batch, way)


def write_numbers(
    settings: LandscapeSettings, run: RunWriter, subject: Subject, should_stop: Callable[[], bool]
) -> None:
    """Tables `numbers` (a row for each: name, value, error, unit of what it is) and `spectrum`, written anew
    as each is known. One that is not finite is told in a line and left out.
    """
    objective = objective_of(subject, settings.statistics)
    rows: list[tuple[str, float, float, str]] = []

    def add(name: str, value: float, error: float, how: str) -> None:
        rows.append((name, value, error, how))
        names, values, errors, ways = zip(*rows, strict=True)
        columns = {"name": list(names), "value": np.array(values), "error": np.array(errors)}
        write_table(run.directory, NUMBERS, {**columns, "how": list(ways)})
        print(f"{name}: {value:.6g}" + (f" ± {error:.2g}" if np.isfinite(error) else ""), flush=True)

    def eigenvalues() -> None:
        found = top_eigenpairs(objective, EIGENVALUES, seed=settings.seed, should_stop=should_stop)
        for place, (value, error) in enumerate(zip(found.values, found.errors, strict=True)):
            add(f"eigenvalue {place + 1}", float(value), float(error), "Lanczos on Hessian-vector products")

    def trace() -> None:
        found = hessian_trace(objective, samples=TRACE_SAMPLES, seed=settings.seed, should_stop=should_stop)
        add("trace", found.value, found.standard_error, f"Hutchinson, {len(found.samples)} random vectors")

    def sharpness() -> None:
        add("SAM sharpness", sam_sharpness(objective), np.nan, "rise a step of 0.05 up the gradient (Foret)")
        found = box_sharpness(objective, seed=settings.seed, should_stop=should_stop)
        add("box sharpness", found.value, np.nan, "highest in a box of 0.001 (|w| + 1), in % (Keskar)")

    def noise() -> None:
        found = gradient_noise(objective, seed=settings.seed, should_stop=should_stop)
        add("gradient noise scale", found.scale, found.standard_error, "samples (McCandlish)")

    def spectrum() -> None:
        found = spectral_density(
            objective, vectors=VECTORS, steps=STEPS, seed=settings.seed, should_stop=should_stop
        )
        grid = found.grid(600)
        about = {"vectors": VECTORS, "steps": STEPS, "numbers": found.numbers, "width": found.width}
        write_table(run.directory, SPECTRUM, {"value": grid, "density": found.density(grid)}, about)

    for compute in (eigenvalues, trace, sharpness, noise, spectrum):
        if should_stop():
            return
        try:
            compute()
        except (NotFiniteError, ValueError) as problem:
            print(f"{compute.__name__}: {problem}", flush=True)


def trained_curve(
    settings: LandscapeSettings,
    subject: Subject,
    other: Subject,
    should_stop: Callable[[], bool],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Connection:
    """A curve of low training loss between two networks. Batch norm's statistics are those of each batch: the
    saved ones of either end fit nowhere between.
    """
    objective = curve_objective(settings, subject)
    start, end = (objective.flatten(each.weights) for each in (subject, other))
    batch = max(1, min(100, objective.samples // SHARE))
    return connect(
        objective,
        start,
        end,
        steps=settings.curve_steps,
        batch=batch,
        seed=settings.seed,
        should_stop=should_stop,
        progress=progress,
    )


def curve_objective(settings: LandscapeSettings, subject: Subject) -> Objective:
    """The training loss that a curve is trained and measured with."""
    statistics = "recomputed" if normalises(subject.network) else settings.statistics
    count = len(subject.samples["train"])
    return objective_of(subject, statistics, count if statistics == "recomputed" else 500)


def shaped_like(numbers: Tensor, subject: Subject) -> dict[str, Tensor]:
    """The weights that a point of a curve stands for, on the CPU; what does not learn is the subject's."""
    weights = subject.weights
    moved = {name: weights[name] for name, own in subject.network.named_parameters() if own.requires_grad}
    return {**weights, **shaped(numbers.detach().cpu().float(), moved)}


def write_curve(
    settings: LandscapeSettings,
    run: RunWriter,
    subject: Subject,
    other: Subject,
    should_stop: Callable[[], bool],
) -> None:
    """The table `curve`: the training loss along the straight line and along a trained curve of low loss, at
    the same shares t of the way.
    """
    objective = curve_objective(settings, subject)
    start, end = (objective.flatten(each.weights) for each in (subject, other))
    found = trained_curve(settings, subject, other, should_stop)
    if should_stop():
        return
    straight = heights(objective, straight_line(start, end), should_stop=should_stop)
    bent = heights(objective, found.curve, should_stop=should_stop)
    if should_stop():
        return
    columns = {
        "t": np.asarray(straight.t),
        "line": np.asarray(straight.losses),
        "curve": np.asarray(bent.losses),
    }
    about = {"highest_line": straight.highest, "highest_curve": bent.highest, "steps": found.steps}
    write_table(run.directory, CURVE, columns, about)
    print(f"highest loss: {straight.highest:.4g} on the line, {bent.highest:.4g} on the curve", flush=True)


def normalises(network: torch.nn.Module) -> bool:
    """Whether there is batch norm in it."""
    return any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in network.modules())
