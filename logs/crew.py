"""The threads behind runs: two for each run that is written alone, or two for all runs of a `Crew`.

    with Crew() as crew:
        runs = [RunWriter.create("runs", model="mlp", dataset="digits", crew=crew) for _ in range(100)]
        ...
        for run in runs:
            run.finish()

A hundred members of a study that one process trains would have two hundred threads, which take turns at the
interpreter. A crew's first thread does the turns of all its runs; the second one makes segments ahead.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from logs.wal import SHARED_CAPACITY, Segment

if TYPE_CHECKING:
    from logs.background import Background

TICK_SECONDS = 0.2
ROOM_SECONDS = 1.0  # after which a full disk is asked again
BEAT_BUDGET_SECONDS = 0.01  # of a round, for the status files of many runs: the oldest first, the rest later
REST = 10.0  # a round of many runs is followed by a pause of so many times its length
SPARES, SHARED_SPARES = 2, 1  # segments made ahead


class Crew:
    """Does the background work of the runs that are opened with it.

    As a context manager it finishes the runs that are still open, each as its own `with` would: failed with
    the exception's text, stopped by Ctrl-C, else finished. Runs may come and go while it lasts.
    """

    def __init__(self) -> None:
        self.shared = True
        self._members: dict[Background, Callable[[BaseException | None], None]] = {}
        self._changes = threading.RLock()  # a signal handler may finish a run
        self._awake: deque[Background] = deque()
        self._woken = threading.Event()
        self._needs_space = threading.Event()
        self._ending = threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()
        self._process = os.getpid()

    @classmethod
    def of_one(cls) -> Crew:
        """The threads of a run that is written alone: they end with it."""
        crew = cls()
        crew.shared = False
        return crew

    @property
    def create_segment(self) -> Callable[[Path, int], Segment]:
        """How its runs make a segment: small ones where there are many runs."""
        return partial(Segment.create, capacity=SHARED_CAPACITY)

    @property
    def waiting_bytes(self) -> int:
        """Of the pictures and predictions that wait to be written, in all its runs."""
        return sum(member.waiting_bytes for member in self._look())

    def check(self) -> None:
        """RuntimeError where it can take no run: it has ended, or belongs to a process that was forked."""
        if os.getpid() != self._process:
            raise RuntimeError(f"the crew belongs to process {self._process}, not its fork; make another one")
        if self._ending.is_set():
            raise RuntimeError("the crew has ended; open runs within its `with` block")

    def add(self, member: Background, finish: Callable[[BaseException | None], None]) -> None:
        """Takes on a run; `finish` is called for one that is still open when the crew ends."""
        self.check()
        with self._changes:
            self._members[member] = finish
            if not self._threads:
                self._threads = (
                    threading.Thread(target=self._take_turns, name="run-log", daemon=True),
                    threading.Thread(target=self._make_segments, name="run-log-space", daemon=True),
                )
                for thread in self._threads:
                    thread.start()
        self._needs_space.set()

    def remove(self, member: Background) -> None:
        """Lets go of a run; one that was alone has its threads ended."""
        with self._changes:
            self._members.pop(member, None)
        if not self.shared:
            self._end()

    def wake(self, member: Background) -> None:
        """Called by a training thread whose run has gone on to the next segment."""
        self._awake.append(member)
        self._needs_space.set()
        self._woken.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() != self._process:
            return
        try:
            with self._changes:
                left = list(self._members.values())
            for finish in left:
                finish(error)
        finally:
            self._end()

    def _end(self) -> None:
        """Ends the threads, after their present piece of work."""
        self._ending.set()
        self._needs_space.set()
        self._woken.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> tuple[Background, ...]:
        """Its runs at this moment. No lock: a dictionary is copied in one step."""
        return tuple(self._members)

    def _take_turns(self) -> None:
        due = time.monotonic() + TICK_SECONDS
        while not self._ending.is_set():
            self._woken.wait(max(0.0, due - time.monotonic()))
            self._woken.clear()
            awake = {self._awake.popleft() for _ in range(len(self._awake))}
            if time.monotonic() < due:
                for member in awake:  # folding can't wait, or the disk holds many segments
                    member.turn(not self.shared)
                continue
            began = time.monotonic()
            for member in sorted(self._look(), key=lambda member: member.last_beat):
                if self._ending.is_set():
                    break
                member.turn(not self.shared or time.monotonic() - began < BEAT_BUDGET_SECONDS)
            took = time.monotonic() - began
            due = time.monotonic() + max(TICK_SECONDS, REST * took if self.shared else 0.0)

    def _make_segments(self) -> None:
        spares = SHARED_SPARES if self.shared else SPARES
        while not self._ending.is_set():
            self._needs_space.clear()
            for member in self._look():
                member.make_segments(spares)
            self._needs_space.wait(ROOM_SECONDS)  # on a full disk there may be room later
