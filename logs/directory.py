"""Where each file of a run is, how a run gets its name, and JSON that a reader sees whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from logs.errors import BrokenRunError, MissingFileError

NO_RUN_JSON = "it is no run, or its start failed: see its output.log"
TRASH = ".trash"  # inside the folder of runs; removed runs wait here
SLUG_LIMIT = 40  # characters of the model's and of the data set's name in an id: paths stay short on Windows
REPLACE_PATIENCE = 2.0  # seconds; on Windows a reader's open file blocks its replacement for a moment


@dataclass(frozen=True)
class RunDirectory:
    """The paths of one run. Making one touches no disk; `create` makes the folder, `existing` checks it."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @classmethod
    def create(cls, runs: Path | str, model: str, dataset: str, now: datetime | None = None) -> RunDirectory:
        """A new empty folder `<UTC time>-<model>-<dataset>-<4 hex>` in `runs` (made if missing)."""
        moment = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        stem = f"{moment}-{slug(model, 'model')}-{slug(dataset, 'dataset')}"
        Path(runs).mkdir(parents=True, exist_ok=True)
        while True:
            path = Path(runs) / f"{stem}-{secrets.token_hex(2)}"
            try:
                path.mkdir()  # fails where another process has just taken the same four digits
            except FileExistsError:
                continue
            return cls(path)

    @classmethod
    def existing(cls, path: Path | str) -> RunDirectory:
        """The run at `path`; BrokenRunError where there is no folder or no run.json in it."""
        directory = cls(Path(path))
        try:
            folder, described = directory.path.is_dir(), directory.run_json.is_file()
        except OSError as error:  # no permission to look into it, or a name no file can have
            reason = f"can't be opened ({error.strerror or error})"
            raise BrokenRunError(directory.path, reason, "give yourself read permission on it") from None
        if not folder:
            raise BrokenRunError(
                directory.path, "is no run: there is no such folder", "see `python -m logs list`"
            )
        if not described:
            raise BrokenRunError(directory.path, "has no run.json", NO_RUN_JSON)
        return directory

    @classmethod
    def within(cls, runs: Path | str, run_id: str) -> RunDirectory:
        """The run `run_id` in `runs`. An id from outside (an address, a form) can't leave that folder."""
        plain = run_id and run_id not in (".", "..") and not run_id.startswith(".")
        if not plain or any(sign in run_id for sign in "/\\:\0"):
            raise BrokenRunError(runs, f"can't hold a run named {run_id!r}", "an id is a plain folder name")
        return cls.existing(Path(runs) / run_id)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def status_json(self) -> Path:
        return self.path / "status.json"

    @property
    def labels_json(self) -> Path:
        return self.path / "labels.json"

    @property
    def scalars(self) -> Path:
        return self.path / "scalars"

    @property
    def media(self) -> Path:
        return self.path / "media"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def landscapes(self) -> Path:
        return self.path / "landscapes"

    @property
    def tables(self) -> Path:
        return self.path / "tables"

    @property
    def film(self) -> Path:
        return self.path / "film"

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    @property
    def requests(self) -> Path:
        return self.path / "requests"

    @property
    def output_log(self) -> Path:
        return self.path / "output.log"


def slug(text: str, fallback: str) -> str:
    """`text` as part of a folder's name on every system: ASCII letters, digits, `.`, `_` and `-`.

    What has no such letters (a name in Chinese) becomes `fallback`: the full name is in run.json.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"the {fallback}'s name is {text!r}; it must be a text with at least one letter")
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", ascii_only).strip("-._")[:SLUG_LIMIT].strip("-._")
    return plain or fallback


def write_json(path: Path | str, value: Any) -> None:
    """Writes `value` so that a reader sees the old file or the new one, never half of one.

    Non-finite numbers become the texts "NaN", "Infinity" and "-Infinity": JSON has no such numbers, and
    other readers (DuckDB, browsers) refuse a file that has them. OSError where the disk is full.
    """
    path = Path(path)
    text = json.dumps(json_value(value), ensure_ascii=True, indent=1, allow_nan=False) + "\n"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with unfinished.open("w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name with no content
        patiently(lambda: os.replace(unfinished, path))  # noqa: PTH105 - Path.replace is the same call
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def read_json(path: Path | str) -> dict[str, Any]:
    """The object in a JSON file; BrokenRunError says what is wrong with it and what to do."""
    path = Path(path)
    try:
        data = patiently(path.read_bytes) if os.name == "nt" else path.read_bytes()
    except FileNotFoundError:
        raise MissingFileError(path, "is missing", "see the run's output.log for why") from None
    except PermissionError:
        raise BrokenRunError(path, "may not be read", "give yourself read permission on it") from None
    except OSError as error:
        raise BrokenRunError(path, f"can't be read ({error.strerror or error})", "check the disk") from None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        what = "is empty" if not data.strip() else f"is not whole JSON ({error})"
        raise BrokenRunError(path, what, "restore it from a copy, or remove the run") from None
    if b"\\ud" in data.lower():  # half a sign, which no UTF-8 text, table or page can hold, becomes "?"
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    if not isinstance(value, dict):
        raise BrokenRunError(path, f"holds a {type(value).__name__}, not an object", "restore it from a copy")
    return value


def patiently[Result](action: Callable[[], Result]) -> Result:
    """The result of `action`, tried again for a moment on PermissionError.

    On Windows a file that another process has open can't be replaced, read or removed until it is closed.
    """
    deadline = time.monotonic() + REPLACE_PATIENCE
    pause = 0.002
    while True:
        try:
            return action()
        except PermissionError:
            if time.monotonic() + pause > deadline:
                raise
            time.sleep(pause)
            pause *= 2


def json_value(value: Any) -> Any:
    """`value` in JSON's own types; TypeError for what has no such form."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(item) for item in value]
    if isinstance(value, set | frozenset):
        return [json_value(item) for item in sorted(value)]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # a NumPy number or array, without importing NumPy
        return json_value(value.tolist())
    raise TypeError(
        f"{value!r} of type {type(value).__name__} can't be written as JSON; give a number, text or list"
    )
