"""The driver of a study: trains what is missing until the study says that it is over.

The truth is in the run directories alone. So a driver that was killed is started again and goes on: members
that have come to their end are kept, lost ones are trained anew in a directory of their own, and nothing is
trained twice.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from logs.catalog import RunSummary
from logs.directory import write_json
from logs.errors import LogsError
from logs.removal import remove
from logs.requests import send_request
from logs.writer import RunWriter
from training.alone import train_alone
from training.console import Console
from training.engines import Engine, cores, open_engine, run_pieces
from training.forked import ForkedWorker
from training.jobs import Job, Judge, Key, all_members, is_settled, key_of, members
from training.plans import Batches, planned
from training.together import train_together

PLAN = "plan.json"
STOP_FILE = ".stop"  # in the study's directory: its workers end when it appears
LOOK_SECONDS = 0.2  # between two looks for that file
WATCH_SECONDS = 2.0  # between two looks at how far the members are that other processes train
ORPHAN_SECONDS = 30.0  # that workers of a killed driver get to end


class StudyError(RuntimeError):
    """A study that can't go on; the text says why and what to do."""


@runtime_checkable  # tests check the types of what they call
class Study(Protocol):
    """What is to be trained. `jobs` depends on nothing but the study's options and `done`."""

    @property
    def title(self) -> str:
        """For a person, such as "10 stratified folds"."""

    @property
    def unit(self) -> str:
        """What one member is called: fold, trial."""

    @property
    def count(self) -> int:
        """Members in all, as far as is known."""

    def jobs(self, done: Mapping[Key, RunSummary]) -> list[Job]:
        """What is to be trained now, given the members that have come to their end (finished, failed or
        pruned). Empty: the study is over. Jobs that are in `done` may be among them, and are left out.
        """

    def judge(self, jobs: Sequence[Job]) -> Judge | None:
        """Who may end single ones of these jobs, which are trained in one place; it can be pickled."""


@dataclass(frozen=True)
class Means:
    """With what a study is trained."""

    engine: str = "auto"
    workers: int = 0  # 0: one a core
    way: str = "auto"  # together, alone, or whichever is measured to be faster
    gpus_per_worker: float = 0.0
    ready: tuple[ForkedWorker, ...] = ()  # processes of this machine that wait for work

    @property
    def asked(self) -> dict[str, Any]:
        """What a person may ask for: it repeats a study."""
        return {name: value for name, value in vars(self).items() if name != "ready"}


@dataclass(frozen=True)
class Piece:
    """Jobs for one worker; it can be pickled."""

    jobs: tuple[Job, ...]
    together: bool
    runs: Path
    data_root: Path
    judge: Judge | None
    company: int = 1  # jobs that train at this time, those of other workers with them


def train_piece(
    piece: Piece,
    should_stop: Callable[[], bool] | None = None,
    tick: Callable[[float], None] = lambda share: None,
) -> list[str]:
    """Trains a piece in this process, in a worker or in the driver itself; the ids of its runs.

    Runs that a dead worker left unfinished are removed; what has come to its end is not trained again.
    """
    study = piece.jobs[0].study
    stop = should_stop or StopFile(piece.runs / study)
    known = members(piece.runs, study)
    jobs = [job for job in piece.jobs if job.key not in known or not is_settled(known[job.key])]
    clear(piece.runs, study, {job.key for job in jobs})
    if not jobs or stop():
        return []
    if piece.together:
        return train_together(jobs, piece.runs, piece.data_root, stop, piece.judge, tick, piece.company)
    return [train_alone(job, piece.runs, piece.data_root, stop, piece.judge) for job in jobs]


@dataclass(frozen=True)
class Ahead:
    """What is read of runs where they were trained, so that the driver needn't do it all in the end."""

    read: Callable[[Path, Sequence[str]], Any]  # the folder of runs and ids; it and what it gives pickle
    keep: Callable[[Any], None]  # in the driver: what was read


def train_and_read(read: Callable[[Path, Sequence[str]], Any], piece: Piece) -> Any:
    """Trains a piece in a worker; what `read` finds in its runs."""
    return read(piece.runs, train_piece(piece))


def _nothing(*given: Any) -> None:
    pass


NO_LOOK = Ahead(_nothing, _nothing)


def clear(runs: Path, study: str, keys: set[Key]) -> None:
    """Moves unfinished runs of these members to the trash: others take their place."""
    for row in all_members(runs, study):
        member = row.info.member if row.info is not None else {}
        if key_of(member) in keys and not is_settled(row) and row.state != "running":
            with contextlib.suppress(LogsError):  # it stays in the list, lost, and counts for nothing
                remove(row.directory)


def release(runs: Path, study: str) -> None:
    """Waits until no worker of a former driver is at work on the study; StudyError where one doesn't end."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    asked: set[str] = set()
    while running := [row for row in all_members(runs, study) if row.state == "running"]:
        for row in running:
            if row.id not in asked:
                asked.add(row.id)
                send_request(row.directory, "stop")
        if time.monotonic() > deadline:
            ids = ", ".join(row.id for row in running)
            raise StudyError(f"{ids} still run and don't end; stop them, then resume {study}")
        time.sleep(LOOK_SECONDS)


class StopFile:
    """True once the driver has left the file; looks at the disk a few times a second at most."""

    def __init__(self, study: Path) -> None:
        self.path = study / STOP_FILE
        self._found = False
        self._looked = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._found and now - self._looked > LOOK_SECONDS:
            self._looked = now
            self._found = self.path.exists()
        return self._found


def run_study(
    study: Study,
    run: RunWriter,
    runs: Path,
    data_root: Path,
    means: Means,
    console: Console,
    should_stop: Callable[[], bool] = lambda: False,
    ahead: Ahead = NO_LOOK,
) -> tuple[str, str | None]:
    """Trains the study's members: how the study ended ("finished", "stopped", "failed") and why it failed.

    `run` is the study's own; its requests to stop are obeyed as `should_stop` is. What is raised keeps no
    worker busy: DataError and ConfigError for jobs that can't be trained, EngineError, StudyError.
    """
    return Driver(study, run, runs, data_root, means, console, should_stop, ahead).run()


class Driver:
    """One drive of a study, from what is there to its end or to a request to stop."""

    def __init__(
        self,
        study: Study,
        run: RunWriter,
        runs: Path,
        data_root: Path,
        means: Means,
        console: Console,
        should_stop: Callable[[], bool],
        ahead: Ahead = NO_LOOK,
    ) -> None:
        self.study, self.own, self.runs, self.data_root = study, run, runs, data_root
        self.means, self.console, self.should_stop, self.ahead = means, console, should_stop, ahead
        self.id = run.directory.id
        self.stop_file = run.directory.path / STOP_FILE
        self.stopping = False
        self.done = 0  # members that have come to their end
        self.watched = time.monotonic()
        self.troubles: list[str] = []
        self.measured: dict[Any, Any] = {}
        self.ways: Counter[str] = Counter()  # trainings that went each way
        self.engine: Engine | None = None
        self.stack = contextlib.ExitStack()

    def run(self) -> tuple[str, str | None]:
        self.stop_file.unlink(missing_ok=True)
        release(self.runs, self.id)
        tried: set[Key] = set()
        self.console.start(1, self.study.count, unit=self.study.unit)
        with self.stack:
            while not self.asked_to_stop():
                done = self.settled()
                self.note_progress(0.0)
                jobs = [job for job in self.study.jobs(done) if job.key not in done and job.key not in tried]
                if not jobs:
                    break
                tried |= {job.key for job in jobs}
                clear(self.runs, self.id, {job.key for job in jobs})
                self.train(jobs)
        return self.ending()

    def settled(self) -> dict[Key, RunSummary]:
        found = members(self.runs, self.id)
        done = {key: row for key, row in found.items() if is_settled(row)}
        self.done = len(done)
        return done

    def train(self, jobs: list[Job]) -> None:
        """All of these jobs, in whichever way is planned for them."""
        workers = len(self.means.ready) or self.means.workers or cores()
        engine = self.means.engine
        # Where a judge compares trainings, halves would learn of each other late, and not twice the same
        ready = bool(self.means.ready) and self.study.judge(jobs) is None
        batches = planned(jobs, self.data_root, self.means.way, engine, workers, self.measured, ready)
        for reason in dict.fromkeys(group.plan.reason for group in batches):
            self.console.say(reason)
        for group in batches:
            self.ways[group.plan.way] += sum(map(len, group.batches))
        largest = max(batches, key=lambda group: sum(map(len, group.batches)))
        told = {"groups": len(self.measured), "ways": dict(self.ways)}
        write_json(self.own.directory.path / PLAN, largest.plan.to_dict() | told)
        here = [group for group in batches if not group.plan.workers or engine == "serial"]
        for piece in self.pieces(here):
            if not self.asked_to_stop():
                train_piece(piece, self.asked_to_stop, lambda share, piece=piece: self.tick(piece, share))
                self.note_done(len(piece.jobs))
        elsewhere = self.pieces(group for group in batches if group not in here)
        if elsewhere and not self.asked_to_stop():
            work = partial(train_and_read, self.ahead.read)
            run_pieces(self.opened_engine(), elsewhere, work, self.after_piece, stop=self.watch)

    def pieces(self, batches: Iterable[Batches]) -> list[Piece]:
        return [
            Piece(jobs, group.together, self.runs, self.data_root, self.study.judge(jobs), group.at_once)
            for group in batches
            for jobs in group.batches
        ]

    def opened_engine(self) -> Engine:
        """Started when it is needed: a study that is over in a second needs no processes."""
        if self.engine is None:
            means = self.means
            self.engine = self.stack.enter_context(
                open_engine(means.engine, means.workers, means.gpus_per_worker, means.ready)
            )
            self.console.say(f"trains in {self.engine.title}")
        return self.engine

    def after_piece(self, piece: Piece, result: Any) -> None:
        if isinstance(result, BaseException):
            what = piece.jobs[0].title + (f" and {len(piece.jobs) - 1} others" if len(piece.jobs) > 1 else "")
            self.troubles.append(f"{what}: {result}")
            self.console.say(f"error: {self.troubles[-1]}")
        else:
            self.ahead.keep(result)
        self.note_done(len(piece.jobs))

    def tick(self, piece: Piece, share: float) -> None:
        self.note_progress(share * len(piece.jobs))

    def watch(self) -> bool:
        """Called again and again while others train: notes how far they are; whether to end."""
        now = time.monotonic()
        if now - self.watched > WATCH_SECONDS:
            self.watched = now
            rows = [row for row in all_members(self.runs, self.id) if row.state == "running"]
            states = [row.status for row in rows if row.status is not None and row.status.epochs]
            self.note_progress(sum(state.epoch / state.epochs for state in states))
        return self.asked_to_stop()

    def note_done(self, count: int) -> None:
        self.done += count
        self.note_progress(0.0)

    def note_progress(self, more: float) -> None:
        """`more`: members' worth of work on those that are under way."""
        step = int(self.done + more)
        self.own.progress(step=step, steps=max(self.study.count, step))
        self.console.after_step(step)

    def asked_to_stop(self) -> bool:
        """Also tells the workers."""
        if not self.stopping:
            asked = any(request.kind == "stop" for request in self.own.requests())
            self.stopping = asked or self.should_stop()
            if self.stopping:
                self.stop_file.touch()
        return self.stopping

    def ending(self) -> tuple[str, str | None]:
        """How the study ended, by what its members say."""
        self.stop_file.unlink(missing_ok=True)
        done = self.settled()
        self.note_progress(0.0)
        left = [job for job in self.study.jobs(done) if job.key not in done]
        if self.stopping and left:
            return "stopped", None
        if self.troubles:
            return "failed", f"{self.troubles[0]}; the others are kept: --resume {self.id}"
        if left:
            self.console.say(
                f"{len(left)} of {self.study.count} were stopped; --resume {self.id} trains them"
            )
            return "stopped", None
        failed = [row for row in done.values() if row.state == "failed"]
        if failed and len(failed) == len(done):
            error = failed[0].status.error if failed[0].status is not None else ""
            return "failed", f"every {self.study.unit} failed; {error}"
        return "finished", None
