"""What the writer leaves to another thread: whatever takes longer than a microsecond happens here.

At its turn, every fifth of a second or when woken, a run has its requests taken and its full segments folded
into parts; once a second its status.json is replaced, and every few seconds its pictures and predictions are
written. A third thread does nothing but make segments ahead of the training thread: folding must not hold it
up. Whose turn it is, crew.py says.

Whoever computes in Python holds the interpreter, and the training thread waits. So rows are handled in
slices, with a `breath` between them that hands the interpreter over; what takes longer is in Arrow, NumPy or
the kernel, which release it. No wait of a millisecond is left (benchmarks/log_calls.py).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from logs.breath import SLICE_RECORDS, breath
from logs.compaction import compact_rows, compact_scalars, fold_rows, fold_segments
from logs.crew import Crew
from logs.curve import Curve, Series
from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.media import Medium, media_table, write_media
from logs.parts import next_number, part_name, publish
from logs.predictions import Predictions, predictions_table, write_predictions
from logs.recorder import Recorder
from logs.requests import Request, take_requests
from logs.status import Status, write_status
from logs.tally import Tally
from logs.wal import Segment, curves

BEAT_SECONDS = 1.0
QUIET = 600  # after pictures that took t seconds to write the next ones wait at least 600 t: 0.2% of a core
LONGEST_WAIT = 10.0  # seconds that a picture waits at most
WAITING_BYTES = 256 << 20  # pictures and predictions that may wait to be written, in all runs of a crew


class Background:
    """Owned by one RunWriter. `finish` is called by the writer, after logging has ended."""

    def __init__(
        self, directory: RunDirectory, status: Status, tally: Tally, say: Callable[[str], None], crew: Crew
    ) -> None:
        self.directory = directory
        self.status = status
        self.recorder: Recorder
        self.requests: deque[Request] = deque()
        self.progress: dict[str, float] = {}  # what the training thread said last; replaced, never changed
        self._tally = tally
        self._say = say
        self._said: set[str] = set()
        self._crew = crew
        self._turns = threading.RLock()  # one turn at a time, and none after the end
        self._ended = False
        self._needs_space = not crew.shared  # of many runs, most fill no segment: none is made ahead
        self._media: deque[Medium] = deque()
        self._predictions: deque[Predictions] = deque()
        self.waiting_bytes = 0
        self._counted = 0  # records of the current segment that the tally knows
        self._beats: deque[tuple[float, int]] = deque(maxlen=10)  # time and step, for the rate
        # A run that is over within a second writes its status twice and its pictures once
        self.last_beat = time.monotonic()
        self._next_media = self.last_beat + BEAT_SECONDS

    def wake(self) -> None:
        """Called by the training thread when it has gone on to the next segment."""
        self._needs_space = True
        self._crew.wake(self)

    def add(self, item: Medium | Predictions) -> None:
        """Queues a row for media/ or predictions/; one that would exceed the memory set aside is dropped."""
        size = item.bytes if isinstance(item, Medium) else item.index.nbytes * 8
        if self._crew.waiting_bytes + size > WAITING_BYTES:
            self._say_once("queue", "pictures are logged faster than they can be written; some are left out")
            return
        self.waiting_bytes += size
        if isinstance(item, Medium):
            self._media.append(item)
        else:
            self._predictions.append(item)

    def add_alike(self, items: Sequence[Medium]) -> None:
        """Queues rows of one size; one by one where they might not all have room."""
        size = len(items) * items[0].bytes if items else 0
        if self._crew.waiting_bytes + size > WAITING_BYTES:
            for item in items:
                self.add(item)
        else:
            self.waiting_bytes += size
            self._media.extend(items)

    def turn(self, may_beat: bool = True) -> None:
        """What there is to do now; `may_beat` False: without the status, pictures and predictions."""
        with self._turns:
            if self._ended:
                return
            try:
                self._turn(may_beat)
            except Exception as error:  # training goes on; what was logged is in the segments
                self._say_once("turn", f"the run log's thread met {type(error).__name__}: {error}")

    def make_segments(self, spares: int) -> None:
        """Makes segments ahead, where some were used or found no room on the disk."""
        if self._needs_space or self.recorder.no_room is not None:
            self._needs_space = False
            self.recorder.fill(spares)

    def finish(self, state: str, error: str) -> None:
        """Ends the turns, brings the run into its final form, and says last that it has ended."""
        self._crew.remove(self)
        with self._turns:
            self._ended = True
        tasks = (self._finish_scalars, self._finish_media, self._finish_predictions)
        if self._crew.shared:  # other runs end beside this one: threads of its own would only cost turns
            for task in tasks:
                task()
        else:
            _together(*tasks)
        self.waiting_bytes = 0
        self.status = replace(self._current_status(), state=state, error=error, eta_seconds=math.nan)
        self.write_status()

    def _finish_scalars(self) -> None:
        while (segment := self.recorder.take_full()) is not None:
            self._fold(segment)
        last, written = self.recorder.current()
        last.written = written
        if written:
            self._fold(last)
        else:
            last.remove()
        with self._trouble("scalars/"):
            fold_segments(self.directory)  # those that a full disk has held back
            compact_scalars(self.directory)

    def _finish_media(self) -> None:
        with self._trouble("media/"):
            media = list(self._media)
            compact_rows(self.directory.media, [media_table(media)] if media else [])

    def _finish_predictions(self) -> None:
        with self._trouble("predictions/"):
            tables = [predictions_table(rows) for rows in self._predictions]
            compact_rows(self.directory.predictions, tables)

    def write_status(self) -> None:
        with self._trouble("status.json"):
            write_status(self.directory, replace(self.status, heartbeat=time.time()))

    def _turn(self, may_beat: bool) -> None:
        now = time.monotonic()
        beat = may_beat and now - self.last_beat >= BEAT_SECONDS
        if beat or self.recorder.has_full:
            self._count()
        if beat:
            self.last_beat = now
            self.status = self._current_status()
            self.write_status()
        if may_beat and now >= self._next_media and (self._media or self._predictions):
            began = time.thread_time()
            self._write_waiting()
            rest = QUIET * (time.thread_time() - began)
            self._next_media = now + min(LONGEST_WAIT, max(BEAT_SECONDS, rest))
        self._watch_space()
        self.requests.extend(take_requests(self.directory))

    def _watch_space(self) -> None:
        """Says once when values found no room on the disk, and when there is room again."""
        lost, reason = self.recorder.lost_rows, self.recorder.no_room
        if reason is not None and lost:
            self._say_once(
                "room", f"no room for values ({_reason(reason)}); training goes on without its log"
            )
        elif reason is None and "room" in self._said:
            self._said.discard("room")
            self._say(f"run log: there is room again; {lost} values were not logged meanwhile")

    def _count(self) -> None:
        """Brings the tally up to date, and folds the segments that are full."""
        current, written = self.recorder.current()  # before the full ones: all of those are older
        while (segment := self.recorder.take_full()) is not None:
            self._fold(segment)
            written = 0 if segment is current else written
        self._count_to(current, written)

    def _fold(self, segment: Segment) -> None:
        """Counts the rest of a segment that is written to no more, and makes a part of it."""
        pieces: dict[Series, list[Curve]] = {}
        ends = {*range(SLICE_RECORDS, segment.written, SLICE_RECORDS), self._counted, segment.written}
        for start, end in itertools.pairwise(sorted({0, *ends})):
            found = curves(segment.records(start, end), segment.groups)
            for series, curve in found.items():
                pieces.setdefault(series, []).append(curve)
            if start >= self._counted:
                self._tally.add(found)
            breath()
        self._counted = 0
        if self._folded(segment.number, {series: Curve.joined(found) for series, found in pieces.items()}):
            segment.remove()
        else:
            segment.close()  # it stays, readable, until the run is finished or repaired

    def _count_to(self, segment: Segment, written: int) -> None:
        """Brings the tally up to `written` records of a segment."""
        while self._counted < written:
            end = min(written, self._counted + SLICE_RECORDS)
            self._tally.add(curves(segment.records(self._counted, end), segment.groups))
            self._counted = end
            breath()

    def _folded(self, number: int, rows: dict[Series, Curve]) -> bool:
        with self._trouble("scalars/"):
            fold_rows(self.directory, number, rows)
            return True
        return False

    def _write_waiting(self) -> None:
        """Pictures and predictions, one part for all pictures and one for each call with predictions."""
        if self._media:
            media = [self._media.popleft() for _ in range(len(self._media))]
            self._publish(self.directory.media, lambda path: write_media(path, media))
        while self._predictions:
            rows = self._predictions.popleft()
            self._publish(self.directory.predictions, lambda path, rows=rows: write_predictions(path, rows))
        self.waiting_bytes = 0

    def _publish(self, folder: Path, write: Callable[[Path], None]) -> None:
        with self._trouble(f"{folder.name}/"):
            number = next_number(folder)
            publish(folder / part_name(number, number), write)

    def _current_status(self) -> Status:
        progress = self.progress
        step = int(progress.get("step", self._tally.step))
        epoch = progress.get("epoch", self._tally.epoch)
        steps = int(progress.get("steps", self.status.steps))
        rate = progress.get("rate", math.nan)
        rate = rate if math.isfinite(rate) else self._measured_rate(step)
        left = max(0.0, steps - step) / rate if steps and rate > 0 else math.nan
        return replace(
            self.status,
            epoch=self.status.epoch if math.isnan(epoch) else epoch,
            epochs=progress.get("epochs", self.status.epochs),
            step=step,
            steps=steps,
            rate=rate,
            eta_seconds=left,
            last=self._tally.last,
            best=self._tally.best,
        )

    def _measured_rate(self, step: int) -> float:
        """Steps per second over the last beats, for a loop that doesn't say it.

        Before the first step nothing is measured: a study that goes on begins with all that it did before.
        """
        if not step:
            return math.nan
        self._beats.append((time.monotonic(), step))
        (start, first), (end, last) = self._beats[0], self._beats[-1]
        return (last - first) / (end - start) if end > start and last > first else math.nan

    @contextlib.contextmanager
    def _trouble(self, what: str):  # type: ignore[no-untyped-def]
        """A full disk, or a folder that was removed, is said once and does not end the training."""
        try:
            yield
        except (OSError, LogsError) as error:
            self._say_once(what, f"{self.directory.path / what} can't be written ({_reason(error)})")

    def _say_once(self, topic: str, line: str) -> None:
        if topic not in self._said:
            self._said.add(topic)
            self._say(f"run log: {line}")


def _together(*tasks: Callable[[], None]) -> None:
    """Does all of them at the same time: most of the end of a run is waiting for the disk."""
    threads = [threading.Thread(target=task, name="run-log-end") for task in tasks[1:]]
    started = []
    for thread, task in zip(threads, tasks[1:], strict=True):
        try:
            thread.start()
            started.append(thread)
        except RuntimeError:  # at the interpreter's end no thread can be started any more
            task()
    tasks[0]()
    for thread in started:
        thread.join()


def _reason(error: BaseException | None) -> str:
    if isinstance(error, OSError):
        return "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return str(error)
