"""The Parquet parts of the scalars: series after series, so that one is read without the others.

The footer of each part lists its series (key `descent.series`: [metric, split, number of rows] in the order
of the rows): a reader finds one without looking at any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa

from logs.breath import SLICE_RECORDS, breath
from logs.columns import DAMAGED, numbers, numpy_of, open_file, open_writer, read_rows, words
from logs.curve import Curve, Series, in_order
from logs.errors import BrokenRunError
from logs.schema import SCALARS, TIME

SERIES_KEY = b"descent.series"
FEW_ROWS = 65_536  # small series share a row group up to here
MANY_ROWS = 1_048_576  # a long series takes several row groups
_NUMBERS = ("step", "epoch", "value", "wall_time")


def write_scalars(
    path: Path | BytesIO, curves: Iterable[tuple[Series, Curve]], rows: Mapping[Series, int]
) -> None:
    """A part with the series of `curves`, which come in the order of `in_order`; `rows` says how many each
    has.
    """
    ordered = sorted(rows, key=in_order)
    listed = json.dumps([[metric, split, rows[metric, split]] for metric, split in ordered]).encode()
    schema = SCALARS.with_metadata({**(SCALARS.metadata or {}), SERIES_KEY: listed})
    with open_writer(path, schema) as writer:
        waiting: list[tuple[Series, Curve]] = []
        for series, curve in curves:
            waiting.append((series, curve))
            if sum(len(curve) for _, curve in waiting) >= FEW_ROWS:
                writer.write_table(scalars_table(waiting, schema), row_group_size=MANY_ROWS)
                waiting = []
        if waiting or not rows:
            writer.write_table(scalars_table(waiting, schema), row_group_size=MANY_ROWS)


def write_curves(path: Path | BytesIO, curves: Mapping[Series, Curve]) -> None:
    """A part from series that are all in memory."""
    ordered = sorted(curves, key=in_order)
    rows = {series: len(curves[series]) for series in ordered}
    write_scalars(path, ((series, curves[series]) for series in ordered), rows)


def scalars_table(curves: Sequence[tuple[Series, Curve]], schema: pa.Schema = SCALARS) -> pa.Table:
    """Tidy rows, series after series; long series are not copied."""
    metrics = list(dict.fromkeys(metric for (metric, _), _ in curves))
    splits = list(dict.fromkeys(split for (_, split), _ in curves if split is not None))
    chunks: list[list[pa.Array]] = [[] for _ in schema]
    for piece in _pieces(curves):
        joined = Curve.joined([curve for _, curve in piece])
        lengths = [len(curve) for _, curve in piece]
        metric_places = [metrics.index(metric) for (metric, _), _ in piece]
        split_places = [-1 if split is None else splits.index(split) for (_, split), _ in piece]
        row = (
            numbers(joined.step, pa.int64()),
            numbers(joined.epoch, pa.float64()),
            words(np.repeat(np.array(split_places, np.int32), lengths), splits),
            words(np.repeat(np.array(metric_places, np.int32), lengths), metrics),
            numbers(joined.value, pa.float64()),
            numbers(joined.wall_time, TIME),
        )
        for column, array in zip(chunks, row, strict=True):
            column.append(array)
        breath()
    columns = [pa.chunked_array(column, field.type) for column, field in zip(chunks, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _pieces(curves: Sequence[tuple[Series, Curve]]) -> Iterator[list[tuple[Series, Curve]]]:
    """Short series several at a time: an Arrow array for each and each column takes longer than a copy."""
    piece: list[tuple[Series, Curve]] = []
    rows = 0
    for series, curve in curves:
        if piece and rows + len(curve) > SLICE_RECORDS:
            yield piece
            piece, rows = [], 0
        piece.append((series, curve))
        rows += len(curve)
    if piece:
        yield piece


class ScalarPart:
    """A part's footer, read once; its file is open only while rows are read. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_file(path) as file:
            self._metadata = file.metadata
            listed = (file.schema_arrow.metadata or {}).get(SERIES_KEY)
        self._series = self._places(listed)

    @property
    def rows(self) -> dict[Series, int]:
        """How many rows each series has."""
        return {series: count for series, (_, count) in self._series.items()}

    def curve(self, series: Series) -> Curve:
        """One series; an empty one where the part has none. FileNotFoundError where the part is gone."""
        start, count = self._series.get(series, (0, 0))
        return self._read(start, count) if count else Curve.empty()

    def curves(self, wanted: Iterable[Series]) -> dict[Series, Curve]:
        """Several series in one pass over the file."""
        found = {series: self._series[series] for series in wanted if series in self._series}
        if not found:
            return {}
        first = min(start for start, _ in found.values())
        whole = self._read(first, max(start + count for start, count in found.values()) - first)
        return {
            series: whole[start - first : start - first + count] for series, (start, count) in found.items()
        }

    def _read(self, start: int, count: int) -> Curve:
        """The rows from `start` on, out of the row groups that hold them."""
        groups: list[int] = []
        skipped, position = 0, 0
        for group in range(self._metadata.num_row_groups):
            end = position + self._metadata.row_group(group).num_rows
            if end > start and position < start + count:
                if not groups:
                    skipped = start - position
                groups.append(group)
            position = end
        with open_file(self.path, self._metadata) as file:
            table = read_rows(file, self.path, groups, _NUMBERS)
        rows = table.slice(skipped, count)
        return Curve(*(numpy_of(rows.column(name)) for name in _NUMBERS))

    def _places(self, listed: bytes | None) -> dict[Series, tuple[int, int]]:
        """Where in the file each series is: first row and number of rows."""
        places: dict[Series, tuple[int, int]] = {}
        start = 0
        try:
            for metric, split, count in json.loads(listed or b"null"):
                places[str(metric), split] = (start, int(count))
                start += int(count)
        except (ValueError, TypeError):
            raise BrokenRunError(self.path, f"lists no series ({SERIES_KEY.decode()})", DAMAGED) from None
        if start != self._metadata.num_rows:
            raise BrokenRunError(self.path, f"has {self._metadata.num_rows} rows and lists {start}", DAMAGED)
        return places
