"""Reading a table that a person brings: CSV of any common kind, or Parquet, as a pandas frame."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from training.datasets.errors import DataError

if TYPE_CHECKING:
    import pandas

DELIMITERS = (",", ";", "\t", "|")
BLOCK_BYTES = 1 << 20
# How files begin that people take for tables
MAGIC = {
    b"PK\x03\x04": "is a spreadsheet or a zip archive; save the table as CSV",
    b"\xd0\xcf\x11\xe0": "is an old spreadsheet; save the table as CSV",
    b"\x1f\x8b": "is compressed; unpack it",
}


def read_table(path: Path) -> tuple[pandas.DataFrame, list[str]]:
    """The table, its column names stripped and unique, and sentences on how it was read. DataError, with the
    way out.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; name the CSV or Parquet file in it")
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if not start.strip():
            raise DataError(f"{path} is empty; a table has a line of column names and rows below it")
        for magic, way_out in MAGIC.items():
            if start.startswith(magic):
                raise DataError(f"{path} {way_out}")
        frame, notes = _parquet(path) if start.startswith(b"PAR1") else _csv(path)
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror or error})") from error
    if frame.empty:
        raise DataError(f"{path} has column names and no rows; there is nothing to learn from")
    return frame, notes


def _csv(path: Path) -> tuple[pandas.DataFrame, list[str]]:
    import pandas

    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        beginning = file.read(BLOCK_BYTES)
    delimiter = _delimiter(beginning)
    names = _header(path, beginning, delimiter)
    decimal = "," if delimiter != "," and _has_decimal_commas(beginning, delimiter) else "."
    try:
        frame = pandas.read_csv(
            path, sep=delimiter, decimal=decimal, encoding=encoding, skipinitialspace=True, low_memory=False
        )
    except (ValueError, pandas.errors.ParserError) as error:  # such as "Expected 3 fields in line 5, saw 4"
        raise DataError(f"{path} is no regular table: {str(error).strip()}; correct that line") from error
    if not isinstance(frame.index, pandas.RangeIndex) or len(frame.columns) != len(names):
        raise DataError(f"rows of {path} have more values than the first line has names; name every column")
    frame.columns = pandas.Index(names)
    notes = []
    if encoding == "cp1252":
        notes.append(f"{path.name} is not UTF-8; it was read as Windows-1252")
    if decimal == ",":
        notes.append(f"{path.name} was read with decimal commas")
    nameless = [str(place + 1) for place, name in enumerate(names) if not name]
    if nameless:
        notes.append(f"column {', '.join(nameless)} of {path.name} has no name, and is left out")
    return frame.loc[:, [bool(name) for name in names]], notes


def _parquet(path: Path) -> tuple[pandas.DataFrame, list[str]]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path).read()
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} is no readable Parquet file ({str(error).splitlines()[0]})") from error
    # pandas writes its row numbers along, under this name
    table = table.select([name for name in table.column_names if not name.startswith("__index_level_")])
    names = [str(name).strip() for name in table.column_names]
    _refuse_duplicates(path, names)
    return table.rename_columns(names).to_pandas(ignore_metadata=True, date_as_object=False), []


def _encoding(path: Path) -> str:
    """UTF-8 (with or without a mark at its start), UTF-16 with a mark, else Windows's own."""
    with path.open("rb") as file:
        block = file.read(BLOCK_BYTES)
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if b"\0" in block:
            raise DataError(f"{path} is no text; name a CSV or Parquet file")
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block:
                decoder.decode(block)
                block = file.read(BLOCK_BYTES)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _delimiter(text: str) -> str:
    """What the first line has most of, outside of quotes."""
    line = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").split("\n", 1)[0])
    return max(DELIMITERS, key=line.count)


def _header(path: Path, text: str, delimiter: str) -> list[str]:
    """The names of the columns; "" for one without a name, such as a row number that pandas wrote."""
    first = next(
        csv.reader(text.lstrip("\r\n").splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True),
        [],
    )
    names = [name.strip() for name in first]
    if sum(map(bool, names)) < 2:
        raise DataError(
            f"{path} has the one column {first}; a table has a target and at least one feature, separated by "
            "commas, semicolons, tabs or |"
        )
    if all(_is_number(name) for name in names if name):
        raise DataError(f"the first line of {path} holds numbers; it must name the columns")
    _refuse_duplicates(path, [name for name in names if name])
    return names


def _refuse_duplicates(path: Path, names: list[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(f"{path} has several columns named {', '.join(twice)}; rename them")


def _has_decimal_commas(text: str, delimiter: str) -> bool:
    """Values such as 3,14 and none such as 3.14."""
    values = [value.strip(' "') for line in text.splitlines()[1:1000] for value in line.split(delimiter)]
    commas = sum(bool(re.fullmatch(r"-?\d+,\d+", value)) for value in values)
    points = sum(bool(re.fullmatch(r"-?\d+\.\d+", value)) for value in values)
    return commas > points


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
