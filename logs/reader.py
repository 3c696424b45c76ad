"""Reading a run, finished or not: every row once, live ones included, without ever holding up its writer.

reader = RunReader("runs/20261103T101112Z-mlp-digits-4f3d")
curve = reader.curve("loss", "train")
...
reader.refresh()     # sees what was logged since; parts that were read once are not read again
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from logs.curve import Curve, Series, in_order
from logs.directory import RunDirectory, read_json
from logs.errors import BrokenRunError
from logs.info import RunInfo, read_info
from logs.labels import Labels, read_labels
from logs.media_reader import Histogram, Image, Matrix, MediaReader, Text
from logs.parts import ScalarFiles, list_segments, scalar_files
from logs.predictions_reader import read_predictions
from logs.scalar_parts import ScalarPart, scalars_table
from logs.status import Status, read_status
from logs.wal import Group, count_records, curves, read_segment

if TYPE_CHECKING:
    from logs.media_reader import MediaEntry

ATTEMPTS = 10  # a file may be folded into another one while it is being opened
OUTPUT_BYTES = 64_000


@dataclass(frozen=True)
class Checkpoint:
    """Weights that were saved, and what their JSON says of them."""

    name: str
    path: Path  # the .safetensors file
    info: dict[str, Any]
    bytes: int
    modified: float  # seconds since 1970


@dataclass
class _LiveSegment:
    """The rows of a segment that have been read so far."""

    records: int = 0
    groups: tuple[Group, ...] = ()
    pieces: dict[Series, list[Curve]] = field(default_factory=dict)


class RunReader:
    """One run. What it shows is the moment of the last `refresh`; the first use refreshes. Threads may share
    it.

    BrokenRunError, with the file and the way out, for what can't be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.directory = RunDirectory.existing(path)
        self.info: RunInfo = read_info(self.directory)
        self._lock = threading.RLock()
        self._files: ScalarFiles | None = None
        self._parts: dict[Path, ScalarPart] = {}
        self._live: dict[int, _LiveSegment] = {}
        self._folded: dict[Series, tuple[tuple[Path, ...], Curve]] = {}  # what the parts have of a series
        self._media = MediaReader(self.directory.media)

    def refresh(self) -> None:
        """Looks at what has been logged since."""
        with self._lock:
            self._whole(self._refresh)
            self._media.refresh()

    def status(self) -> Status | None:
        """As status.json says now; None before the first heartbeat."""
        return read_status(self.directory)

    def labels(self) -> Labels:
        return read_labels(self.directory)

    def metrics(self) -> list[Series]:
        """Metric and split of every curve, by metric, then train, validation, test, none."""
        with self._lock:
            self._whole(self._refreshed)
            found: set[Series] = set()
            for part in self._parts.values():
                found |= part.rows.keys()
            for segment in self._live.values():
                found |= segment.pieces.keys()
            return sorted(found, key=in_order)

    def curve(self, metric: str, split: str | None = None) -> Curve:
        """The values of a metric in the order of logging; empty where there are none. None: those of no
        split.
        """
        with self._lock:
            return self._whole(lambda: self._curve((metric, split)))

    def curves(self, wanted: Iterable[Series]) -> dict[Series, Curve]:
        """Several of them, as `curve` gives each: in one pass over the file of a run that has ended."""
        series = list(wanted)
        with self._lock:
            return self._whole(lambda: self._curves(series))

    def scalars(self) -> pa.Table:
        """Every row, as in scalars/*.parquet, curve after curve."""
        with self._lock:
            return scalars_table(
                [((metric, split), self.curve(metric, split)) for metric, split in self.metrics()]
            )

    def media(self, kind: str | None = None, name: str | None = None) -> list[MediaEntry]:
        """What there is of images, histograms, texts and matrices, oldest first; without the content."""
        with self._lock:
            return self._media.entries(kind, name)

    def images(self, name: str | None = None, last: int | None = None) -> list[Image]:
        """Oldest first; with `last` the newest so many. The same for histograms, texts and matrices."""
        with self._lock:
            return self._media.read(Image, name, last)

    def histograms(self, name: str | None = None, last: int | None = None) -> list[Histogram]:
        with self._lock:
            return self._media.read(Histogram, name, last)

    def texts(self, name: str | None = None, last: int | None = None) -> list[Text]:
        with self._lock:
            return self._media.read(Text, name, last)

    def matrices(self, name: str | None = None, last: int | None = None) -> list[Matrix]:
        with self._lock:
            return self._media.read(Matrix, name, last)

    def load(self, entry: MediaEntry) -> Image | Histogram | Text | Matrix:
        """One entry of `media` with its content."""
        with self._lock:
            return self._media.load([entry])[0]

    def predictions(self, split: str | None, step: int | None = None) -> pa.Table:
        """One row per sample, as in predictions/*.parquet: of the newest step, or of the named one."""
        return read_predictions(self.directory.predictions, split, step)

    def checkpoints(self) -> list[Checkpoint]:
        """The saved weights, the newest first. One without whole JSON is being written: left out."""
        found = []
        for path in self.directory.checkpoints.glob("*.safetensors"):
            if path.name.startswith("."):
                continue
            try:
                info, stat = read_json(path.with_suffix(".json")), path.stat()
            except (BrokenRunError, FileNotFoundError):
                continue
            found.append(Checkpoint(path.stem, path, info, stat.st_size, stat.st_mtime))
        return sorted(found, key=lambda checkpoint: (checkpoint.modified, checkpoint.name), reverse=True)

    def output(self, last_bytes: int = OUTPUT_BYTES) -> str:
        """The end of what the process printed; "" where it was not started in the background."""
        try:
            with self.directory.output_log.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(0, size - last_bytes))
                text = log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        return text if size <= last_bytes else text.partition("\n")[2]

    def version(self) -> Hashable:
        """Changes when there is something new in scalars, media, predictions or checkpoints; takes
        microseconds.

        Read from disk, whatever `refresh` has seen. The status is not part of it: its heartbeat always moves.
        """
        directory = self.directory
        folders = (directory.scalars, directory.media, directory.predictions, directory.checkpoints)
        try:
            segments = tuple((number, count_records(path)) for number, path in list_segments(directory))
        except OSError as error:  # the run was removed; reading it says so
            return str(error)
        return segments, tuple(_sizes(folder) for folder in folders)

    def _refreshed(self) -> None:
        if self._files is None:
            self._refresh()

    def _refresh(self) -> None:
        files = scalar_files(self.directory)
        parts = {part.path: self._parts.get(part.path) or ScalarPart(part.path) for part in files.parts}
        live = {number: self._live.get(number, _LiveSegment()) for number, _ in files.segments}
        for number, path in files.segments:
            _read_on(live[number], path)
        self._files, self._parts, self._live = files, parts, live

    def _curve(self, series: Series) -> Curve:
        self._refreshed()
        assert self._files is not None
        live = {
            number: Curve.joined(segment.pieces.get(series, [])) for number, segment in self._live.items()
        }
        parts = self._files.parts
        if not parts or not live or min(live) > parts[-1].last:
            return Curve.joined([self._folded_curve(series), *(live[number] for number in sorted(live))])
        # A segment that could not be folded, on a full disk, comes before a part: rare, so not kept.
        pieces = [(part.first, self._parts[part.path].curve(series)) for part in parts] + list(live.items())
        return Curve.joined([curve for _, curve in sorted(pieces, key=lambda piece: piece[0])])

    def _curves(self, wanted: list[Series]) -> dict[Series, Curve]:
        self._refreshed()
        if len(self._parts) != 1 or self._live:
            return {series: self._curve(series) for series in wanted}
        (part,) = self._parts.values()
        found = part.curves(wanted)
        return {series: found.get(series, Curve.empty()) for series in wanted}

    def _folded_curve(self, series: Series) -> Curve:
        """What the parts have of a series; only parts that are new are read."""
        paths = tuple(self._parts)
        known, curve = self._folded.get(series, ((), Curve.empty()))
        if known != paths:
            new = paths[len(known) :] if paths[: len(known)] == known else paths
            before = [curve] if len(new) < len(paths) else []
            curve = Curve.joined([*before, *(self._parts[path].curve(series) for path in new)])
            self._folded[series] = (paths, curve)
        return curve

    def _whole[Result](self, read: Callable[[], Result]) -> Result:
        """What `read` finds, once no file disappears under it: a part or segment may just be superseded."""
        for _ in range(ATTEMPTS):
            try:
                return read()
            except FileNotFoundError as error:
                missing = error
                self._files = None
            except OSError as error:
                reason = f"can't be read ({error.strerror or error})"
                raise BrokenRunError(self.directory.path, reason, "give yourself read permission") from None
        raise BrokenRunError(
            self.directory.path, f"loses files while it is read ({missing})", "was it removed?"
        )


def _read_on(segment: _LiveSegment, path: Path) -> None:
    """Adds what a segment has more than at the last look."""
    found = read_segment(path, segment.records)
    segment.records, segment.groups = found.stop, found.groups
    for series, curve in curves(found.rows, found.groups).items():
        segment.pieces.setdefault(series, []).append(curve)


def _sizes(folder: Path) -> tuple[tuple[str, int], ...]:
    """Names and sizes of the finished files in a folder."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    found.append((entry.name, entry.stat().st_size))
    except FileNotFoundError:  # no such folder yet, or a part was just superseded: the next call tells
        pass
    return tuple(sorted(found))
