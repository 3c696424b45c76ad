"""Looks into a checkpoint that take longer than a page may wait: `python -m training.inspection --run RUN
--look corruptions`.

Each is a run of its own; what it finds lies in one table, which grows while it works (training/
inspection_settings.py names it).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from logs.tables import write_table
from logs.writer import RunWriter
from models.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from models.probes import NoUnitsError
from training.checkpoints import CheckpointError
from training.embeddings import neighbour_agreement, pca, tsne
from training.inspected import (
    Answers,
    Inspected,
    answers,
    batches_of,
    chosen_rows,
    features_of,
    inspected,
    part_of,
)
from training.inspection_settings import InspectionSettings
from training.lab_script import LabError, data_root, lab_main
from training.places import found_run

KIND = "inspection"


def work(settings: InspectionSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    """Computes what these settings ask for, into the look's table."""
    if not settings.run:
        raise LabError("run is empty; name the run to look into (python -m logs list shows all)")
    try:
        subject = inspected(
            found_run(settings.run, run.directory.path.parent), settings.checkpoint, data_root()
        )
        rows = chosen_rows(part_of(subject.data, settings.split), settings.samples, settings.seed)
        ways = {"predictions": _predictions, "corruptions": _corruptions, "tsne": _tsne}
        print(f"{settings.row.title} of {settings.run}, {len(rows):,} samples", flush=True)
        ways[settings.look](settings, subject, rows, run, should_stop)
    except (CheckpointError, NoUnitsError, ValueError) as error:
        raise LabError(str(error)) from None


def _predictions(
    settings: InspectionSettings,
    subject: Inspected,
    rows: np.ndarray,
    run: RunWriter,
    should_stop: Callable[[], bool],
) -> None:
    def watch(done: int) -> bool:
        run.progress(step=done, steps=len(rows))
        return not should_stop()

    found = answers(subject, settings.split, rows, watch=watch)
    if found is not None:
        write_table(run.directory, settings.row.table, _columns(found), _about(settings, subject))


def _corruptions(
    settings: InspectionSettings,
    subject: Inspected,
    rows: np.ndarray,
    run: RunWriter,
    should_stop: Callable[[], bool],
) -> None:
    """A row per corruption and severity; severity 0 is the data itself, told once for each."""
    if len(subject.data.input_shape) != 3 or subject.data.num_classes is None:
        raise LabError(
            "corruptions are of pictures that are told apart; this run has other data, so choose another one"
        )
    names = CORRUPTIONS.names()
    clean = _score(subject, settings, rows, None, should_stop)
    found: list[tuple[str, int, float, float]] = []
    steps = len(names) * SEVERITIES + 1
    for name in names:
        if clean is None:
            return
        found.append((name, 0, *clean))
        for severity in range(1, SEVERITIES + 1):
            run.progress(step=len(found), steps=steps)
            score = _score(subject, settings, rows, _corrupting(subject, name, severity), should_stop)
            if score is None:
                return
            found.append((name, severity, *score))
        columns = {
            "corruption": [row[0] for row in found],
            "severity": np.array([row[1] for row in found]),
            "accuracy": np.array([row[2] for row in found]),
            "loss": np.array([row[3] for row in found]),
        }
        write_table(run.directory, settings.row.table, columns, _about(settings, subject, len(rows)))
    run.progress(step=steps, steps=steps)


def _corrupting(subject: Inspected, name: str, severity: int) -> Callable[[Tensor], Tensor]:
    """From normalised inputs to normalised inputs, by way of pictures from 0 to 1."""
    data = subject.data
    mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (data.mean, data.std))

    def change(inputs: Tensor) -> Tensor:
        return (corrupted(name, data.shown(inputs), severity) - mean) / std

    return change


def _score(
    subject: Inspected,
    settings: InspectionSettings,
    rows: np.ndarray,
    change: Callable[[Tensor], Tensor] | None,
    should_stop: Callable[[], bool],
) -> tuple[float, float] | None:
    found = answers(subject, settings.split, rows, change, lambda done: not should_stop())
    if found is None or found.probabilities is None:
        return None
    stated = found.probabilities[np.arange(len(rows)), found.targets]
    loss = -np.log(np.maximum(stated, 1e-12)).mean()
    return float((found.predictions == found.targets).mean()), float(loss)


def _tsne(
    settings: InspectionSettings,
    subject: Inspected,
    rows: np.ndarray,
    run: RunWriter,
    should_stop: Callable[[], bool],
) -> None:
    found = answers(subject, settings.split, rows, watch=lambda done: not should_stop())
    if found is None:
        return
    part = part_of(subject.data, settings.split)
    features = np.concatenate([features_of(subject, inputs) for inputs, _ in batches_of(part, rows)])
    own = _columns(found)
    classes = found.targets if subject.data.num_classes is not None else None

    def watch(done: int, points: np.ndarray) -> bool:
        run.progress(step=done, steps=settings.iterations)
        about = _about(settings, subject, len(rows)) | {"iterations": done}
        if done >= settings.iterations and classes is not None:
            about["neighbours_before"] = neighbour_agreement(features, classes)
            about["neighbours_after"] = neighbour_agreement(points.astype(np.float32), classes)
        axes = {f"axis{place}": points[:, place] for place in range(points.shape[1])}
        write_table(run.directory, settings.row.table, own | axes, about)
        return not should_stop()

    watch(0, pca(features, settings.dimensions).points)
    tsne(
        features,
        settings.dimensions,
        settings.perplexity,
        settings.iterations,
        settings.seed,
        watch,
        every=50,
    )


def _columns(found: Answers) -> dict[str, np.ndarray]:
    columns = {"index": found.index, "target": found.targets, "prediction": found.predictions}
    if found.probabilities is not None:
        columns["probabilities"] = found.probabilities.astype(np.float32)
    return columns


def _about(settings: InspectionSettings, subject: Inspected, samples: int | None = None) -> dict[str, object]:
    return {
        "run": settings.run,
        "checkpoint": subject.checkpoint,
        "fingerprint": subject.fingerprint,
        "split": settings.split,
        "classes": list(subject.data.class_names),
        **subject.position,
        **({} if samples is None else {"samples": samples}),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the script; its exit code."""
    return lab_main(KIND, InspectionSettings, work, arguments)


if __name__ == "__main__":
    sys.exit(main())
