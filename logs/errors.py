"""What can go wrong with a run, in sentences that name the file, the rule and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class LogsError(Exception):
    """Anything a person can be told in one sentence; the command line prints it without a traceback."""


class BrokenRunError(LogsError):
    """A run directory, or a file in it, that can't be read as the format says."""

    def __init__(self, path: Path | str, reason: str, way_out: str = "") -> None:
        self.path = Path(path)
        self.reason = reason
        self.way_out = way_out
        super().__init__(f"{self.path} {reason}" + (f"; {way_out}" if way_out else ""))


class MissingFileError(BrokenRunError):
    """A file of a run is not there, which for some files only means: not yet."""


class NewerSchemaError(BrokenRunError):
    """A run that a newer version of this program wrote."""


class UnknownRunError(LogsError):
    """No run, or more than one, answers to a name."""

    def __init__(
        self,
        text: str,
        runs: Path | str,
        known: Iterable[str],
        matching: Iterable[str] = (),
        listing: str = "python -m logs list",
    ) -> None:
        known, matching = list(known), list(matching)
        if matching:
            shown = ", ".join(matching[:5]) + (", ..." if len(matching) > 5 else "")
            message = f"{len(matching)} runs in {runs} answer to {text!r} ({shown}); write the whole id"
        elif not known:
            message = f"no run is named {text!r}: {runs} holds no runs; start one, or give another --runs"
        else:
            near = difflib.get_close_matches(text, known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            message = f"no run in {runs} is named {text!r}{hint}; `{listing}` shows them all"
        super().__init__(message)


class RunningError(LogsError):
    """Something was asked that would pull a run from under its own process."""
