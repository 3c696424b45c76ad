"""A run, live in Visdom: a reader of the run directory in a thread of its own, never in training's way.

    stream = VisdomStream(directory, "http://127.0.0.1:8097")
    stream.start()
    ...                       # train; the stream is not called
    run.finish("finished")
    stream.close(timeout=5)   # the last picture, where a server answers

`python -m logs.visdom_stream RUN` shows any run, finished or not, and follows one with --follow: that is what
our own trainings start, as a process of its own (logs/visdom_process.py).

Once a second it builds the panes of the run (logs/visdom_picture.py) and posts those that changed, whole. A
server that is absent, late, killed, restarted or hanging costs the training nothing: what it missed is in the
run, and is sent when it answers again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.info import read_info
from logs.requests import send_request
from logs.status import effective_state, read_status
from logs.visdom_connection import VisdomConnection, VisdomUnavailableError, checked_address
from logs.visdom_panes import (
    CONTROL_REQUESTS,
    CONTROLS,
    Pane,
    controls_pane,
    ended_controls_pane,
    environment_name,
)
from logs.visdom_picture import Picture
from logs.visdom_server import DEFAULT_SERVER

QUIET = 100  # after t seconds of computing the stream rests at least 100 t: it takes 1% of a core at most
ATTEMPT_REST = 10  # the same for attempts to reach a server that hangs, which wait rather than compute
FOLLOW_SECONDS = 0.25  # between two looks at whether the run has ended
FOLLOWER_NICENESS = 5
LONGEST_REST = 5.0  # seconds between two such attempts at most: a server that came back is noticed then


def environment_address(server: str, run_id: str) -> str:
    """Where a browser shows the run; 404 until something was streamed."""
    return f"{server.rstrip('/')}/env/{environment_name(run_id)}"


def to_stderr(line: str) -> None:
    """The default of VisdomStream's `say`."""
    print(line, file=sys.stderr, flush=True)


def to_stdout(line: str) -> None:
    """For a follower, whose listener may have ended before it."""
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True)


class Session:
    """An environment over a connection, and what its server holds. Methods raise VisdomUnavailableError."""

    def __init__(self, server: str, environment: str, connection: VisdomConnection | None = None) -> None:
        self.environment = environment
        self.connection = connection or VisdomConnection(server)
        self.posts = 0  # panes sent
        self._held: dict[str, Pane] = {}  # by window
        self._shown: list[Pane] | None = None

    def show(self, panes: list[Pane]) -> None:
        """Post the panes that differ from what the server holds; nothing at all for the list it has shown."""
        if panes is not self._shown:
            for pane in panes:
                self.send(pane)
            self._shown = panes

    def send(self, pane: Pane, again: bool = False) -> None:
        if again or self._held.get(pane.window) != pane:
            message = pane.message(self.environment)
            self.connection.post("events", json.dumps(message, allow_nan=False).encode())
            self._held[pane.window] = pane
            self.posts += 1

    def save(self) -> None:
        """Have the environment written to the server's disk, which it does by itself only when it ends."""
        self.connection.post("save", json.dumps({"data": [self.environment]}).encode())


class VisdomStream:
    """Shows one run at one server. `state` is "waiting", "connected" or "closed".

    No method raises what the server or the network does; `say` is given a line when the server turns out to
    be away and when it is back, not one per attempt.
    """

    requests: Mapping[str, str] = CONTROL_REQUESTS  # kind of request by the property's place in the controls

    def __init__(
        self,
        directory: RunDirectory,
        server: str = DEFAULT_SERVER,
        interval: float = 1.0,
        say: Callable[[str], None] = to_stderr,
    ) -> None:
        self.directory, self.server = directory, checked_address(server)
        self.interval, self.state = interval, "waiting"
        self.environment = environment_name(directory.id)
        self._say, self._said = say, ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visdom-stream", daemon=True)
        self._picture = Picture(directory)
        self._session: Session | None = None
        self._next_attempt = 0.0  # time.monotonic()

    def start(self) -> VisdomStream:
        """Start the thread: reading, drawing and sending happen there."""
        self._thread.start()
        return self

    def close(self, timeout: float = 5.0) -> bool:
        """Send what is still to send and end; False where that took longer than `timeout` seconds.

        Then the thread ends by itself when the server answers or its own time limits pass. Call it after the
        run's last value was logged and its final state written.
        """
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._rest(max(self.interval, QUIET * self._turn()))
            self._next_attempt = 0.0
            self._turn()
        except Exception as error:  # a traceback in the middle of the training's output would help nobody
            self._say(f"the Visdom stream ended ({type(error).__name__}: {error}); the training goes on")
        finally:
            self._disconnect()
            self.state = "closed"

    def _turn(self) -> float:
        """Connect if need be and send what changed; returns the seconds this thread computed.

        Not those of the first turn of a connection: it imports, reads and sends everything.
        """
        started, began, first = time.monotonic(), time.thread_time(), self._session is None
        if first and started < self._next_attempt:
            return 0.0
        try:
            if self._session is None:
                self._session = Session(self.server, self.environment)
            self._show(self._session)
        except VisdomUnavailableError as error:
            self._lose(str(error), time.monotonic() - started)
        except (LogsError, OSError) as error:
            self._say_once(f"Visdom does not show this run: {error}")
        else:
            self.state = "connected"
            self._say_once(f"live in Visdom: {environment_address(self.server, self.directory.id)}")
        return 0.0 if first else time.thread_time() - began

    def _show(self, session: Session) -> None:
        panes = self._picture.panes()
        if self._closing.is_set():
            session.send(ended_controls_pane())
            session.show(panes)
            session.save()
        else:
            session.send(self.controls())
            session.show(panes)

    def controls(self) -> Pane:
        """What a person can change."""
        return controls_pane()

    def _rest(self, seconds: float) -> None:
        """Wait, and carry out meanwhile what a person does in the pane of controls."""
        end = time.monotonic() + seconds
        while not self._closing.is_set() and (left := end - time.monotonic()) > 0:
            if self._session is None:
                self._closing.wait(left)
                continue
            try:
                event = self._session.connection.event()
                if event is not None:
                    self._obey(event, self._session)
            except VisdomUnavailableError as error:
                self._lose(str(error), 0.0)

    def _obey(self, event: dict[str, Any], session: Session) -> None:
        """Turn a press or an entry in this run's controls into a request, and show what came of it."""
        ours = event.get("eid") == self.environment and event.get("target") == CONTROLS
        if not ours or event.get("event_type") != "PropertyUpdate":
            return
        kind = self.requests.get(str(event.get("propertyId")))
        if kind is None:
            return
        value = str(event.get("value")).strip() if kind == "learning_rate" else None
        if value == "":
            return  # somebody clicked into the field and elsewhere
        now = time.strftime("%H:%M:%S")
        try:
            request = send_request(self.directory, kind, value)
        except (ValueError, LogsError, OSError) as error:
            self._picture.last_request = f"{now} refused: {error}"
        else:
            asked = f"learning rate {request.value:g}" if request.value is not None else kind
            self._picture.last_request = f"{now} {asked}: passed on to the training"
        session.send(self.controls(), again=value is not None)  # empties the field
        self._turn()

    def _lose(self, reason: str, took: float) -> None:
        self._disconnect()
        self._next_attempt = time.monotonic() + min(LONGEST_REST, ATTEMPT_REST * took)
        self._say_once(
            f"no Visdom at {self.server} ({reason}); the training goes on, and is shown there in full once a "
            "server answers: python -m logs.visdom_server"
        )

    def _disconnect(self) -> None:
        if self._session is not None:
            self._session.connection.close()
        self._session, self.state = None, "waiting"

    def _say_once(self, line: str) -> None:
        topic = line.partition("(")[0]  # another reason for the same trouble is no news
        if topic != self._said:
            self._said = topic
            self._say(line)


def show(directory: RunDirectory, server: str = DEFAULT_SERVER) -> int:
    """Send a run as it is now; returns the number of panes. Raises VisdomUnavailableError, LogsError."""
    panes = Picture(directory).panes()
    session = Session(server, environment_name(directory.id))
    try:
        session.show(panes)
        session.save()
    finally:
        session.connection.close()
    return session.posts


def follow(directory: RunDirectory, server: str = DEFAULT_SERVER) -> None:
    """Stream until the run has ended, with less right to the processor than whoever trains."""
    if hasattr(os, "nice"):
        os.nice(FOLLOWER_NICENESS)
    info = read_info(directory)
    stream = VisdomStream(directory, server, say=to_stdout).start()
    try:
        while effective_state(info, read_status(directory)) == "running":
            time.sleep(FOLLOW_SECONDS)
    finally:
        stream.close(timeout=10)


def main(arguments: list[str] | None = None) -> int:
    """The command line. Exit status: 0 shown, 1 no such run or no server."""
    parser = argparse.ArgumentParser(
        prog="python -m logs.visdom_stream", description="Show a run, finished or not, in Visdom."
    )
    parser.add_argument("run", metavar="RUN", help="id, the beginning of one, name, or folder")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="default %(default)s")
    parser.add_argument("--server", default=DEFAULT_SERVER, metavar="URL", help="default %(default)s")
    parser.add_argument("--follow", action="store_true", help="go on until the run has ended")
    asked = parser.parse_args(arguments)
    try:
        directory = _find(asked.run, asked.runs)
        if asked.follow:
            follow(directory, asked.server)
        else:
            count = show(directory, asked.server)
            print(f"{count} panes at {environment_address(asked.server, directory.id)}")
    except VisdomUnavailableError as error:
        print(
            f"no Visdom at {asked.server}: {error}; python -m logs.visdom_server starts one", file=sys.stderr
        )
        return 1
    except (LogsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _find(run: str, runs: Path) -> RunDirectory:
    """The folder itself, or what the catalog finds by that text."""
    from logs.catalog import RunCatalog

    if (Path(run) / "run.json").is_file():
        return RunDirectory.existing(run)
    return RunDirectory(RunCatalog(runs).find(run).path)


if __name__ == "__main__":
    sys.exit(main())
