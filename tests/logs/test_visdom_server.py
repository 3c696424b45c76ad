"""The Visdom server's own start: loopback only, strangers refused, plain sentences, environments kept."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket

from logs.visdom_guard import refusal
from logs.visdom_server import main, port_number, server_is_up
from tests.visdom_servers import (
    ROOT,
    RunningVisdom,
    cache_environment,
    cache_of,
    failing_server,
    fill_with_empty_scripts,
    free_port,
    hanging_server,
    running_visdom,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVisdom]:
    with running_visdom(tmp_path_factory.mktemp("visdom")) as running:
        yield running


def answer(server: RunningVisdom, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body.encode())
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8097", "127.0.0.1:8097", "[::1]:8097", "LOCALHOST:9"]
)
def test_this_machines_names_are_let_through(host: str) -> None:
    assert refusal(host, None) is None
    assert refusal(host, f"http://{host}") is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (None, None),
        ("", None),
        ("evil.example:8097", None),
        ("evil.example:8097", "http://evil.example:8097"),
        ("localhost.evil.example", None),
        ("127.0.0.1:port", None),
        ("[::1", None),
        ("user@localhost:8097", "http://localhost:8097"),
        ("localhost:8097", "http://evil.example"),
        ("localhost:8097", "http://localhost:3000"),
        ("localhost:8097", "null"),
        ("localhost:8097", ""),
    ],
)
def test_strangers_are_refused_with_a_reason(host: str | None, origin: str | None) -> None:
    reason = refusal(host, origin)
    assert reason is not None
    assert ("Host" in reason) or ("Origin" in reason)


def test_a_post_from_another_page_is_refused_and_changes_nothing(server: RunningVisdom) -> None:
    pane = '{"eid": "attacked", "win": "w", "data": [{"type": "text", "content": "x"}]}'
    local = {"Host": f"localhost:{server.port}"}
    assert answer(server, "POST", "/events", {**local, "Origin": "http://evil.example"}, pane) == 403
    assert answer(server, "POST", "/events", {"Host": f"evil.example:{server.port}"}, pane) == 403
    assert server.windows("attacked") == {}
    assert (
        answer(server, "POST", "/events", {**local, "Origin": f"http://localhost:{server.port}"}, pane) == 200
    )
    assert list(server.windows("attacked")) == ["w"]


def test_a_page_asked_for_under_a_foreign_name_is_refused(server: RunningVisdom) -> None:
    assert answer(server, "GET", "/", {"Host": f"localhost:{server.port}"}) == 200
    assert answer(server, "GET", "/", {"Host": f"rebound.example:{server.port}"}) == 403
    assert answer(server, "GET", "/static/js/main.js", {"Host": "rebound.example"}) == 403


@pytest.mark.parametrize("path", ["socket", "vis_socket"])
def test_a_web_socket_from_another_page_is_refused(server: RunningVisdom, path: str) -> None:
    address = f"ws://127.0.0.1:{server.port}/{path}"
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(address, origin="http://evil.example", timeout=5)
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(address, host="evil.example", origin="http://evil.example", timeout=5)
    own = websocket.create_connection(address, timeout=5)
    assert "command" in own.recv()
    own.close()


def test_the_server_listens_on_loopback_alone(server: RunningVisdom) -> None:
    import psutil

    assert server.process is not None
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server.process.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_a_server_is_up_only_where_visdom_answers(server: RunningVisdom) -> None:
    assert server_is_up(server.address)
    assert not server_is_up(f"http://127.0.0.1:{free_port()}")
    assert not server_is_up("no address")
    assert not server_is_up("http://127.0.0.1:port")
    with hanging_server() as address:
        assert not server_is_up(address, timeout=0.1)
    with failing_server() as address:
        assert not server_is_up(address)


def test_a_second_start_finds_the_first_and_ends_well(
    server: RunningVisdom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", str(server.port), "--env-path", str(tmp_path)]) == 0
    assert "runs at" in capsys.readouterr().out


def test_a_taken_port_is_said_with_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with hanging_server() as address:
        port = int(address.rpartition(":")[2])
        assert main(["--port", str(port), "--env-path", str(tmp_path)]) == 2
    assert re.search(rf"port {port} .*--port {port + 1}", capsys.readouterr().out)


def test_an_environment_folder_that_cannot_be_made_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--port", str(free_port()), "--env-path", str(tmp_path / "file" / "below")]) == 2
    assert "--env-path" in capsys.readouterr().out


def test_environments_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "main.json").mkdir()
    command = [sys.executable, "-m", "logs.visdom_server", "--port", str(free_port())]
    environment = cache_environment(tmp_path / "cache")
    fill_with_empty_scripts(cache_of(environment))
    done = subprocess.run(
        [*command, "--env-path", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "--env-path" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "8097.5"])
def test_a_port_outside_its_range_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="from 1 to 65535"):
        port_number(text)


def test_environments_are_saved_at_the_end_and_there_at_the_next_start(tmp_path: Path) -> None:
    with running_visdom(tmp_path) as server:
        server.post(
            "events", {"eid": "kept", "win": "w", "data": [{"type": "text", "content": "still here"}]}
        )
        if sys.platform == "win32":
            pytest.skip("Windows has no signal that lets a process end in order")
        assert server.end() == 0
        server.start()
        assert server.windows("kept")["w"]["content"] == "still here"
    assert "its environments are saved" in server.output.read_text()
    assert "Traceback" not in server.output.read_text()


def test_asking_for_the_server_imports_neither_visdom_nor_tornado() -> None:
    asked = "import sys, logs.visdom_server; print([m for m in ('visdom', 'tornado') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_port_that_is_free_again_can_be_used_at_once(tmp_path: Path) -> None:
    with running_visdom(tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.port)):
            server.kill()
        server.start()
        assert server_is_up(server.address)
