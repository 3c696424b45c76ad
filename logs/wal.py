"""The write-ahead log of a run: the rows that are in no Parquet part yet, in memory-mapped files.

A segment is one file, `scalars-<number>.wal` (number: six digits, from 000000) beside run.json. All numbers
in it are little-endian. It has its full length from the start; what is not written yet is zero.

    offset       bytes
    0            8       "DESCWAL1", written last when the file is made
    8            4       length of the header in bytes (32,768): where the first record starts
    12           4       length of a record in bytes (64)
    16           4       number of records that have room (32,768; 2,048 where many runs share a process)
    20           4       number of the segment, as in its name
    64           ...     the groups, one after the other, up to the end of the header:
                         uint16  length n of what follows; written last; 0 = no more groups
                         n bytes JSON in UTF-8: {"metrics": ["loss", "accuracy"], "split": "train"}
    32,768       64 each the records

    record, at   type
    0            int64   step
    8            float64 epoch (NaN = none)
    16           4 x float64  values, one for each metric of the group, in its order; the rest is void
    48           int64   wall time, microseconds since 1970-01-01 UTC
    56           uint32  group: 1 is the first one in the header; 0 = a record without values
    60           uint32  commit: the record's own offset in the file; written last

One record holds up to four values that were logged by one call; a call with more takes several. A record
counts when its commit field is right: a process killed in the middle of a record leaves one that doesn't
count. Records are written in order, so the first one that doesn't count ends the segment. The rows of a
segment are in the order of its records, and within a record in the order of the group's metrics.

The kernel holds the mapped pages: when the process dies, whatever the reason, nothing that was written is
lost. A power cut may lose what the kernel has not brought to the disk yet (about 30 seconds on Linux).
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from logs.curve import Curve, Series
from logs.errors import BrokenRunError

MAGIC = b"DESCWAL1"
HEADER_BYTES = 32768
RECORD_BYTES = 64
CAPACITY = 32768  # records in a segment: 50 ms of nothing but logging, or minutes of training
SHARED_CAPACITY = 2048  # where many runs share a process: a hundred of them then take 16 MB, not 210
SEGMENT_BYTES = HEADER_BYTES + CAPACITY * RECORD_BYTES
GROUPS_OFFSET = 64
GROUP_VALUES = 4  # values in a record

RECORD = np.dtype(
    [
        ("step", "<i8"),
        ("epoch", "<f8"),
        ("values", "<f8", (GROUP_VALUES,)),
        ("wall_time", "<i8"),
        ("group", "<u4"),
        ("commit", "<u4"),
    ]
)
_PREFIX = struct.Struct("<8sIIII")
_LENGTH = struct.Struct("<H")
_NAME = re.compile(r"scalars-(\d{6,})\.wal")


@dataclass(frozen=True)
class Group:
    """What the values of a record are."""

    metrics: tuple[str, ...]
    split: str | None


def segment_path(run: Path, number: int) -> Path:
    return run / f"scalars-{number:06d}.wal"


def segment_number(name: str) -> int | None:
    """The number in a file's name; None for a file that is no segment."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def allocate(descriptor: int, length: int) -> None:
    """Gives an empty file all its disk space now; OSError where there is none.

    A store into a mapped hole that finds the disk full ends the process with SIGBUS: there must be no holes.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, length)
        return
    zeros, done = bytes(1 << 16), 0  # macOS and Windows: written zeros are allocated
    while done < length:
        done += os.write(descriptor, zeros[: min(len(zeros), length - done)])


class Segment:
    """A segment being written: mapped, its pages present. Close it before its file is removed."""

    def __init__(self, path: Path, number: int, mapped: mmap.mmap) -> None:
        self.path = path
        self.number = number
        self.map = mapped
        self.written = 0  # records, once the writer has gone on to the next segment
        self.groups: list[Group] = []
        self._groups_end = GROUPS_OFFSET

    @classmethod
    def create(
        cls,
        run: Path,
        number: int,
        allocate: Callable[[int, int], None] = allocate,
        capacity: int | None = None,
    ) -> Segment:
        """A new file in the run's folder with room for `capacity` records (None: `CAPACITY`).

        OSError where the disk is full; nothing is left behind then.
        """
        capacity = CAPACITY if capacity is None else capacity
        length = HEADER_BYTES + capacity * RECORD_BYTES
        path = segment_path(run, number)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
        try:
            allocate(descriptor, length)
            mapped = mmap.mmap(descriptor, length)
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        os.close(descriptor)
        np.frombuffer(mapped, np.uint8)[:] = 0  # the page faults happen here, not in the training thread
        prefix = _PREFIX.pack(MAGIC, HEADER_BYTES, RECORD_BYTES, capacity, number)
        mapped[len(MAGIC) : len(prefix)] = prefix[len(MAGIC) :]
        mapped[: len(MAGIC)] = MAGIC
        return cls(path, number, mapped)

    def add_group(self, group: Group) -> int:
        """The group's number for records; 0 where the header has no room for it."""
        text = json.dumps({"metrics": group.metrics, "split": group.split}, ensure_ascii=False).encode()
        start = self._groups_end + _LENGTH.size
        if start + len(text) + _LENGTH.size > HEADER_BYTES:
            return 0
        self.map[start : start + len(text)] = text
        _LENGTH.pack_into(self.map, self._groups_end, len(text))  # last: a reader now sees the whole group
        self._groups_end = start + len(text)
        self.groups.append(group)
        return len(self.groups)

    def records(self, start: int, stop: int) -> np.ndarray:
        """A copy of the records from `start` up to `stop`."""
        offset = HEADER_BYTES + start * RECORD_BYTES
        return np.frombuffer(self.map, RECORD, stop - start, offset).copy()

    def close(self) -> None:
        self.map.close()

    def remove(self) -> None:
        """Closes the segment and removes its file; on Windows a reader may hold it: then it is left."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Records:
    """What a reader found in a segment: the records from `start` on, and all groups."""

    start: int
    rows: np.ndarray  # of RECORD
    groups: tuple[Group, ...]

    @property
    def stop(self) -> int:
        return self.start + len(self.rows)


def read_segment(path: Path, start: int = 0) -> Records:
    """The records from `start` on that count, copied; the file is closed again.

    FileNotFoundError where it has been folded into a part meanwhile; BrokenRunError where it is no segment.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < HEADER_BYTES:
            return Records(start, np.zeros(0, RECORD), ())  # being made
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        if mapped[: len(MAGIC)] == bytes(len(MAGIC)):
            return Records(start, np.zeros(0, RECORD), ())
        capacity = _checked_capacity(path, mapped)
        view = np.frombuffer(mapped, RECORD, capacity, HEADER_BYTES)
        rows = view[start : _committed(view, start)].copy()  # the commits are read before what they commit
        del view
        groups = _groups(path, mapped)  # after the records: a record's group is written before it
    finally:
        mapped.close()
    if len(rows) and int(rows["group"].max()) > len(groups):
        raise BrokenRunError(path, "has a record of a group it doesn't name", "repair the run")
    return Records(start, rows, groups)


def count_records(path: Path) -> int:
    """How many records of a segment count; 0 where it has been folded meanwhile. Takes some microseconds."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < HEADER_BYTES + RECORD_BYTES:
                return 0
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        return 0
    try:
        view = np.frombuffer(mapped, RECORD, (len(mapped) - HEADER_BYTES) // RECORD_BYTES, HEADER_BYTES)
        count = _committed(view, 0)
        del view
    finally:
        mapped.close()
    return count


def curves(records: np.ndarray, groups: tuple[Group, ...] | list[Group]) -> dict[Series, Curve]:
    """The rows of some records, apart by metric and split, each in the order of logging."""
    found: dict[Series, list[tuple[np.ndarray, Curve]]] = {}
    group_numbers = records["group"].copy()
    for number in np.flatnonzero(np.bincount(group_numbers)).tolist():
        if number == 0:  # a record without values
            continue
        places = np.flatnonzero(group_numbers == number)
        chosen = records[places] if len(places) < len(records) else records
        step, epoch = chosen["step"].copy(), chosen["epoch"].copy()
        wall_time = chosen["wall_time"].astype("datetime64[us]")
        group = groups[number - 1]
        for column, metric in enumerate(group.metrics):
            curve = Curve(step, epoch, chosen["values"][:, column].copy(), wall_time)
            found.setdefault((metric, group.split), []).append((places, curve))
    return {series: _merged(pieces) for series, pieces in found.items()}


def _merged(pieces: list[tuple[np.ndarray, Curve]]) -> Curve:
    """One series whose values came in records of several groups."""
    joined = Curve.joined([curve for _, curve in pieces])
    if len(pieces) == 1:
        return joined
    return joined[np.argsort(np.concatenate([places for places, _ in pieces]), kind="stable")]


def _committed(view: np.ndarray, start: int) -> int:
    """The place of the first record from `start` on that doesn't count."""
    offsets = HEADER_BYTES + np.arange(start, len(view), dtype=np.uint32) * np.uint32(RECORD_BYTES)
    missing = view["commit"][start:] != offsets
    return start + int(missing.argmax()) if missing.any() else len(view)


def _checked_capacity(path: Path, mapped: mmap.mmap) -> int:
    """How many records the file has room for; BrokenRunError where its header is not ours."""
    magic, header, record, capacity, _ = _PREFIX.unpack_from(mapped)
    if (magic, header, record) != (MAGIC, HEADER_BYTES, RECORD_BYTES):
        raise BrokenRunError(path, "is no write-ahead log of this version", "repair sets it aside")
    return min(int(capacity), (len(mapped) - header) // record)  # a cut file keeps its whole records


def _groups(path: Path, mapped: mmap.mmap) -> tuple[Group, ...]:
    groups = []
    position = GROUPS_OFFSET
    while position + _LENGTH.size <= HEADER_BYTES:
        (length,) = _LENGTH.unpack_from(mapped, position)
        if not length:
            break
        position += _LENGTH.size
        try:
            named = json.loads(mapped[position : position + length])
            groups.append(Group(tuple(named["metrics"]), named["split"]))
        except (ValueError, KeyError, TypeError):
            raise BrokenRunError(path, "names a group that can't be read", "repair sets it aside") from None
        position += length
    return tuple(groups)
