"""A study, live in Visdom: the curves of its folds or trials in common panes, a table, and each one's own.

    stream = StudyStream(study, members, "http://127.0.0.1:8097").start()
    ...
    stream.close(timeout=5)

One thread for the whole study, which computes as little as the stream of a single run does: each turn shows
what changed in the study and the panes of one member, the next one in the next turn.
"""

from __future__ import annotations

import contextlib
import dataclasses
import html
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from logs.curve import Curve
from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.reader import RunReader
from logs.status import Status, effective_state
from logs.thinning import thin
from logs.visdom_panes import (
    CONTROLS,
    HEIGHT,
    LAYER_COLOURS,
    Pane,
    curves_pane,
    environment_name,
    representative,
    short_text,
)
from logs.visdom_picture import EPOCH, FIRST_METRICS, Picture
from logs.visdom_server import DEFAULT_SERVER
from logs.visdom_stream import Session, VisdomStream, to_stderr

MAX_ENVIRONMENTS = 20  # members with panes of their own: a list of hundreds of environments helps nobody
MAX_OVERLAID = 100  # curves in one pane
MAX_METRICS = 3  # loss and scores, each with a pane for training and one for validation
POINTS = 6000  # of all curves of a pane together
SPLITS = ("train", "validation")


class StudyPicture(Picture):
    """The panes of a study: its own, the curves of its members, and their table."""

    def __init__(self, study: RunDirectory, members: Callable[[], list[RunDirectory]], server: str) -> None:
        super().__init__(study)
        self.members: list[RunDirectory] = []
        self._list, self._path = members, urlsplit(server).path.rstrip("/")
        self._readers: dict[str, RunReader] = {}
        self._state: Hashable = None
        self._whole: list[Pane] = []

    def panes(self) -> list[Pane]:
        """The study's progress, overlaid curves, table, and the rest. Raises LogsError."""
        own = super().panes()
        found = [reader for directory in self._list() if (reader := self._reader_of(directory))]
        readers = sorted(found, key=lambda reader: (_place(reader.info.member), reader.info.id))
        self.members = [reader.directory for reader in readers]
        states = [(reader, reader.status()) for reader in readers]
        version = (id(own), tuple((r.info.id, r.version(), repr(status)) for r, status in states))
        if version != self._state:
            for reader in readers:
                reader.refresh()
            table = _members_pane(states, self._path)
            self._whole = [own[0], table, *self._overlaid(readers), *own[1:]]
            self._state = version
        return self._whole

    def _reader_of(self, directory: RunDirectory) -> RunReader | None:
        """None for a member that has no run.json yet, or a broken one: its own page says why."""
        if directory.id not in self._readers:
            try:
                self._readers[directory.id] = RunReader(directory.path)
            except (LogsError, OSError):
                return None
        return self._readers[directory.id]

    def _overlaid(self, readers: Sequence[RunReader]) -> list[Pane]:
        """A pane for each metric that is measured on validation samples, and each split of it."""
        shown = representative(list(readers), MAX_OVERLAID)
        known = [set(reader.metrics()) for reader in shown]
        measured = {metric for series in known for metric, split in series if split == "validation"}
        order = sorted(measured, key=lambda name: (FIRST_METRICS.get(name, len(FIRST_METRICS)), name))
        panes = []
        for metric in order[:MAX_METRICS]:
            for split in SPLITS:
                curves = {}
                for reader, series in zip(shown, known, strict=True):
                    # Means over an epoch's batches, where there are any: batches would hide one another.
                    for name in (EPOCH + metric, metric):
                        if (name, split) in series:
                            curves[member_title(reader.info.member)] = reader.curve(name, split)
                            break
                if curves:
                    panes.append(self._curves_pane(metric, split, curves))
        return panes

    def _curves_pane(self, metric: str, split: str, curves: Mapping[str, Curve]) -> Pane:
        def draw() -> Pane:
            points = max(20, POINTS // len(curves))
            kept = {name: curve[thin(curve.step, curve.value, points)] for name, curve in curves.items()}
            pane = curves_pane(metric, [(name, curve.step, curve.value) for name, curve in kept.items()])
            for place, trace in enumerate(pane.data):
                trace["line"] = {"color": LAYER_COLOURS[place % len(LAYER_COLOURS)], "width": 1}
                trace["marker"] = {"size": 3}
            if len(curves) > len(LAYER_COLOURS):
                pane.layout["showlegend"] = False  # colours repeat; pointing at a curve names it
            title = f"{metric.replace('_', ' ')} ({split}), {len(curves)} runs"
            return dataclasses.replace(pane, window=f"members {metric} {split}", title=title)

        source = tuple((name, len(curve)) for name, curve in curves.items())
        return self._once(f"members {metric} {split}", source, draw)


class StudyStream(VisdomStream):
    """Shows one study and its members at one server; `members` lists their directories whenever asked.

    As VisdomStream: no method raises what the server or the network does.
    """

    requests: Mapping[str, str] = {"0": "stop"}

    def __init__(
        self,
        study: RunDirectory,
        members: Callable[[], list[RunDirectory]],
        server: str = DEFAULT_SERVER,
        interval: float = 1.0,
        say: Callable[[str], None] = to_stderr,
    ) -> None:
        super().__init__(study, server, interval, say)
        self._study = StudyPicture(study, members, server)
        self._picture = self._study
        self._pictures: dict[str, Picture] = {}
        self._sessions: dict[str, Session] = {}  # of the members, over the study's connection
        self._next = 0

    def controls(self) -> Pane:
        buttons = [{"type": "button", "name": "Stop the whole study", "value": "Stop"}]
        return Pane(CONTROLS, "controls", [{"type": "properties", "content": buttons}])

    def _show(self, session: Session) -> None:
        super()._show(session)
        shown = self._study.members[:MAX_ENVIRONMENTS]
        if not shown:
            return
        if self._closing.is_set():
            for member in shown:
                self._show_member(session, member).save()
        else:
            self._show_member(session, shown[self._next % len(shown)])
            self._next += 1

    def _show_member(self, session: Session, member: RunDirectory) -> Session:
        own = self._sessions.get(member.id)
        if own is None or own.connection is not session.connection:  # another server holds nothing yet
            own = Session(self.server, environment_name(member.id), session.connection)
            self._sessions[member.id] = own
        picture = self._pictures.setdefault(member.id, Picture(member))
        with contextlib.suppress(LogsError, OSError):  # just being made, or removed: the study goes on
            own.show(picture.panes())
        return own


def member_title(member: Mapping[str, Any]) -> str:
    """For a person, counted from 1: "repeat 1, fold 4"."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value + 1 if isinstance(value, int) else value}"
        for name, value in member.items()
    )


def _place(member: Mapping[str, Any]) -> list[str]:
    """Orders members by their numbers; runs made in the same second have names in no order."""
    return [f"{value:09d}" if isinstance(value, int) else str(value) for value in member.values()]


def _members_pane(states: Sequence[tuple[RunReader, Status | None]], path: str) -> Pane:
    """A row each: which, its state, how far, its last validation values; a link to its own panes."""
    cell = "<td style='padding: 1px 10px 1px 0; white-space: nowrap'>"
    lines = []
    for place, (reader, status) in enumerate(states[:MAX_OVERLAID]):
        title = html.escape(member_title(reader.info.member) or reader.info.id)
        if place < MAX_ENVIRONMENTS:  # the name of an environment has no sign that HTML knows
            title = f"<a href='{html.escape(path)}/env/{environment_name(reader.info.id)}'>{title}</a>"
        values = status.last.get("validation", {}) if status is not None else {}
        rest = [
            effective_state(reader.info, status),
            f"epoch {short_text(status.epoch)}" if status is not None else "",
            short_text({name.replace("_", " "): value for name, value in values.items()}),
        ]
        cells = "".join(f"{cell}{html.escape(text)}</td>" for text in rest)
        lines.append(f"<tr>{cell}{title}</td>{cells}</tr>")
    more = len(states) - len(lines)
    about = f"<p>{more} more; the dashboard has all of them</p>" if more > 0 else ""
    text = f"<div style='max-height: {HEIGHT - 35}px; overflow: auto'><table>{''.join(lines)}</table>{about}"
    return Pane("members", "members", [{"type": "text", "content": f"{text}</div>"}])
