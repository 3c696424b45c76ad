"""Results as tables: `tables/<name>.parquet`, replaced in whole as they grow (logs/FORMAT.md, "tables/").

write_table(run.directory, "capacity", {"degree": degrees, "error": errors}, about={"noise": 0.2})
table = read_table(run.directory, "capacity")     # None: not written yet
table.frame, table.about
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from logs.directory import RunDirectory, json_value, patiently

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ABOUT_KEY = b"descent.about"  # in the metadata of the Parquet file
_NAME = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True)
class Table:
    """A table as it was when it was read: one row of Parquet columns each, and what it says of itself."""

    name: str
    rows: pa.Table
    about: Mapping[str, Any]

    @property
    def frame(self) -> pd.DataFrame:
        """As a DataFrame; a column of lists has an array in each cell. Made anew at each call."""
        return self.rows.to_pandas(ignore_metadata=True)

    def __len__(self) -> int:
        return int(self.rows.num_rows)


def table_path(directory: RunDirectory | Path, name: str) -> Path:
    """Where a table is, written or not. ValueError for a name that no file should have."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"a table is named {name!r}; use up to 64 small letters, digits and _, such as 'capacity'"
        )
    folder = directory.tables if isinstance(directory, RunDirectory) else Path(directory) / "tables"
    return folder / f"{name}.parquet"


def write_table(
    directory: RunDirectory | Path,
    name: str,
    columns: Mapping[str, Any],
    about: Mapping[str, Any] | None = None,
) -> None:
    """Writes a table, or replaces it: a reader sees the old one or the new one, never half of one.

    Each column has one value a row: numbers, flags, texts (None where there is none), or an array
    [rows, length], whose rows become lists. float32 stays float32; other floating-point numbers become
    float64, whole ones int64. `about` is a small JSON object about the whole table.

    ValueError names the column that doesn't fit; TypeError what has no form in JSON; OSError on a full disk.
    """
    import pyarrow as pa

    from logs.parts import publish
    from logs.schema import SCHEMA_VERSION, VERSION_KEY

    path = table_path(directory, name)
    if not columns:
        raise ValueError(f"the table {name!r} has no columns; give at least one")
    arrays = {str(column): _column(name, str(column), values) for column, values in columns.items()}
    lengths = {column: len(array) for column, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{column}: {length}" for column, length in lengths.items())
        raise ValueError(
            f"the columns of the table {name!r} have different lengths ({listed}); one value a row"
        )
    stated = json.dumps(json_value(dict(about or {})), ensure_ascii=True)
    metadata = {VERSION_KEY: str(SCHEMA_VERSION).encode(), ABOUT_KEY: stated.encode()}
    rows = pa.Table.from_arrays(list(arrays.values()), names=list(arrays)).replace_schema_metadata(metadata)
    publish(path, lambda unfinished: _write(unfinished, rows))


def read_table(directory: RunDirectory | Path, name: str) -> Table | None:
    """The table as it is now; None where it has not been written yet.

    BrokenRunError where the file is damaged; NewerSchemaError where a newer version wrote it.
    """
    from logs.columns import open_file, read_rows
    from logs.errors import BrokenRunError

    path = table_path(directory, name)
    try:
        file = patiently(lambda: open_file(path)) if os.name == "nt" else open_file(path)
    except FileNotFoundError:
        return None
    with file:
        metadata = file.schema_arrow.metadata or {}
        rows = read_rows(file, path, range(file.num_row_groups), file.schema_arrow.names)
    try:
        about = json.loads(metadata.get(ABOUT_KEY, b"{}"))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise BrokenRunError(
            path, f"holds no object in {ABOUT_KEY.decode()}", "run what made the table once more"
        )
    return Table(name, rows, about)


def table_version(directory: RunDirectory | Path, name: str) -> Hashable:
    """Another value whenever the table was replaced; None where there is none. Takes microseconds."""
    try:
        stat = table_path(directory, name).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def list_tables(directory: RunDirectory | Path) -> list[str]:
    """The names of the tables that are there, in alphabetical order."""
    folder = table_path(directory, "any").parent
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all we need
    except OSError:
        return []
    stems = (name.removesuffix(".parquet") for name in names if name.endswith(".parquet"))
    return sorted(stem for stem in stems if _NAME.fullmatch(stem))


def _column(table: str, name: str, values: Any) -> pa.Array:
    """One column from an array or a list; ValueError where it is neither numbers, flags nor texts."""
    import pyarrow as pa

    from logs.columns import equal_lists, numbers, words_of

    if _is_texts(values):
        return words_of([None if value is None else str(value) for value in values])
    array = np.asarray(values)
    if array.dtype.kind == "b" and array.ndim == 1:
        packed = pa.py_buffer(np.packbits(array, bitorder="little"))
        return pa.Array.from_buffers(pa.bool_(), len(array), [None, packed])
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise ValueError(
            f"the column {name!r} of the table {table!r} has type {array.dtype} and shape {array.shape}; "
            "it must be numbers, flags or texts, one a row, or an array of numbers [rows, length]"
        )
    if array.dtype.kind == "f":
        kind = pa.float32() if array.dtype.itemsize <= 4 else pa.float64()
    else:
        kind = pa.int64()
    return equal_lists(array, kind) if array.ndim == 2 else numbers(array, kind)


def _is_texts(values: Any) -> bool:
    """Texts, or texts and None; not a list of nothing, which is taken for numbers."""
    if isinstance(values, np.ndarray):
        return values.dtype.kind == "U" and values.ndim == 1
    if not isinstance(values, Sequence) or not values:
        return False
    return any(isinstance(value, str) for value in values) and all(
        value is None or isinstance(value, str) for value in values
    )


def _write(path: Path, rows: pa.Table) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = {field.name: field.type for field in rows.schema}
    floating = [
        name if not pa.types.is_list(kind) else f"{name}.list.element"
        for name, kind in fields.items()
        if pa.types.is_floating(kind.value_type if pa.types.is_list(kind) else kind)
    ]
    pq.write_table(
        rows,
        path,
        compression="ZSTD",
        use_dictionary=[name for name, kind in fields.items() if pa.types.is_dictionary(kind)],
        column_encoding=dict.fromkeys(floating, "BYTE_STREAM_SPLIT"),
        version="2.6",
        write_page_checksum=True,
    )
