"""The newest predictions of a run, found by the statistics of the row groups: one call wrote one or more of
them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from logs.columns import open_file, read_rows
from logs.errors import BrokenRunError
from logs.parts import list_parts
from logs.schema import PREDICTIONS

ATTEMPTS = 10


def read_predictions(folder: Path, split: str | None, step: int | None = None) -> pa.Table:
    """The samples of one split at its newest step, or at `step`; no rows where there are none."""
    for _ in range(ATTEMPTS):
        try:
            return _read(folder, split, step)
        except FileNotFoundError:  # superseded by a compacted part
            continue
    raise BrokenRunError(folder, "loses files while it is read", "was the run removed?")


def _read(folder: Path, split: str | None, step: int | None) -> pa.Table:
    chosen: list[tuple[Path, int, int]] = []  # file, row group, step; in the order of logging
    for part in list_parts(folder):
        with open_file(part.path) as file:
            said = [_said(file.metadata.row_group(group)) for group in range(file.num_row_groups)]
        for group, (its_split, its_step) in enumerate(said):
            if its_split == split and step in (None, its_step):
                chosen.append((part.path, group, its_step))
    newest = [(path, group) for path, group, its_step in chosen if its_step == chosen[-1][2]]
    tables = [_rows(path, [group]) for path, group in newest]
    return pa.concat_tables(tables) if tables else PREDICTIONS.empty_table()


def _rows(path: Path, groups: list[int]) -> pa.Table:
    with open_file(path) as file:
        return read_rows(file, path, groups, PREDICTIONS.names).cast(PREDICTIONS)


def _said(group: Any) -> tuple[str | None, int]:
    """Split and step of a row group."""
    columns = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    split, step = columns["split"].statistics, columns["step"].statistics
    return split.min if split is not None and split.has_min_max else None, step.min if step is not None else 0
