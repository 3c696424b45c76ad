"""What a person asks of a running run: small JSON files in requests/, taken by the run's own process."""

from __future__ import annotations

import contextlib
import difflib
import math
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logs.directory import RunDirectory, patiently, read_json, write_json
from logs.errors import BrokenRunError

KINDS = ("stop", "checkpoint", "learning_rate")


@dataclass(frozen=True)
class Request:
    """Valid when it exists. `value` is the new learning rate, and None for the other kinds."""

    kind: str
    value: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            near = difflib.get_close_matches(str(self.kind), KINDS, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ";"
            raise ValueError(f"no request is named {self.kind!r}{hint} known: {', '.join(KINDS)}")
        if self.kind == "learning_rate":
            object.__setattr__(self, "value", _learning_rate(self.value))
        elif self.value is not None:
            raise ValueError(f"a request to {self.kind} takes no value, and {self.value!r} was given")


def send_request(directory: RunDirectory, kind: str, value: Any = None) -> Request:
    """Leaves a request for the run's process, which takes it within a second or so.

    ValueError for an unknown kind or a learning rate that is not a positive number; BrokenRunError where
    there is no run. Whether somebody is there to take it: logs.status.effective_state.
    """
    request = Request(kind, value)
    directory = RunDirectory.existing(directory.path)
    directory.requests.mkdir(exist_ok=True)
    name = f"{time.time_ns():020d}-{secrets.token_hex(2)}.json"  # sorts by time
    write_json(
        directory.requests / name, {"kind": request.kind, "value": request.value, "created": time.time()}
    )
    return request


def take_requests(directory: RunDirectory) -> list[Request]:
    """The waiting requests, oldest first, each once; never an exception: the caller is training.

    A file that is no request is renamed to *.rejected, where a person can look at it. One that can't be
    removed is left for next time rather than carried out at every look.
    """
    taken = []
    for path in waiting_requests(directory):
        try:
            data = read_json(path)
            request = Request(data.get("kind", ""), data.get("value"))
        except (BrokenRunError, ValueError, TypeError):
            with contextlib.suppress(OSError):  # nothing is lost by leaving it: it is read again next time
                path.rename(path.with_suffix(".rejected"))
            continue
        try:
            patiently(path.unlink)
        except OSError:
            continue
        taken.append(request)
    return taken


def clear_requests(directory: RunDirectory) -> None:
    """Drops what nobody took. For a resumed run: an old request to stop must not end it at once."""
    for path in waiting_requests(directory):
        with contextlib.suppress(OSError):  # then it is carried out once, which a person can see and undo
            patiently(path.unlink)


def waiting_requests(directory: RunDirectory) -> list[Path]:
    """The files of requests that are whole, oldest first. Unfinished ones have another ending."""
    try:
        return sorted(path for path in directory.requests.iterdir() if _is_request(path))
    except OSError:  # no folder: nobody has asked for anything
        return []


def _is_request(path: Path) -> bool:
    return path.suffix == ".json" and not path.name.startswith(".")


def _learning_rate(value: Any) -> float:
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number <= 0:
        raise ValueError(
            f"the learning rate is {value!r}; it must be a positive, finite number such as 0.001"
        )
    return number
