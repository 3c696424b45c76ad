"""The hot call: one step's values into mapped memory, in a microsecond or two, from any thread.

A call that is the first with its metrics and split registers them (some 20 microseconds); every other one
packs 64 bytes. Segments are made ahead by the background thread; only when it can't keep up is one made here.
"""

from __future__ import annotations

import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from logs.row_block import RowBlock
from logs.vocabulary import SPLITS
from logs.wal import CAPACITY, GROUP_VALUES, HEADER_BYTES, RECORD, RECORD_BYTES, SEGMENT_BYTES, Group, Segment

NAME_BYTES = 64  # of a metric's name in UTF-8
SPARE_SEGMENTS = 2
MOST_GROUPS = 32  # of one row: a fresh header has room for as many, however long the names

# For one to four values: step, epoch, the values, wall time, group, commit (written last).
_PACK = {
    count: struct.Struct(f"<qd{count}d{8 * (GROUP_VALUES - count)}xqII").pack_into
    for count in range(1, GROUP_VALUES + 1)
}
_VOID = struct.Struct(f"<{RECORD_BYTES - 8}xII").pack_into


class Recorder:
    """Writes rows into segments. `wake` is called when the background thread has something to do."""

    def __init__(
        self,
        run: Path,
        first: int,
        wake: Callable[[], None],
        create: Callable[[Path, int], Segment] = Segment.create,
    ) -> None:
        self._run = run
        self._wake = wake
        self._create = create
        self._lock = threading.RLock()  # a signal handler that logs must not wait for the call it interrupted
        self._allocation = (
            threading.RLock()
        )  # segments are made one at a time, outside of the hot call's lock
        self._next = first
        self._spares: deque[Segment] = deque()
        self._full: deque[Segment] = deque()
        self._layouts: dict[tuple[Any, ...], tuple[Any, int]] = {}
        self._closed = ""
        self.lost_rows = 0  # values that found no room on a full disk
        self.no_room: OSError | None = None
        self._position = self._end = 0
        self._use(self._make())

    def append(
        self,
        step: int,
        values: Mapping[str, float],
        split: str | None,
        epoch: float,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """One step's values. TypeError or ValueError names what can't be logged; nothing is logged then."""
        with self._lock:
            try:
                pack, group = self._layouts[(*values, split)]
            except (KeyError, TypeError):
                self._append_first(step, values, split, epoch)
                return
            position = self._position
            if position >= self._end:
                self._append_first(step, values, split, epoch)
                return
            self._position = position + RECORD_BYTES
            try:
                pack(self._map, position, step, epoch, *values.values(), time_ns() // 1000, group, position)
            except BaseException as error:  # also Ctrl-C: a record that doesn't count would end the segment
                _VOID(self._map, position, 0, position)
                self._refuse(error, step, values, epoch)

    def append_rows(self, steps: Any, values: Mapping[str, Any], split: str | None, epochs: Any) -> None:
        """What a call of `append` for each row would write, but for the time: it is the same for all.

        TypeError or ValueError names what can't be logged; nothing is logged then.
        """
        metrics = _checked_metrics(values, split)
        block = RowBlock.checked(steps, values, metrics, split, epochs)
        if len(block.groups) > MOST_GROUPS:
            columns = {name: np.asarray(values[name], np.float64).tolist() for name in metrics}
            rows = block.records[:: len(block.groups)]
            for row, (step, epoch) in enumerate(
                zip(rows["step"].tolist(), rows["epoch"].tolist(), strict=True)
            ):
                self.append(step, {name: column[row] for name, column in columns.items()}, split, epoch)
            return
        with self._lock:
            if self._closed:
                raise RuntimeError(self._closed)
            block.records["wall_time"] = time.time_ns() // 1000
            done = 0
            while done < len(block.records):
                written = self._write(block, done)
                if not written:
                    self.lost_rows += block.values_from(done)
                    return
                done += written

    def fill(self, spares: int = SPARE_SEGMENTS) -> bool:
        """Makes spare segments until there are enough; False where the disk is full. Background thread."""
        with self._allocation:
            while len(self._spares) < spares and not self._closed:
                try:
                    self._spares.append(self._make())
                except OSError as error:
                    self.no_room = error
                    return False
        self.no_room = None
        return True

    @property
    def has_full(self) -> bool:
        """Whether there is a segment to take."""
        return bool(self._full)

    def take_full(self) -> Segment | None:
        """The oldest full segment that nobody has taken yet."""
        return self._full.popleft() if self._full else None

    def current(self) -> tuple[Segment, int]:
        """The segment in use, and how many of its records are written."""
        with self._lock:
            return self._segment, (self._position - HEADER_BYTES) // RECORD_BYTES

    def close(self, why: str) -> tuple[Segment, int]:
        """Ends logging: a later call raises RuntimeError with `why`. The last segment and its records."""
        with self._lock:
            last = self.current()
            self._closed = why
            self._end = 0
            self._layouts.clear()
        with self._allocation:
            while self._spares:
                self._spares.pop().remove()
        return last

    def forbid(self, why: str) -> None:
        """In a forked child: the segments belong to the parent and are left alone."""
        self._lock = threading.RLock()
        self._closed = why
        self._end = 0
        self._layouts.clear()

    def _append_first(self, step: int, values: Mapping[str, float], split: str | None, epoch: float) -> None:
        """The call that needs more than packing: new metrics, more than four of them, or a new segment."""
        if self._closed:
            raise RuntimeError(self._closed)
        metrics = _checked_metrics(values, split)
        for start in range(0, len(metrics), GROUP_VALUES):
            names = metrics[start : start + GROUP_VALUES]
            layout = self._layout(names, split)
            if layout is None:
                self.lost_rows += len(metrics) - start
                return
            pack, group = layout
            position = self._position
            self._position = position + RECORD_BYTES
            numbers = [values[name] for name in names]
            try:
                pack(self._map, position, step, epoch, *numbers, time.time_ns() // 1000, group, position)
            except BaseException as error:  # also Ctrl-C: a record that doesn't count would end the segment
                _VOID(self._map, position, 0, position)
                self._refuse(error, step, values, epoch)

    def _write(self, block: RowBlock, start: int) -> int:
        """Writes records of a block, from `start` on, as many as fit into one segment; 0: no room."""
        segment: Segment | None = None
        while segment is not self._segment:  # a group that its header has no room for goes on to the next one
            segment = self._segment if self._position < self._end else None
            layouts = [self._layout(names, block.split) for names in block.groups]
            if None in layouts:
                return 0
        position = self._position
        count = min(len(block.records) - start, (self._end - position) // RECORD_BYTES)
        stop = position + count * RECORD_BYTES
        records = block.records[start : start + count]
        numbers = np.array([layout[1] for layout in layouts if layout is not None], np.uint32)
        records["group"] = numbers[np.arange(start, start + count) % len(numbers)]
        self._position = stop
        try:
            self._put(records, position)
        except BaseException:  # Ctrl-C: records that don't count would end the segment
            self._put(records, position)
            raise
        return count

    def _put(self, records: np.ndarray, position: int) -> None:
        """The bytes first, then the commits: a record counts once all that is in it is there."""
        stop = position + len(records) * RECORD_BYTES
        self._map[position:stop] = records.view(np.uint8).data
        written = np.frombuffer(self._map, RECORD, len(records), position)
        try:
            written["commit"] = np.arange(position, stop, RECORD_BYTES)
        finally:
            del written  # a view that is left would keep the map from being closed

    def _layout(self, names: tuple[str, ...], split: str | None) -> tuple[Any, int] | None:
        """How to pack these metrics into a segment with room for them; None where none can be had."""
        if self._position >= self._end and not self._rotate():
            return None
        key = (*names, split)
        if key not in self._layouts:
            group = self._segment.add_group(Group(names, split))
            if not group:  # so many groups that the header is full: the next segment has a new one
                if not self._rotate():
                    return None
                group = self._segment.add_group(Group(names, split))
            self._layouts[key] = (_PACK[len(names)], group)
        return self._layouts[key]

    def _rotate(self) -> bool:
        """Goes on to the next segment; False where the disk has no room for one."""
        if not self._spares:
            self._wake()
            if self.no_room is not None or not self._make_spare():
                return False
        retired = self._segment
        retired.written = (self._position - HEADER_BYTES) // RECORD_BYTES
        self._use(self._spares.popleft())
        self._full.append(retired)
        self._wake()
        return True

    def _make_spare(self) -> bool:
        """Logging outran the background thread: a stall of a millisecond is better than lost rows."""
        with self._allocation:
            if not self._spares:
                try:
                    self._spares.append(self._make())
                except OSError as error:
                    self.no_room = error
                    return False
        return True

    def _make(self) -> Segment:
        segment = self._create(self._run, self._next)
        self._next += 1
        return segment

    def _use(self, segment: Segment) -> None:
        self._segment = segment
        self._map = segment.map
        self._position = HEADER_BYTES
        self._end = len(segment.map)
        self._layouts.clear()

    def _refuse(self, error: BaseException, step: Any, values: Mapping[str, Any], epoch: Any) -> NoReturn:
        """Says which of the values can't be logged."""
        if not isinstance(error, Exception):
            raise error
        try:
            struct.pack("<q", step)
        except struct.error:
            raise TypeError(f"the step is {step!r}; it must be a whole number of 64 bits") from None
        for name, value in [*values.items(), ("the epoch", epoch)]:
            try:
                struct.pack("<d", value)
            except Exception as reason:
                raise TypeError(f"{name} is {value!r}; it must be one number: {reason}") from None
        raise TypeError(f"{values!r} can't be logged at step {step!r}")


def _checked_metrics(values: Any, split: Any) -> tuple[str, ...]:
    """The metrics' names; TypeError or ValueError names the rule that one breaks."""
    if not isinstance(values, Mapping):
        raise TypeError(f'the values are {values!r}; they must be a dictionary such as {{"loss": 0.3}}')
    if split is not None and split not in SPLITS:
        raise ValueError(f"the split is {split!r}; it must be one of {', '.join(SPLITS)}, or None")
    for name in values:
        if not isinstance(name, str) or not name.strip():
            raise TypeError(f"a metric is named {name!r}; a name is a text such as 'loss'")
        if not name.isprintable():
            raise ValueError(f"a metric is named {name!r}; leave out line breaks and control signs")
        if len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES:
            raise ValueError(f"the metric {name[:20]!r}... has a name of more than {NAME_BYTES} bytes")
    return tuple(values)


assert CAPACITY * RECORD_BYTES + HEADER_BYTES == SEGMENT_BYTES < 2**32  # an offset fits into the commit field
