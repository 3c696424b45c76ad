"""Visdom's own application with what it lacks: a check of Host and Origin, and a page that may be late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import visdom.server.app as visdom_app
from tornado.escape import xhtml_escape
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from logs.visdom_guard import refusal

_WAITING_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Visdom</title><body style="font-family: sans-serif; margin: 3em; max-width: 40em">
<h1>Visdom is running, its page is not here yet</h1><p>{sentence}</p>
<p>Trainings stream to this server meanwhile; nothing is lost.</p>"""


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
        if request.path.endswith(("/favicon.png", "/favicon.ico")):
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
