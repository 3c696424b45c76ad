"""logs/FORMAT.md is held to the code: fields, columns and bytes, and its queries run as they stand."""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import types
import typing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logs import schema, wal
from logs.info import RunInfo
from logs.labels import Labels, write_labels
from logs.requests import KINDS, send_request
from logs.status import Status
from logs.vocabulary import MEDIA_KINDS, SCHEMA_VERSION, SPLITS
from logs.writer import RunWriter

TEXT = (Path(__file__).resolve().parents[2] / "logs" / "FORMAT.md").read_text("utf-8")


def section(title: str) -> str:
    """From a heading to the next of its rank or higher."""
    start = re.search(rf"^(#+) {re.escape(title)}$", TEXT, re.M)
    assert start, f"FORMAT.md has no section {title!r}"
    rest = TEXT[start.end() :]
    end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, re.M)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The body of every table in a text, ticks taken off the first cell."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    return [[row[0].strip("`"), *row[1:]] for row in cells if row[0].startswith("`") or row[0].isdigit()]


def type_words(found: pa.DataType) -> str:
    """How FORMAT.md writes a column's type."""
    if pa.types.is_dictionary(found):
        assert found.value_type == pa.string()
        return "text, few"
    if pa.types.is_list(found):
        return f"list of {type_words(found.value_type)}"
    names = {pa.string(): "text", pa.float64(): "float64", pa.float32(): "float32"}
    return names.get(found, str(found).replace("tz=", ""))


@pytest.mark.parametrize("name", ["scalars", "media", "predictions"])
def test_the_columns_are_those_of_the_schema(name: str) -> None:
    columns: pa.Schema = getattr(schema, name.upper())
    stated = [tuple(row[:3]) for row in rows(section(f"{name}/*.parquet"))]
    assert stated == [
        (field.name, type_words(field.type), "yes" if field.nullable else "no") for field in columns
    ]
    assert columns.metadata == {b"descent.schema_version": str(SCHEMA_VERSION).encode()}


JSON_TYPES = {str: "text", int: "integer", float: "number"}


def json_words(found: Any) -> str:
    """How FORMAT.md writes the type of a field of JSON."""
    if found in JSON_TYPES:
        return JSON_TYPES[found]
    if typing.get_origin(found) is types.UnionType:
        return " or ".join(
            "null" if part is type(None) else json_words(part) for part in typing.get_args(found)
        )
    return "list of texts" if typing.get_origin(found) is tuple else "object"


@pytest.mark.parametrize(("file", "kind"), [("run", RunInfo), ("status", Status), ("labels", Labels)])
def test_the_fields_are_those_that_are_written(file: str, kind: type) -> None:
    hints = typing.get_type_hints(kind)
    stated = {row[0]: row[1] for row in rows(section(f"{file}.json"))}
    assert stated == {field.name: json_words(hints[field.name]) for field in dataclasses.fields(kind)}


def test_the_parts_are_named_ordered_and_stored_as_stated(two_runs: Path) -> None:
    (part,) = next(two_runs.glob("runs/*/scalars")).iterdir()
    assert re.fullmatch(r"\d{6}-\d{6}\.parquet", part.name)
    file = pq.ParquetFile(part)
    listed = json.loads(file.schema_arrow.metadata[b"descent.series"])
    assert listed == [["accuracy", "validation", 10], ["loss", "train", 100], ["loss", "validation", 10]]
    series = [(row["metric"], row["split"]) for row in file.read(["metric", "split"]).to_pylist()]
    assert series == [(metric, split) for metric, split, count in listed for _ in range(count)]
    columns = [file.metadata.row_group(0).column(number) for number in range(6)]
    stated = {"step": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT", "wall_time": "DELTA_BINARY_PACKED"}
    found = {column.path_in_schema: column for column in columns}
    assert all(encoding in found[name].encodings for name, encoding in stated.items())
    assert {column.compression for column in columns} == {"ZSTD"}


def test_labels_and_requests_are_written_with_the_stated_fields(make_run) -> None:
    directory = make_run()
    write_labels(directory, Labels("name", ("tag",), "note"))
    assert list(json.loads(directory.labels_json.read_text())) == [
        row[0] for row in rows(section("labels.json"))
    ]
    send_request(directory, "stop")
    (request,) = directory.requests.iterdir()
    assert list(json.loads(request.read_text())) == [row[0] for row in rows(section("requests/*.json"))]


def test_every_word_of_the_vocabulary_is_stated() -> None:
    for word in (*SPLITS, *MEDIA_KINDS, *KINDS, "running", "finished", "stopped", "failed"):
        assert f"`{word}`" in TEXT, f"FORMAT.md doesn't say {word}"
    assert TEXT.startswith(f"# The format of a run, version {SCHEMA_VERSION}\n")


def test_the_bytes_of_a_record_are_those_of_the_code() -> None:
    header = {row[0]: row[2] for row in rows(section("scalars-*.wal")) if len(row) == 3}
    numbers = {
        offset: int(found[1]) for offset, text in header.items() if (found := re.search(r"(\d+)(;|$)", text))
    }
    assert numbers == {"8": wal.HEADER_BYTES, "12": wal.RECORD_BYTES, "16": wal.CAPACITY}
    assert f"{wal.SHARED_CAPACITY} in a run that shares its process" in header["16"]
    assert f"`{wal.MAGIC.decode()}`" in header["0"]
    assert (str(wal.GROUPS_OFFSET) in header, str(wal.HEADER_BYTES) in header) == (True, True)
    numpy_types = {"<i8": "int64", "<f8": "float64", "<u4": "uint32"}
    stated = [
        (int(row[0]), int(row[1]), row[2].strip("`"), row[3])
        for row in rows(section("scalars-*.wal"))
        if len(row) == 5
    ]
    coded = []
    assert wal.RECORD.fields is not None
    for name, (kind, offset, *_) in wal.RECORD.fields.items():
        count = f"{kind.shape[0]} x " if kind.shape else ""
        coded.append((offset, kind.itemsize, name, count + numpy_types[kind.base.str]))
    assert stated == coded


def read_as_stated(path: Path) -> list[tuple[int, float, str, str | None, float, int]]:
    """step, epoch, metric, split, value, wall time: read with nothing but what FORMAT.md says."""
    data = path.read_bytes()
    if data[:8] in (b"", bytes(8)):
        return []  # being made
    assert data[:8] == b"DESCWAL1"
    header, length, room, _number = struct.unpack_from("<4I", data, 8)
    groups, place = [], 64
    while size := struct.unpack_from("<H", data, place)[0]:
        groups.append(json.loads(data[place + 2 : place + 2 + size]))
        place += 2 + size
    found = []
    for offset in range(header, header + room * length, length):
        step, epoch, *values, wall_time, group, commit = struct.unpack_from("<qd4dqII", data, offset)
        if commit != offset:
            break
        if group:
            named = groups[group - 1]
            found += [
                (step, epoch, metric, named["split"], value, wall_time)
                for metric, value in zip(named["metrics"], values, strict=False)
            ]
    return found


def test_the_write_ahead_file_can_be_read_from_its_description_alone(runs) -> None:
    run = RunWriter.create(runs, model="net", dataset="data")
    try:
        run.log(1, {"loss": 0.5, "accuracy": float("nan")}, split="train", epoch=0.25)
        run.log(2, {f"metric_{number}": float(number) for number in range(6)})
        found = [
            row for path in sorted(run.directory.path.glob("scalars-*.wal")) for row in read_as_stated(path)
        ]
    finally:
        run.finish("finished")
    assert [row[:4] for row in found[:2]] == [(1, 0.25, "loss", "train"), (1, 0.25, "accuracy", "train")]
    assert (found[0][4], np.isnan(found[1][4])) == (0.5, True)
    assert sorted((row[0], row[2], row[3], row[4]) for row in found[2:]) == [
        (2, f"metric_{number}", None, float(number)) for number in range(6)
    ]
    assert abs(found[0][5] - found[-1][5]) < 60e6


def test_values_and_epochs_are_kept_bit_for_bit(runs) -> None:
    numbers = [1 / 3, 0.1 + 0.2, 5e-324, -1.7976931348623157e308, float("inf"), float("nan"), -0.0]
    with RunWriter.create(runs, model="net", dataset="data") as run:
        for step, number in enumerate(numbers):
            run.log(step, {"loss": number}, epoch=number)
    (part,) = run.directory.scalars.iterdir()
    table = pq.read_table(part)
    expected = np.array(numbers).view(np.uint64).tolist()
    for column in ("value", "epoch"):
        assert table[column].to_numpy().view(np.uint64).tolist() == expected


@pytest.fixture
def two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the queries are run in, with a good and a better run in `runs`."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("good", "better")):
        with RunWriter.create(
            "runs", model=name, dataset="digits", config={"learning_rate": 0.1 * (number + 1)}, name=name
        ) as run:
            for step in range(100):
                run.log(step, {"loss": 1 / (step + 1)}, split="train", epoch=step / 10)
            for epoch in range(10):
                scores = {
                    "accuracy": (epoch + number) / 10,
                    "loss": float("nan") if epoch == 3 else 1.0 - epoch / 10,
                }
                run.log(epoch * 10, scores, split="validation", epoch=float(epoch))
    return tmp_path


def block(language: str, title: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", section(title), re.S)
    return found


def test_the_duckdb_query_runs_as_it_stands(two_runs: Path) -> None:
    found = duckdb.sql(block("sql", "DuckDB")).fetchall()
    assert [(row[1], row[2], row[-1]) for row in found] == [("better", 0.2, 1.0), ("good", 0.1, 0.9)]


def test_the_pandas_query_runs_as_it_stands(two_runs: Path) -> None:
    names: dict[str, Any] = {}
    exec(block("python", "pandas"), names)
    curve = names["curve"]
    assert list(curve.index) == list(range(100))
    assert list(curve.columns) == ["train", "validation"]
    assert curve["train"].loc[99] == 0.01
    assert curve["validation"].dropna().index.tolist() == [0, 10, 20, 40, 50, 60, 70, 80, 90]  # NaN at 30


def test_the_spark_query_is_sql_over_columns_that_exist(two_runs: Path) -> None:
    """Spark itself is not at hand: its SQL runs in DuckDB, over the files its read names."""
    code = block("python", "Spark")
    (part,) = next(two_runs.glob("runs/*/scalars")).iterdir()
    encodings = pq.ParquetFile(part).metadata.row_group(0).column(4).encodings
    if "BYTE_STREAM_SPLIT" in encodings:  # which a vectorized reader of Spark 4.1 and before refuses
        assert 'conf.set("spark.sql.parquet.enableVectorizedReader", "false")' in code
    (pattern,) = re.findall(r'\.parquet\("([^"]+)"\)', code)
    (view,) = re.findall(r'createOrReplaceTempView\("(\w+)"\)', code)
    (query,) = re.findall(r'spark\.sql\("""(.*?)"""\)', code, re.S)
    duckdb.sql(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM read_parquet('{pattern}/*.parquet')")
    found = duckdb.sql(query).fetchall()
    assert len(found) == 20
    assert found[0] == (0, "train", 1.0)


def test_the_folders_map_names_every_file() -> None:
    folder = Path(wal.__file__).parent
    listed = set(re.findall(r"`([\w*]+\.py)`", (folder / "README.md").read_text("utf-8").partition("## ")[0]))
    present = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    missing = {name for name in present if name not in listed and not name.startswith("visdom_")}
    assert not missing, "say in logs/README.md what the file is"
    assert "visdom_*.py" in listed
    assert not {name for name in listed - present if "*" not in name}, (
        "logs/README.md names a file that is gone"
    )
