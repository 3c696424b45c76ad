"""All runs of a folder, from their small JSON files alone: a thousand are listed without opening Parquet."""

from __future__ import annotations

import calendar
import math
import os
import re
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logs.directory import NO_RUN_JSON, RunDirectory
from logs.errors import BrokenRunError, MissingFileError, UnknownRunError
from logs.info import RunInfo, read_info
from logs.labels import Labels, read_labels, shown_name, shown_tags
from logs.status import NO_SPLIT, Status, effective_state, read_status

if TYPE_CHECKING:
    import pandas

SMALL_FILES = ("run.json", "status.json", "labels.json")  # what a list is made of
START_PATIENCE = 20.0  # seconds in which a new folder may lack its run.json: the trainer is still importing
_ID = re.compile(r"\d{8}T\d{6}Z-.+-[0-9a-f]{4}")


@dataclass(frozen=True)
class RunSummary:
    """One run in a list. A broken one is a row too: `broken` says what is wrong; the rest is here."""

    path: Path
    info: RunInfo | None
    status: Status | None
    labels: Labels
    state: str  # running, finished, stopped, failed, lost
    broken: str | None = None

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def directory(self) -> RunDirectory:
        return RunDirectory(self.path)

    @property
    def name(self) -> str:
        return shown_name(self.info, self.labels, self.id)

    @property
    def tags(self) -> tuple[str, ...]:
        return shown_tags(self.info, self.labels)

    @property
    def model(self) -> str:
        return self.info.model if self.info is not None else ""

    @property
    def dataset(self) -> str:
        return self.info.dataset if self.info is not None else ""

    @property
    def kind(self) -> str:
        return self.info.kind if self.info is not None else ""

    @property
    def group(self) -> str:
        return self.info.group if self.info is not None else ""

    @property
    def config(self) -> Mapping[str, Any]:
        return self.info.config if self.info is not None else {}

    @property
    def created(self) -> float:
        """Seconds since 1970; 0.0 where run.json can't be read."""
        return self.info.created if self.info is not None else 0.0

    @property
    def duration(self) -> float:
        """Seconds from the start to the last heartbeat; NaN where there was none."""
        if self.info is None or self.status is None or not self.status.heartbeat:
            return math.nan
        return max(0.0, self.status.heartbeat - self.info.created)

    @property
    def progress(self) -> float:
        """Between 0 and 1; NaN where nobody knows."""
        return self.status.progress if self.status is not None else math.nan

    def last(self, metric: str, split: str | None = None) -> float:
        """The metric's newest value, NaN where there is none."""
        row = self.status.last.get(split or NO_SPLIT, {}) if self.status is not None else {}
        return row.get(metric, math.nan)

    def best(self, metric: str, split: str | None = None) -> float:
        """The metric's best value so far, NaN where there is none."""
        row = self.status.best.get(split or NO_SPLIT, {}) if self.status is not None else {}
        return row.get(metric, {}).get("value", math.nan)


class RunCatalog:
    """The runs of one folder. `rows` reads only what has changed since last time. Threads may share it."""

    def __init__(self, runs: Path | str) -> None:
        self.runs = Path(runs)
        self._known: dict[str, tuple[Hashable, RunSummary]] = {}  # what was read, and the files' tokens then
        self._lock = threading.Lock()

    def rows(self) -> list[RunSummary]:
        """Every run, the newest first. A damaged run is a row that says so, never an exception.

        BrokenRunError only where the folder itself can't be listed. A folder that isn't there has no runs.
        """
        with self._lock:
            found = {name: self._look(name) for name in self._names()}
            self._known = {name: known for name, known in found.items() if known is not None}
            rows = [_of_this_moment(row) for _, row in self._known.values()]
        return sorted(rows, key=lambda row: (row.created or _time_of(row.id), row.id), reverse=True)

    def find(self, text: str) -> RunSummary:
        """The run with this id, this name, or an id that starts or ends with this text.

        UnknownRunError where none or several answer, with the nearest.
        """
        rows = self.rows()
        tests: tuple[Callable[[RunSummary], bool], ...] = (
            lambda row: row.id == text,
            lambda row: row.name == text,
            lambda row: bool(text) and row.id.startswith(text),
            lambda row: len(text) >= 4 and row.id.endswith(text),
        )
        for test in tests:
            found = [row for row in rows if test(row)]
            if len(found) == 1:
                return found[0]
            if found:
                raise UnknownRunError(text, self.runs, (), matching=[row.id for row in found])
        names = [row.name for row in rows if row.name != row.id]
        raise UnknownRunError(text, self.runs, [*(row.id for row in rows), *names])

    def frame(self) -> pandas.DataFrame:
        """One row per run. Metrics are columns such as `last.validation.loss` and `best.validation.accuracy`
        (without a split: `last.learning_rate`); `created` is in UTC, `duration` in seconds.
        """
        import pandas

        columns = list(_flat(RunSummary(Path("x"), None, None, Labels(), "lost")))
        frame = pandas.DataFrame([_flat(row) for row in self.rows()])
        frame = frame if len(frame) else pandas.DataFrame(columns=columns)
        metrics = sorted(set(frame.columns) - set(columns))
        frame = frame[[*columns, *metrics]]
        frame["created"] = pandas.to_datetime(frame["created"].astype("float64"), unit="s", utc=True)
        return frame

    def _names(self) -> list[str]:
        """The folders that may be runs: not hidden ones, among which is the trash, and not files."""
        try:
            with os.scandir(self.runs) as entries:
                return [entry.name for entry in entries if _may_be_run(entry)]
        except FileNotFoundError:
            return []
        except OSError as error:
            reason = f"can't be listed as a folder of runs ({error.strerror or error})"
            raise BrokenRunError(self.runs, reason, "name another one with --runs or DESCENT_RUNS") from None

    def _look(self, name: str) -> tuple[Hashable, RunSummary] | None:
        """What the run's files say, from memory where none has changed; None while it only starts."""
        folder = os.path.join(self.runs, name)  # noqa: PTH118 - pathlib triples the time of a look at all runs
        token = tuple(_file_token(os.path.join(folder, file)) for file in SMALL_FILES)  # noqa: PTH118
        known = self._known.get(name)
        if known is not None and known[0] == token:
            return known
        directory = RunDirectory(Path(folder))
        if token[0] is None and _is_starting(directory):
            return None
        return token, read_summary(directory)


def read_summary(directory: RunDirectory) -> RunSummary:
    """One run alone, as the catalog would list it; a folder that isn't there is a broken run."""
    problems: list[str] = []
    info = _attempt(problems, lambda: read_info(directory))
    status = _attempt(problems, lambda: read_status(directory))
    labels = _attempt(problems, lambda: read_labels(directory)) or Labels()
    broken = "; ".join(problems) or None
    return RunSummary(directory.path, info, status, labels, effective_state(info, status), broken)


def _of_this_moment(row: RunSummary) -> RunSummary:
    """A process may have died though no file has changed: what says it runs is looked up anew."""
    state = effective_state(row.info, row.status)
    return row if state == row.state else replace(row, state=state)


def _attempt[Result](problems: list[str], read: Callable[[], Result]) -> Result | None:
    """The result, or None and a sentence in `problems`: one damaged file doesn't hide the others."""
    try:
        return read()
    except MissingFileError as error:  # only run.json must be there
        problems.append(f"{error.path.parent} has no {error.path.name}; {NO_RUN_JSON}")
    except BrokenRunError as error:
        problems.append(str(error))
    return None


def _may_be_run(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.name.startswith(".") and entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _file_token(path: str) -> Hashable:
    """Changes whenever the file is replaced; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.errno
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _is_starting(directory: RunDirectory) -> bool:
    """A folder with a run's name, so young that its process may still be about to write run.json."""
    if not _ID.fullmatch(directory.id):
        return False
    try:
        return time.time() - directory.path.stat().st_mtime < START_PATIENCE
    except OSError:
        return False


def _time_of(run_id: str) -> float:
    """When a run was made, by its name; 0.0 for a foreign name. Sorts runs without a readable run.json."""
    try:
        return float(calendar.timegm(time.strptime(run_id[:16], "%Y%m%dT%H%M%SZ")))
    except (ValueError, OverflowError):
        return 0.0


def _flat(row: RunSummary) -> dict[str, Any]:
    status, info = row.status or Status(), row.info
    values: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "model": row.model,
        "dataset": row.dataset,
        "state": row.state,
        "epoch": status.epoch,
        "step": status.step,
        "progress": row.progress,
        "created": row.created or math.nan,
        "duration": row.duration,
        "tags": ", ".join(row.tags),
        "group": row.group,
        "kind": row.kind,
        "device": info.device if info is not None else "",
        "note": row.labels.note,
        "error": status.error,
        "broken": row.broken or "",
        "path": str(row.path),
    }
    for split, metrics in status.last.items():
        values.update({_column("last", split, metric): value for metric, value in metrics.items()})
    for split, bests in status.best.items():
        values.update({_column("best", split, name): found.get("value") for name, found in bests.items()})
    return values


def _column(which: str, split: str, metric: str) -> str:
    return ".".join(part for part in (which, split, metric) if part)
