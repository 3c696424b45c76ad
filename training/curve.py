"""Networks of growing width fitted to a curve, as a run: `python -m training.curve --function step`.

All widths, each from a few first weights, are trained at once (`training.curve_networks`). The table "widths"
is replaced while they train: a row for each width and seed, with its errors and its curve, so that a reader
sees the curves bend. The table "history" has the errors of each width over the steps, those of its weights at
each step.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from logs.tables import Table, write_table
from logs.writer import RunWriter
from training.capacities import CapacityFits
from training.curve_networks import CurveNetworks
from training.curve_settings import CurveSettings
from training.fields import option
from training.lab_script import LabError, lab_main
from training.memory import tiny_as_zero
from training.true_functions import CurveData

TABLE, HISTORY = "widths", "history"
MOMENTS = 60  # at which everything is measured
WRITE_SECONDS = 0.25  # between two versions of the tables


@dataclass(frozen=True)
class WidthSettings(CurveSettings):
    """The fit of a curve by networks of several widths and first weights."""

    seeds: int = option(3, "first weights of each width", "Model", "integer", low=1, high=20)


@tiny_as_zero()
def work(settings: WidthSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    """Trains and writes. LabError where every network has diverged."""
    data = settings.data()
    networks, held = networks_for(settings, data)
    history: list[dict[str, np.ndarray]] = []
    steps = sorted({round(share) for share in np.linspace(0, settings.steps, MOMENTS + 1)})
    written = -np.inf
    for step in steps:
        while networks.step < step and not networks.done and not should_stop():
            networks.train(min(10, step - networks.step))
            run.progress(epoch=networks.step, epochs=settings.steps, step=networks.step, steps=settings.steps)
        over = networks.step < step  # stopped, by a person or by its own patience
        rows = _measured(settings, data, networks, held)
        if not np.isfinite(rows["train_error"]).any():
            raise LabError(
                f"every network has diverged by step {networks.step}; choose a learning rate below "
                f"{settings.learning_rate:g}"
            )
        history.append(_errors(data, networks, held, kept=False))
        history[-1] |= {name: rows[name] for name in ("width", "seed")}
        history[-1]["step"] = np.full(len(networks), networks.step)
        # The run's own curves are those of the widest networks
        for split in ("train", "test"):
            error = float(rows[f"{split}_error"][-settings.seeds :].mean())
            run.log(networks.step, {"loss": error}, split=split, epoch=float(networks.step))
        last = over or step == steps[-1]
        if last or time.monotonic() - written > WRITE_SECONDS:
            about = {"step": networks.step, "steps": settings.steps, "validation": held}
            write_table(run.directory, TABLE, rows, about)
            columns = {name: np.concatenate([each[name] for each in history]) for name in history[0]}
            write_table(run.directory, HISTORY, columns)
            written = time.monotonic()
        if last:
            return


def networks_for(settings: WidthSettings, data: CurveData) -> tuple[CurveNetworks, list[int]]:
    """Every width with every seed, untrained, and the numbers of the samples that early stopping keeps."""
    widths = np.repeat(settings.widths, settings.seeds)
    kept = np.zeros(len(data.x), bool)
    if settings.patience:
        order = np.random.default_rng([settings.seed, 2]).permutation(len(data.x))
        kept[order[: settings.stopping_samples]] = True

    def every(values: np.ndarray) -> np.ndarray:
        return np.tile(values, (len(widths), 1))

    validation = (every(data.x[kept]), every(data.y[kept])) if settings.patience else None
    x, y = every(data.x[~kept]), every(data.y[~kept])
    networks = CurveNetworks(settings.plan(), widths.tolist(), x, y, settings.seed, validation)
    return networks, np.flatnonzero(kept).tolist()


def width_fits(table: Table, seed: int, data: CurveData) -> CapacityFits:
    """What a page draws of one seed of the table "widths"."""
    frame = table.frame
    frame = frame[frame["seed"] == seed].sort_values("width")
    curves = np.stack(frame["curve"].to_list())
    return CapacityFits(
        tuple(int(width) for width in frame["width"]),
        data.shift + data.scale * curves.astype(np.float64),
        data.shift + data.scale * np.stack(frame["fitted"].to_list()).astype(np.float64),
        frame["train_error"].to_numpy(np.float64),
        frame["test_error"].to_numpy(np.float64),
        frame["size"].to_numpy(np.float64),
        np.empty((len(frame), 0)),
    )


def _measured(
    settings: WidthSettings, data: CurveData, networks: CurveNetworks, held: Sequence[int]
) -> dict[str, Any]:
    """A row for each network: its errors and its curve, in the units that the networks see."""
    return {
        "width": networks.widths,
        "seed": np.tile(np.arange(settings.seeds), len(settings.widths)),
        **_errors(data, networks, held),
        "size": networks.weight_sizes,
        "stopped": networks.best_step if settings.patience else np.full(len(networks), networks.step),
        "curve": networks.values(data.grid).astype(np.float32),
        "fitted": networks.values(data.x).astype(np.float32),
    }


def _errors(
    data: CurveData, networks: CurveNetworks, held: Sequence[int], kept: bool = True
) -> dict[str, np.ndarray]:
    """Of the weights that early stopping keeps, or of those of now. What it looks at is no training
    sample.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.square(networks.values(data.x, kept) - data.y)
    return {
        "train_error": data.scale**2 * np.delete(squares, held, axis=1).mean(axis=1),
        "test_error": data.test_error(networks.values(data.probes, kept)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    return lab_main("curve", WidthSettings, work, arguments)


if __name__ == "__main__":
    sys.exit(main())
