"""The columns keep what they are given, and importing logs waits for nothing heavy."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import logs
from logs import schema

NOW = datetime(2026, 11, 3, 10, 11, 12, 123456, UTC)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def through_parquet(rows: list[dict[str, Any]], columns: pa.Schema) -> list[dict[str, Any]]:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, columns), sink)
    table = pq.read_table(pa.BufferReader(sink.getvalue()))
    assert (table.schema.names, table.schema.metadata) == (columns.names, columns.metadata)
    found: list[dict[str, Any]] = table.to_pylist()
    return found


@settings(deadline=None)
@given(NUMBERS, NUMBERS, st.integers(-(2**63), 2**63 - 1), st.sampled_from([*schema.SPLITS, None]), st.text())
def test_scalars_survive_bit_for_bit(
    value: float, epoch: float, step: int, split: str | None, metric: str
) -> None:
    metric = metric.encode("utf-8", "replace").decode()
    row = {"step": step, "epoch": epoch, "split": split, "metric": metric, "value": value, "wall_time": NOW}
    (found,) = through_parquet([row], schema.SCALARS)
    assert {name: item for name, item in found.items() if not isinstance(item, float)} == {
        name: item for name, item in row.items() if not isinstance(item, float)
    }
    for name in ("value", "epoch"):
        assert found[name] == row[name] or (math.isnan(found[name]) and math.isnan(row[name]))


def test_each_kind_of_medium_has_its_columns() -> None:
    start = {"step": 1, "epoch": 0.5, "split": None, "name": "n", "wall_time": NOW}
    rows: list[dict[str, Any]] = [
        {**start, "kind": "image", "image": b"\x89PNG\r\n\x1a\n\x00", "caption": "why"},
        {**start, "kind": "histogram", "counts": [1.0, 2.0], "edges": [-1.0, 0.0, math.inf]},
        {**start, "kind": "text", "text": "# 数字\n<b>"},
        {**start, "kind": "matrix", "shape": [1, 2], "values": [3.0, 4.0], "labels": ["cat", "dog"]},
    ]
    assert [row["kind"] for row in rows] == list(schema.MEDIA_KINDS)
    found = through_parquet(rows, schema.MEDIA)
    assert [{name: item for name, item in row.items() if item is not None} for row in found] == [
        {name: item for name, item in row.items() if item is not None} for row in rows
    ]


def test_class_numbers_are_exact_and_regression_has_no_probabilities() -> None:
    rows: list[dict[str, Any]] = [
        {"index": 0, "split": "test", "target": 999.0, "prediction": 2.0**53, "probabilities": [0.25, 0.75]},
        {"index": 2**40, "split": None, "target": -0.1, "prediction": math.inf, "probabilities": None},
    ]
    rows = [{**row, "step": 5, "epoch": 1.0} for row in rows]
    assert through_parquet(rows, schema.PREDICTIONS) == rows


def test_what_may_not_be_null_is_refused_by_arrow() -> None:
    required = [field.name for field in schema.SCALARS if not field.nullable]
    assert required == ["step", "metric", "value", "wall_time"]


@pytest.mark.parametrize("name", logs.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(logs, name).__name__ == name


def test_the_exports_are_the_names_that_are_loaded_when_used() -> None:
    assert sorted(logs._HOMES) == sorted(logs.__all__)
    with pytest.raises(AttributeError, match="no attribute 'RunWritter'"):
        logs.RunWritter  # noqa: B018


def test_importing_logs_waits_for_nothing_heavy() -> None:
    code = (
        "import sys, logs; from logs import RunDirectory, RunCatalog, LogsError;"
        "assert not {'pyarrow', 'pandas', 'numpy', 'torch', 'psutil'} & set(sys.modules), sorted(sys.modules)"
    )
    repository = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
