"""Images, histograms, texts and matrices of a run: first what there is, then the content of what is asked
for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from logs.columns import open_file, read_rows
from logs.errors import BrokenRunError
from logs.parts import list_parts

ATTEMPTS = 10
_LISTED = ("kind", "name", "step", "epoch", "split", "caption", "wall_time")


@dataclass(frozen=True)
class MediaEntry:
    """What there is, without its content."""

    kind: str  # image, histogram, text, matrix
    name: str
    step: int
    epoch: float
    split: str | None
    caption: str
    wall_time: np.datetime64  # microseconds, UTC
    number: int  # place among all media of the run, in the order of logging


@dataclass(frozen=True)
class _Content:
    """`entry` says of what; the fields of the entry are there too."""

    kind: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    entry: MediaEntry

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def step(self) -> int:
        return self.entry.step

    @property
    def epoch(self) -> float:
        return self.entry.epoch

    @property
    def split(self) -> str | None:
        return self.entry.split

    @property
    def caption(self) -> str:
        return self.entry.caption

    @property
    def wall_time(self) -> np.datetime64:
        return self.entry.wall_time


@dataclass(frozen=True)
class Image(_Content):
    kind: ClassVar[str] = "image"
    columns: ClassVar[tuple[str, ...]] = ("image",)
    png: bytes  # a whole PNG file

    @classmethod
    def of(cls, entry: MediaEntry, row: dict[str, Any]) -> Image:
        return cls(entry, row["image"] or b"")


@dataclass(frozen=True, eq=False)
class Histogram(_Content):
    kind: ClassVar[str] = "histogram"
    columns: ClassVar[tuple[str, ...]] = ("counts", "edges")
    counts: np.ndarray  # float64[bins]
    edges: np.ndarray  # float64[bins + 1], ascending

    @classmethod
    def of(cls, entry: MediaEntry, row: dict[str, Any]) -> Histogram:
        return cls(entry, np.array(row["counts"] or [], float), np.array(row["edges"] or [], float))


@dataclass(frozen=True)
class Text(_Content):
    kind: ClassVar[str] = "text"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    text: str  # plain or Markdown; whoever shows it escapes HTML

    @classmethod
    def of(cls, entry: MediaEntry, row: dict[str, Any]) -> Text:
        return cls(entry, row["text"] or "")


@dataclass(frozen=True, eq=False)
class Matrix(_Content):
    kind: ClassVar[str] = "matrix"
    columns: ClassVar[tuple[str, ...]] = ("shape", "values", "labels")
    values: np.ndarray  # float64[rows, columns]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, entry: MediaEntry, row: dict[str, Any]) -> Matrix:
        values = np.array(row["values"] or [], float).reshape(row["shape"] or (0, 0))
        return cls(entry, values, tuple(row["labels"] or ()))


_KINDS: dict[str, Any] = {kind.kind: kind for kind in (Image, Histogram, Text, Matrix)}


class _Part:
    """A part's small columns, read once; and where its row groups begin."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_file(path) as file:
            self.metadata = file.metadata
            groups = range(file.num_row_groups)
            self.rows = _listed(read_rows(file, path, groups, _LISTED))
        sizes = [self.metadata.row_group(group).num_rows for group in groups]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)

    def load(self, rows: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """The content of some rows, from the row groups that they are in."""
        groups = sorted({int(np.searchsorted(self.starts, row, "right")) - 1 for row in rows})
        with open_file(self.path, self.metadata) as file:
            table = read_rows(file, self.path, groups, columns)
        before = {}
        count = 0
        for group in groups:
            before[group] = self.starts[group] - count
            count += self.starts[group + 1] - self.starts[group]
        places = [row - before[int(np.searchsorted(self.starts, row, "right")) - 1] for row in rows]
        return [table.slice(place, 1).to_pylist()[0] for place in places]


class MediaReader:
    """The folder media/ of one run. What it shows is the moment of the last `refresh`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[Path, _Part] | None = None
        self._entries: list[MediaEntry] = []

    def refresh(self) -> None:
        """Reads the small columns of the parts that are new."""
        for _ in range(ATTEMPTS):
            known = self._parts or {}
            try:
                paths = [part.path for part in list_parts(self._folder)]
                self._parts = {path: known.get(path) or _Part(path) for path in paths}
            except FileNotFoundError:  # superseded by a compacted part
                continue
            break
        else:
            raise BrokenRunError(self._folder, "loses files while it is read", "was the run removed?")
        rows = [row for part in self._parts.values() for row in part.rows]
        self._entries = [_entry(number, row) for number, row in enumerate(rows)]

    def entries(self, kind: str | None = None, name: str | None = None) -> list[MediaEntry]:
        if self._parts is None:
            self.refresh()
        return [entry for entry in self._entries if kind in (None, entry.kind) and name in (None, entry.name)]

    def read(self, kind: Any, name: str | None, last: int | None) -> list[Any]:
        found = self.entries(kind.kind, name)
        return self.load(found if last is None else found[max(0, len(found) - last) :])

    def load(self, entries: Sequence[MediaEntry]) -> list[Any]:
        """The entries with their content. Compaction keeps the order, so that numbers stay what they were."""
        for _ in range(ATTEMPTS):
            try:
                return self._load(entries)
            except FileNotFoundError:
                self.refresh()
        raise BrokenRunError(self._folder, "loses files while it is read", "was the run removed?")

    def _load(self, entries: Sequence[MediaEntry]) -> list[Any]:
        if self._parts is None:
            self.refresh()
        found: dict[int, Any] = {}
        start = 0
        for part in (self._parts or {}).values():
            end = start + len(part.rows)
            mine = [entry for entry in entries if start <= entry.number < end]
            for kind in {entry.kind for entry in mine} & _KINDS.keys():
                chosen = [entry for entry in mine if entry.kind == kind]
                contents = part.load([entry.number - start for entry in chosen], _KINDS[kind].columns)
                for entry, content in zip(chosen, contents, strict=True):
                    found[entry.number] = _KINDS[kind].of(entry, content)
            start = end
        return [found[entry.number] for entry in entries]


def _entry(number: int, row: dict[str, Any]) -> MediaEntry:
    epoch = math.nan if row["epoch"] is None else row["epoch"]
    moment = np.datetime64(row["wall_time"], "us")
    return MediaEntry(
        row["kind"], row["name"], row["step"], epoch, row["split"], row["caption"] or "", moment, number
    )


def _listed(table: pa.Table) -> list[dict[str, Any]]:
    """The rows, with times as whole numbers: NumPy has no time zones, and these are all UTC."""
    fields = [field.with_type(pa.int64()) if field.name == "wall_time" else field for field in table.schema]
    return table.cast(pa.schema(fields)).to_pylist()
