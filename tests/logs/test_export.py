"""Exports hold every value, NaN and infinities included, and are whole or absent."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pandas
import pyarrow.parquet
import pytest

from logs.errors import LogsError
from logs.export import FORMATS, export, write_export
from logs.reader import RunReader
from logs.writer import RunWriter

VALUES = [0.1, math.nan, math.inf, -math.inf, 1e-300, 1 / 3]


@pytest.fixture
def reader(runs: Path) -> RunReader:
    with RunWriter.create(runs, model="net", dataset="data") as run:
        for step, value in enumerate(VALUES):
            run.log(step, {"loss": value, 'odd, "name"': float(step)}, split="train", epoch=0.5)
        run.log(99, {"learning_rate": 0.25})
    return RunReader(run.directory.path)


def read_back(file_format: str, path: Path) -> pandas.DataFrame:
    if file_format == "parquet":
        return pandas.read_parquet(path)
    if file_format == "csv":
        return pandas.read_csv(path)
    lines = [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]
    return pandas.DataFrame(lines)


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_value_comes_back(reader: RunReader, tmp_path: Path, file_format: str) -> None:
    frame = read_back(file_format, export(reader, file_format, tmp_path / f"run.{file_format}"))
    assert list(frame.columns) == ["step", "epoch", "split", "metric", "value", "wall_time"]
    assert len(frame) == 2 * len(VALUES) + 1
    assert frame["step"].is_monotonic_increasing
    losses = frame[frame["metric"] == "loss"]
    assert losses["value"].astype(float).tolist() == pytest.approx(VALUES, rel=0, abs=0, nan_ok=True)
    assert set(frame["metric"]) == {"loss", 'odd, "name"', "learning_rate"}
    assert frame["split"].isna().sum() == 1
    times = pandas.to_datetime(frame["wall_time"], utc=True)
    assert (pandas.Timestamp.now(tz="UTC") - times.iloc[0]).total_seconds() < 600


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_stream_gets_the_same_bytes_as_a_file(reader: RunReader, tmp_path: Path, file_format: str) -> None:
    stream = io.BytesIO()
    write_export(reader, file_format, stream)
    assert stream.getvalue() == export(reader, file_format, tmp_path / "run").read_bytes()


def test_a_run_that_goes_on_is_exported_with_its_newest_rows(runs: Path, tmp_path: Path) -> None:
    run = RunWriter.create(runs, model="net", dataset="data")
    try:
        run.log(1, {"loss": 0.5})
        path = export(RunReader(run.directory.path), "parquet", tmp_path / "run.parquet")
        assert pyarrow.parquet.read_table(path)["value"].to_pylist() == [0.5]
    finally:
        run.finish("finished")


def test_an_empty_run_is_exported_with_its_columns(runs: Path, tmp_path: Path) -> None:
    with RunWriter.create(runs, model="net", dataset="data") as run:
        pass
    for file_format in ("csv", "parquet"):
        frame = read_back(file_format, export(RunReader(run.directory.path), file_format, tmp_path / "run"))
        assert (len(frame), frame.columns[0]) == (0, "step")
    assert export(RunReader(run.directory.path), "jsonl", tmp_path / "run").read_bytes() == b""


def test_a_failed_export_leaves_the_old_file_and_no_litter(reader, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "run.csv"
    path.write_text("old")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        export(reader, "csv", path)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir() if item.is_file()] == ["run.csv"]


def test_an_unknown_format_names_the_nearest(reader: RunReader, tmp_path: Path) -> None:
    with pytest.raises(LogsError, match="did you mean 'parquet'\\? known: csv, parquet, jsonl"):
        export(reader, "parket", tmp_path / "run")
