"""Short pieces of work in the background, so that the training thread never waits for the interpreter."""

from __future__ import annotations

import time

SLICE_RECORDS = 4096  # of the write-ahead log, handled between two breaths: 0.2 ms


def breath() -> None:
    """Hands the interpreter to whoever waits for it; without it Python lets a thread compute for 5 ms."""
    time.sleep(0)
