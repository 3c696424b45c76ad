"""What a run is: run.json, written once when it starts."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from logs.directory import RunDirectory, read_json, write_json
from logs.errors import BrokenRunError, NewerSchemaError
from logs.process import process_started
from logs.vocabulary import SCHEMA_VERSION

LATEST = 253402300800.0  # the year 10000, after which no calendar and no table goes
COMMIT_SECONDS = 10.0  # a commit, or a changed file, is noticed that late by a process that starts many runs
PACKAGES = ("torch", "torchvision", "numpy", "pandas", "pyarrow", "scikit-learn", "visdom")


@dataclass(frozen=True)
class RunInfo:
    """The content of run.json. Times are seconds since 1970, UTC."""

    id: str  # the folder's name when the run was made
    model: str = ""
    dataset: str = ""
    name: str = ""  # a person's name for it; labels.json overrides
    kind: str = "train"  # which script made it: train, fold, sweep, landscape ...
    group: str = ""  # runs that belong together: the id of the study that this run is a member of
    study: Mapping[str, Any] = field(default_factory=dict)  # of a group run: what it varies, and how
    member: Mapping[str, Any] = field(default_factory=dict)  # of a group: which one, {"repeat": 0, "fold": 3}
    tags: tuple[str, ...] = ()  # labels.json overrides
    config: Mapping[str, Any] = field(
        default_factory=dict
    )  # RunConfig.to_dict(), or whatever a foreign loop gives
    command: tuple[str, ...] = ()  # what repeats the run
    seed: int | None = None
    git_commit: str = ""  # of the working folder, "-dirty" behind it where files were changed
    versions: Mapping[str, str] = field(default_factory=dict)  # Python, platform and packages
    device: str = ""
    host: str = ""
    pid: int = 0
    process_started: float = 0.0  # a pid alone may be reused
    created: float = 0.0
    higher_is_better: Mapping[str, bool] = field(
        default_factory=dict
    )  # per metric; what "best" means; loss: False
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def new(
        cls,
        directory: RunDirectory,
        *,
        model: str,
        dataset: str,
        config: Mapping[str, Any] | None = None,
        name: str = "",
        kind: str = "train",
        group: str = "",
        study: Mapping[str, Any] | None = None,
        member: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        seed: int | None = None,
        command: Sequence[str] | None = None,
        device: str = "cpu",
        versions: Mapping[str, str] | None = None,
        higher_is_better: Mapping[str, bool] | None = None,
    ) -> RunInfo:
        """The info of a run that this process starts in `directory`; what the machine knows is filled in."""
        return cls(
            id=directory.id,
            model=model,
            dataset=dataset,
            name=name,
            kind=kind,
            group=group,
            study=dict(study or {}),
            member=dict(member or {}),
            tags=(tags,) if isinstance(tags, str) else tuple(tags),
            config=dict(config or {}),
            command=tuple(sys.orig_argv if command is None else command),
            seed=seed,
            git_commit=_recent_commit(),
            versions={**installed_versions(), **(versions or {})},
            device=device,
            host=socket.gethostname(),
            pid=os.getpid(),
            process_started=process_started(os.getpid()),
            created=time.time(),
            higher_is_better=dict(higher_is_better or {}),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, the version first."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {"schema_version": values.pop("schema_version"), **values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], path: Path | str = "run.json") -> RunInfo:
        """Checked; fields that this version doesn't know are left aside, missing ones get their default."""
        check_version(data, path)
        kinds = {item.name: _TYPES[str(item.type)] for item in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for name, (types, wanted) in kinds.items():
            if name not in data:
                continue
            value = data[name]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                way_out = f"it must be {wanted}; restore the file, or remove the run"
                raise BrokenRunError(path, f"says {name} is {_short(value)}", way_out)
            values[name] = value
        for name in ("created", "process_started"):
            if not 0 <= values.get(name, 0) < LATEST:  # a NaN isn't either
                raise BrokenRunError(
                    path, f"says {name} is {_short(values[name])}", "it must be seconds since 1970"
                )
        if not values.get("id"):
            raise BrokenRunError(
                path, "names no id", "it was not written by this program; restore it from a copy"
            )
        for name in ("tags", "command"):
            values[name] = tuple(str(item) for item in values.get(name, ()))
        return cls(**values)


_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "int | None": ((int, type(None)), "a whole number or null"),
    "tuple[str, ...]": ((list, tuple), "a list of texts"),
    "Mapping[str, Any]": ((Mapping,), "an object"),
    "Mapping[str, str]": ((Mapping,), "an object"),
    "Mapping[str, bool]": ((Mapping,), "an object"),
}


def read_info(directory: RunDirectory) -> RunInfo:
    """BrokenRunError where run.json is missing, torn or foreign; NewerSchemaError where it is newer."""
    return RunInfo.from_dict(read_json(directory.run_json), directory.run_json)


def write_info(directory: RunDirectory, info: RunInfo) -> None:
    """Once: FileExistsError where the run has its run.json already."""
    if directory.run_json.exists():
        raise FileExistsError(
            f"{directory.run_json} exists; run.json is written once, labels go to labels.json"
        )
    write_json(directory.run_json, info.to_dict())


def check_version(data: Mapping[str, Any], path: Path | str) -> None:
    """NewerSchemaError for what a newer version wrote, BrokenRunError where no version is named."""
    version = data.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BrokenRunError(
            path, f"names no schema_version ({_short(version)})", "it was not written by this program"
        )
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            path,
            f"has format version {version} and this program reads up to {SCHEMA_VERSION}",
            "update Descent to open the run",
        )


def git_commit() -> str:
    """The working folder's commit, with -dirty behind it where tracked files were changed; "" without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _recent_commit() -> str:
    """The same, asked for at most once in some seconds: a hundred folds start in one of them."""
    try:
        folder = str(Path.cwd())
    except OSError:  # it was removed
        return ""
    return _commit_of(folder, int(time.monotonic() / COMMIT_SECONDS))


@functools.lru_cache(maxsize=1)
def _commit_of(folder: str, moment: int) -> str:
    """The arguments say when the answer is an old one."""
    return git_commit()


@functools.cache
def installed_versions() -> Mapping[str, str]:
    """Python's, the platform's and the packages' that a result may depend on: as this process found them."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return MappingProxyType(found)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
