"""One training of a study: which configuration, which samples, and whose place it takes.

A study (a cross-validation, a sweep) says what is to be trained as jobs; whoever trains them, alone or many
at once, in this process or in another, needs nothing else. What became of a job is in its run directory only:
a study and the place in it (`member`) name the run, and the catalog of runs finds it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from logs.catalog import RunCatalog, RunSummary
from training.config import RunConfig
from training.data import Data, DataError, load_data, read_samples
from training.datasets import Samples
from training.splits import Split

Key = tuple[tuple[str, Any], ...]  # a member's place in its study, in an order of its own
# After an epoch, from the place in the batch to the validation score: whom to end, and why ("pruned ...").
Judge = Callable[[int, Mapping[int, float]], Mapping[int, str]]
KINDS = ("fold", "trial", "variant", "side")  # of members
KEPT_SAMPLES = 4  # data sets that a process keeps; those drawn from a seed are as many as there are seeds
PRUNED = "pruned "  # how the error of a member that a judge has ended begins

# Fields of a configuration that decide which samples there are, and how they are prepared
DECIDE_DATA = (
    "dataset",
    "dataset_settings",
    "task",
    "seed",
    "train_samples",
    "validation_share",
    "test_share",
    "batch_size",  # is refused where it exceeds the samples
)


@dataclass(frozen=True)
class Job:
    """One training. It can be pickled: workers of any engine take it."""

    config: RunConfig
    kind: str  # one of KINDS
    member: Mapping[str, int]  # its place in the study, such as {"repeat": 0, "fold": 3}
    study: str  # the study's run id
    split: Split | None = None  # None: as the configuration draws it

    @property
    def key(self) -> Key:
        return key_of(self.member)

    @property
    def title(self) -> str:
        """Counted from 1, as people count and as the pages do."""
        if self.kind in ("variant", "side"):  # the configuration's name says which
            return f"seed {self.member['seed'] + 1}"
        return ", ".join(f"{name} {number + 1}" for name, number in self.member.items())


def key_of(member: Mapping[str, Any]) -> Key:
    """The same for mappings of the same content."""
    return tuple(sorted(member.items()))


def members(runs: Path, study: str) -> dict[Key, RunSummary]:
    """The run of each member of a study: one that has come to its end (finished, failed, pruned), else the
    newest.
    """
    found: dict[Key, RunSummary] = {}
    for row in all_members(runs, study):  # the newest first
        former = found.get(key := key_of(row.info.member if row.info is not None else {}))
        if former is None or (is_settled(row) and not is_settled(former)):
            found[key] = row
    return found


def all_members(runs: Path, study: str) -> list[RunSummary]:
    """Every run of a study, also the lost ones that others have taken the place of; the newest first."""
    rows = _catalog(runs).rows()
    return [row for row in rows if row.group == study and row.kind in KINDS and row.info is not None]


def is_settled(row: RunSummary) -> bool:
    """True where nothing is left to do: what was stopped by hand or lost is trained again when the study is
    resumed.
    """
    pruned = row.status is not None and row.status.error.startswith(PRUNED)
    return row.state in ("finished", "failed") or (row.state == "stopped" and pruned)


def samples_of(config: RunConfig, data_root: Path) -> Samples:
    """The configuration's samples, read once in a process; DataError as `load_data` raises it."""
    key = _sample_key(config, data_root)
    if key not in _READ:
        while len(_READ) >= KEPT_SAMPLES:
            _READ.pop(next(iter(_READ)))
        _READ[key] = read_samples(config, data_root)
    return _READ[key]


def has_read(config: RunConfig, data_root: Path) -> Samples | None:
    """Its samples, if this process has read them."""
    return _READ.get(_sample_key(config, data_root))


def prepared(jobs: Sequence[Job], device: torch.device, data_root: Path) -> list[Data | Exception]:
    """Each job's own samples, or the error that `load_data` raises. Jobs that differ in nothing that decides
    which samples they get (the trials of a sweep) share one set of tensors.
    """
    known: dict[Any, Data | Exception] = {}
    found = []
    for job in jobs:
        own = {name: getattr(job.config, name) for name in DECIDE_DATA}
        key = (*own.values(), None if job.split is None else id(job.split))
        if key not in known:
            try:
                samples = samples_of(job.config, data_root)
                known[key] = load_data(job.config, device, data_root, job.split, samples)
            except (DataError, OSError) as error:
                known[key] = error
        found.append(known[key])
    return found


_READ: dict[tuple[Any, ...], Samples] = {}


def _sample_key(config: RunConfig, data_root: Path) -> tuple[Any, ...]:
    return config.dataset, config.dataset_settings, config.seed, config.task, data_root


@functools.lru_cache(maxsize=8)
def _catalog(runs: Path) -> RunCatalog:
    return RunCatalog(runs)  # a catalog reads again only what has changed
