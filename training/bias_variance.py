r"""Bias, variance and noise: the parts of the error that a model of some capacity is expected to make.

With f the truth, \hat f_D what is fitted to a training set D, and new values y = f(x) + noise of variance
s^2:

    E_{D,x,y} (y - \hat f_D(x))^2 = E_x (E_D \hat f_D(x) - f(x))^2 + E_x Var_D \hat f_D(x) + s^2

(Geman, Bienenstock and Doursat 1992, doi:10.1162/neco.1992.4.1.1). E_D is a mean over training sets drawn
anew.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from logs.tables import write_table
from logs.writer import RunWriter
from training import polynomial
from training.capacities import JITTER_COPIES
from training.curve_networks import CurveNetworks
from training.curve_settings import POINTS, CurveSettings
from training.fields import option
from training.lab_script import LabError, lab_main
from training.memory import tiny_as_zero
from training.true_functions import TRUE_FUNCTIONS, draw_samples, grid

TABLE = "capacities"
SHOWN = 2  # every second place of the grid is in the table of curves
SLICE = 20  # steps between two looks whether to stop
PAUSE_SECONDS = 0.05
WIDE = 1000  # beyond every width: seeds of two widths never meet


@dataclass(frozen=True)
class BiasSettings(CurveSettings):
    """Networks of several widths, each fitted to many training sets."""

    resamples: int = option(200, "training sets", "Data", "integer", low=2, high=1000, log=True)

    def check(self) -> None:
        super().check()
        if self.function == POINTS:
            raise ValueError(
                "function is 'points'; bias is the distance to a truth, and of own points none is known: "
                f"choose one of {', '.join(TRUE_FUNCTIONS.names())}"
            )


@dataclass(frozen=True)
class Decomposition:
    """The parts for each capacity. `measured` is the error on new noisy values, drawn for each training set;
    `doubt` its standard error about the sum of the parts, since the values are finitely many.
    """

    bias_squared: Float[np.ndarray, " capacities"]
    variance: Float[np.ndarray, " capacities"]
    noise: float  # s^2
    measured: Float[np.ndarray, " capacities"]
    doubt: Float[np.ndarray, " capacities"]

    @property
    def total(self) -> Float[np.ndarray, " capacities"]:
        """Bias squared + variance + noise."""
        return self.bias_squared + self.variance + self.noise


def decompose(
    fits: Float[np.ndarray, "sets capacities grid"],
    truth: Float[np.ndarray, " grid"],
    noise: float,
    random: np.random.Generator,
) -> Decomposition:
    """The parts of the error of fits to `sets` training sets, averaged over places of equal weight.

    By the definition with the mean over these sets in place of the expectation: bias squared + variance is
    then exactly the mean squared distance to the truth, and bias squared is too large by variance / sets.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = fits.mean(axis=0)
        bias_squared = np.square(mean - truth).mean(axis=-1)
        variance = np.square(fits - mean).mean(axis=(0, 2))
        values = truth + noise * random.standard_normal((len(fits), 1, len(truth)))
        errors = np.square(values - fits).mean(axis=-1)  # [sets, capacities]
        apart = errors - np.square(fits - truth).mean(axis=-1) - noise**2
        doubt = (
            apart.std(axis=0, ddof=1) / np.sqrt(len(fits))
            if len(fits) > 1
            else np.full(fits.shape[1], np.inf)
        )
        return Decomposition(bias_squared, variance, noise**2, errors.mean(axis=0), doubt)


def polynomial_sets(
    function: str,
    samples: int,
    noise: float,
    seed: int,
    resamples: int,
    degrees: Sequence[int],
    ridge: float = 0.0,
    lasso: float = 0.0,
    jitter: float = 0.0,
) -> tuple[Decomposition, Float[np.ndarray, "sets degrees grid"]]:
    """Polynomials of these degrees fitted to every one of many training sets: their error in parts, and the
    curves. Milliseconds without an L1 penalty.
    """
    truth, random = TRUE_FUNCTIONS[function], np.random.default_rng([seed, samples, 3])
    x, y = draw_samples(truth, samples, noise, random, resamples)
    x, y = polynomial.jittered(x, y, jitter, JITTER_COPIES, seed)
    fits = polynomial.values(polynomial.fit(x, y, degrees, ridge, lasso), grid())
    return decompose(fits, truth.compute(grid()), noise, random), fits


@tiny_as_zero()
def work(settings: BiasSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None:
    """Trains and writes. LabError where a network has diverged."""
    groups = {width: networks_for(settings, width) for width in sorted(set(settings.widths), reverse=True)}
    effort = {width: 30 + width**settings.hidden_layers for width in groups}  # of a step, roughly
    stop, rows = threading.Event(), dict[int, dict[str, Any]]()

    @tiny_as_zero()  # in each thread
    def train(width: int) -> tuple[int, dict[str, Any], np.ndarray]:
        networks = groups[width]
        while not networks.done and not stop.is_set():
            networks.train(SLICE)
        return width, *_parts(settings, networks)

    with ThreadPoolExecutor(min(len(groups), os.cpu_count() or 1)) as pool:
        # The widest first: no core is left with it at the end
        waiting = [pool.submit(train, width) for width in groups]
        try:
            while waiting:
                if should_stop():
                    stop.set()
                made = sum(effort[width] * networks.share for width, networks in groups.items())
                step = round(settings.steps * made / sum(effort.values()))
                run.progress(epoch=step, epochs=settings.steps, step=step, steps=settings.steps)
                for task in [task for task in waiting if task.done()]:
                    waiting.remove(task)
                    width, row, curves = task.result()
                    if groups[width].done:  # of one that was stopped half-way nothing can be said
                        rows[width] = row
                        _write(run, settings, rows, width, curves)
                time.sleep(PAUSE_SECONDS)
        finally:
            stop.set()  # whatever happened, the others end too
    for split in ("train", "test"):
        for width in sorted(rows):  # the run's own curves: error against width
            run.log(width, {"loss": rows[width][f"{split}_error"]}, split=split, epoch=float(width))
    broken = [width for width, row in rows.items() if not np.isfinite(row["measured"])]
    if broken:
        raise LabError(
            f"networks of width {', '.join(map(str, sorted(broken)))} have diverged; choose a learning rate "
            f"below {settings.learning_rate:g}"
        )


def networks_for(settings: BiasSettings, width: int) -> CurveNetworks:
    """One network of that width for each training set, untrained. All widths get the same sets."""
    random = np.random.default_rng([settings.seed, settings.samples, 3])
    truth = TRUE_FUNCTIONS[settings.function]
    x, y = draw_samples(truth, settings.samples, settings.noise, random, settings.resamples)
    validation = None
    if settings.patience:
        order = np.argsort(random.random(x.shape), axis=1)
        x, y = np.take_along_axis(x, order, 1), np.take_along_axis(y, order, 1)
        kept = settings.stopping_samples
        validation, x, y = (x[:, :kept], y[:, :kept]), x[:, kept:], y[:, kept:]
    widths = [width] * settings.resamples
    return CurveNetworks(settings.plan(), widths, x, y, settings.seed * WIDE + width, validation)


def _parts(settings: BiasSettings, networks: CurveNetworks) -> tuple[dict[str, Any], np.ndarray]:
    """A capacity's row, and its curves [sets, places]."""
    curves, truth = networks.values(grid()), TRUE_FUNCTIONS[settings.function].compute(grid())
    random = np.random.default_rng([settings.seed, 4])  # the same new values for every capacity
    parts = decompose(curves[:, None], truth, settings.noise, random)
    with np.errstate(over="ignore", invalid="ignore"):
        train = np.square(networks.fitted() - networks.y[..., 0].double().numpy()).mean()
    row = {
        "bias_squared": parts.bias_squared[0],
        "variance": parts.variance[0],
        "noise": parts.noise,
        "measured": parts.measured[0],
        "doubt": parts.doubt[0],
        "train_error": train,
        "test_error": parts.total[0],
    }
    return {name: float(value) for name, value in row.items()}, curves


def _write(
    run: RunWriter, settings: BiasSettings, rows: Mapping[int, dict[str, Any]], width: int, curves: np.ndarray
) -> None:
    write_table(run.directory, curves_table(width), {"curve": curves[:, ::SHOWN].astype(np.float32)})
    ordered = sorted(rows)
    columns = {name: [rows[each][name] for each in ordered] for name in rows[width]}
    about = {"capacity": "width", "resamples": settings.resamples}
    write_table(run.directory, TABLE, {"capacity": ordered, **columns}, about)


def curves_table(capacity: int) -> str:
    """The name of the table with a capacity's curves: a row for each training set."""
    return f"curves_{capacity}"


def main(arguments: Sequence[str] | None = None) -> int:
    return lab_main("bias", BiasSettings, work, arguments)


if __name__ == "__main__":
    sys.exit(main())
