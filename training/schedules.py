"""How the learning rate changes over a run: the table of schedules, each torch.optim.lr_scheduler's own.

A run's learning rate is the largest value its schedule reaches; everything else is a share of it, and
shares are what these schedules compute (training/running_schedule.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch.optim import lr_scheduler

from models.catalog import Catalog, Parameter, checked_settings
from training.running_schedule import RunningSchedule


@dataclass(frozen=True)
class Schedule:
    """A row of SCHEDULES. `build(optimizer, total_steps, steps_per_epoch, **settings)` starts it: steps are
    optimizer updates, and total_steps is those of the whole run.
    """

    name: str
    title: str
    formula: (
        str  # LaTeX of the rate: eta_max is the run's learning rate, t the update, T the last, e the epoch
    )
    summary: str
    source: str
    build: Callable[..., RunningSchedule]
    parameters: tuple[Parameter, ...] = ()


def _dummy() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def _constant(optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int) -> RunningSchedule:
    return RunningSchedule(optimizer, lr_scheduler.ConstantLR(_dummy(), factor=1.0), "epoch")


def _step(
    optimizer: torch.optim.Optimizer,
    total_steps: int,
    steps_per_epoch: int,
    step_epochs: int,
    step_factor: float,
) -> RunningSchedule:
    return RunningSchedule(optimizer, lr_scheduler.StepLR(_dummy(), step_epochs, step_factor), "epoch")


def _exponential(
    optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int, epoch_factor: float
) -> RunningSchedule:
    return RunningSchedule(optimizer, lr_scheduler.ExponentialLR(_dummy(), epoch_factor), "epoch")


def _half_cosine(done: float, final_share: float) -> float:
    """From 1 at `done` = 0 to final_share at 1, and no further."""
    return final_share + (1 - final_share) * (1 + math.cos(math.pi * min(1.0, done))) / 2


def _cosine(
    optimizer: torch.optim.Optimizer, total_steps: int, steps_per_epoch: int, final_share: float
) -> RunningSchedule:
    # Not CosineAnnealingLR: it computes each rate from the last, so that rounding adds up over a long run
    scheduler = lr_scheduler.LambdaLR(
        _dummy(), lambda step: _half_cosine(step / max(1, total_steps), final_share)
    )
    return RunningSchedule(optimizer, scheduler, "batch")


def _plateau(
    optimizer: torch.optim.Optimizer,
    total_steps: int,
    steps_per_epoch: int,
    plateau_factor: float,
    plateau_patience: int,
) -> RunningSchedule:
    scheduler = lr_scheduler.ReduceLROnPlateau(
        _dummy(), factor=plateau_factor, patience=plateau_patience, eps=0
    )
    return RunningSchedule(optimizer, scheduler, "loss")


def _cyclic(
    optimizer: torch.optim.Optimizer,
    total_steps: int,
    steps_per_epoch: int,
    cycle_epochs: float,
    lowest_share: float,
) -> RunningSchedule:
    half = max(1, round(cycle_epochs * steps_per_epoch / 2))
    scheduler = lr_scheduler.CyclicLR(
        _dummy(), base_lr=lowest_share, max_lr=1.0, step_size_up=half, cycle_momentum=False
    )
    return RunningSchedule(optimizer, scheduler, "batch")


def _one_cycle(
    optimizer: torch.optim.Optimizer,
    total_steps: int,
    steps_per_epoch: int,
    peak_share: float,
    start_share: float,
    final_share: float,
) -> RunningSchedule:
    total = max(total_steps, 3)
    scheduler = lr_scheduler.OneCycleLR(
        _dummy(),
        max_lr=1.0,
        total_steps=total,
        pct_start=max(peak_share, 1.5 / total),  # torch divides by zero when the rise has one step or less
        div_factor=1 / start_share,
        final_div_factor=start_share / final_share,
        cycle_momentum=False,  # what torch would cycle is the dummy's momentum
    )
    return RunningSchedule(optimizer, scheduler, "batch", most_steps=total - 1)


def _warm_up(
    optimizer: torch.optim.Optimizer,
    total_steps: int,
    steps_per_epoch: int,
    warm_up_share: float,
    final_share: float,
) -> RunningSchedule:
    rising = round(warm_up_share * total_steps)

    def share(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return _half_cosine((step - rising) / max(1, total_steps - rising), final_share)

    return RunningSchedule(optimizer, lr_scheduler.LambdaLR(_dummy(), share), "batch")


def _final_share(default: float, low: float) -> Parameter:
    return Parameter(
        "final_share",
        default,
        "learning rate at the end, as a share of the largest",
        low=low,
        high=1.0,
        symbol="f",
    )


SCHEDULES: Catalog[Schedule] = Catalog(
    "schedule",
    [
        Schedule(
            name="constant",
            title="Constant",
            formula=r"\eta_t = \eta_{max}",
            summary="The same learning rate from beginning to end.",
            source="Robbins and Monro 1951 prove convergence only for rates that shrink",
            build=_constant,
        ),
        Schedule(
            name="step",
            title="Steps",
            formula=r"\eta_e = \eta_{max} \, \gamma^{\lfloor e / n \rfloor}",
            summary="Cut by a factor every n epochs.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html",
            build=_step,
            parameters=(
                Parameter(
                    "step_epochs",
                    10,
                    "epochs between cuts",
                    kind="integer",
                    low=1,
                    high=1000,
                    log=True,
                    unit="epochs",
                    symbol="n",
                ),
                Parameter(
                    "step_factor",
                    0.3,
                    "what is left after each cut",
                    low=0.01,
                    high=1.0,
                    step=0.01,
                    symbol=r"\gamma",
                ),
            ),
        ),
        Schedule(
            name="exponential",
            title="Exponential",
            formula=r"\eta_e = \eta_{max} \, \gamma^{e}",
            summary="Cut by the same small share every epoch.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html",
            build=_exponential,
            parameters=(
                Parameter(
                    "epoch_factor",
                    0.95,
                    "what is left after each epoch",
                    low=0.5,
                    high=1.0,
                    step=0.005,
                    symbol=r"\gamma",
                ),
            ),
        ),
        Schedule(
            name="cosine",
            title="Cosine",
            formula=r"\eta_t = \eta_{max}\left(f + (1 - f) \, \frac{1 + \cos(\pi t / T)}{2}\right)",
            summary="Half a cosine over the whole run: slow at both ends. No restarts.",
            source="Loshchilov and Hutter 2016, arXiv:1608.03983, equation 5",
            build=_cosine,
            parameters=(_final_share(0.0, 0.0),),
        ),
        Schedule(
            name="plateau",
            title="Plateau",
            formula=r"\eta \leftarrow \gamma \eta \quad \text{after } p \text{ epochs without a better loss}",
            summary="Cut when the validation loss has stopped falling.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html",
            build=_plateau,
            parameters=(
                Parameter(
                    "plateau_factor",
                    0.5,
                    "what is left after each cut",
                    low=0.01,
                    high=0.99,
                    step=0.01,
                    symbol=r"\gamma",
                ),
                Parameter(
                    "plateau_patience",
                    3,
                    "epochs without improvement that are forgiven",
                    kind="integer",
                    low=0,
                    high=100,
                    unit="epochs",
                    symbol="p",
                ),
            ),
        ),
        Schedule(
            name="cyclic",
            title="Cyclic",
            formula=r"\eta_t = \eta_{max}\left(l + (1 - l) \, "
            r"\left(1 - \left|2 \frac{t}{c} \bmod 2 - 1\right|\right)\right)",
            summary="Up and down in triangles: out of one valley, into the next.",
            source="Smith 2015, arXiv:1506.01186",
            build=_cyclic,
            parameters=(
                Parameter(
                    "cycle_epochs",
                    4.0,
                    "epochs from one low to the next",
                    low=0.1,
                    high=1000.0,
                    log=True,
                    unit="epochs",
                    symbol="c",
                ),
                Parameter(
                    "lowest_share",
                    0.1,
                    "lowest learning rate, as a share of the largest",
                    low=0.0,
                    high=1.0,
                    step=0.01,
                    symbol="l",
                ),
            ),
        ),
        Schedule(
            name="one_cycle",
            title="One cycle",
            formula=r"\eta: s\,\eta_{max} \nearrow \eta_{max} \searrow f\,\eta_{max} \ (\text{half cosines})",
            summary="One rise and one long fall: it allows a larger learning rate than usual.",
            source="Smith and Topin 2017, arXiv:1708.07120",
            build=_one_cycle,
            parameters=(
                Parameter(
                    "peak_share", 0.3, "share of the run that the rise takes", low=0.05, high=0.9, step=0.05
                ),
                Parameter(
                    "start_share",
                    0.04,
                    "learning rate at the start, as a share of the largest",
                    low=0.001,
                    high=1.0,
                    log=True,
                    symbol="s",
                ),
                _final_share(1e-5, 1e-8),
            ),
        ),
        Schedule(
            name="warm_up",
            title="Warm-up",
            formula=r"\eta_t = \eta_{max} \begin{cases} \frac{t + 1}{wT + 1} & t < wT \\"
            r" f + (1 - f)\,\frac{1 + \cos\left(\pi \frac{t - wT}{T - wT}\right)}{2} & \text{else}"
            r" \end{cases}",
            summary="A straight rise, so that the first steps do no harm, then a cosine to the end.",
            source="Goyal et al. 2017, arXiv:1706.02677, section 2.2; Loshchilov and Hutter 2016",
            build=_warm_up,
            parameters=(
                Parameter(
                    "warm_up_share",
                    0.1,
                    "share of the run that the rise takes",
                    low=0.0,
                    high=0.9,
                    step=0.01,
                    symbol="w",
                ),
                _final_share(0.0, 0.0),
            ),
        ),
    ],
)


def build_schedule(
    name: str,
    optimizer: torch.optim.Optimizer,
    total_steps: int,
    steps_per_epoch: int,
    settings: Mapping[str, Any] | None = None,
) -> RunningSchedule:
    """The named schedule on this optimizer, whose present learning rate is the largest it will have.

    UnknownNameError for the name, ValueError for a setting.
    """
    row = SCHEDULES[name]
    checked = checked_settings(name, row.parameters, settings or {})
    return row.build(optimizer, total_steps, steps_per_epoch, **checked)


def learning_rates(
    name: str, settings: Mapping[str, Any] | None, learning_rate: float, epochs: int, steps_per_epoch: int
) -> numpy.ndarray:
    """The learning rate of every update of a run, [epochs * steps_per_epoch], for a preview.

    The plateau schedule waits for losses that nobody has yet, so its preview is flat. The shape depends
    only on the epochs: for a quick preview of a long run give fewer steps an epoch.
    """
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=learning_rate)
    schedule = build_schedule(name, optimizer, epochs * steps_per_epoch, steps_per_epoch, settings)
    rates = numpy.empty(epochs * steps_per_epoch)
    falling = float("inf")
    for epoch in range(epochs):
        for step in range(steps_per_epoch):
            rates[epoch * steps_per_epoch + step] = schedule.learning_rate
            schedule.step_batch()
        falling = epochs - epoch  # an ever better loss
        schedule.step_epoch(float(falling))
    return rates
