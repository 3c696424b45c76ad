"""How the jobs of a study are trained: which at the same time, in how many processes, and why.

Small networks gain from company, large ones keep a core busy each: a few steps of both ways are timed on the
study's own jobs (`training.batched_plan`), and what is estimated to end first is done. A person can choose.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from training.batched_plan import time_alone, time_together
from training.config import ConfigError
from training.data import Data
from training.devices import choose_device
from training.jobs import Job, prepared
from training.loop import batches_in
from training.members import Member, why_not_together
from training.memory import keep_freed_memory

WAYS = ("auto", "together", "alone")
START_SECONDS = 2.5  # until worker processes are there, on a machine of today: they import PyTorch
# What the log adds, measured on two cores with small networks; it decides only where the steps take no longer
STEP_SECONDS = 0.00015  # a step of one network by itself
LEAST_SECONDS = 0.0002  # a step of the smallest network: PyTorch's calls
ALONE_SECONDS = 0.1  # a run by itself: its folder, its threads, its final form
TOGETHER_SECONDS = 0.03  # a run among others
QUICK_SECONDS = 0.01  # a step that is timed again
SPLIT_GAIN = 0.7  # of the time that companies in several processes may take, to be worth it
EPOCH_ENDS = 1.1  # the time of an epoch is so many times that of its steps
MOST = 200  # jobs of one batch: more gain nothing, and each has files open
TIMED = 32  # jobs that are timed together at most: of more, the time is taken in proportion
PICTURE_BYTES = 2 * 2**30  # samples of one batch in memory; above that, smaller batches


@dataclass(frozen=True)
class StudyPlan:
    """The content of plan.json. Seconds are of the whole work, estimated; None where nothing was measured."""

    way: str  # together or alone
    reason: str  # in a sentence or two
    engine: str
    workers: int  # processes that train; 0: the driver's own
    asked: str  # auto, together or alone
    together_seconds: float | None = None
    alone_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Batches:
    """Jobs in batches that are trained one after another or in several processes."""

    plan: StudyPlan
    batches: tuple[tuple[Job, ...], ...]  # alone: of one job each

    @property
    def together(self) -> bool:
        return self.plan.way == "together"

    @property
    def at_once(self) -> int:
        """Jobs that train at the same time, in all processes."""
        return sum(map(len, self.batches[: max(1, self.plan.workers)]))


def planned(
    jobs: Sequence[Job],
    data_root: Path,
    asked: str,
    engine: str,
    workers: int,
    known: dict[Any, Any],
    ready: bool = False,
) -> list[Batches]:
    """What to do with jobs, for each group of them that fits together. `known` keeps what was measured, so
    that later jobs of the same kind are not timed again. `ready`: the workers are there already, so that even
    a second of work is worth sharing out.

    DataError for samples that can't be used; ConfigError where `asked` is "together" and can't be.
    """
    found: list[Batches] = []
    for group in _groups(jobs):
        key = (_signature(group[0]), asked, engine, workers, len(group) > 1, ready)
        if key not in known:
            known[key] = _plan(group, data_root, asked, engine, workers, ready)
        plan = known[key]
        found.append(Batches(plan, tuple(_batched(group, plan))))
    return found


def _signature(job: Job) -> tuple[Any, ...]:
    """What must be equal for jobs to be worth a look whether they fit together."""
    config = job.config
    chosen = (config.model, config.dataset, config.dataset_settings, config.task, config.batch_size)
    own = ("dropout", "initializer")
    shape = tuple((name, value) for name, value in config.model_settings.items() if name not in own)
    rest = (config.loss, config.loss_settings, config.optimizer, config.transforms, config.device)
    return (*chosen, shape, *rest, _flags(config.optimizer_settings))


def _flags(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple((name, value) for name, value in settings.items() if isinstance(value, bool))


def _groups(jobs: Iterable[Job]) -> list[list[Job]]:
    groups: dict[Any, list[Job]] = {}
    for job in jobs:
        groups.setdefault(_signature(job), []).append(job)
    return list(groups.values())


def _batched(group: Sequence[Job], plan: StudyPlan) -> list[tuple[Job, ...]]:
    if plan.way == "alone":
        return [(job,) for job in group]
    count = max(1, plan.workers, math.ceil(len(group) / MOST))
    ends = [len(group) * number // count for number in range(count + 1)]  # of sizes that differ by 1 at most
    return [tuple(group[start:end]) for start, end in itertools.pairwise(ends)]


def _plan(
    group: Sequence[Job], data_root: Path, asked: str, engine: str, workers: int, ready: bool
) -> StudyPlan:
    """Measures both ways on a group of jobs, unless a person has chosen or there is no choice."""
    device = choose_device(group[0].config.device)
    torch.set_num_threads(group[0].config.threads)  # as those who train do: what is timed must be what comes
    keep_freed_memory()
    sample = list(group[:TIMED])
    if asked == "alone":
        only = "" if len(group) > 1 else "there is one network to train; "
        return StudyPlan("alone", f"{only}each by itself was asked for", engine, workers, asked)
    if len(group) == 1:
        return StudyPlan("alone", "there is one network to train", engine, workers, asked)
    found = prepared(sample, device, data_root)
    for each in found:
        if isinstance(each, Exception):
            raise each
    datas = [each for each in found if isinstance(each, Data)]
    try:
        members = [Member.of(job.config, data) for job, data in zip(sample, datas, strict=True)]
        reason = why_not_together(members)
    except ValueError as error:  # samples that are read from files
        reason = str(error)
    if reason is not None:
        if asked == "together":
            raise ConfigError(f"these can't be trained at the same time: {reason}")
        return StudyPlan("alone", reason, engine, workers, asked)
    if asked == "together":
        return StudyPlan("together", "all at the same time was asked for", engine, 0, asked)
    return _measured(group, datas, members, engine, workers, ready)


def _measured(
    group: Sequence[Job],
    datas: Sequence[Data],
    members: Sequence[Member],
    engine: str,
    workers: int,
    ready: bool,
) -> StudyPlan:
    count = len(group)
    steps = max(
        job.config.epochs * batches_in(len(data.train), job.config.batch_size)
        for job, data in zip(group, datas, strict=False)
    )
    log = count * TOGETHER_SECONDS
    scale = EPOCH_ENDS * steps * count / len(members)
    start = 0.0 if engine == "serial" or ready else START_SECONDS

    def one_by_one(step: float) -> tuple[float, int]:
        """Seconds and processes of all by themselves, where a step of one takes `step` seconds."""
        one = ALONE_SECONDS + EPOCH_ENDS * steps * (step + STEP_SECONDS)
        return min((count * one, 0), (start + math.ceil(count / workers) * one, workers))

    enough = (one_by_one(LEAST_SECONDS)[0] - log) / scale  # seconds of a step below which nothing is to weigh
    every = time_together(members, enough)
    inside = log + scale * every  # all of them in one process
    if every < enough:
        processes = min(workers, count // 2) if ready else 0
        processes = processes if processes > 1 else 0
        why = (
            f"a step of {len(members)} networks takes {1000 * every:.3g} ms at once; all {count} take about "
            f"{_seconds(inside)} together, less than one by one whatever a step of one takes: small networks "
            "leave the machine idle" + (f"; {processes} processes share them" if processes else "")
        )
        return StudyPlan("together", why, engine, processes, "auto", inside)
    every = _again(every, members)
    inside = log + scale * every
    alone = time_alone(members[0])
    apart, singly = one_by_one(alone)
    split = math.inf
    if workers > 1 and count >= 2 * workers and start + inside / workers < apart:  # if shares cost no more
        few = members[: math.ceil(len(members) / workers)]
        split = start + log / workers + scale * _again(time_together(few), few)
    least, processes = (split, workers) if split < SPLIT_GAIN * inside else (inside, 0)
    says = (
        f"a step of {len(members)} networks takes {1000 * every:.3g} ms at once, and of one alone "
        f"{1000 * alone:.3g} ms; all {count} take about {_seconds(least)} together{_in(processes)} and "
        f"{_seconds(apart)} one by one{_in(singly)}"
    )
    if least <= apart:
        why = f"{says}; small networks leave the machine idle, so they are trained together"
        return StudyPlan("together", why, engine, processes, "auto", least, apart)
    why = f"{says}; each keeps a core busy by itself, so they are trained one by one"
    return StudyPlan("alone", why, engine, singly, "auto", least, apart)


def _in(processes: int) -> str:
    return f" in {processes} processes" if processes else ""


def _again(first: float, members: Sequence[Member]) -> float:
    """Seconds of a step, timed twice where that is quick: other work can only have slowed it down."""
    return min(first, time_together(members)) if first < QUICK_SECONDS else first


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
