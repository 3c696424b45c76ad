"""Visdom's own application with what it lacks: a check of Host and Origin, and a page that may be late.

Visdom accepts posts and web sockets from any web page the user has open, and from any name that points to
this machine (DNS rebinding). A pane is HTML that runs, and a property pane stops a training: both are refused
here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import visdom.server.app as visdom_app
from tornado.escape import xhtml_escape
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_WAITING_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Visdom</title><body style="font-family: sans-serif; margin: 3em; max-width: 40em">
<h1>Visdom is running, its page is not here yet</h1><p>{sentence}</p>
<p>Trainings stream to this server meanwhile; nothing is lost.</p>"""


def refusal(host: str | None, origin: str | None) -> str | None:
    """Why a request with these headers is refused, or None where it is let through.

    Host must name this machine, with any port (a tunnel has its own). Origin, which a browser adds to every
    post and web socket that a script starts, must be the very page this server gave out.
    """
    if host is None or _host_name(host) not in LOOPBACK_NAMES:
        return f"Host {host!r} is not this machine; open Visdom as localhost, through a tunnel too"
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return f"Origin {origin!r} is another page than this server's ({host})"
    return None


def _host_name(host: str) -> str | None:
    """The name in a Host header, lower case and without its port; None where it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # reading it raises where it is no port
        return parts.hostname
    except ValueError:
        return None


class _Refused(RequestHandler):
    def initialize(self, reason: str) -> None:
        self.reason = reason

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"refused: {self.reason}\n")


class _Waiting(RequestHandler):
    def initialize(self, sentence: str) -> None:
        self.sentence = sentence

    def get(self) -> None:
        self.write(_WAITING_PAGE.format(sentence=xhtml_escape(self.sentence)))


class _NoIcon(RequestHandler):
    """The page asks for an icon that Visdom does not have; an empty answer keeps browsers' consoles clean."""

    def get(self) -> None:
        self.set_status(204)


class LoopbackApplication(visdom_app.Application):
    """Visdom behind the check; `page_missing` says why the page cannot be shown yet, or None."""

    def __init__(
        self, port: int, env_path: Path, static: Path, page_missing: Callable[[], str | None]
    ) -> None:
        self.page_missing = page_missing
        # Visdom reads these when it is built. Its debug mode would restart the server when a source changes.
        visdom_app.tornado_settings.update(static_path=str(static), autoreload=False)
        super().__init__(port=port, env_path=str(env_path))
        self.settings["debug"] = False  # its error page shows whole requests

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Every request, web sockets included, comes through here before any handler sees it."""
        headers = request.headers
        reason = refusal(headers.get("Host"), headers.get("Origin"))
        if reason is not None:
            return self.get_handler_delegate(request, _Refused, {"reason": reason})
        if request.path.endswith("/favicon.png"):
            return self.get_handler_delegate(request, _NoIcon)
        if request.method == "GET" and (
            request.path in {"", "/"} or request.path.startswith(("/env/", "/compare/"))
        ):
            sentence = self.page_missing()
            if sentence is not None:
                return self.get_handler_delegate(request, _Waiting, {"sentence": sentence})
        return super().find_handler(request, **kwargs)

    def save(self) -> None:
        """Write every environment to the environment folder, as Visdom does when it ends."""
        self.storage.save_all(self.state)
