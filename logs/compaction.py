"""Folding the write-ahead log into parts, and several parts into one.

Every step leaves a run that reads the same: the new part appears in one instant and covers what it replaces,
which is removed only then. Killed at any point, the run has all its rows, each once (see logs/parts.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from logs.columns import open_file, open_writer
from logs.curve import Curve, Series, in_order
from logs.directory import RunDirectory, patiently
from logs.errors import LogsError
from logs.parts import (
    Part,
    all_parts,
    folder_to_disk,
    list_parts,
    list_segments,
    number_after,
    part_name,
    publish,
    remove_covered,
    scalar_files,
    uncovered,
)
from logs.scalar_parts import ScalarPart, write_curves, write_scalars
from logs.wal import curves, read_segment

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 4_000_000  # held in memory at once (128 MB)
LARGE_BYTES = 1 << 30  # pictures of more than this are left in their parts: copying them gains little


def fold_rows(directory: RunDirectory, number: int, rows: dict[Series, Curve]) -> None:
    """Publishes the rows of segment `number` as a part; the segment may be removed then. OSError on a full
    disk: it stays.
    """
    path = directory.scalars / part_name(number, number)
    publish(path, lambda unfinished: write_curves(unfinished, rows))
    folder_to_disk(directory.scalars)


def fold_segments(directory: RunDirectory) -> int:
    """Folds every segment that is in no part yet; how many rows were in them.

    Only for a run that nobody writes to. OSError on a full disk, BrokenRunError for a damaged segment.
    """
    folded = 0
    found = list_segments(directory)
    free = dict(scalar_files(directory).segments) if found else {}
    for number, path in found:
        if number in free:
            records = read_segment(path)
            rows = curves(records.rows, records.groups)
            if rows:  # one without was made ahead and not used
                fold_rows(directory, number, rows)
                folded += sum(len(curve) for curve in rows.values())
        with contextlib.suppress(OSError):  # a reader on Windows: its part covers it, it is removed next time
            patiently(path.unlink)
    return folded


def compact_scalars(directory: RunDirectory) -> None:
    """One part for the whole run, its series one after the other. OSError on a full disk: the parts stay.

    Does nothing while a segment is in no part: the new part would cover its number.
    """
    if len(all_parts(directory.scalars)) < 2:
        return
    parts = list_parts(directory.scalars)
    if scalar_files(directory).segments:
        return
    if len(parts) > 1:
        opened = [ScalarPart(part.path) for part in parts]
        rows: dict[Series, int] = {}
        for part in opened:
            for series, count in part.rows.items():
                rows[series] = rows.get(series, 0) + count
        path = directory.scalars / part_name(parts[0].first, parts[-1].last)
        publish(path, lambda unfinished: write_scalars(unfinished, _merged(opened, rows), rows))
    remove_covered(directory.scalars)


def compact_rows(folder: Path, newest: Sequence[pa.Table] = ()) -> None:
    """The same for media or predictions, together with the `newest` rows, which are in no part yet: row
    groups are copied one after the other, in order. OSError on a full disk, BrokenRunError for a damaged
    part: the parts stay, and the newest rows become one where there is room for them.
    """
    found = all_parts(folder)
    parts = uncovered(found)
    if sum(part.path.stat().st_size for part in parts) >= LARGE_BYTES:
        parts = []
    if newest or len(parts) > 1:
        last = number_after(found) if newest else parts[-1].last
        first = parts[0].first if parts else last
        try:
            publish(folder / part_name(first, last), lambda unfinished: _copy(parts, newest, unfinished))
        except (OSError, LogsError):  # a part that is damaged, or no room for all of them once more
            if parts and newest:
                publish(folder / part_name(last, last), lambda unfinished: _copy([], newest, unfinished))
            raise
    if found:
        remove_covered(folder)


def _merged(parts: list[ScalarPart], rows: dict[Series, int]) -> Iterator[tuple[Series, Curve]]:
    """The series in order, each joined from all parts, as many at a time as memory should hold."""
    for batch in _batches(rows):
        pieces: dict[Series, list[Curve]] = {series: [] for series in batch}
        for part in parts:
            for series, curve in part.curves(batch).items():
                pieces[series].append(curve)
        for series in batch:
            yield series, Curve.joined(pieces.pop(series))


def _batches(rows: dict[Series, int]) -> Iterator[list[Series]]:
    """Neighbours in order, which lie next to each other in each part."""
    batch: list[Series] = []
    held = 0
    for series in sorted(rows, key=in_order):
        if batch and held + rows[series] > BATCH_ROWS:
            yield batch
            batch, held = [], 0
        batch.append(series)
        held += rows[series]
    if batch:
        yield batch


def _copy(parts: list[Part], newest: Sequence[pa.Table], target: Path) -> None:
    if parts:
        with open_file(parts[0].path) as first:
            schema = first.schema_arrow
    else:
        schema = newest[0].schema
    with open_writer(target, schema) as writer:
        for part in parts:
            with open_file(part.path) as file:
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group).cast(schema))
        for table in newest:
            # A cast of every column takes longer than writing a small table, and mostly there is none to do
            writer.write_table(table if table.schema.equals(schema) else table.cast(schema))
