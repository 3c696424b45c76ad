"""Images, histograms, texts, matrices and predictions: what was logged is there a second later, and whole."""

from __future__ import annotations

import io
import math
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from logs import RunReader, RunWriter
from logs.compaction import compact_rows
from logs.errors import BrokenRunError
from logs.media import as_png, histogram, histograms, image, matrix, media_table, text, write_media
from logs.media_reader import MediaReader
from logs.parts import list_parts, part_name, publish
from logs.schema import MEDIA, PREDICTIONS


@pytest.fixture
def run(runs: Path) -> RunWriter:
    return RunWriter.create(runs, model="m", dataset="d", command=["test"])


def pixels_of(png: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_an_image_comes_back_pixel_by_pixel(run: RunWriter, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    run.image(3, "inputs", pixels, split="train", epoch=1.5, caption="five by seven")
    expected = pixels.copy()
    pixels[:] = 0  # the caller's array is its own again
    run.finish()
    (found,) = RunReader(run.directory.path).images("inputs")
    assert (found.step, found.epoch, found.split, found.caption) == (3, 1.5, "train", "five by seven")
    assert np.array_equal(pixels_of(found.png), expected.squeeze() if shape[-1] == 1 else expected)


def test_png_bytes_stay_as_they_are(run: RunWriter) -> None:
    png = as_png(np.arange(64, dtype=np.uint8).reshape(8, 8))
    run.image(0, "inputs", png)
    run.finish()
    assert RunReader(run.directory.path).images()[0].png == png


def test_histograms_texts_and_matrices_come_back(run: RunWriter) -> None:
    counts, edges = np.histogram(np.random.default_rng(0).normal(size=1000), 16)
    run.histogram(1, "weights/a", counts, edges, epoch=0.5)
    run.text(2, "note", "# title\n\n*text* in 中文, \U0001f600 and \ud800", split="test")
    run.matrix(3, "confusion", [[1, 2, math.nan], [3, 4, math.inf]], ["cat", "dog"], split="validation")
    run.matrix(4, "plain", np.zeros((0, 0)))
    run.finish()
    reader = RunReader(run.directory.path)
    (found,) = reader.histograms()
    assert np.array_equal(found.counts, counts)
    assert np.array_equal(found.edges, edges)
    assert reader.texts("note")[0].text == "# title\n\n*text* in 中文, \U0001f600 and ?"
    confusion, plain = reader.matrices()
    assert np.array_equal(confusion.values, [[1, 2, math.nan], [3, 4, math.inf]], equal_nan=True)
    assert (confusion.labels, confusion.split, confusion.step) == (("cat", "dog"), "validation", 3)
    assert plain.values.shape == (0, 0)
    assert pq.read_table(list_parts(run.directory.media)[0].path).schema.equals(MEDIA)


def test_histograms_of_many_steps_are_those_of_as_many_calls(run: RunWriter) -> None:
    counts = np.random.default_rng(0).integers(0, 9, (4, 16))
    edges = np.sort(np.random.default_rng(1).normal(size=(4, 17)), axis=1)
    run.histograms(np.arange(4), "weights/a", counts, edges, "train", epochs=np.arange(4) / 2)
    for step in range(4):
        run.histogram(step, "weights/b", counts[step], edges[step], "train", epoch=step / 2)
    run.finish()
    found = RunReader(run.directory.path).histograms()
    one, other = ([each for each in found if each.name == f"weights/{name}"] for name in ("a", "b"))
    for block, single in zip(one, other, strict=True):
        assert (block.step, block.epoch, block.split) == (single.step, single.epoch, single.split)
        assert np.array_equal(block.counts, single.counts)
        assert np.array_equal(block.edges, single.edges)


def test_histograms_that_have_no_room_together_are_kept_as_far_as_they_have(
    run: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logs.background.WAITING_BYTES", 5_000)
    counts, edges = np.ones((20, 16)), np.tile(np.arange(17.0), (20, 1))
    run.histograms(np.arange(20), "weights", counts, edges)
    run.finish()
    found = [each.step for each in RunReader(run.directory.path).histograms()]
    assert found == list(range(len(found)))
    assert 1 < len(found) < 20
    with pytest.raises(RuntimeError, match="is finished"):
        run.histograms(np.arange(20), "weights", counts, edges)


def test_media_are_there_within_seconds_while_the_run_goes_on(run: RunWriter) -> None:
    run.text(1, "note", "first")
    reader = RunReader(run.directory.path)
    deadline = time.monotonic() + 10
    while not reader.texts():
        assert time.monotonic() < deadline
        time.sleep(0.05)
        reader.refresh()
    run.text(2, "note", "second")
    run.finish()
    reader.refresh()
    assert [found.text for found in reader.texts()] == ["first", "second"]
    assert len(list_parts(run.directory.media)) == 1


def put(folder: Path, number: int, *media: object) -> None:
    publish(folder / part_name(number, number), lambda path: write_media(path, media))  # type: ignore[arg-type]


def test_listing_reads_no_content_and_loading_only_what_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(
            tmp_path,
            number,
            text(number, "note", f"text {number}"),
            image(number, "x", np.zeros((2, 2), np.uint8)),
        )
    compact_rows(tmp_path)
    columns: list[tuple] = []
    from logs import media_reader

    original = media_reader.read_rows

    def counted(file: object, path: Path, groups: object, names: object) -> object:
        columns.append((list(groups), tuple(names)))  # type: ignore[call-overload]
        return original(file, path, groups, names)  # type: ignore[arg-type]

    monkeypatch.setattr(media_reader, "read_rows", counted)
    reader = MediaReader(tmp_path)
    entries = reader.entries("text")
    assert [entry.step for entry in entries] == [0, 1, 2]
    assert not {"text", "image", "values"} & set(columns[0][1])
    assert reader.load([entries[2]])[0].text == "text 2"
    assert columns[1:] == [([2], ("text",))]


def test_content_is_found_after_the_parts_were_compacted(tmp_path: Path) -> None:
    for number in range(4):
        put(tmp_path, number, text(number, "a", f"a{number}"), text(number, "b", f"b{number}"))
    reader = MediaReader(tmp_path)
    entries = reader.entries("text", "b")
    compact_rows(tmp_path)
    assert [found.text for found in reader.load(entries)] == ["b0", "b1", "b2", "b3"]
    assert [found.text for found in reader.load(entries[::-1])] == ["b3", "b2", "b1", "b0"]


def test_rows_that_are_in_no_part_yet_are_compacted_along(tmp_path: Path) -> None:
    for number in range(2):
        put(tmp_path, number, text(number, "note", f"text {number}"))
    compact_rows(tmp_path, [media_table([text(2, "note", "text 2")])])
    assert [part.path.name for part in list_parts(tmp_path)] == [part_name(0, 2)]
    reader = MediaReader(tmp_path)
    assert [found.text for found in reader.load(reader.entries("text"))] == ["text 0", "text 1", "text 2"]


def test_a_damaged_part_takes_no_newer_rows_with_it(tmp_path: Path) -> None:
    put(tmp_path, 0, text(0, "note", "lost"))
    (tmp_path / part_name(0, 0)).write_bytes(b"no Parquet")
    with pytest.raises(BrokenRunError, match="damaged"):
        compact_rows(tmp_path, [media_table([text(1, "note", "kept")])])
    assert [part.path.name for part in list_parts(tmp_path)] == [part_name(0, 0), part_name(1, 1)]
    (tmp_path / part_name(0, 0)).unlink()
    reader = MediaReader(tmp_path)
    assert [found.text for found in reader.load(reader.entries("text"))] == ["kept"]


def test_only_the_newest_are_read_when_asked(run: RunWriter) -> None:
    for step in range(5):
        run.text(step, "note", f"text {step}")
    run.finish()
    reader = RunReader(run.directory.path)
    assert [found.step for found in reader.texts("note", last=2)] == [3, 4]
    assert reader.texts("note", last=0) == []
    assert [entry.step for entry in reader.media("text")] == [0, 1, 2, 3, 4]
    assert reader.load(reader.media()[1]).text == "text 1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: image(0, "x", b"GIF89a"), "must be those of a PNG file"),
        (lambda: image(0, "x", np.zeros((2, 2))), "array of float64"),
        (lambda: image(0, "x", np.zeros((3, 8, 8), np.uint8)), r"shape \(3, 8, 8\)"),
        (lambda: image(0, "x", np.zeros((0, 2), np.uint8)), "array of uint8"),
        (lambda: histogram(0, "x", [1, 2], [0, 1]), "edges are one more"),
        (lambda: histogram(0, "x", [1, 2], [0, 2, 1]), "don't ascend"),
        (lambda: histogram(0, "x", [1], [0, math.nan]), "don't ascend"),
        (lambda: histograms([0], "x", [[1, 2]], [[0, 1]]), "edges are one more"),
        (lambda: histograms([0, 1], "x", [[1], [1]], [[0, 1], [1, 0]]), "don't ascend"),
        (lambda: histograms([0], "x", [[1], [1]], [[0, 1], [0, 1]]), "2 histograms 'x' have 1 steps"),
        (lambda: histograms([0], "x", [[1]], [[0, 1]], epochs=[1, 2]), "1 steps and 2 epochs"),
        (lambda: text(0, "x", 3), "must be a text"),  # type: ignore[arg-type]
        (lambda: text(0, "", "x"), "a name is a text"),
        (lambda: text(0, "é" * 101, "x"), "more than 200 bytes"),
        (lambda: text(0, "x", "x", split="training"), "the split is 'training'"),
        (lambda: matrix(0, "x", [1, 2]), "rows and columns"),
        (lambda: matrix(0, "x", [[1, 2]], ["a", "b", "c"]), "3 labels"),
    ],
)
def test_what_can_not_be_shown_is_refused(make: object, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        make()  # type: ignore[operator]


def test_predictions_come_back_the_newest_of_each_split(run: RunWriter) -> None:
    for step in (1, 2):
        for split in ("validation", "test"):
            run.predictions(
                split,
                index=[10, 20, 30],
                target=[0, 1, 2],
                prediction=[step, 1, 2],
                probabilities=np.full((3, 4), step / 8),
                step=step,
                epoch=step / 2,
            )
    run.predictions(None, index=[1], target=[0.5], prediction=[0.25], step=3)
    run.finish()
    reader = RunReader(run.directory.path)
    table = reader.predictions("test")
    assert table.schema.equals(PREDICTIONS)
    table.validate(full=True)
    assert table.column("index").to_pylist() == [10, 20, 30]
    assert table.column("prediction").to_pylist() == [2.0, 1.0, 2.0]
    assert table.column("probabilities").to_pylist() == [[0.25] * 4] * 3
    assert reader.predictions("test", step=1).column("prediction").to_pylist() == [1.0, 1.0, 2.0]
    assert reader.predictions("train").num_rows == 0
    assert reader.predictions(None).column("probabilities").to_pylist() == [None]
    assert len(list_parts(run.directory.predictions)) == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"target": [1]}, "target has shape"),
        ({"prediction": [[1, 2]]}, "prediction has shape"),
        ({"index": [[1, 2]]}, "index has shape"),
        ({"probabilities": [0.5, 0.5]}, "probabilities have shape"),
        ({"split": "all"}, "the split is 'all'"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(run: RunWriter, more: dict, said: str) -> None:
    given = {"split": "test", "index": [1, 2], "target": [0, 1], "prediction": [0, 1]} | more
    with pytest.raises(ValueError, match=said):
        run.predictions(given.pop("split"), **given)
    run.finish()


def test_a_flood_of_pictures_is_said_once_and_bounded(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.background.WAITING_BYTES", 5_000)
    said: list[str] = []
    run = RunWriter.create(runs, model="m", dataset="d", command=["test"], say=said.append)
    for step in range(20):
        run.text(step, "note", "x" * 1000)
    run.finish()
    assert len(said) == 1
    assert "some are left out" in said[0]
    assert 1 <= len(RunReader(run.directory.path).texts()) < 20
