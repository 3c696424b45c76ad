"""A connection to a Visdom server that gives up in time and never answers with silence.

Visdom's own client waits without limit for a server that hangs, and takes its errors for success. This one
posts the same JSON over one kept connection with time limits, takes every status but 200 for a failure, and
holds the web socket through which Visdom sends what a person does in a pane. When the server ends, the socket
says so.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import websocket

CONNECT_SECONDS = 2.0  # to open a connection, and for each answer
ANSWER_SECONDS = 5.0  # a server that draws for ten browsers may be slow
LISTEN_SECONDS = 0.1  # how long one look for events waits; closing waits no longer than this


class VisdomUnavailableError(Exception):
    """The server does not answer, answers with an error, or is no Visdom server; the text is one line."""


def checked_address(server: str) -> str:
    """The server's address without a trailing slash. ValueError names what an address looks like."""
    try:
        parts = urlsplit(server)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"{server!r} is no server's address; it looks like http://127.0.0.1:8097")
    return server.rstrip("/")


class VisdomConnection:
    """One session with a running server. Every method raises VisdomUnavailableError once it has gone."""

    def __init__(self, server: str) -> None:
        self.server = checked_address(server)
        parts = urlsplit(self.server)
        self._path = parts.path
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = kind(str(parts.hostname), parts.port, timeout=CONNECT_SECONDS)
        try:
            self._socket = websocket.create_connection(
                "ws" + self.server.removeprefix("http") + "/vis_socket",
                timeout=CONNECT_SECONDS,
                http_no_proxy=["*"],  # a proxy set for the internet must not swallow this machine's server
            )
            self._expect_greeting()
        except ConnectionRefusedError:
            raise VisdomUnavailableError("nobody listens there") from None
        except (OSError, websocket.WebSocketException, ValueError) as error:
            self.close()
            raise VisdomUnavailableError(_sentence(error)) from None
        try:
            self._http.connect()
        except OSError as error:
            self.close()
            raise VisdomUnavailableError(_sentence(error)) from None
        if self._http.sock is not None:
            self._http.sock.settimeout(ANSWER_SECONDS)

    def _expect_greeting(self) -> None:
        greeting = json.loads(self._socket.recv())
        if not isinstance(greeting, dict) or greeting.get("data") != "vis_alive":
            raise ValueError("it is no Visdom server")

    def post(self, endpoint: str, body: bytes) -> bytes:
        """Send JSON and return the answer."""
        try:
            headers = {"Content-Type": "application/json"}
            self._http.request("POST", f"{self._path}/{endpoint}", body, headers)
            answer = self._http.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise VisdomUnavailableError(_sentence(error)) from None
        if answer.status != 200:
            raise VisdomUnavailableError(f"it answered {answer.status} {answer.reason}")
        return text

    def event(self) -> dict[str, Any] | None:
        """What a person did in a pane, or None where nobody did anything within LISTEN_SECONDS."""
        try:
            self._socket.settimeout(LISTEN_SECONDS)
            code, frame = self._socket.recv_data_frame(control_frame=True)
            if code == websocket.ABNF.OPCODE_CLOSE:
                raise VisdomUnavailableError("it has ended")
            message = json.loads(frame.data) if code == websocket.ABNF.OPCODE_TEXT else None
        except websocket.WebSocketTimeoutException:
            return None
        except (OSError, websocket.WebSocketException, ValueError) as error:
            raise VisdomUnavailableError(_sentence(error)) from None
        return message if isinstance(message, dict) else None

    def close(self) -> None:
        """Close both connections, at once and without a word to a server that may hang."""
        self._http.close()
        opened = getattr(self, "_socket", None)
        if opened is not None:
            opened.shutdown()


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError | websocket.WebSocketTimeoutException):
        return "it accepts connections and does not answer"
    if isinstance(error, websocket.WebSocketBadStatusException):
        return f"it answered {error.status_code}"
    if isinstance(error, websocket.WebSocketConnectionClosedException | http.client.RemoteDisconnected):
        return "it has ended"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
