"""The scalars of a run for other programs: CSV, Parquet, or JSON Lines."""

from __future__ import annotations

import difflib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from logs.directory import json_value
from logs.errors import LogsError

if TYPE_CHECKING:
    import pyarrow as pa

    from logs.reader import RunReader

FORMATS = ("csv", "parquet", "jsonl")


def export(reader: RunReader, file_format: str, path: Path | str) -> Path:
    """Writes every scalar, live rows included, to `path`, whole or not at all.

    Columns as in logs/FORMAT.md, rows by step. LogsError for an unknown format, OSError for a full disk.
    """
    check_format(file_format)
    path = Path(path)
    if path.is_dir():
        raise LogsError(f"{path} is a folder; name a file in it, such as {path / f'run.{file_format}'}")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with unfinished.open("wb") as stream:
            write_export(reader, file_format, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, path)  # noqa: PTH105 - Path.replace is the same call
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return path


def write_export(reader: RunReader, file_format: str, stream: BinaryIO) -> None:
    """The same into an open binary stream, such as a pipe."""
    import pyarrow.csv
    import pyarrow.parquet

    check_format(file_format)
    table = reader.scalars()
    table = table.sort_by("step")  # stable: what was logged first within a step comes first
    if file_format == "parquet":
        pyarrow.parquet.write_table(table, stream, compression="zstd")
    elif file_format == "csv":
        pyarrow.csv.write_csv(_spelled_out(table), stream)
    else:
        for lines in _json_lines(table):
            stream.write(lines)


def check_format(file_format: str) -> None:
    """LogsError with the nearest name for a format that nobody writes."""
    if file_format not in FORMATS:
        near = difflib.get_close_matches(file_format, FORMATS, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ";"
        raise LogsError(f"no export format is named {file_format!r}{hint} known: {', '.join(FORMATS)}")


def _spelled_out(table: pa.Table) -> pa.Table:
    """With dictionary columns as plain texts, which is all that CSV has."""
    import pyarrow as pa

    fields = [
        field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _json_lines(table: pa.Table) -> Iterator[bytes]:
    """One object a line; NaN and infinities as texts, because JSON has no such numbers; times as ISO 8601."""
    for batch in table.to_batches(max_chunksize=65_536):
        rows = batch.to_pylist()
        for row in rows:
            row["wall_time"] = row["wall_time"].isoformat()
        yield "".join(json.dumps(json_value(row), ensure_ascii=False) + "\n" for row in rows).encode()
