"""How far a run is: status.json, replaced at most once a second, and what state that amounts to by now."""

from __future__ import annotations

import dataclasses
import math
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logs.directory import RunDirectory, read_json, write_json
from logs.errors import BrokenRunError, MissingFileError
from logs.info import RunInfo
from logs.process import is_alive
from logs.vocabulary import STATES

HEARTBEAT_LIMIT = 60.0  # seconds without a sign of life after which a run on another machine counts as lost
NO_SPLIT = ""  # the key of values without a split in `last` and `best`: JSON's keys are texts


@dataclass(frozen=True)
class Status:
    """The content of status.json. Times are seconds since 1970, UTC; NaN where there is nothing to say."""

    state: str = "running"  # running, finished, stopped, failed; "lost" is never written, see effective_state
    heartbeat: float = 0.0  # when this was written
    epoch: float = 0.0
    epochs: float = 0.0  # as many as were asked for; 0 = not known
    step: int = 0
    steps: int = 0  # as many as were asked for; 0 = not known
    rate: float = math.nan  # steps per second
    eta_seconds: float = math.nan
    last: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict
    )  # split ("" = none) -> metric -> value
    best: Mapping[str, Mapping[str, Mapping[str, float]]] = field(
        default_factory=dict
    )  # ... -> value, step, epoch
    error: str = ""
    pid: int = 0  # of the process that works on the run now: run.json has the first one
    process_started: float = 0.0
    host: str = ""

    @property
    def progress(self) -> float:
        """Between 0 and 1; NaN where nobody knows how long the run will be."""
        for done, wanted in ((self.step, self.steps), (self.epoch, self.epochs)):
            if wanted:
                return min(1.0, max(0.0, done / wanted))
        return math.nan

    def to_dict(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], path: Path | str = "status.json") -> Status:
        """Checked; unknown fields are left aside, missing ones get their default."""
        values: dict[str, Any] = {}
        for item in dataclasses.fields(cls):
            if item.name not in data:
                continue
            try:
                values[item.name] = _READERS[item.name](data[item.name])
            except (TypeError, ValueError, AttributeError, OverflowError):
                found = repr(data[item.name])[:60]
                raise BrokenRunError(
                    path, f"says {item.name} is {found}", "`python -m logs repair` rewrites it"
                ) from None
        return cls(**values)


def read_status(directory: RunDirectory) -> Status | None:
    """None where there is no status.json yet; BrokenRunError where it can't be read."""
    try:
        return Status.from_dict(read_json(directory.status_json), directory.status_json)
    except MissingFileError:
        return None


def write_status(directory: RunDirectory, status: Status) -> None:
    if status.state not in STATES or status.state == "lost":
        raise ValueError(
            f"a run can't say it is {status.state!r}; it is running, finished, stopped or failed"
        )
    write_json(directory.status_json, status.to_dict())


def effective_state(info: RunInfo | None, status: Status | None, now: float | None = None) -> str:
    """running, finished, stopped, failed or lost.

    A run that says it runs is believed only while its process lives: the same pid with the same creation
    time, not a zombie. On another machine nobody can look, so its heartbeat decides. Without a status the run
    has just started, or its process died before the first heartbeat.
    """
    if status is not None and status.state != "running":
        return status.state
    pid, started, host = _owner(info, status)
    if host and host != socket.gethostname():
        beat = status.heartbeat if status is not None else info.created if info is not None else 0.0
        return "running" if (time.time() if now is None else now) - beat <= HEARTBEAT_LIMIT else "lost"
    return "running" if is_alive(pid, started) else "lost"


def state_sentence(state: str, status: Status | None, now: float | None = None) -> str:
    """The state for a person: a lost run with its last heartbeat, a failed one with its error's last line."""
    if state == "lost":
        if status is None or not status.heartbeat:
            return "lost: its process ended before the first heartbeat"
        ago = max(0.0, (time.time() if now is None else now) - status.heartbeat)
        return f"lost: its process is gone, the last heartbeat was {duration_text(ago)} ago"
    if state == "failed" and status is not None and status.error:
        return f"failed: {status.error.strip().splitlines()[-1]}"
    return state


def duration_text(seconds: float) -> str:
    """Two units at most: 0.4 s, 3 s, 4 min 10 s, 2 h 5 min, 3 d 4 h; "" for NaN and infinities."""
    if not math.isfinite(seconds):
        return ""
    if 0 < seconds < 0.95:  # a small network is trained in that; "0 s" would say that nothing happened
        return f"{max(0.1, seconds):.1f} s"
    whole = max(0, round(seconds))
    for size, unit, smaller_size, smaller in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def _owner(info: RunInfo | None, status: Status | None) -> tuple[int, float, str]:
    """pid, creation time and machine of the process that works on the run; of a resumed run, the latest."""
    if status is not None and status.pid:
        return status.pid, status.process_started, status.host or (info.host if info is not None else "")
    return (info.pid, info.process_started, info.host) if info is not None else (0, 0.0, "")


def _number(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        raise TypeError(value)
    return float(value)  # also "NaN", "Infinity" and "-Infinity", as write_json writes them


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    if abs(value) >= 2**63:  # no counter gets there, and no column holds it
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _state(value: Any) -> str:
    if value not in STATES:
        raise ValueError(value)
    return str(value)


def _last(value: Any) -> dict[str, dict[str, float]]:
    return {
        split: {metric: _number(number) for metric, number in row.items()} for split, row in value.items()
    }


def _best(value: Any) -> dict[str, dict[str, dict[str, float]]]:
    return {split: _last(row) for split, row in value.items()}


_READERS = {
    "state": _state,
    "heartbeat": _number,
    "epoch": _number,
    "epochs": _number,
    "step": _whole,
    "steps": _whole,
    "rate": _number,
    "eta_seconds": _number,
    "last": _last,
    "best": _best,
    "error": _text,
    "pid": _whole,
    "process_started": _number,
    "host": _text,
}
