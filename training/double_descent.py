"""Double descent of trained networks, as a run: `python -m training.double_descent --samples 100`.

Two-layer networks of widths far below and far above the interpolation threshold, several seeds of each, are
trained at once (`training.width_sweep`). The table "widths" grows while they train: a row for each of them
at each of some forty moments, so that a reader sees the peak rise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from logs.tables import write_table
from logs.writer import RunWriter
from training.descent_problems import HIGHEST_NOISE, MOST_SAMPLES
from training.fields import option
from training.lab_script import LabError, data_root, lab_main
from training.lab_settings import LabSettings
from training.memory import tiny_as_zero
from training.width_sweep import (
    SHAPES,
    TARGETS,
    WidthSweep,
    parameters_of,
    sweep_widths,
    threshold_width,
)

MOMENTS = 40
WRITE_SECONDS = 0.4  # between two versions of the table
TABLE = "widths"


@dataclass(frozen=True)
class DescentSettings(LabSettings):
    """What the sweep learns, how large it is, and how it is trained."""

    target: str = option("linear", "what is learned", "Data", table=TARGETS)
    samples: int = option(
        100, "training samples of each seed", "Data", "integer", low=20, high=2 * MOST_SAMPLES
    )
    noise: float = option(
        0.5,
        "in the training targets; of digits the share drawn at random",
        "Data",
        low=0.0,
        high=HIGHEST_NOISE,
    )
    activation: str = option("relu", "of the hidden layer", "Model", table=SHAPES)
    seeds: int = option(
        5, "training sets and first weights to average over", "Model", "integer", low=1, high=20
    )
    steps: int = option(
        2000, "updates, each on all samples", "Optimisation", "integer", low=100, high=20_000, log=True
    )
    learning_rate: float = option(
        0.02, "of Adam at the start; it falls to 0", "Optimisation", low=1e-4, high=1.0, log=True
    )
    weight_decay: float = option(
        0.0, "times the weights' squares, added to the error", "Regularisation", low=0.0, high=1.0
    )

    def check(self) -> None:
        if self.target == "even_digits" and self.noise > 1:
            raise ValueError(f"noise is {self.noise}; of digits it is a share: choose 1 or less")

    @property
    def model_name(self) -> str:
        return "two-layer networks"

    @property
    def dataset_name(self) -> str:
        return self.target


def moments(steps: int) -> list[int]:
    """The steps after which everything is measured: 0, then ever further apart, at last all."""
    return [0, *np.unique(np.rint(np.geomspace(min(5, steps), steps, MOMENTS)).astype(int)).tolist()]


@tiny_as_zero()  # as gradients of a perfect fit are
def work(settings: DescentSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    """Trains and writes. LabError where every network has diverged."""
    widths = sweep_widths(settings.samples)
    seeds = [settings.seed + place for place in range(settings.seeds)]
    sweep = WidthSweep(
        settings.target,
        settings.activation,
        settings.samples,
        settings.noise,
        seeds,
        widths,
        settings.steps,
        settings.learning_rate,
        settings.weight_decay,
        data_root(),
    )
    about = {
        "widths": widths,
        "samples": settings.samples,
        "threshold_width": threshold_width(settings.samples),
        "steps": settings.steps,
    }
    rows = _Rows(widths, settings.seeds)
    written = -np.inf
    for moment in moments(settings.steps):
        while sweep.step < moment and not should_stop():
            sweep.train(min(10, moment - sweep.step))
            run.progress(epoch=sweep.step, epochs=settings.steps, step=sweep.step, steps=settings.steps)
        measured = sweep.measure()
        train, test = measured.train_error, measured.test_error
        if not np.isfinite(train).any():
            raise LabError(
                f"every network has diverged by step {sweep.step}; choose a learning rate below "
                f"{settings.learning_rate:g}"
            )
        rows.add(sweep.step, train, test, measured.norm)
        # The run's own curves are those of the widest networks
        for split, error in (("train", train), ("test", test)):
            run.log(sweep.step, {"loss": float(np.mean(error[-1]))}, split=split, epoch=float(sweep.step))
        stopped = sweep.step < moment
        if time.monotonic() - written > WRITE_SECONDS or stopped or moment == settings.steps:
            write_table(run.directory, TABLE, rows.columns(), {**about, "step": sweep.step})
            written = time.monotonic()
        if stopped:
            return


class _Rows:
    """The table as it grows: one row for each width at each moment."""

    def __init__(self, widths: Sequence[int], seeds: int) -> None:
        self._widths, self._seeds = np.asarray(widths), seeds
        self._steps: list[np.ndarray] = []
        self._values: dict[str, list[np.ndarray]] = {"train": [], "test": [], "norm": []}

    def add(self, step: int, *values: np.ndarray) -> None:
        self._steps.append(np.full(len(self._widths), step))
        for column, value in zip(self._values.values(), values, strict=True):
            column.append(value.astype(np.float32))

    def columns(self) -> dict[str, Any]:
        moments_ = len(self._steps)
        return {
            "step": np.concatenate(self._steps),
            "width": np.tile(self._widths, moments_),
            "parameters": np.tile([parameters_of(int(width)) for width in self._widths], moments_),
            **{name: np.concatenate(column) for name, column in self._values.items()},
        }


def main(arguments: Sequence[str] | None = None) -> int:
    return lab_main("double_descent", DescentSettings, work, arguments)


if __name__ == "__main__":
    sys.exit(main())
