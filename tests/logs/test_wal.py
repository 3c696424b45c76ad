"""The write-ahead segments: what was logged is there at once, bit for bit, and nothing else ever is."""

from __future__ import annotations

import math
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logs import wal
from logs.errors import BrokenRunError
from logs.recorder import NAME_BYTES, Recorder
from logs.vocabulary import SPLITS
from logs.wal import HEADER_BYTES, RECORD_BYTES, count_records, curves, read_segment, segment_path

NAMES = st.text(st.characters(exclude_categories=("C", "Z"), codec="utf-8"), min_size=1, max_size=16)
STEPS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.tuples(
        STEPS,
        st.dictionaries(NAMES, st.floats(), min_size=0, max_size=7),
        st.sampled_from([*SPLITS, None]),
        st.floats(),
    ),
    max_size=20,
)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path, 0, wake=lambda: None)


def bits(value: float) -> bytes:
    """NaN is not equal to itself; its bytes are."""
    return struct.pack("<d", value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS)
def test_what_was_logged_is_read_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: list
) -> None:
    run = tmp_path_factory.mktemp("run")
    recorder = Recorder(run, 0, wake=lambda: None)
    expected: dict = {}
    for step, values, split, epoch in rows:
        recorder.append(step, values, split, epoch)
        for metric, value in values.items():
            expected.setdefault((metric, split), []).append((step, bits(epoch), bits(value)))
    found = read_segment(segment_path(run, 0))
    read = {
        series: [(int(s), bits(e), bits(v)) for s, e, v in zip(c.step, c.epoch, c.value, strict=True)]
        for series, c in curves(found.rows, found.groups).items()
    }
    assert read == expected


def test_a_reader_goes_on_where_it_stopped(recorder: Recorder, tmp_path: Path) -> None:
    recorder.append(1, {"loss": 1.0}, "train", 0.0)
    first = read_segment(segment_path(tmp_path, 0))
    recorder.append(2, {"loss": 2.0}, "train", 0.0)
    recorder.append(2, {"accuracy": 0.5}, "validation", 0.0)
    second = read_segment(segment_path(tmp_path, 0), first.stop)
    assert first.rows["step"].tolist() == [1]
    assert second.rows["step"].tolist() == [2, 2]
    assert count_records(segment_path(tmp_path, 0)) == 3


def test_a_torn_record_does_not_count(recorder: Recorder, tmp_path: Path) -> None:
    """A kill in the middle of a record leaves its first bytes, and not the commit at its end."""
    for step in range(3):
        recorder.append(step, {"loss": float(step)}, "train", 0.0)
    path = segment_path(tmp_path, 0)
    whole = path.read_bytes()
    start = HEADER_BYTES + 2 * RECORD_BYTES
    record = whole[start : start + RECORD_BYTES]
    for kept in range(RECORD_BYTES):
        torn = record[:kept] + bytes(RECORD_BYTES - kept)
        path.write_bytes(whole[:start] + torn + whole[start + RECORD_BYTES :])
        expected = 3 if torn == record else 2
        assert read_segment(path).rows["step"].tolist() == [0, 1, 2][:expected], kept


def test_every_number_of_values_is_stored(recorder: Recorder, tmp_path: Path) -> None:
    for count in range(10):
        recorder.append(count, {f"m{place}": place + count / 10 for place in range(count)}, None, math.nan)
    found = read_segment(segment_path(tmp_path, 0))
    read = curves(found.rows, found.groups)
    for place in range(9):
        assert read[f"m{place}", None].value.tolist() == [
            place + count / 10 for count in range(place + 1, 10)
        ]


def test_a_metric_logged_in_different_company_stays_in_order(recorder: Recorder, tmp_path: Path) -> None:
    for step in range(50):
        values = {"loss": float(step)} if step % 3 else {"accuracy": 0.5, "loss": float(step)}
        recorder.append(step, values, "train", 0.0)
    found = read_segment(segment_path(tmp_path, 0))
    curve = curves(found.rows, found.groups)["loss", "train"]
    assert curve.step.tolist() == list(range(50))
    assert curve.value.tolist() == list(range(50))


@pytest.mark.parametrize(
    ("step", "values", "split", "epoch", "said"),
    [
        (1.5, {"loss": 1.0}, "train", 0.0, "the step is 1.5"),
        (2**63, {"loss": 1.0}, "train", 0.0, "64 bits"),
        (1, {"loss": "low"}, "train", 0.0, "loss is 'low'"),
        (1, {"loss": None}, "train", 0.0, "loss is None"),
        (1, {"loss": [1.0]}, "train", 0.0, "loss is"),
        (1, {"loss": 1.0}, "train", "two", "the epoch is 'two'"),
        (1, {"loss": 1.0}, "Train", 0.0, "the split is 'Train'"),
        (1, {"loss": 1.0}, ["train"], 0.0, "the split is"),
        (1, {"": 1.0}, "train", 0.0, "a name is a text"),
        (1, {3: 1.0}, "train", 0.0, "a name is a text"),
        (1, {"a\nb": 1.0}, "train", 0.0, "control signs"),
        (1, {"é" * 33: 1.0}, "train", 0.0, f"more than {NAME_BYTES} bytes"),
        (1, [("loss", 1.0)], "train", 0.0, "must be a dictionary"),
    ],
)
def test_what_cannot_be_logged_is_named_and_leaves_nothing(
    recorder: Recorder, tmp_path: Path, step: object, values: object, split: object, epoch: object, said: str
) -> None:
    recorder.append(0, {"loss": 0.25}, "train", 0.0)
    with pytest.raises((TypeError, ValueError), match=said):
        recorder.append(step, values, split, epoch)  # type: ignore[arg-type]
    recorder.append(2, {"loss": 0.5}, "train", 0.0)
    found = read_segment(segment_path(tmp_path, 0))
    read = curves(found.rows, found.groups)
    assert list(read) == [("loss", "train")]
    assert read["loss", "train"].value.tolist() == [0.25, 0.5]


def test_anything_that_is_one_number_is_taken(recorder: Recorder, tmp_path: Path) -> None:
    recorder.append(np.int64(3), {"a": np.float32(0.5), "b": 2, "c": True, "d": np.float64(1.5)}, None, 1)  # type: ignore[arg-type]
    found = read_segment(segment_path(tmp_path, 0))
    assert found.rows["values"][0].tolist() == [0.5, 2.0, 1.0, 1.5]
    assert found.rows["step"][0] == 3


def test_full_segments_are_followed_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []
    recorder = Recorder(tmp_path, 5, wake=lambda: woken.append(1))
    count = wal.CAPACITY + 10
    for step in range(count):
        recorder.append(step, {"loss": step / 2}, "train", 0.0)
    first, second = (read_segment(segment_path(tmp_path, number)) for number in (5, 6))
    assert np.concatenate([first.rows["step"], second.rows["step"]]).tolist() == list(range(count))
    full = recorder.take_full()
    assert full is not None
    assert (full.number, full.written) == (5, wal.CAPACITY)
    assert woken


def test_more_groups_than_a_header_holds_go_on_in_the_next_segment(
    recorder: Recorder, tmp_path: Path
) -> None:
    count = 2000
    for step in range(count):
        recorder.append(step, {f"sample {step} of many, with a long name": float(step)}, None, 0.0)
    recorder.append(count, {"sample 0 of many, with a long name": -1.0}, None, 0.0)
    read: dict = {}
    for number in range(len(list(tmp_path.glob("*.wal")))):
        found = read_segment(segment_path(tmp_path, number))
        for series, curve in curves(found.rows, found.groups).items():
            read.setdefault(series, []).extend(curve.value.tolist())
    assert len(read) == count
    assert read["sample 0 of many, with a long name", None] == [0.0, -1.0]


def test_threads_log_at_once_and_every_row_is_there(recorder: Recorder, tmp_path: Path) -> None:
    def work(worker: int) -> None:
        for step in range(2000):
            recorder.append(step, {f"loss {worker}": step * 1.0, "shared": worker * 1.0}, "train", 0.0)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_segment(segment_path(tmp_path, 0))
    read = curves(found.rows, found.groups)
    assert all(read[f"loss {worker}", "train"].value.tolist() == list(range(2000)) for worker in range(4))
    assert len(read["shared", "train"]) == 8000


def test_a_signal_handler_may_log_while_the_interrupted_call_does(recorder: Recorder, tmp_path: Path) -> None:
    class Interrupting:
        """Its conversion to a number runs in the middle of a call, as a signal handler would."""

        def __float__(self) -> float:
            recorder.append(2, {"inner": 2.0}, None, 0.0)
            return 1.0

    recorder.append(0, {"outer": 0.0}, None, 0.0)
    recorder.append(0, {"inner": 0.0}, None, 0.0)
    recorder.append(1, {"outer": Interrupting()}, None, 0.0)  # type: ignore[dict-item]
    found = read_segment(segment_path(tmp_path, 0))
    read = curves(found.rows, found.groups)
    assert read["outer", None].value.tolist() == [0.0, 1.0]
    assert read["inner", None].value.tolist() == [0.0, 2.0]


def test_ctrl_c_in_the_middle_of_a_call_hides_no_later_row(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    recorder.append(0, {"loss": 1.0}, None, 0.0)
    with pytest.raises(KeyboardInterrupt):
        recorder.append(1, {"loss": 2.0}, None, 0.0, interrupted)
    with monkeypatch.context() as patch:
        patch.setattr("logs.recorder.time.time_ns", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recorder.append(2, {"first of its kind": 3.0}, None, 0.0)
    recorder.append(3, {"loss": 4.0}, None, 0.0)
    found = read_segment(segment_path(tmp_path, 0))
    assert curves(found.rows, found.groups)["loss", None].value.tolist() == [1.0, 4.0]


def test_after_the_end_a_call_says_so(recorder: Recorder) -> None:
    recorder.append(0, {"loss": 0.0}, "train", 0.0)
    recorder.close("the run is finished")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the run is finished"):
            recorder.append(1, {"loss": 0.0}, "train", 0.0)


def test_a_segment_has_all_its_disk_space_before_it_is_used(tmp_path: Path) -> None:
    segment = wal.Segment.create(tmp_path, 0)
    stat = segment.path.stat()
    assert stat.st_size == wal.SEGMENT_BYTES
    if hasattr(stat, "st_blocks"):
        assert stat.st_blocks * 512 >= wal.SEGMENT_BYTES, "a hole would end the process on a full disk"
    segment.close()


def test_without_posix_fallocate_zeros_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.posix_fallocate", raising=False)
    with (tmp_path / "file").open("w+b") as file:
        wal.allocate(file.fileno(), 200_000)
    assert (tmp_path / "file").read_bytes() == bytes(200_000)


@pytest.mark.parametrize("content", [b"", b"DESCWAL1", bytes(100_000)], ids=["empty", "cut", "not begun"])
def test_a_segment_that_is_being_made_has_no_rows(tmp_path: Path, content: bytes) -> None:
    segment_path(tmp_path, 0).write_bytes(content)
    assert len(read_segment(segment_path(tmp_path, 0)).rows) == 0
    assert count_records(segment_path(tmp_path, 0)) == 0


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    segment_path(tmp_path, 0).write_bytes(b"something else" * 10_000)
    with pytest.raises(BrokenRunError, match=r"scalars-000000\.wal is no write-ahead log"):
        read_segment(segment_path(tmp_path, 0))
