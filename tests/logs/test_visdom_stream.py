"""The stream to Visdom: whatever the server does, training is undisturbed and the picture complete."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websocket

from logs.requests import Request
from logs.visdom_connection import VisdomConnection
from logs.visdom_panes import CONTROLS, environment_name
from logs.visdom_stream import VisdomStream, environment_address, main, show
from logs.writer import RunWriter
from tests.visdom_servers import (
    RunningVisdom,
    absent_visdom,
    failing_server,
    free_port,
    hanging_server,
    running_visdom,
    wait_until,
)

FAST = 0.05  # seconds between two turns of a stream; the default is one


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVisdom]:
    with running_visdom(tmp_path_factory.mktemp("visdom")) as running:
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunWriter]:
    with RunWriter.create(
        tmp_path / "runs",
        model="mlp",
        dataset="fashion_mnist",
        config={"model": "mlp", "learning_rate": 0.001, "note": "<script>alert(1)</script>"},
        higher_is_better={"accuracy": True},
    ) as writer:
        yield writer


def log_steps(run: RunWriter, first: int, last: int) -> None:
    """What a training logs; the same step always has the same values."""
    for step in range(first, last):
        values = {"loss": 2.0 / (1 + step), "accuracy": 1 - 1.0 / (1 + step)}
        run.log(step, values, split="train", epoch=step / 10)
        run.log(step, {"learning_rate": 0.001, "gradient_norm": 1.0 + step % 3}, epoch=step / 10)
        if step % 10 == 9:
            run.log(step, {"loss": 2.5 / (1 + step), "accuracy": 0.9}, split="validation", epoch=step / 10)


def drawn(server: RunningVisdom, run: RunWriter, window: str) -> dict[str, tuple[list[float], list[float]]]:
    """The lines of a pane as the server holds them: name -> x, y; {} where there is no such pane."""
    pane = server.windows(environment_name(run.directory.id)).get(window)
    return {trace["name"]: (trace["x"], trace["y"]) for trace in pane["content"]["data"]} if pane else {}


def last_step(server: RunningVisdom, run: RunWriter) -> int:
    steps = drawn(server, run, "curves loss").get("train", ([-1], []))[0]
    return int(steps[-1])


def assert_complete(server: RunningVisdom, run: RunWriter, steps: int) -> None:
    """Every value that was logged is drawn (fewer than the thinning keeps were logged)."""
    loss = drawn(server, run, "curves loss")
    assert list(loss) == ["train", "validation"]
    assert loss["train"] == (list(range(steps)), [2.0 / (1 + step) for step in range(steps)])
    assert loss["validation"][0] == [step for step in range(steps) if step % 10 == 9]
    for window in ("curves accuracy", "curves learning_rate", "curves gradient_norm"):
        assert drawn(server, run, window), f"{window} is missing"


def test_what_is_logged_turns_up_while_it_trains(server: RunningVisdom, run: RunWriter) -> None:
    stream = VisdomStream(run.directory, server.address, FAST).start()
    for steps in (20, 40, 60):
        log_steps(run, steps - 20, steps)
        wait_until(lambda steps=steps: last_step(server, run) == steps - 1, f"step {steps} is drawn")
    assert stream.state == "connected"
    assert stream.close()
    assert_complete(server, run, 60)
    assert stream.state == "closed"


def test_closing_sends_what_was_logged_last(server: RunningVisdom, run: RunWriter) -> None:
    stream = VisdomStream(run.directory, server.address, interval=60).start()
    log_steps(run, 0, 30)
    run.finish("finished")
    assert stream.close(timeout=10)
    assert_complete(server, run, 30)
    windows = server.windows(environment_name(run.directory.id))
    assert "finished" in windows["progress"]["content"]
    assert "has ended" in windows[CONTROLS]["content"]


def test_every_pane_has_title_legend_and_axes(server: RunningVisdom, run: RunWriter) -> None:
    log_steps(run, 0, 20)
    run.image(19, "predictions", np.zeros((8, 8), dtype=np.uint8), caption="seven")
    run.matrix(19, "confusion", np.eye(3), ["ant", "bee", "cat"], split="validation", epoch=1.0)
    for kind in ("weights", "gradients"):
        run.histogram(19, f"{kind}/layer.weight", np.ones(4), np.linspace(0, 1, 5), epoch=1.0)
    run.finish("finished")
    assert show(run.directory, server.address) >= 9
    windows = server.windows(environment_name(run.directory.id))
    assert {"progress", "configuration", "curves loss", "image predictions"} <= set(windows)
    assert "matrix confusion" in windows
    assert {"histograms weights", "histograms gradients"} <= set(windows)
    plots = {name: pane["content"]["layout"] for name, pane in windows.items() if pane["type"] == "plot"}
    for name, layout in plots.items():
        assert windows[name]["title"], name
        assert layout["xaxis"]["title"]["text"], name
        assert layout["yaxis"]["title"]["text"], name
        assert layout["showlegend"] is not name.startswith("matrix"), name
    assert windows["matrix confusion"]["content"]["data"][0]["x"] == ["ant", "bee", "cat"]
    assert "validation" in plots["matrix confusion"]["xaxis"]["title"]["text"]
    assert windows["image predictions"]["content"]["src"].startswith("data:image/png;base64,")
    assert "&lt;script&gt;" in windows["configuration"]["content"]
    assert "<script" not in json.dumps(windows)


def test_histograms_are_of_kernels_rather_than_biases(server: RunningVisdom, run: RunWriter) -> None:
    for name in ("conv.weight", "conv.bias", "norm.weight", "head.weight"):
        run.histogram(1, f"weights/{name}", np.ones(4), np.linspace(0, 1, 5), epoch=1.0)
    run.histogram(1, "activity", np.ones(4), np.linspace(0, 1, 5))
    run.finish("finished")
    show(run.directory, server.address)
    assert list(drawn(server, run, "histograms weights")) == ["conv", "head"]
    assert list(drawn(server, run, "histograms activity")) == ["activity"]


def test_a_regression_shows_the_metrics_it_has(server: RunningVisdom, run: RunWriter) -> None:
    for step in range(5):
        run.log(step, {"loss": 1.0, "mae": math.nan if step == 2 else 0.5}, split="train")
    run.finish("finished")
    show(run.directory, server.address)
    assert drawn(server, run, "curves mae")["train"][1] == [0.5, 0.5, None, 0.5, 0.5]
    assert drawn(server, run, "curves accuracy") == {}


def test_long_curves_are_thinned_and_keep_their_extremes(server: RunningVisdom, run: RunWriter) -> None:
    for step in range(20_000):
        run.log(step, {"loss": 99.0 if step == 12_345 else step % 7}, split="train")
    run.finish("finished")
    show(run.directory, server.address)
    steps, values = drawn(server, run, "curves loss")["train"]
    assert len(steps) <= 1000
    assert (steps[0], steps[-1]) == (0, 19_999)
    assert values[steps.index(12_345)] == 99.0


def test_nothing_is_sent_when_nothing_changed(
    server: RunningVisdom, run: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int] = []
    posts: list[str] = []
    turn, post = VisdomStream._turn, VisdomConnection.post
    monkeypatch.setattr(VisdomStream, "_turn", lambda self: turns.append(len(posts)) or turn(self))
    monkeypatch.setattr(VisdomConnection, "post", lambda self, *a: posts.append(a[0]) or post(self, *a))
    log_steps(run, 0, 20)
    run.finish("finished")
    stream = VisdomStream(run.directory, server.address, FAST).start()
    wait_until(lambda: len(turns) >= 6, "the stream has looked six times")
    stream.close()
    assert turns[2] > 5, "the first turns send everything"
    assert turns[5] == turns[2], "later ones nothing"


def test_a_server_that_comes_late_shows_everything(tmp_path: Path, run: RunWriter) -> None:
    said: list[str] = []
    with absent_visdom(tmp_path) as server:
        stream = VisdomStream(run.directory, server.address, FAST, said.append).start()
        log_steps(run, 0, 50)
        wait_until(lambda: said, "the stream says that there is no server")
        time.sleep(10 * FAST)
        assert len(said) == 1, "one line, not one per attempt"
        assert server.address in said[0]
        server.start()
        wait_until(lambda: last_step(server, run) == 49, "the late server shows the run")
        wait_until(lambda: len(said) == 2, "the stream says where the run is shown")
        assert environment_address(server.address, run.directory.id) in said[1]
        assert stream.close()
        assert_complete(server, run, 50)


def test_a_server_killed_and_restarted_in_mid_run_shows_everything(tmp_path: Path, run: RunWriter) -> None:
    said: list[str] = []
    with running_visdom(tmp_path) as server:
        stream = VisdomStream(run.directory, server.address, FAST, said.append).start()
        log_steps(run, 0, 30)
        wait_until(lambda: last_step(server, run) == 29, "the run is shown")
        wait_until(lambda: said, "the stream says where")
        server.kill()
        kept = [path.stem for path in (tmp_path / "environments").glob("*.json")]
        assert kept == ["main"], "a killed server has nothing left of the run"
        log_steps(run, 30, 60)
        wait_until(lambda: stream.state == "waiting", "the stream notices")
        server.start()
        wait_until(lambda: last_step(server, run) == 59, "the run is shown again")
        log_steps(run, 60, 70)
        run.finish("finished")
        assert stream.close()
        assert_complete(server, run, 70)
        assert len(said) == 3


@pytest.mark.parametrize("bad_server", [hanging_server, failing_server])
def test_a_server_that_hangs_or_fails_keeps_nobody_waiting(bad_server: Any, run: RunWriter) -> None:
    said: list[str] = []
    with bad_server() as address:
        stream = VisdomStream(run.directory, address, FAST, said.append).start()
        log_steps(run, 0, 100)  # returns: no call of the training thread waits for the stream
        wait_until(lambda: said, "the stream says that the server does not answer")
        assert len(said) == 1
        started = time.monotonic()
        stream.close(timeout=0.2)
        assert time.monotonic() - started < 2
        assert stream.state != "connected"
        assert stream.close(timeout=20), "the thread ends by itself"
    run.finish("finished")


def test_the_stream_works_in_its_own_thread_alone(
    server: RunningVisdom, run: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    post = VisdomConnection.post

    def noted(self: VisdomConnection, endpoint: str, body: bytes) -> bytes:
        threads.add(threading.current_thread().name)
        return post(self, endpoint, body)

    monkeypatch.setattr(VisdomConnection, "post", noted)
    stream = VisdomStream(run.directory, server.address, FAST).start()
    log_steps(run, 0, 20)
    wait_until(lambda: threads, "something is sent")
    stream.close()
    assert threads == {"visdom-stream"}


def test_a_fault_of_the_stream_is_one_line_and_no_traceback(
    run: RunWriter, server: RunningVisdom, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("logs.visdom_picture.thin", lambda *_: 1 / 0)
    log_steps(run, 0, 10)
    stream = VisdomStream(run.directory, server.address, FAST, said.append).start()
    wait_until(lambda: stream.state == "closed", "the stream has ended")
    assert "ZeroDivisionError" in said[-1]
    assert "training goes on" in said[-1]
    assert stream.close()


class Person:
    """Somebody with the page open: presses and types in the pane of controls, as the page's script does."""

    def __init__(self, server: RunningVisdom, environment: str) -> None:
        self.environment = environment
        self.socket = websocket.create_connection(f"ws://127.0.0.1:{server.port}/socket", timeout=5)

    def change(self, place: int, value: str) -> None:
        event = {"event_type": "PropertyUpdate", "propertyId": place, "value": value}
        data = {**event, "target": CONTROLS, "eid": self.environment}
        self.socket.send(json.dumps({"cmd": "forward_to_vis", "data": data}))


@pytest.fixture
def person(server: RunningVisdom, run: RunWriter) -> Iterator[Person]:
    present = Person(server, environment_name(run.directory.id))
    yield present
    present.socket.close()


def wait_for_request(run: RunWriter) -> Request:
    taken: list[Request] = []
    wait_until(lambda: taken.extend(run.requests()) or taken, "the request has arrived")
    assert len(taken) == 1
    return taken[0]


def test_the_controls_become_requests_and_answers(
    server: RunningVisdom, run: RunWriter, person: Person
) -> None:
    stream = VisdomStream(run.directory, server.address, interval=60).start()

    def pane(window: str) -> Any:
        return server.windows(stream.environment).get(window, {}).get("content", "")

    wait_until(lambda: pane("configuration"), "the run is shown")
    person.change(0, "1e-2")
    wait_until(lambda: "learning rate 0.01: passed on" in pane("progress"), "the answer is shown")
    assert wait_for_request(run) == Request("learning_rate", 0.01)
    person.change(0, "")
    person.change(0, "0,1")
    wait_until(lambda: "refused" in pane("progress"), "the refusal is shown")
    assert "positive, finite number" in pane("progress")
    person.change(1, "Save")
    assert wait_for_request(run) == Request("checkpoint")
    wait_until(lambda: "checkpoint: passed on" in pane("progress"), "the answer is shown")
    person.change(2, "Stop")
    assert wait_for_request(run) == Request("stop")
    wait_until(lambda: "stop: passed on" in pane("progress"), "the answer is shown")
    assert stream.close()


def test_controls_of_another_run_are_left_alone(
    server: RunningVisdom, run: RunWriter, person: Person, tmp_path: Path
) -> None:
    stream = VisdomStream(run.directory, server.address, FAST).start()
    wait_until(lambda: CONTROLS in server.windows(stream.environment), "the controls are there")
    person.environment = "another"
    server.post(
        "events", {"eid": "another", "win": CONTROLS, "data": [{"type": "properties", "content": []}]}
    )
    person.change(2, "Stop")
    person.environment = stream.environment
    person.change(7, "no such place")
    person.change(1, "Save")

    def answers() -> str:
        return str(server.windows(stream.environment)["progress"]["content"])

    wait_until(lambda: "checkpoint: passed" in answers(), "the last one came")
    assert "stop" not in answers()
    stream.close()


def test_the_command_shows_a_finished_run(
    server: RunningVisdom, run: RunWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    log_steps(run, 0, 30)
    run.finish("finished")
    runs = str(run.directory.path.parent)
    assert main([run.directory.id[:20], "--runs", runs, "--server", server.address]) == 0
    assert environment_address(server.address, run.directory.id) in capsys.readouterr().out
    assert_complete(server, run, 30)
    assert CONTROLS not in server.windows(environment_name(run.directory.id))


def test_the_command_follows_a_run_to_its_end(server: RunningVisdom, run: RunWriter) -> None:
    log_steps(run, 0, 10)
    follower = threading.Thread(
        target=main, args=([str(run.directory.path), "--server", server.address, "--follow"],)
    )
    follower.start()
    wait_until(lambda: last_step(server, run) == 9, "the run is shown")
    log_steps(run, 10, 30)
    run.finish("finished")
    follower.join(20)
    assert not follower.is_alive()
    assert_complete(server, run, 30)


def test_the_command_says_what_is_wrong(
    run: RunWriter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    assert main([str(run.directory.path), "--server", nobody]) == 1
    assert "python -m logs.visdom_server" in capsys.readouterr().err
    assert main([str(run.directory.path), "--server", "nowhere"]) == 1
    assert "looks like http://127.0.0.1:8097" in capsys.readouterr().err
    assert main(["no-such-run", "--runs", str(tmp_path / "runs")]) == 1
    assert "no-such-run" in capsys.readouterr().err
