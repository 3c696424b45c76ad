"""Immutable files that appear whole: how they are named, published and listed.

`scalars/000003-000007.parquet` holds the rows of the segments 3 to 7. It supersedes every part and segment
whose numbers it covers, which is what makes folding and compaction safe: the new file appears in one instant,
the old ones are removed after it, and whoever finds both reads the one that covers more.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from logs.directory import RunDirectory, patiently
from logs.wal import segment_number

_NAME = re.compile(r"(\d{6,})-(\d{6,})\.parquet")
LISTINGS = 20  # attempts to see a folder in which nothing moves


@dataclass(frozen=True)
class Part:
    """A published file and the numbers that it covers, both inclusive."""

    first: int
    last: int
    path: Path

    def covers(self, other: Part) -> bool:
        return self.first <= other.first and other.last <= self.last and self.path != other.path


@dataclass(frozen=True)
class ScalarFiles:
    """Where a run's scalars are at this moment: each row once, in the order of logging."""

    parts: tuple[Part, ...]
    segments: tuple[tuple[int, Path], ...]  # those that no part covers


def part_name(first: int, last: int) -> str:
    return f"{first:06d}-{last:06d}.parquet"


def publish(path: Path, write: Callable[[Path], None]) -> None:
    """Has `write` fill a file that others see under `path` whole or not at all. OSError on a full disk.

    What is in it is on the disk before it has its name. Who removes what it replaces brings the name there
    first, with `folder_to_disk`: each of the two is a wait for the disk.
    """
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        write(unfinished)
        _to_disk(unfinished)
        patiently(lambda: os.replace(unfinished, path))  # noqa: PTH105 - Path.replace is the same call
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def list_parts(folder: Path) -> list[Part]:
    """The parts to read, in order, none covered by another; foreign and unfinished files are left aside."""
    return uncovered(all_parts(folder))


def uncovered(parts: Sequence[Part]) -> list[Part]:
    """Those of a folder's parts that no other one covers."""
    return [part for part in parts if not any(other.covers(part) for other in parts)]


def all_parts(folder: Path) -> list[Part]:
    """Also those that another one covers, which a compaction has not removed yet."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all we need
    except FileNotFoundError:
        return []
    matches = ((name, _NAME.fullmatch(name)) for name in names)
    parts = [Part(int(match[1]), int(match[2]), folder / name) for name, match in matches if match]
    return sorted(parts, key=lambda part: (part.first, part.last))


def list_segments(directory: RunDirectory) -> list[tuple[int, Path]]:
    """Number and path of each segment of the write-ahead log, in order."""
    names = os.listdir(directory.path)  # noqa: PTH208
    numbers = ((segment_number(name), name) for name in names)
    return sorted((number, directory.path / name) for number, name in numbers if number is not None)


def scalar_files(directory: RunDirectory) -> ScalarFiles:
    """Parts and segments, also while they are being folded and compacted: every row once.

    Segments are listed before parts: what is folded in between is found in both, and never in neither.
    Listing a folder is not one instant, so a listing holds only when a second one agrees and no number is
    missing.
    """
    files = _scalar_files(directory)
    for attempt in range(LISTINGS):
        again = _scalar_files(directory)
        if again == files and (attempt > 1 or not _has_gap(again)):
            break
        files = again
    return files


def remove_covered(folder: Path) -> None:
    """Removes the parts that another one covers. On Windows an open one stays for next time."""
    found = all_parts(folder)
    covered = [part for part in found if any(other.covers(part) for other in found)]
    if covered:
        folder_to_disk(folder)
    for part in covered:
        with contextlib.suppress(OSError):
            part.path.unlink(missing_ok=True)


def next_number(folder: Path) -> int:
    """The number after the highest one that a part of the folder covers."""
    return number_after(all_parts(folder))


def number_after(parts: Sequence[Part]) -> int:
    """The same, of parts that are known."""
    return max((part.last for part in parts), default=-1) + 1


def _scalar_files(directory: RunDirectory) -> ScalarFiles:
    segments = list_segments(directory)
    parts = list_parts(directory.scalars)
    free = [item for item in segments if not any(part.first <= item[0] <= part.last for part in parts)]
    return ScalarFiles(tuple(parts), tuple(free))


def _has_gap(files: ScalarFiles) -> bool:
    ranges = [(part.first, part.last) for part in files.parts]
    ranges += [(number, number) for number, _ in files.segments]
    expected = 0
    for first, last in sorted(ranges):
        if first != expected:
            return True
        expected = last + 1
    return False


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def folder_to_disk(folder: Path) -> None:
    """So that the new name survives a power cut too; Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
