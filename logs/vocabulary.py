"""The words of the format: its version and the names that may stand in its columns. Imports nothing.

Apart from logs.schema so that listing runs does not wait for pyarrow.
"""

from __future__ import annotations

from typing import Literal

SCHEMA_VERSION = 1  # raised when an older reader would misread a newer run

Split = Literal["train", "validation", "test"]
State = Literal["running", "finished", "stopped", "failed", "lost"]

SPLITS: tuple[str, ...] = ("train", "validation", "test")  # a value without a split has null
STATES: tuple[str, ...] = ("running", "finished", "stopped", "failed", "lost")
FINAL_STATES: tuple[str, ...] = ("finished", "stopped", "failed")  # what a run says of itself at its end
MEDIA_KINDS: tuple[str, ...] = ("image", "histogram", "text", "matrix")
