"""Removing a run moves it to the trash of its folder of runs, from where it can be brought back."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from logs.directory import TRASH, RunDirectory
from logs.errors import BrokenRunError, LogsError, RunningError, UnknownRunError
from logs.info import RunInfo, read_info
from logs.status import Status, effective_state, read_status


def remove(directory: RunDirectory) -> RunDirectory:
    """Moves the run to `.trash` beside it; where it lies now. Damaged runs and foreign folders go as well.

    RunningError for a run whose process lives. LogsError where the folder can't be moved.
    """
    source = directory.path
    if not source.is_dir():
        raise BrokenRunError(source, "is no run: there is no such folder", "see `python -m logs list`")
    _refuse_running(directory)
    trash = source.parent / TRASH
    return _move(source, trash / source.name, f"remove it for good first: delete {trash / source.name}")


def restore(runs: Path | str, run_id: str) -> RunDirectory:
    """Brings a removed run back; UnknownRunError where the trash has none of that id."""
    removed = {item.id: item for item in list_trash(runs)}
    if run_id not in removed:
        raise UnknownRunError(run_id, Path(runs) / TRASH, removed, listing="python -m logs list --trash")
    return _move(removed[run_id].path, Path(runs) / run_id, "remove or rename that one first")


def list_trash(runs: Path | str) -> list[RunDirectory]:
    """The removed runs, the newest first."""
    trash = Path(runs) / TRASH
    if not trash.is_dir():
        return []
    return [RunDirectory(path) for path in sorted(trash.iterdir(), reverse=True) if path.is_dir()]


def empty_trash(runs: Path | str) -> int:
    """Deletes the removed runs for good; how many there were. LogsError where one can't be deleted."""
    removed = list_trash(runs)
    for directory in removed:
        try:
            if directory.path.is_symlink():
                directory.path.unlink()  # the link goes, what it points to isn't ours
            else:
                shutil.rmtree(directory.path, onexc=_writable_then_again)
        except OSError as error:
            raise LogsError(f"{directory.path} can't be deleted: {error.strerror or error}") from None
    return len(removed)


def _refuse_running(directory: RunDirectory) -> None:
    info: RunInfo | None = None
    status: Status | None = None
    with contextlib.suppress(
        BrokenRunError
    ):  # a damaged run can be removed, unless the other file says it runs
        info = read_info(directory)
    with contextlib.suppress(BrokenRunError):
        status = read_status(directory)
    if effective_state(info, status) == "running":
        raise RunningError(f"{directory.id} is running; stop it first: python -m logs stop {directory.id}")


def _move(source: Path, target: Path, way_out: str) -> RunDirectory:
    if target.exists():
        raise LogsError(f"{target} exists already; {way_out}")
    try:
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
    except OSError as error:  # on Windows also: another program has one of its files open
        reason = error.strerror or str(error)
        raise LogsError(
            f"{source} can't be moved to {target.parent}: {reason}; close what has it open"
        ) from None
    return RunDirectory(target)


def _writable_then_again(action: Callable[[str], Any], path: str, error: BaseException) -> None:
    """Windows refuses to delete a file that is marked read-only; a second failure is raised."""
    if not isinstance(error, PermissionError):
        raise error
    os.chmod(path, stat.S_IWRITE | stat.S_IREAD | stat.S_IEXEC)  # noqa: PTH101 - rmtree hands over a text
    action(path)
