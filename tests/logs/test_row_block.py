"""log_rows: n rows in one copy are what n calls of log write."""

from __future__ import annotations

import errno
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs import RunReader, RunWriter
from logs.recorder import MOST_GROUPS, Recorder
from logs.vocabulary import SPLITS
from logs.wal import GROUP_VALUES, Group, Segment, curves, read_segment, segment_path

CAPACITY = 16  # records: a few rows cross the end of a segment
STEPS = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=("C", "Z"), codec="utf-8"), min_size=1, max_size=8)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Any, ...]:
    """Steps, values, split and epochs for one call."""
    count = draw(st.integers(0, 40))
    column = st.lists(st.floats(), min_size=count, max_size=count)
    steps = draw(st.lists(STEPS, min_size=count, max_size=count))
    values = draw(st.dictionaries(NAMES, column, max_size=10))
    epochs = draw(st.none() | st.floats() | column)
    return steps, values, draw(st.sampled_from([*SPLITS, None])), epochs


class Disk:
    """Has room for some small segments."""

    def __init__(self, segments: int) -> None:
        self.segments = segments

    def create(self, run: Path, number: int) -> Segment:
        if not self.segments:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.segments -= 1
        return Segment.create(run, number, capacity=CAPACITY)


def one_by_one(recorder: Recorder, steps: Any, values: Any, split: Any, epochs: Any) -> None:
    for row, step in enumerate(steps):
        epoch = math.nan if epochs is None else epochs[row] if isinstance(epochs, list) else epochs
        recorder.append(step, {name: column[row] for name, column in values.items()}, split, epoch)


def content(run: Path) -> dict:
    """Every row of the segments, bit for bit, but for the time at which it was logged."""
    found: dict = {}
    for path in sorted(run.glob("*.wal")):
        records = read_segment(path)
        for series, curve in curves(records.rows, records.groups).items():
            rows = zip(curve.step.tolist(), curve.epoch.tolist(), curve.value.tolist(), strict=True)
            found.setdefault(series, []).extend(struct.pack("<qdd", *row) for row in rows)
    return found


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path, 0, lambda: None, Disk(1000).create)


@settings(max_examples=80, deadline=None)
@given(calls=st.lists(blocks(), max_size=4), room=st.integers(1, 12))
def test_a_block_is_n_calls_also_across_segments_and_on_a_full_disk(
    tmp_path_factory: pytest.TempPathFactory, calls: list, room: int
) -> None:
    together, apart = tmp_path_factory.mktemp("together"), tmp_path_factory.mktemp("apart")
    blocks_of, calls_of = (Recorder(run, 0, lambda: None, Disk(room).create) for run in (together, apart))
    for call in calls:
        blocks_of.append_rows(*call)
        one_by_one(calls_of, *call)
    assert content(together) == content(apart)
    assert blocks_of.lost_rows == calls_of.lost_rows
    assert blocks_of.current()[1] == calls_of.current()[1], "as many records"


def test_a_full_header_takes_the_block_to_the_next_segment(recorder: Recorder, tmp_path: Path) -> None:
    count = 0
    while len(list(tmp_path.glob("*.wal"))) == 1:
        names = [f"{count}-{place}".ljust(60, '"') for place in range(8)]  # a quote takes two bytes
        recorder.append_rows([count, count], {name: [1.0, 2.0] for name in names}, None, None)
        recorder._position -= 0 if len(list(tmp_path.glob("*.wal"))) > 1 else 4 * 64  # only the header fills
        count += 1
    assert [part.tolist() for name, part in _steps_of(tmp_path, 1).items()] == [[count - 1] * 2] * 8


def test_a_row_of_more_metrics_than_a_header_holds_is_logged(recorder: Recorder, tmp_path: Path) -> None:
    names = [f"{place:064d}" for place in range(GROUP_VALUES * (MOST_GROUPS * 8))]
    recorder.append_rows([1, 2], {name: [place, -place] for place, name in enumerate(names)}, None, 0.5)
    found = content(tmp_path)
    assert len(found) == len(names)
    for place, name in enumerate(names):
        assert found[name, None] == [struct.pack("<qdd", 1, 0.5, place), struct.pack("<qdd", 2, 0.5, -place)]


def test_most_groups_of_one_row_always_fit_into_a_header(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, 0, capacity=1)
    for number in range(MOST_GROUPS):
        names = tuple(f"{number:02d}{place}".ljust(64, '"') for place in range(GROUP_VALUES))
        assert segment.add_group(Group(names, "validation")) == number + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": [1.5, 2.0]}, "the steps are of float64; they must be whole numbers"),
        (
            {"steps": np.array([2**63, 1], np.uint64)},
            "a step is 9223372036854775808; it must be",
        ),
        ({"steps": [[1], [2]]}, r"the steps have shape \(2, 1\)"),
        ({"steps": 3}, r"the steps have shape \(\)"),
        ({"values": {"loss": [1.0]}}, r"loss: shape \(1,\) for 2 rows; it must be one number per row"),
        ({"values": {"loss": 1.0}}, r"loss: shape \(\) for 2 rows"),
        ({"values": {"loss": ["1", "2"]}}, "loss: an array of <U1; it must be numbers"),
        ({"values": {"loss": [None, 1]}}, "loss: an array of object"),
        ({"values": {"loss": [1j, 1]}}, "loss: an array of complex128"),
        ({"values": {"loss": [1.0, 2.0], "": [1.0, 2.0]}}, "a metric is named ''"),
        ({"values": [1.0, 2.0]}, "they must be a dictionary"),
        ({"split": "Train"}, "the split is 'Train'"),
        ({"epochs": [1.0]}, "one number per row or one for all"),
        ({"epochs": "two"}, "the epochs: an array of <U3"),
    ],
)
def test_what_can_not_be_logged_is_named_and_nothing_is_logged(
    recorder: Recorder, tmp_path: Path, change: dict, said: str
) -> None:
    given = {"steps": [1, 2], "values": {"loss": [1.0, 2.0]}, "split": "train", "epochs": None, **change}
    with pytest.raises((TypeError, ValueError), match=said):
        recorder.append_rows(**given)
    assert content(tmp_path) == {}


def test_arrays_of_every_numeric_type_are_taken(recorder: Recorder, tmp_path: Path) -> None:
    values = {"a": np.array([1, 0], bool), "b": np.array([1, 2], np.float16), "c": range(2)}
    recorder.append_rows(np.array([1, 2], np.uint8), values, None, np.float32(0.5))
    assert content(tmp_path)["a", None] == [struct.pack("<qdd", 1, 0.5, 1), struct.pack("<qdd", 2, 0.5, 0)]


def test_a_block_that_is_interrupted_leaves_no_record_that_does_not_count(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between the bytes and their commits: what is logged after it must be found."""
    whole: Callable[..., None] = Recorder._put

    def interrupted(self: Recorder, records: np.ndarray, position: int) -> None:
        monkeypatch.setattr(Recorder, "_put", whole)
        raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recorder.append_rows([1, 2], {"loss": [1.0, 2.0]}, None, None)
    recorder.append(3, {"loss": 3.0}, None, 0.0)
    assert [struct.unpack("<qdd", row)[0] for row in content(tmp_path)["loss", None]] == [1, 2, 3]


def test_a_run_reads_its_blocks_beside_its_calls(runs: Path) -> None:
    with RunWriter.create(runs, model="m", dataset="d", command=["test"]) as run:
        run.log(0, {"loss": 3.0}, "train", 0.0)
        run.log_rows(np.arange(1, 3), {"loss": np.array([2.0, 1.0])}, "train", epochs=[0.1, 0.2])
        run.log_rows([3], {"loss": [np.nan], "accuracy": [0.5]}, split="train")
        live = RunReader(run.directory.path).curve("loss", "train")
    after = RunReader(run.directory.path).curve("loss", "train")
    for curve in (live, after):
        assert curve.step.tolist() == [0, 1, 2, 3]
        np.testing.assert_array_equal(curve.value, [3.0, 2.0, 1.0, np.nan])
        np.testing.assert_array_equal(curve.epoch, [0.0, 0.1, 0.2, np.nan])
    with pytest.raises(RuntimeError, match="is finished"):
        run.log_rows([4], {"loss": [0.0]})


def _steps_of(run: Path, number: int) -> dict[Any, np.ndarray]:
    records = read_segment(segment_path(run, number))
    return {series: curve.step for series, curve in curves(records.rows, records.groups).items()}
