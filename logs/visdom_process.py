"""The Visdom stream as a process of its own: it computes on another core, and never holds the interpreter
that trains.

In a thread the stream held the interpreter for some 70 ms of a training of 5 s; a process costs it the start.
It outlives the training by the time that the last picture takes, and ends when the run has ended, whatever
became of the process that trained.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from logs.directory import RunDirectory
from logs.process import of_its_own
from logs.visdom_connection import checked_address


class VisdomProcess:
    """Shows one run at one server, from a process that reads the run directory like any other reader.

    `say` is given each line that it says: that the server turns out to be away, and when it is back.
    """

    def __init__(self, directory: RunDirectory, server: str, say: Callable[[str], None]) -> None:
        """ValueError for an address that is none."""
        self.directory, self.server = directory, checked_address(server)
        self._say = say
        self._process: subprocess.Popen[str] | None = None
        self._listener = threading.Thread(target=self._listen, name="visdom-process", daemon=True)

    def start(self) -> VisdomProcess:
        """Starts the process. Where the system refuses one, that is said, and nothing is streamed."""
        run = str(self.directory.path.resolve())
        command = [sys.executable, "-m", "logs.visdom_stream", run, "--server", self.server, "--follow"]
        try:
            self._process = subprocess.Popen(
                command,
                cwd=Path(__file__).resolve().parents[1],  # where `-m logs.visdom_stream` is found
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                **of_its_own(),  # Ctrl-C is for the training; the last picture is sent after it
            )
        except OSError as error:
            self._say(f"no Visdom stream: its process can't be started ({error.strerror or error})")
        else:
            self._listener.start()
        return self

    def close(self, timeout: float = 5.0) -> bool:
        """Waits for the last picture; False where that takes longer than `timeout` seconds.

        Then the process ends by itself. Call it after the run's final state was written.
        """
        if self._process is None:
            return True
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self._listener.join(1.0)  # what it said last
        return True

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, OSError), self._process.stdout as lines:
            for line in lines:
                self._say(line.rstrip())
        self._process.wait()  # nobody else may take the exit status, and no zombie is to stay
