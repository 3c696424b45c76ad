"""Ctrl-C for commands that go on until it is pressed."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any

SLICE_SECONDS = 0.05  # of a wait, between two looks at whether Ctrl-C was pressed


class Interrupt:
    """While it is entered, the first Ctrl-C is remembered and ends the next wait(); a second one interrupts
    at once. A context manager that puts the former handler back.

    Python raises KeyboardInterrupt wherever the main thread happens to be. Where that is a callback of C code
    or a finalizer, the exception is printed or dropped, and the program goes on as if nothing was pressed; a
    handler that only remembers can't be lost.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._former: Any = None

    def __enter__(self) -> Interrupt:
        # Only the main thread may set handlers, and only it receives signals
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(self, *error: object) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)

    def wait(self, seconds: float) -> None:
        """Returns after this many seconds. KeyboardInterrupt once Ctrl-C was pressed, also before."""
        end = time.monotonic() + seconds
        while not self.pressed:
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, SLICE_SECONDS))
        raise KeyboardInterrupt

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
