"""What a killed process left behind: rows folded into a part, leftovers removed, damaged files set aside."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from logs.columns import open_file
from logs.compaction import compact_rows, compact_scalars, fold_segments
from logs.directory import RunDirectory
from logs.errors import BrokenRunError, NewerSchemaError, RunningError
from logs.info import read_info
from logs.parts import all_parts, list_segments, next_number, remove_covered
from logs.reader import RunReader
from logs.scalar_parts import ScalarPart
from logs.status import Status, effective_state, read_status, write_status
from logs.tally import Tally
from logs.wal import read_segment

DAMAGED = ".damaged-"  # names that begin with a dot are not part of a run


def recover(directory: RunDirectory) -> int:
    """Readies a run that nobody writes to for a new writer; the number of its first segment.

    OSError on a full disk, BrokenRunError for a damaged segment.
    """
    fold_segments(directory)
    for folder in (directory.scalars, directory.media, directory.predictions):
        remove_covered(folder)
        for leftover in _unfinished(folder):
            leftover.unlink(missing_ok=True)
    left = max((number for number, _ in list_segments(directory)), default=-1) + 1
    return max(left, next_number(directory.scalars))


def repair(directory: RunDirectory) -> list[str]:
    """Brings a run whose process is gone into its final form; a sentence for each thing that was done.

    Its state stays: a run that was killed is shown as lost. RunningError while its process lives;
    BrokenRunError where run.json itself can't be read; OSError on a full disk.
    """
    info = read_info(directory)
    status, done = _readable_status(directory)
    if effective_state(info, status) == "running":
        raise RunningError(f"{directory.id} is running; stop it before it is repaired")
    done += _set_damaged_aside(directory)
    segments = len(list_segments(directory))
    folded = fold_segments(directory)
    if segments:
        done.append(f"folded {folded:,} rows of {segments} write-ahead segments into parts")
    parts = len(all_parts(directory.scalars))
    compact_scalars(directory)
    if parts > 1:
        done.append(f"compacted {parts} parts into one")
    compact_rows(directory.media)
    compact_rows(directory.predictions)
    recover(directory)
    if done or status is None:
        tally = Tally(info.higher_is_better)
        reader = RunReader(directory.path)
        tally.add({series: reader.curve(*series) for series in reader.metrics()})
        owner = Status(pid=info.pid, process_started=info.process_started, host=info.host)
        owner = replace(owner, heartbeat=info.created)
        epoch = 0.0 if math.isnan(tally.epoch) else tally.epoch
        known = status or replace(owner, epoch=epoch)
        step = max(known.step, tally.step)
        write_status(directory, replace(known, step=step, last=tally.last, best=tally.best))
        done.append("brought status.json up to date")
    return done


def _readable_status(directory: RunDirectory) -> tuple[Status | None, list[str]]:
    try:
        return read_status(directory), []
    except BrokenRunError as error:
        return None, [f"status.json could not be read ({error.reason})"]


def _set_damaged_aside(directory: RunDirectory) -> list[str]:
    """Renames files that can't be read, so that the rest can; nothing is deleted."""
    done = []
    for path, problem in _damaged(directory):
        aside = path.with_name(DAMAGED + path.name)
        path.replace(aside)
        done.append(f"set {path.relative_to(directory.path)} aside as {aside.name}: it {problem}")
    return done


def _damaged(directory: RunDirectory) -> Iterator[tuple[Path, str]]:
    for _, path in list_segments(directory):
        with _reason() as reason:
            read_segment(path)
        if reason:
            yield path, reason[0]
    for part in all_parts(directory.scalars):
        with _reason() as reason:
            scalars = ScalarPart(part.path)
            for series in scalars.rows:
                scalars.curve(series)
        if reason:
            yield part.path, reason[0]
    for folder in (directory.media, directory.predictions):
        for part in all_parts(folder):
            with _reason() as reason, open_file(part.path) as file:
                for group in range(file.num_row_groups):
                    file.read_row_group(group)
            if reason:
                yield part.path, reason[0]


@contextlib.contextmanager
def _reason() -> Iterator[list[str]]:
    """Collects why a file can't be read. A file that a newer version wrote is not damaged: it stays."""
    found: list[str] = []
    try:
        yield found
    except NewerSchemaError:
        raise
    except BrokenRunError as error:
        found.append(error.reason)
    except OSError as error:  # pyarrow's word for a page that can't be decompressed
        found.append(f"can't be read ({str(error).splitlines()[0]})")


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(".*.tmp")) if folder.is_dir() else []
