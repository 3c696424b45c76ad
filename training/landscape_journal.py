"""Points of a landscape, kept the moment they are computed: `points.journal` in its run directory.

The table of points is replaced as a whole, every 0.7 s or so; a process that is killed between would lose
what it has found since. A journal gets each point at once, in one call of the system, after which the file
has it whatever becomes of the process. It is dropped when the table is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from logs.directory import RunDirectory

NAME = "points.journal"
HEAD = b"\n"  # ends the line that says what the records are


class Journal:
    """Points of one landscape, appended by one thread."""

    def __init__(self, directory: RunDirectory, key: str, splits: Sequence[str]) -> None:
        """Begins it anew. OSError where the folder is gone or full."""
        self.path, self.splits = directory.path / NAME, tuple(splits)
        head = json.dumps({"key": key, "splits": list(self.splits)}).encode() + HEAD
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        os.write(self._file, head)

    def add(self, a: int, b: Sequence[int], found: Sequence[Mapping[str, tuple[float, float]]]) -> None:
        """A row's points: places on the lattice, and loss and accuracy of each split."""
        records = np.empty(len(b), _kind(len(self.splits)))
        records["row"], records["column"] = a, b
        records["values"] = [[point[split] for split in self.splits] for point in found]
        os.write(self._file, records.tobytes())

    def close(self, keep: bool) -> None:
        """`keep`: the table does not have all of it."""
        os.close(self._file)
        if not keep:
            self.path.unlink(missing_ok=True)


def read_journal(directory: RunDirectory, key: str) -> dict[str, np.ndarray]:
    """The columns that `Grid.take` reads, of a journal with this key; none where there is no such journal.
    A record that was cut off by a full disk is left out.
    """
    try:
        content = Path(directory.path / NAME).read_bytes()
        head, records = content.split(HEAD, 1)
        about = json.loads(head)
        splits = [str(split) for split in about["splits"]]
        if about["key"] != key:
            return {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    kind = _kind(len(splits))
    rows = np.frombuffer(records[: len(records) // kind.itemsize * kind.itemsize], kind)
    columns = {"row": rows["row"], "column": rows["column"]}
    for place, split in enumerate(splits):
        columns[f"{split}_loss"] = rows["values"][:, place, 0]
        columns[f"{split}_accuracy"] = rows["values"][:, place, 1]
    return columns


def _kind(splits: int) -> np.dtype:
    return np.dtype([("row", "<i4"), ("column", "<i4"), ("values", "<f8", (splits, 2))])
