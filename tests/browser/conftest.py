"""A real Chromium and a real dashboard. A page that writes an error or calls another machine fails its test.

`page` is a Playwright page, `dashboard` a running dashboard with runs of its own. Wait with
`expect(...)`: an open Streamlit page always has a socket, so "wait until the network is idle" never ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = ("127.0.0.1", "localhost")
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name but this machine's is ever resolved: a page that calls out fails here as it would offline.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)
# Opened at the address of a page, Streamlit's own script first looks for its server below that address.
PROBED = ("/_stcore/host-config", "/_stcore/health")
PATIENCE = 60.0  # seconds until a server answers; two busy cores import slowly
# While a page is drawn again Streamlit keeps the old button beside the new one for a moment. A press on the
# old one is lost and two of one name are an error of Playwright's: a test sees only what stays.
ONLY_WHAT_STAYS = """
const sheet = new CSSStyleSheet();
sheet.replaceSync('[data-stale="true"] button[data-testid^="stBaseButton"] { visibility: hidden; }');
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the browser."""
    here = Path(__file__).resolve().parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@dataclass
class Complaints:
    """What a page did that no page of ours may do."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        """From now on, listen to the page's console, its uncaught errors and its requests."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda connection: self._request(connection.url))

    def _console(self, message: Any) -> None:
        place = message.location.get("url", "")
        if message.type == "error" and not place.endswith(PROBED):
            self.errors.append(f"{message.text} ({place})")

    def _request(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            self.outside.append(address)


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard: where it answers and where its runs are."""

    address: str  # without a slash at the end
    runs: Path
    log: Path  # what the server wrote

    def page(self, name: str = "", /, **query: str) -> str:
        """The address of a page: `dashboard.page("run", run=run_id)`."""
        words = "&".join(f"{key}={value}" for key, value in query.items())
        return f"{self.address}/{name}" + (f"?{words}" if words else "")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The machine's own Chromium, or a skip with the reason."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip(f"no browser here: none of {', '.join(NAMES)} is on the PATH")


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Any]:
    """One Chromium for the session; each test gets a fresh context of it."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # milliseconds; a busy machine needs some
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def complaints() -> Complaints:
    """What the test's page complained about so far; a test that provokes an error may clear it."""
    return Complaints()


@pytest.fixture
def new_page(browser: Any, complaints: Complaints) -> Iterator[Callable[..., Any]]:
    """Makes pages with options of their own: `new_page(color_scheme="dark")`. All are watched."""
    contexts = []

    def make(**options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = browser.new_context(**options)
        contexts.append(context)
        context.add_init_script(ONLY_WHAT_STAYS)
        page = context.new_page()
        complaints.watch(page)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints.outside, "the page called another machine"
    assert not complaints.errors, "the page wrote errors to the browser's console"


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    """A page of 1280 x 900 that fails the test on a console error or a call to another machine."""
    return new_page()


@pytest.fixture(scope="module")
def dashboard(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard on a free port with an empty folder of runs, shared by the tests of one file."""
    folder = tmp_path_factory.mktemp("dashboard")
    runs, log, port = folder / "runs", folder / "server.log", free_port()
    runs.mkdir()
    with log.open("wb") as output, started_dashboard(runs, port, output) as server:
        address = f"http://127.0.0.1:{port}"
        wait_until_it_answers(f"{address}/_stcore/health", server, log)
        yield Dashboard(address, runs, log)


@contextlib.contextmanager
def started_dashboard(runs: Path, port: int, output: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process; at the end it and the trainings it started are gone."""
    environment = {
        **os.environ,
        "DESCENT_RUNS": str(runs),
        "DESCENT_VISDOM": f"http://127.0.0.1:{free_port()}",  # nobody listens there
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.setdefault("DESCENT_DATA", str(runs.parent / "data"))
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py")]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    command += ["--server.fileWatcherType", "none"]
    server = subprocess.Popen(command, cwd=runs.parent, env=environment, stdout=output, stderr=output)
    try:
        yield server
    finally:
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        server.wait(20)
        for process in psutil.wait_procs(processes, timeout=10)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def wait_until_it_answers(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Returns once the address answers 200; fails with what the server wrote where it does not."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.1)
    pytest.fail(f"{address} did not answer; the server wrote:\n{log.read_text(errors='replace')[-3000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
