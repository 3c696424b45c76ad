"""Requests to a running run: taken once, whole, in order; nonsense never reaches the trainer."""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from logs.directory import RunDirectory, write_json
from logs.errors import BrokenRunError
from logs.requests import Request, clear_requests, send_request, take_requests
from logs.writer import RunWriter


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    write_json(tmp_path / "run.json", {"schema_version": 1, "id": tmp_path.name})
    return RunDirectory(tmp_path)


def test_requests_are_taken_once_and_in_order(directory: RunDirectory) -> None:
    assert take_requests(directory) == []
    send_request(directory, "learning_rate", 0.1)
    send_request(directory, "learning_rate", "1e-3")
    send_request(directory, "checkpoint")
    send_request(directory, "stop")
    expected = [
        Request("learning_rate", 0.1),
        Request("learning_rate", 0.001),
        Request("checkpoint"),
        Request("stop"),
    ]
    assert take_requests(directory) == expected
    assert take_requests(directory) == []


def test_an_unknown_request_is_refused_with_the_nearest_name(directory: RunDirectory) -> None:
    with pytest.raises(
        ValueError, match=r"no request is named 'stopp'; did you mean 'stop'\? known: stop, checkpoint"
    ):
        send_request(directory, "stopp")
    assert not directory.requests.exists()


@pytest.mark.parametrize("rate", [0, -0.1, math.nan, math.inf, "fast", None, True, "1e999", [0.1], 10**400])
def test_a_learning_rate_must_be_a_positive_finite_number(directory: RunDirectory, rate: Any) -> None:
    with pytest.raises(ValueError, match="it must be a positive, finite number"):
        send_request(directory, "learning_rate", rate)


def test_a_value_where_none_belongs_is_refused(directory: RunDirectory) -> None:
    with pytest.raises(ValueError, match="takes no value"):
        send_request(directory, "stop", 1)


def test_a_request_to_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenRunError, match=r"has no run\.json"):
        send_request(RunDirectory(tmp_path), "stop")


@pytest.mark.parametrize(
    "content", ['{"kind": "explode"}', '{"kind": ["stop"]}', "", "[]", '{"kind": "learning_rate"}']
)
def test_a_foreign_file_is_put_aside_and_the_others_are_taken(directory: RunDirectory, content: str) -> None:
    send_request(directory, "stop")
    (directory.requests / "0.json").write_text(content)
    assert take_requests(directory) == [Request("stop")]
    assert [path.name for path in directory.requests.iterdir()] == ["0.rejected"]


def test_a_half_written_request_is_not_seen(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = os.replace, []

    def replace(source: Path, target: Path) -> None:
        seen.append((len(list(directory.requests.iterdir())), take_requests(directory)))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    send_request(directory, "stop")
    assert seen == [(1, [])]  # the content lay there, under a name that nobody takes
    assert take_requests(directory) == [Request("stop")]


def test_a_request_that_cannot_be_removed_is_not_carried_out_again_and_again(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_request(directory, "checkpoint")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        assert take_requests(directory) == []
    assert take_requests(directory) == [Request("checkpoint")]


def test_requests_can_be_dropped(directory: RunDirectory) -> None:
    send_request(directory, "stop")
    clear_requests(directory)
    assert take_requests(directory) == []


def test_a_resumed_run_starts_without_old_requests_and_hears_new_ones(tmp_path: Path) -> None:
    """Also that of a loop which is not ours and clears nothing itself."""
    run = RunWriter.create(tmp_path, model="net", dataset="data")
    run.finish("stopped")
    send_request(run.directory, "stop")
    with RunWriter.resume(run.directory.path) as resumed:
        send_request(run.directory, "checkpoint")
        heard: list[Request] = []
        deadline = time.monotonic() + 20
        while not heard and time.monotonic() < deadline:
            heard = resumed.requests()
            time.sleep(0.02)
    assert heard == [Request("checkpoint")]


def test_requests_sent_while_others_are_taken_arrive_once_each(directory: RunDirectory) -> None:
    rates = [float(number) for number in range(1, 51)]
    senders = [
        threading.Thread(
            target=lambda part=part: [send_request(directory, "learning_rate", rate) for rate in part]
        )
        for part in (rates[::2], rates[1::2])
    ]
    for sender in senders:
        sender.start()
    taken: list[Request] = []
    while any(sender.is_alive() for sender in senders):
        taken += take_requests(directory)
    taken += take_requests(directory)
    assert sorted(request.value or 0.0 for request in taken) == rates
