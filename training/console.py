"""What a training says: a progress bar on a terminal, plain lines elsewhere, and all lines in the run's
output.log.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tqdm import tqdm

REFRESH_SECONDS = 0.25  # between two movements of the bar


class Bar(tqdm):
    """Without tqdm's thread, which looks after bars that nobody moves: a process with threads can't fork."""

    monitor_interval = 0


class Console:
    """Lines for a person. A context manager: it closes the bar and the file. A `quiet` one has no terminal:
    its lines go to the file only.
    """

    def __init__(self, output_log: Path | None = None, quiet: bool = False) -> None:
        self._quiet = quiet
        self._file = None
        if output_log is not None and not _is_stdout(output_log):
            self._file = output_log.open("a", encoding="utf-8")
        self._bar = Bar(disable=True)
        self._epochs = 0
        self._shown = 0  # steps
        self._next = 0.0  # when the bar moves again

    def start(self, epochs: int, steps_per_epoch: int, done: int = 0, unit: str = "step") -> None:
        """Shows the bar on a terminal; `done` steps (or what else is counted) were made before."""
        self._epochs, self._shown = epochs, done
        terminal = not self._quiet and sys.stderr is not None and sys.stderr.isatty()
        total = epochs * steps_per_epoch
        self._bar = Bar(total=total, initial=done, unit=unit, leave=False, disable=not terminal)

    def after_step(self, step: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REFRESH_SECONDS
            self._bar.update(step - self._shown)
            self._shown = step

    def after_epoch(self, epoch: int, scores: Mapping[str, float], is_best: bool) -> None:
        self.say(
            f"epoch {epoch}/{self._epochs}  validation {_words(scores)}{'  best so far' if is_best else ''}"
        )

    def after_test(self, epoch: int, scores: Mapping[str, float]) -> None:
        self.say(f"test {_words(scores)}  (weights of epoch {epoch}, the best on the validation data)")

    def say(self, line: str) -> None:
        """One line (or several), above the bar."""
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more, or the disk is full: train on
            if not self._bar.disable:
                self._bar.write(line)
            elif not self._quiet:
                print(line, flush=True)
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.write(line + "\n")
                self._file.flush()

    def close(self) -> None:
        self._bar.close()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _words(scores: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in scores.items())


def _is_stdout(path: Path) -> bool:
    """True where this process's output goes to the file already, as launched trainings' does."""
    try:
        return os.path.samestat(os.fstat(sys.stdout.fileno()), path.stat())
    except (OSError, ValueError, AttributeError):  # no such file yet, or a stdout that is none
        return False
