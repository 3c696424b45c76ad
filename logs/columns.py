"""NumPy arrays and few different texts as Arrow columns, and how each kind of column is stored in Parquet.

Built from buffers: `pyarrow.array` would import pandas first, a quarter of a second for every training's
start.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from logs.errors import BrokenRunError, NewerSchemaError
from logs.schema import SCHEMA_VERSION, VERSION_KEY

DAMAGED = "`python -m logs repair` sets it aside and keeps the rest"

# Steps and times grow by little: differences take a bit or two. The bytes of floating-point numbers compress
# when equal places stand together: exponents do, and the zeros of what was float32.
_ENCODINGS = {
    "step": "DELTA_BINARY_PACKED",
    "wall_time": "DELTA_BINARY_PACKED",
    "index": "DELTA_BINARY_PACKED",
}
_SPLIT_BYTES = ("epoch", "value", "target", "prediction")


def numbers(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """The array without a copy, where it is contiguous and of that kind; times are datetime64[us]."""
    if pa.types.is_timestamp(kind):
        plain = np.ascontiguousarray(values.astype("datetime64[us]", copy=False).view(np.int64))
    else:
        plain = np.ascontiguousarray(values, kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(plain), [None, pa.py_buffer(plain)])


def texts(values: Sequence[str | None]) -> pa.Array:
    """A column of texts or nulls."""
    raw = [b"" if value is None else value.encode() for value in values]
    return _variable(
        [None if value is None else item for value, item in zip(values, raw, strict=True)], pa.string()
    )


def blobs(values: Sequence[bytes | None]) -> pa.Array:
    """A column of bytes or nulls."""
    return _variable(values, pa.binary())


def words(codes: np.ndarray, known: Sequence[str]) -> pa.DictionaryArray:
    """A column of few different texts: each row's place in `known`, -1 for null."""
    codes = np.ascontiguousarray(codes, dtype=np.int32)
    valid = codes >= 0
    mask = None if valid.all() else _bits(valid)
    indices = pa.Array.from_buffers(pa.int32(), len(codes), [mask, pa.py_buffer(np.maximum(codes, 0))])
    return pa.DictionaryArray.from_arrays(indices, texts(known))


def words_of(values: Sequence[str | None]) -> pa.DictionaryArray:
    """The same from the texts themselves."""
    known = list(dict.fromkeys(value for value in values if value is not None))
    places = {value: place for place, value in enumerate(known)}
    return words(np.array([-1 if value is None else places[value] for value in values], np.int32), known)


def lists(values: Sequence[np.ndarray | None], kind: pa.DataType) -> pa.Array:
    """A column of lists of numbers, or nulls."""
    given = [value for value in values if value is not None]
    joined = np.concatenate(given) if given else np.zeros(0)
    inner = numbers(joined.astype(kind.to_pandas_dtype(), copy=False), kind)
    return _lists(values, inner, kind)


def equal_lists(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """A column of lists of one length: the rows of `values`[rows, length]."""
    offsets = np.arange(len(values) + 1, dtype=np.int32) * np.int32(values.shape[1])
    inner = numbers(values.ravel().astype(kind.to_pandas_dtype(), copy=False), kind)
    buffers = [None, pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(kind), len(values), buffers, children=[inner])


def text_lists(values: Sequence[Sequence[str] | None]) -> pa.Array:
    """A column of lists of texts, or nulls."""
    return _lists(
        values, texts([text for value in values if value is not None for text in value]), pa.string()
    )


def open_writer(path: Path | BytesIO, schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet file in which each column is stored as suits it."""
    names = [field.name for field in schema]
    encodings = {name: _ENCODINGS[name] for name in names if name in _ENCODINGS}
    encodings |= {name: "BYTE_STREAM_SPLIT" for name in names if name in _SPLIT_BYTES}
    few = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    plain = [name for name in names if name == "image"]  # PNG is compressed already
    compression = {name: "NONE" if name in plain else "ZSTD" for name in _leaves(schema)}
    return pq.ParquetWriter(
        path,
        schema,
        compression=compression,
        use_dictionary=few,
        column_encoding=encodings,
        write_statistics=[name for name in names if name not in ("image", "text", "caption")],
        version="2.6",
        write_page_checksum=True,
    )


def open_file(path: Path, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """FileNotFoundError where it is gone, BrokenRunError for what is no whole Parquet file."""
    try:
        file = pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True)
    except FileNotFoundError:
        raise
    except PermissionError:
        raise BrokenRunError(path, "may not be read", "give yourself read permission on it") from None
    except (OSError, pa.ArrowException) as error:
        raise BrokenRunError(path, f"is damaged ({_first_line(error)})", DAMAGED) from None
    _check_version(path, file.schema_arrow.metadata or {})
    return file


def read_rows(file: pq.ParquetFile, path: Path, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
    """Some columns of some row groups; BrokenRunError where they can't be read."""
    try:
        return file.read_row_groups(list(groups), columns=list(columns))
    except (OSError, pa.ArrowException) as error:
        raise BrokenRunError(path, f"is damaged ({_first_line(error)})", DAMAGED) from None


def numpy_of(column: pa.ChunkedArray) -> np.ndarray:
    """A column of numbers or times without nulls; a null epoch is NaN."""
    if column.null_count:
        return column.to_numpy()
    chunks = [_values(chunk) for chunk in column.chunks]
    if len(chunks) == 1:
        return chunks[0]
    return np.concatenate(chunks) if chunks else np.zeros(0)


def _values(chunk: pa.Array) -> np.ndarray:
    kind = np.dtype("datetime64[us]") if pa.types.is_timestamp(chunk.type) else chunk.type.to_pandas_dtype()
    return np.frombuffer(chunk.buffers()[1], kind, len(chunk), chunk.offset * np.dtype(kind).itemsize)


def _variable(values: Sequence[bytes | None], kind: pa.DataType) -> pa.Array:
    sizes = np.array([0 if value is None else len(value) for value in values], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    data = pa.py_buffer(b"".join(value for value in values if value is not None))
    mask = _mask(values)
    return pa.Array.from_buffers(kind, len(values), [mask, pa.py_buffer(offsets), data])


def _lists(values: Sequence[Any], inner: pa.Array, kind: pa.DataType) -> pa.Array:
    sizes = np.array([0 if value is None else len(value) for value in values], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    buffers = [_mask(values), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(kind), len(values), buffers, children=[inner])


def _mask(values: Sequence[Any]) -> pa.Buffer | None:
    valid = np.array([value is not None for value in values], bool)
    return None if valid.all() else _bits(valid)


def _bits(valid: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def _leaves(schema: pa.Schema) -> list[str]:
    """Names of the stored columns: a list's items have a path of their own."""
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in schema]


def _check_version(path: Path, metadata: dict[bytes, bytes]) -> None:
    stated = metadata.get(VERSION_KEY, b"")
    if not stated.isdigit():
        raise BrokenRunError(
            path, f"states no {VERSION_KEY.decode()}", "it is no part of a run; move it away"
        )
    if int(stated) > SCHEMA_VERSION:
        reason = f"has format version {int(stated)} and this program reads up to {SCHEMA_VERSION}"
        raise NewerSchemaError(path, reason, "update Descent to open the run")


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
