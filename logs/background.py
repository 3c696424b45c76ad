"""The writer's second thread: whatever takes longer than a microsecond happens here.

Every fifth of a second, or when woken, it makes segments ahead of the training thread, folds full ones into
parts, writes pictures and predictions, takes requests, and once a second replaces status.json.

Its pieces of Python are short (a segment is 16,384 records) and the long ones, in Arrow, NumPy and the
kernel, release the interpreter: the training thread never waits a millisecond for it
(benchmarks/log_calls.py).
"""

from __future__ import annotations

import contextlib
import errno
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from logs.compaction import compact_rows, compact_scalars, fold_rows, fold_segments
from logs.curve import Curve, Series
from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.media import Medium, write_media
from logs.parts import next_number, part_name, publish
from logs.predictions import Predictions, write_predictions
from logs.recorder import Recorder
from logs.requests import Request, take_requests
from logs.status import Status, write_status
from logs.tally import Tally
from logs.wal import Segment, curves

TICK_SECONDS = 0.2
BEAT_SECONDS = 1.0
WAITING_BYTES = 256 << 20  # pictures and predictions that may wait to be written


class Background(threading.Thread):
    """Owned by one RunWriter. `finish` is called by the writer, after logging has ended."""

    def __init__(
        self, directory: RunDirectory, status: Status, tally: Tally, say: Callable[[str], None]
    ) -> None:
        super().__init__(name="run-log", daemon=True)
        self.directory = directory
        self.status = status
        self.recorder: Recorder
        self.requests: deque[Request] = deque()
        self.progress: dict[str, float] = {}  # what the training thread said last; replaced, never changed
        self._tally = tally
        self._say = say
        self._said: set[str] = set()
        self._woken = threading.Event()
        self._ending = threading.Event()
        self._media: deque[Medium] = deque()
        self._predictions: deque[Predictions] = deque()
        self._waiting_bytes = 0
        self._counted = 0  # records of the current segment that the tally knows
        self._beats: deque[tuple[float, int]] = deque(maxlen=10)  # time and step, for the rate
        self._last_beat = 0.0

    def wake(self) -> None:
        self._woken.set()

    def add(self, item: Medium | Predictions) -> None:
        """Queues a row for media/ or predictions/; one that would exceed the memory set aside is dropped."""
        size = item.bytes if isinstance(item, Medium) else item.index.nbytes * 8
        if self._waiting_bytes + size > WAITING_BYTES:
            self._say_once("queue", "pictures are logged faster than they can be written; some are left out")
            return
        self._waiting_bytes += size
        if isinstance(item, Medium):
            self._media.append(item)
        else:
            self._predictions.append(item)

    def run(self) -> None:
        while not self._ending.is_set():
            self._woken.wait(TICK_SECONDS)
            self._woken.clear()
            try:
                self._turn()
            except Exception as error:  # training goes on; what was logged is in the segments
                self._say_once("turn", f"the run log's thread met {type(error).__name__}: {error}")

    def finish(self, state: str, error: str) -> None:
        """Ends the thread, brings the run into its final form, and says last that it has ended."""
        self._ending.set()
        self._woken.set()
        self.join()
        self._write_waiting()
        self._count()
        self.recorder.current()[0].close()
        with self._trouble("scalars/"):
            fold_segments(self.directory)
            compact_scalars(self.directory)
        for folder in (self.directory.media, self.directory.predictions):
            with self._trouble(f"{folder.name}/"):
                compact_rows(folder)
        self.status = replace(self._current_status(), state=state, error=error, eta_seconds=math.nan)
        self.write_status()

    def write_status(self) -> None:
        with self._trouble("status.json"):
            write_status(self.directory, replace(self.status, heartbeat=time.time()))

    def _turn(self) -> None:
        self._fill()
        self._count()
        now = time.monotonic()
        if now - self._last_beat >= BEAT_SECONDS:
            self._last_beat = now
            self.status = self._current_status()
            self.write_status()
            self._write_waiting()
        self.requests.extend(take_requests(self.directory))

    def _fill(self) -> None:
        """Segments ahead of the training thread; says once when the disk is full, and when it is not any
        more.
        """
        lost = self.recorder.lost_rows
        if self.recorder.fill():
            if "rows" in self._said:
                self._said.discard("rows")
                self._say(f"there is room on the disk again; {lost} values were not logged meanwhile")
        elif lost:
            reason = self.recorder.no_room
            self._say_once(
                "rows", f"no room for the run's log ({_reason(reason)}); training goes on without it"
            )

    def _count(self) -> None:
        """Brings the tally up to date, and folds the segments that are full."""
        current, written = self.recorder.current()  # before the full ones: all of those are older
        while (segment := self.recorder.take_full()) is not None:
            self._fold(segment)
            self._fill()
            written = 0 if segment is current else written
        if written > self._counted:
            self._tally.add(curves(current.records(self._counted, written), current.groups))
            self._counted = written

    def _fold(self, segment: Segment) -> None:
        records = segment.records(0, segment.written)
        rows = curves(records, segment.groups)
        newer = curves(records[self._counted :], segment.groups) if self._counted else rows
        self._tally.add(newer)
        self._counted = 0
        if self._folded(segment.number, rows):
            segment.remove()
        else:
            segment.close()  # it stays, readable, until the run is finished or repaired

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
        self._waiting_bytes = 0

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
        """Steps per second over the last beats, for a loop that doesn't say it."""
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


def _reason(error: BaseException | None) -> str:
    if isinstance(error, OSError):
        return "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return str(error)
