"""Start the real Visdom server for this machine alone: `python -m logs.visdom_server`.

Bound to 127.0.0.1, with a check of Host and Origin in front (logs/visdom_application.py), without needing the
internet (logs/visdom_assets.py). Only the standard library until the server starts, so that asking
`server_is_up` costs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import logging
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULT_PORT = 8097
DEFAULT_SERVER = f"http://127.0.0.1:{DEFAULT_PORT}"


class UnusableError(Exception):
    """The port or the folder cannot be used; the text says why and the way out."""


def server_is_up(server: str = DEFAULT_SERVER, timeout: float = 0.5) -> bool:
    """Whether a Visdom server (0.3 or newer) answers at this address within `timeout` seconds."""
    address = urlsplit(server)
    secure = address.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    try:
        connection = kind(address.hostname or "127.0.0.1", address.port, timeout=timeout)
        try:
            connection.request("GET", address.path.rstrip("/") + "/health")
            answer = connection.getresponse()
            return answer.status == 200 and json.loads(answer.read(1000)) == {"status": "ok"}
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError):
        return False


class _Page:
    """The page's scripts, fetched while the server already answers; `missing` is asked by each request."""

    def __init__(self) -> None:
        from logs.visdom_assets import cache_folder, find_page

        self.cache = cache_folder()
        found = find_page(self.cache)
        self.static = found or self.cache
        self._missing = None if found else "Its scripts are being fetched; this page turns up by itself."

    def missing(self) -> str | None:
        return self._missing

    def fetch_in_background(self) -> None:
        if self._missing is not None:
            threading.Thread(target=self._fetch, name="visdom-page", daemon=True).start()

    def _fetch(self) -> None:
        from logs.visdom_assets import PageUnavailableError, fetch_page

        try:
            fetch_page(self.cache, say)
        except (PageUnavailableError, OSError) as error:
            self._missing = (
                f"Its scripts could not be fetched: {error}. Install npm, or connect this machine to the "
                "internet once, and start the server again."
            )
            say(f"Visdom runs without its page. {self._missing}")
        else:
            self._missing = None
            say("Visdom's page is complete")


def say(sentence: str) -> None:
    """One line on standard output, at once: a launcher may be reading."""
    print(sentence, flush=True)


def serve(port: int, env_path: Path, logging_level: int = logging.CRITICAL) -> None:
    """Run the server until Ctrl-C or SIGTERM, then save its environments. Raises UnusableError.

    Takes over the process's signals and logging: for a process of its own.
    """
    _check_nobody_listens(port)  # before the imports, which take a second or two
    logging.basicConfig(level=logging_level, force=True)  # visdom logs each 404 as an error
    for client_only in (
        "torch",
        "openTSNE",
    ):  # visdom imports them where they are, and a server needs neither:
        sys.modules.setdefault(client_only, None)  # type: ignore[arg-type]  # 3 s and 600 MB less
    from logs.visdom_application import LoopbackApplication

    page = _Page()
    try:
        env_path.mkdir(parents=True, exist_ok=True)
        application = LoopbackApplication(port, env_path, page.static, page.missing)
        asyncio.run(_answer(application, _listen(port), page))
        application.save()
    except OSError as error:
        raise UnusableError(f"{env_path} cannot be used ({error}); way out: --env-path DIR") from None


def _check_nobody_listens(port: int) -> None:
    """Some systems let two programs have one port, where one of them has it on all addresses."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise UnusableError(_port_taken(port, "a program that is no Visdom server listens there"))


def _port_taken(port: int, reason: object) -> str:
    return f"port {port} cannot be used ({reason}); way out: --port {port % 65535 + 1}, or end what holds it"


def _listen(port: int) -> socket.socket:
    """Only when all else is ready: until a server can answer, a connection is better refused."""
    listening = socket.socket()
    if sys.platform != "win32":  # there this option would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UnusableError(_port_taken(port, error.strerror)) from None
    listening.setblocking(False)
    return listening


async def _answer(application: Any, listening: socket.socket, page: _Page) -> None:
    """Answer requests until a signal comes."""
    from tornado.httpserver import HTTPServer

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(ending.set))
    server = HTTPServer(application, max_buffer_size=2**28)
    server.add_sockets([listening])
    page.fetch_in_background()
    say(f"Visdom is ready at http://127.0.0.1:{application.port}")
    await ending.wait()
    server.stop()


def port_number(text: str) -> int:
    """A port that a browser opens. Raises argparse.ArgumentTypeError with the rule."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """The command line. Exit status: 0 ended as asked or already running, 2 port or folder unusable."""
    parser = argparse.ArgumentParser(
        prog="python -m logs.visdom_server", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--port", type=port_number, default=DEFAULT_PORT, help="default %(default)s")
    parser.add_argument(
        "--env-path",
        type=Path,
        default=Path("runs") / ".visdom",
        metavar="DIR",
        help="where Visdom keeps its environments (default %(default)s)",
    )
    parser.add_argument("--verbose", action="store_true", help="show what the server logs")
    asked = parser.parse_args(arguments)
    address = f"http://127.0.0.1:{asked.port}"
    try:
        if server_is_up(address):
            say(f"a Visdom server runs at {address} already; it is used as it is")
            return 0
        serve(asked.port, asked.env_path, logging.INFO if asked.verbose else logging.CRITICAL)
    except UnusableError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:  # before the server was ready; afterwards Ctrl-C ends it in order
        return 130
    say("Visdom has ended; its environments are saved")
    return 0


if __name__ == "__main__":
    sys.exit(main())
