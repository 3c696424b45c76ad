"""The files of a cross-validation in its study's directory: who is in which fold, and what was said of whom.

    folds/assignment.parquet     index int64, repeat int32, fold int32, role train | validation | test
    folds/predictions.parquet    index int64, repeat int32, fold int32, target, prediction float64,
                                 probabilities list<float32>, null in a regression

Each appears whole or not at all, and is read by whatever reads Parquet.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from logs.directory import RunDirectory
from logs.errors import BrokenRunError
from logs.parts import publish
from training.fold_schemes import Fold
from training.splits import Split

if TYPE_CHECKING:
    import pandas
    import pyarrow as pa

FOLDER = "folds"
ROLES = ("train", "validation", "test")
AGAIN = "the study's driver wrote it; restore it from a copy, or start the study anew"


def assignment_file(directory: RunDirectory) -> Path:
    return directory.path / FOLDER / "assignment.parquet"


def predictions_file(directory: RunDirectory) -> Path:
    return directory.path / FOLDER / "predictions.parquet"


def write_assignment(directory: RunDirectory, folds: Sequence[Fold]) -> None:
    """Where the fold that judges is also watched, its samples are in two rows, validation and test. OSError
    on a full disk.
    """
    import pyarrow as pa

    from logs.columns import numbers, words

    parts = [(fold, code, getattr(fold.split, role)) for fold in folds for code, role in enumerate(ROLES)]
    sizes = [len(indices) for _, _, indices in parts]

    def repeated(values: list[int]) -> np.ndarray:
        return np.repeat(np.array(values, np.int32), sizes)

    columns = [
        numbers(np.concatenate([indices for _, _, indices in parts]), pa.int64()),
        numbers(repeated([fold.repeat for fold, _, _ in parts]), pa.int32()),
        numbers(repeated([fold.fold for fold, _, _ in parts]), pa.int32()),
        words(repeated([code for _, code, _ in parts]), ROLES),
    ]
    _write(assignment_file(directory), pa.Table.from_arrays(columns, schema=_assignment()))


def read_assignment(directory: RunDirectory) -> tuple[Fold, ...]:
    """In the order of writing; none where the study has not written them yet. BrokenRunError for a damaged
    file.
    """
    from logs.columns import numpy_of

    path = assignment_file(directory)
    table = _read(path, _assignment().names)
    if table is None or not len(table):
        return ()
    index, repeat, fold = (numpy_of(table[name]) for name in ("index", "repeat", "fold"))
    words = table["role"].unify_dictionaries().combine_chunks()
    code = np.array([ROLES.index(word) for word in words.dictionary.to_pylist()])[words.indices.to_numpy()]
    edge = (np.diff(repeat) != 0) | (np.diff(fold) != 0)
    starts = np.concatenate([[0], np.flatnonzero(edge) + 1, [len(index)]])
    found = []
    for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        own, roles = index[begin:end], code[begin:end]
        split = Split(*(own[roles == role] for role in range(len(ROLES))))
        found.append(Fold(int(repeat[begin]), int(fold[begin]), split))
    return tuple(found)


def write_predictions(directory: RunDirectory, rows: pandas.DataFrame) -> None:
    """`rows` has the columns of the file; `probabilities` are arrays [classes], or None in a regression."""
    import pyarrow as pa

    from logs.columns import lists, numbers

    schema = _predictions()
    chances = [None if given is None else np.asarray(given) for given in rows["probabilities"]]
    columns = [numbers(rows[field.name].to_numpy(), field.type) for field in list(schema)[:-1]]
    known = any(chance is not None for chance in chances)
    columns.append(lists(chances, pa.float32()) if known else pa.nulls(len(rows), pa.list_(pa.float32())))
    _write(predictions_file(directory), pa.Table.from_arrays(columns, schema=schema))


def read_predictions(directory: RunDirectory) -> pandas.DataFrame | None:
    """None where the study has not come to its end; BrokenRunError for a damaged file."""
    table = _read(predictions_file(directory), _predictions().names)
    return None if table is None else table.to_pandas()


def _assignment() -> pa.Schema:
    import pyarrow as pa

    from logs.schema import SCALARS, WORD

    return pa.schema(
        [
            pa.field("index", pa.int64(), nullable=False),
            pa.field("repeat", pa.int32(), nullable=False),
            pa.field("fold", pa.int32(), nullable=False),
            pa.field("role", WORD, nullable=False),
        ],
        metadata=SCALARS.metadata,
    )


def _predictions() -> pa.Schema:
    import pyarrow as pa

    from logs.schema import SCALARS

    return pa.schema(
        [
            pa.field("index", pa.int64(), nullable=False),
            pa.field("repeat", pa.int32(), nullable=False),
            pa.field("fold", pa.int32(), nullable=False),
            pa.field("target", pa.float64(), nullable=False),
            pa.field("prediction", pa.float64(), nullable=False),
            pa.field("probabilities", pa.list_(pa.float32())),
        ],
        metadata=SCALARS.metadata,
    )


def _write(path: Path, table: pa.Table) -> None:
    from logs.columns import open_writer

    def fill(unfinished: Path) -> None:
        with open_writer(unfinished, table.schema) as writer:
            writer.write_table(table)

    publish(path, fill)


def _read(path: Path, columns: Sequence[str]) -> pa.Table | None:
    """None where there is no such file."""
    from logs.columns import open_file, read_rows

    try:
        with open_file(path) as file:
            missing = set(columns) - set(file.schema_arrow.names)
            if missing:
                raise BrokenRunError(path, f"has no column {', '.join(sorted(missing))}", AGAIN)
            return read_rows(file, path, range(file.num_row_groups), columns)
    except FileNotFoundError:
        return None
