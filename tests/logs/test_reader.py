"""RunReader: live rows at once, each part read once, every row exactly once whatever happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logs import RunReader, RunWriter, wal
from logs import columns as parquet
from logs.compaction import compact_scalars, fold_rows, fold_segments
from logs.curve import Curve, Series
from logs.directory import RunDirectory
from logs.errors import BrokenRunError, NewerSchemaError
from logs.info import RunInfo, write_info
from logs.parts import list_parts, part_name
from logs.recorder import Recorder
from logs.scalar_parts import ScalarPart, write_curves
from logs.schema import SCALARS, VERSION_KEY

NAMES = st.text(st.characters(exclude_categories=("C", "Z"), codec="utf-8"), min_size=1, max_size=12)


@pytest.fixture
def directory(runs: Path) -> RunDirectory:
    """A run that nobody writes to yet."""
    directory = RunDirectory.create(runs, "mlp", "digits")
    write_info(directory, RunInfo.new(directory, model="mlp", dataset="digits", command=[]))
    return directory


def rows(first: int, count: int, start: float = 0.0) -> Curve:
    step = np.arange(first, first + count)
    times = (1_790_000_000_000_000 + step).astype("datetime64[us]")
    return Curve(step, step / 10, start + step, times)


def put_part(directory: RunDirectory, number: int, curves: Mapping[Series, Curve]) -> Path:
    fold_rows(directory, number, dict(curves))
    return directory.scalars / part_name(number, number)


def test_rows_are_seen_while_they_are_logged(directory: RunDirectory) -> None:
    recorder = Recorder(directory.path, 0, wake=lambda: None)
    reader = RunReader(directory.path)
    assert reader.metrics() == []
    for step in range(3):
        recorder.append(step, {"loss": step * 1.0}, "train", step / 2)
        reader.refresh()
        curve = reader.curve("loss", "train")
        assert curve.step.tolist() == list(range(step + 1))
        assert curve.epoch.tolist() == [known / 2 for known in range(step + 1)]
    assert curve.wall_time.dtype == np.dtype("datetime64[us]")
    assert reader.metrics() == [("loss", "train")]


def test_a_curve_nobody_logged_is_empty(directory: RunDirectory) -> None:
    curve = RunReader(directory.path).curve("loss", "train")
    assert len(curve) == 0
    assert [array.dtype.kind for array in (curve.step, curve.epoch, curve.value, curve.wall_time)] == list(
        "iffM"
    )


def test_metrics_come_by_name_then_split(directory: RunDirectory) -> None:
    one = rows(0, 1)
    names: list[Series] = [
        ("loss", None),
        ("loss", "test"),
        ("loss", "train"),
        ("loss", "validation"),
        ("a", None),
    ]
    put_part(directory, 0, dict.fromkeys(names, one))
    expected = [("a", None), ("loss", "train"), ("loss", "validation"), ("loss", "test"), ("loss", None)]
    assert RunReader(directory.path).metrics() == expected


def test_each_part_is_read_once(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    read = ScalarPart.curve

    def counted(part: ScalarPart, series: Series) -> Curve:
        opened.append(part.path.name)
        return read(part, series)

    monkeypatch.setattr(ScalarPart, "curve", counted)
    reader = RunReader(directory.path)
    for number in range(3):
        put_part(directory, number, {("loss", "train"): rows(number * 10, 10)})
        for _ in range(3):
            reader.refresh()
            assert len(reader.curve("loss", "train")) == (number + 1) * 10
    assert opened == [part_name(number, number) for number in range(3)]


def test_a_refresh_reads_only_new_live_rows(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(directory.path, 0, wake=lambda: None)
    starts: list[int] = []
    read = wal.read_segment

    def counted(path: Path, start: int = 0) -> wal.Records:
        starts.append(start)
        return read(path, start)

    monkeypatch.setattr("logs.reader.read_segment", counted)
    reader = RunReader(directory.path)
    for step in range(3):
        recorder.append(step, {"loss": 1.0}, "train", 0.0)
        reader.refresh()
        assert len(reader.curve("loss", "train")) == step + 1
    assert starts == [0, 1, 2]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    values=st.dictionaries(
        st.tuples(NAMES, st.sampled_from(["train", "validation", "test", None])),
        st.lists(st.floats(), min_size=1, max_size=5),
        max_size=6,
    )
)
def test_a_part_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, values: dict) -> None:
    path = tmp_path_factory.mktemp("part") / "000000-000000.parquet"
    written = {}
    for series, numbers in values.items():
        step = np.arange(len(numbers))
        written[series] = Curve(step, np.array(numbers), np.array(numbers), step.astype("datetime64[us]"))
    write_curves(path, written)
    part = ScalarPart(path)
    assert part.rows == {series: len(numbers) for series, numbers in values.items()}
    for series, curve in written.items():
        read = part.curve(series)
        assert read.value.tobytes() == curve.value.tobytes(), "NaN, infinities and negative zero included"
        assert read.epoch.tobytes() == curve.epoch.tobytes()
        assert read.wall_time.tolist() == curve.wall_time.tolist()
    assert {series: len(curve) for series, curve in part.curves(values).items()} == part.rows
    assert pq.read_table(path).schema.equals(SCALARS)


def test_a_metric_is_read_without_the_others(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {(f"metric {number}", "train"): rows(0, 70_000, start=number) for number in range(5)}
    path = put_part(directory, 0, many)
    assert pq.ParquetFile(path).num_row_groups == 5
    read: list[list[int]] = []
    original = parquet.read_rows

    def counted(file: Any, path: Path, groups: Any, columns: Any) -> pa.Table:
        read.append(list(groups))
        return original(file, path, groups, columns)

    monkeypatch.setattr("logs.scalar_parts.read_rows", counted)
    curve = RunReader(directory.path).curve("metric 3", "train")
    assert read == [[3]]
    assert curve.value[:2].tolist() == [3.0, 4.0]


def test_a_segment_and_its_part_are_one(directory: RunDirectory) -> None:
    """Killed after the part appeared and before the segment was removed."""
    recorder = Recorder(directory.path, 0, wake=lambda: None)
    for step in range(5):
        recorder.append(step, {"loss": float(step)}, "train", 0.0)
    reader = RunReader(directory.path)
    assert len(reader.curve("loss", "train")) == 5
    found = wal.read_segment(wal.segment_path(directory.path, 0))
    fold_rows(directory, 0, wal.curves(found.rows, found.groups))
    for seen in (reader, RunReader(directory.path)):
        seen.refresh()
        assert seen.curve("loss", "train").step.tolist() == list(range(5))
    recorder.close("done")
    assert fold_segments(directory) == 0
    assert not list(directory.path.glob("*.wal"))


def test_parts_and_the_part_that_covers_them_are_one(directory: RunDirectory) -> None:
    """Killed in a compaction, before what is covered was removed."""
    kept = [put_part(directory, number, {("loss", "train"): rows(number * 10, 10)}) for number in range(3)]
    contents = [path.read_bytes() for path in kept]
    compact_scalars(directory)
    for path, content in zip(kept, contents, strict=True):
        path.write_bytes(content)
    assert RunReader(directory.path).curve("loss", "train").step.tolist() == list(range(30))
    compact_scalars(directory)
    assert [part.path.name for part in list_parts(directory.scalars)] == ["000000-000002.parquet"]
    assert not kept[0].exists()


def test_a_segment_that_could_not_be_folded_keeps_its_place_and_stops_compaction(
    directory: RunDirectory,
) -> None:
    """On a full disk a later segment may be in a part before an earlier one."""
    recorder = Recorder(directory.path, 0, wake=lambda: None)
    recorder.append(0, {"loss": 0.0}, "train", 0.0)
    for number in (1, 2):
        put_part(directory, number, {("loss", "train"): rows(number, 1)})
    reader = RunReader(directory.path)
    assert reader.curve("loss", "train").step.tolist() == [0, 1, 2]
    compact_scalars(directory)
    reader.refresh()
    assert reader.curve("loss", "train").step.tolist() == [0, 1, 2]
    recorder.close("done")
    fold_segments(directory)
    compact_scalars(directory)
    reader.refresh()
    assert reader.curve("loss", "train").step.tolist() == [0, 1, 2]
    assert len(list_parts(directory.scalars)) == 1


def test_a_reader_sees_every_row_once_while_it_is_folded_and_compacted(directory: RunDirectory) -> None:
    count, numbers = 200, 12
    put_part(directory, 0, {("loss", "train"): rows(0, count), ("accuracy", "train"): rows(0, count)})
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        last = 0
        try:
            reader = RunReader(directory.path)
            while not done.is_set():
                for seen in (reader, RunReader(directory.path)):
                    seen.refresh()
                    step = seen.curve("loss", "train").step
                    assert np.array_equal(step, np.arange(len(step))), "each once, in order"
                    assert len(step) >= last, "none lost"
                    last = max(last, len(step)) if seen is reader else last
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, numbers):
        recorder = Recorder(directory.path, number, wake=lambda: None)
        for step in range(number * count, (number + 1) * count):
            recorder.append(step, {"loss": float(step), "accuracy": 0.5}, "train", 0.0)
        recorder.close("done")
        fold_segments(directory)
        if number % 3 == 0:
            compact_scalars(directory)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    assert len(RunReader(directory.path).curve("loss", "train")) == count * numbers


def test_compaction_keeps_every_row_in_the_order_of_logging(
    directory: RunDirectory, monkeypatch: Any
) -> None:
    monkeypatch.setattr("logs.compaction.BATCH_ROWS", 25)  # several passes over the parts
    series: list[Series] = [("loss", "train"), ("loss", None), ("accuracy", "test"), ("z", "train")]
    for number in range(4):
        put_part(
            directory,
            number,
            {one: rows(100 - number * 10, 10, start=place) for place, one in enumerate(series)},
        )
    before = {one: RunReader(directory.path).curve(*one).value.tolist() for one in series}
    compact_scalars(directory)
    after = {one: RunReader(directory.path).curve(*one).value.tolist() for one in series}
    assert after == before
    metrics = pq.read_table(list_parts(directory.scalars)[0].path).column("metric").to_pylist()
    assert metrics == sorted(metrics)


def test_the_table_has_every_row_and_the_stated_schema(directory: RunDirectory) -> None:
    put_part(directory, 0, {("loss", "train"): rows(0, 3), ("loss", None): rows(5, 1)})
    recorder = Recorder(directory.path, 1, wake=lambda: None)
    recorder.append(9, {"accuracy": 0.5}, "test", 1.0)
    table = RunReader(directory.path).scalars()
    assert table.schema.equals(SCALARS)
    table.validate(full=True)
    assert table.column("step").to_pylist() == [9, 0, 1, 2, 5]
    assert table.column("split").to_pylist() == ["test", "train", "train", "train", None]


def test_the_version_changes_with_every_row_and_file(directory: RunDirectory) -> None:
    reader = RunReader(directory.path)
    seen = [reader.version()]
    assert reader.version() == seen[0]
    recorder = Recorder(directory.path, 0, wake=lambda: None)
    for change in (
        lambda: recorder.append(0, {"loss": 0.0}, "train", 0.0),
        lambda: recorder.append(0, {"loss": 0.0}, "train", 0.0),
        lambda: fold_segments(directory),
    ):
        change()
        seen.append(reader.version())
    assert len(set(seen)) == len(seen)
    hash(seen[-1])


def test_a_truncated_part_is_named_with_the_way_out(directory: RunDirectory) -> None:
    path = put_part(directory, 0, {("loss", "train"): rows(0, 100)})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BrokenRunError, match=r"000000-000000\.parquet is damaged .*python -m logs repair"):
        RunReader(directory.path).metrics()


def test_a_part_of_a_newer_version_is_refused(directory: RunDirectory) -> None:
    directory.scalars.mkdir()
    schema = SCALARS.with_metadata({VERSION_KEY: b"99"})
    pq.write_table(schema.empty_table(), directory.scalars / part_name(0, 0))
    with pytest.raises(NewerSchemaError, match="format version 99"):
        RunReader(directory.path).metrics()


def test_foreign_files_are_left_aside(directory: RunDirectory) -> None:
    put_part(directory, 0, {("loss", "train"): rows(0, 3)})
    for name in ("notes.txt", "copy of 000000-000000.parquet", ".000001-000001.parquet.7-ab.tmp"):
        (directory.scalars / name).write_bytes(b"something else")
    (directory.path / "scalars-old.wal").write_bytes(b"something else")
    assert len(RunReader(directory.path).curve("loss", "train")) == 3


def test_a_missing_part_hides_no_other(directory: RunDirectory) -> None:
    for number in (0, 2):
        put_part(directory, number, {("loss", "train"): rows(number, 1)})
    assert RunReader(directory.path).curve("loss", "train").step.tolist() == [0, 2]


def test_the_end_of_the_output_begins_with_a_whole_line(directory: RunDirectory) -> None:
    reader = RunReader(directory.path)
    assert reader.output() == ""
    directory.output_log.write_text("first line\nsecond line\nthird\n", "utf-8")
    assert reader.output() == "first line\nsecond line\nthird\n"
    assert reader.output(last_bytes=12) == "third\n"


def test_checkpoints_are_listed_the_newest_first(directory: RunDirectory) -> None:
    import os

    directory.checkpoints.mkdir()
    for age, name in enumerate(["last", "best"]):
        for ending, content in ((".safetensors", "xx"), (".json", '{"step": 7}')):
            (directory.checkpoints / f"{name}{ending}").write_text(content)
        os.utime(directory.checkpoints / f"{name}.safetensors", (1000 - age, 1000 - age))
    (directory.checkpoints / "being-written.safetensors").write_text("x")
    found = RunReader(directory.path).checkpoints()
    assert [(one.name, one.info["step"], one.bytes) for one in found] == [("last", 7, 2), ("best", 7, 2)]


def test_a_live_run_and_its_end_read_the_same(runs: Path) -> None:
    run = RunWriter.create(runs, model="m", dataset="d")
    random = np.random.default_rng(0)
    for step in range(500):
        run.log(step, {"loss": float(random.random()), "learning_rate": 1e-3}, split="train", epoch=step / 70)
        if step % 100 == 0:
            run.log(step, {"loss": float(random.random())}, split="validation", epoch=step / 70)
    reader = RunReader(run.directory.path)
    live = {series: reader.curve(*series) for series in reader.metrics()}
    run.finish()
    reader.refresh()
    for series, curve in live.items():
        finished = reader.curve(*series)
        for name in ("step", "epoch", "value", "wall_time"):
            assert np.array_equal(getattr(finished, name), getattr(curve, name))


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_curves_read_at_once_are_those_read_one_by_one(directory: RunDirectory, parts: int) -> None:
    recorder = Recorder(directory.path, parts, wake=lambda: None)
    for number in range(parts):
        losses = rows(10 * number, 3), rows(10 * number, 2)
        put_part(directory, number, dict(zip([("loss", "train"), ("loss", "test")], losses, strict=True)))
    if parts != 1:  # alone, a part is read in one pass
        recorder.append(99, {"loss": 0.5}, "train", 9.0)
    else:
        recorder.current()[0].remove()
    wanted = [("loss", "test"), ("loss", "train"), ("accuracy", None)]
    found = RunReader(directory.path).curves(wanted)
    assert list(found) == wanted
    for series, curve in found.items():
        alone = RunReader(directory.path).curve(*series)
        for name in ("step", "epoch", "value", "wall_time"):
            assert np.array_equal(getattr(curve, name), getattr(alone, name))
    assert [len(curve) for curve in found.values()] == [2 * parts, 3 * parts + (parts != 1), 0]
