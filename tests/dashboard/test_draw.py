"""The page on which a hand draws: what it opens, what a link may say amiss, what the browser is given."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import draw_subject, onnx_runtime
from dashboard.draw_subject import answered, draws, largest_differences, opened, packed, pictures_of_the_test
from dashboard.drawn_strokes import ERASER, MOST_POINTS, STEPS, Stroke, packed_strokes, unpacked_strokes
from dashboard.panels import draw_answer
from logs.catalog import RunCatalog
from training.train import main as train

places = st.tuples(st.integers(0, STEPS), st.integers(0, STEPS))
lines = st.builds(
    Stroke,
    st.integers(1, 250).map(lambda width: 4 * width),
    st.lists(places, min_size=1, max_size=20).map(tuple),
    st.sampled_from([0, 3, ERASER]),
)


@given(st.lists(lines, max_size=6))
def test_strokes_come_back_from_the_address(strokes: list[Stroke]) -> None:
    assert unpacked_strokes(packed_strokes(strokes)) == strokes


@pytest.mark.parametrize("text", ["?", "abc", "HgAA", "AAAAAQAAAA==", "HgD_____"])
def test_what_is_no_drawing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it must be strokes in base64"):
        unpacked_strokes(text)


def test_a_drawing_too_long_for_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="801 points"):
        unpacked_strokes(packed_strokes([Stroke(40, ((0, 0),) * (MOST_POINTS + 1))]))


# --- ONNX Runtime for the browser


def test_a_runtime_that_cannot_be_had_is_said_with_every_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(words: str) -> Callable[[], bytes]:
        def fetch() -> bytes:
            raise onnx_runtime.RuntimeUnavailableError(words)

        return fetch

    monkeypatch.setattr(onnx_runtime, "_from_npm", fails("no npm"))
    monkeypatch.setattr(onnx_runtime, "_from_mirror", fails("no network"))
    with pytest.raises(onnx_runtime.RuntimeUnavailableError, match="no npm; no network"):
        onnx_runtime.fetch_runtime(tmp_path)
    assert onnx_runtime.published_runtime(tmp_path) is None


def test_another_package_or_file_than_the_chosen_one_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_runtime, "_packed", lambda: b"another package")
    asked = []

    def another(address: str, timeout: float) -> io.BytesIO:
        asked.append(address)
        return io.BytesIO(b"another file")

    monkeypatch.setattr(onnx_runtime.urllib.request, "urlopen", another)
    refused = r"what came as onnxruntime-web@.* is another file than the one.*; dist/.* is another file"
    with pytest.raises(onnx_runtime.RuntimeUnavailableError, match=refused):
        onnx_runtime.fetch_runtime(tmp_path)
    assert asked == [onnx_runtime.MIRROR + file.inside for file in onnx_runtime.FILES]
    assert not list(tmp_path.iterdir())


def test_the_mirrors_files_are_kept_where_npm_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is what its address says, and its hash is taken from that."""
    content = {onnx_runtime.MIRROR + file.inside: file.name.encode() for file in onnx_runtime.FILES}
    files = tuple(
        dataclasses.replace(file, sha256=hashlib.sha256(file.name.encode()).hexdigest())
        for file in onnx_runtime.FILES
    )
    monkeypatch.setattr(onnx_runtime, "FILES", files)
    monkeypatch.setattr(onnx_runtime.shutil, "which", lambda name: None)
    monkeypatch.setattr(
        onnx_runtime.urllib.request, "urlopen", lambda address, timeout: io.BytesIO(content[address])
    )
    folder = onnx_runtime.fetch_runtime(tmp_path)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        file.name: file.name for file in files
    }
    assert onnx_runtime.published_runtime(tmp_path) == folder.name


def test_a_changed_file_is_not_served(tmp_path: Path) -> None:
    folder = onnx_runtime.runtime_folder(tmp_path)
    folder.mkdir()
    for file in onnx_runtime.FILES:
        (folder / file.name).write_bytes(b"changed")
    assert onnx_runtime.published_runtime(tmp_path) is None


# --- the network, and its page


@pytest.fixture
def network(runs: Path) -> Any:
    """A trained network's run."""
    small = ["--train-samples", "100", "--hidden-width", "16", "--epochs", "1", "--visdom", "off"]
    assert train([*small, "--runs", str(runs), "--name", "small"]) == 0
    return RunCatalog(runs).rows()[0]


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """In place of the process that writes ONNX: its exit code, None while it runs."""
    code: list[int | None] = [None]
    monkeypatch.setattr(draw_answer, "start_export", lambda *given: SimpleNamespace(poll=lambda: code[0]))
    return code


def board(page: Any) -> dict[str, Any]:
    """What the board was given."""
    sent = [item.proto.mixed.json or item.proto.json for item in page.get("bidi_component")]
    return next(data for data in map(json.loads, filter(None, sent)) if "classes" in data)


def test_without_a_network_the_page_says_what_to_do(open_page: Callable, words: Callable) -> None:
    assert "No network to draw for yet" in words(open_page("draw"))


def test_a_network_answers_on_the_server_until_the_browser_has_it(
    open_page: Callable, words: Callable, network: Any, no_export: list[int | None]
) -> None:
    page = open_page("draw", draw_class="7", draw_brush="40")
    sent = board(page)
    assert sent["runtime"] == ""
    assert sent["shape"] == [1, 8, 8]
    assert sent["chosen"] == 7
    assert sent["brush"] == 40
    assert sent["preparation"]["box"] == 8
    assert "is being written as ONNX" in words(page)


def test_why_a_network_cannot_be_exported_is_said(
    open_page: Callable, words: Callable, network: Any, no_export: list[int | None]
) -> None:
    no_export[0] = 2
    network.directory.exports.mkdir()
    (network.directory.exports / "output.log").write_text("warning: much\nerror: it has a loop\n")
    said = words(open_page("draw"))
    assert "PyTorch answers on the server. it has a loop" in said


def test_a_senseless_link_is_said_and_the_page_lives(
    open_page: Callable, words: Callable, network: Any, no_export: list[int | None]
) -> None:
    page = open_page(
        "draw", draw_run="nobody", draw_strokes="%%", draw_class="eleven", draw_brush="9999",
        draw_picture="-1",
    )  # fmt: skip
    said = words(page)
    for part in ("nobody", "strokes in base64", "eleven", "between 8 and 200", "between 1 and 1000"):
        assert part in said
    assert board(page)["strokes"] == ""
    assert board(page)["chosen"] == -1


def test_pictures_of_the_test_data_are_brought_when_they_are_asked_for(
    open_page: Callable, network: Any, no_export: list[int | None]
) -> None:
    assert board(open_page("draw"))["pictures"] == ""
    assert board(open_page("draw", draw_tests="true"))["pictures"].endswith("-270")


def test_only_networks_of_small_pictures_in_classes_can_be_drawn_for(runs: Path, network: Any) -> None:
    table = ["--dataset", "two_moons", "--epochs", "1", "--visdom", "off", "--runs", str(runs)]
    assert train(table) == 0
    assert [draws(run) for run in RunCatalog(runs).rows()] == [False, True]


def test_what_the_server_says_is_what_the_run_predicted(network: Any, tmp_path: Path) -> None:
    subject = opened(network.directory, "best", tmp_path)
    pictures, targets = pictures_of_the_test(subject, tmp_path)
    outputs, seconds = answered(subject, pictures.astype(np.float32) / 255)
    assert seconds > 0
    from logs.reader import RunReader

    reader = RunReader(network.path)
    best = max(reader.curve("accuracy", "test").value)
    assert (outputs["probabilities"].argmax(1) == np.array(targets)).mean() == pytest.approx(best)


def test_differences_are_the_largest_of_each_output() -> None:
    one = {"a": np.array([[1.0, 2.0]]), "b": np.zeros(2)}
    other = {"a": np.array([1.5, 2.0]), "b": np.zeros(3)}
    assert largest_differences(one, other) == {"a": 0.5}


def test_bytes_for_the_browser_say_what_they_are() -> None:
    content = packed("pictures", "abc", b"12", count=1)
    length = int.from_bytes(content[:4], "little")
    assert json.loads(content[4 : 4 + length]) == {"kind": "pictures", "id": "abc", "count": 1}
    assert content[4 + length :] == b"12"


def test_a_board_that_tells_nonsense_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.panels import draw_board

    for said in ('{"id": 1}', "[]", '{"picture": "AAAA"}', "{"):
        monkeypatch.setattr(draw_board.st, "session_state", {"board": {"drawn": said}})
        assert draw_board.before_board("board", (1, 8, 8)) is None
    assert draw_subject.TESTED == 1000
