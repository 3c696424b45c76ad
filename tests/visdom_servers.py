"""Visdom servers for tests: the real one in a process of its own, and two that misbehave."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

from logs.visdom_assets import PAGE_FILES, cache_folder
from logs.visdom_server import server_is_up

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Ask again and again until it is so; a test fails with `what` otherwise."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def cache_environment(cache: Path) -> dict[str, str]:
    """The environment in which `cache` is the user's cache folder, on every system."""
    home = str(cache)
    return {**os.environ, "XDG_CACHE_HOME": home, "LOCALAPPDATA": home, "HOME": home, "OMP_NUM_THREADS": "1"}


def fill_with_empty_scripts(static: Path) -> None:
    """A page folder that counts as complete, so that no test fetches scripts; no browser could use it."""
    for target in ["js/main.js", *(file.target for file in PAGE_FILES)]:
        (static / target).parent.mkdir(parents=True, exist_ok=True)
        (static / target).write_text("/* empty */")


class RunningVisdom:
    """The real server: started, killed, started again on the same port."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = environment
        self.process: subprocess.Popen[str] | None = None
        self.output = folder / "visdom.txt"

    def start(self) -> RunningVisdom:
        command = [sys.executable, "-m", "logs.visdom_server", "--port", str(self.port)]
        command += ["--env-path", str(self.folder / "environments")]
        with self.output.open("a") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=output, text=True, env=self.environment
            )
        process = self.process
        wait_until(lambda: server_is_up(self.address) or process.poll() is not None, "Visdom is up")
        assert process.poll() is None, self.output.read_text()
        return self

    def kill(self) -> None:
        """As kill -9 does: nothing is saved."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def end(self) -> int:
        """Ask it to end, as start.py does; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def post(self, endpoint: str, body: dict[str, Any]) -> bytes:
        """What the server answers; nothing where it answers with an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", f"/{endpoint}", json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            return text if answer.status == 200 else b""
        finally:
            connection.close()

    def windows(self, environment: str) -> dict[str, dict[str, Any]]:
        """Every pane of an environment by its window's name, as the server holds it."""
        return json.loads(self.post("env_state", {"eid": environment}) or b"{}")


@contextmanager
def absent_visdom(folder: Path) -> Iterator[RunningVisdom]:
    """The real server with an empty page, not started yet; ended afterwards."""
    environment = cache_environment(folder / "cache")
    fill_with_empty_scripts(cache_of(environment))
    server = RunningVisdom(folder, environment)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running_visdom(folder: Path) -> Iterator[RunningVisdom]:
    """The real server with an empty page, ended afterwards."""
    with absent_visdom(folder) as server:
        yield server.start()


def cache_of(environment: dict[str, str]) -> Path:
    """Where a process with this environment keeps the page's scripts."""
    with patch.dict(os.environ, environment):
        return cache_folder()


@contextmanager
def hanging_server() -> Iterator[str]:
    """Accepts every connection and never answers; yields its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


class _Failing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(500)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def failing_server() -> Iterator[str]:
    """Answers every request with 500; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Failing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
