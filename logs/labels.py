"""What a person changes about a run later: labels.json. run.json is written once and stays as it was."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from logs.directory import RunDirectory, read_json, write_json
from logs.errors import BrokenRunError, MissingFileError
from logs.info import RunInfo

NAME_LIMIT = 200  # characters
TAG_LIMIT = 50
NOTE_LIMIT = 20_000


@dataclass(frozen=True)
class Labels:
    """None means: as run.json says. Texts are data: whoever shows them escapes them."""

    name: str | None = None
    tags: tuple[str, ...] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.name is not None:
            object.__setattr__(self, "name", _one_line("name", self.name, NAME_LIMIT))
        if self.tags is not None:
            if isinstance(self.tags, str):
                raise ValueError(f"tags is {self.tags!r}; it must be a list of texts")
            tags = (_one_line("tag", tag, TAG_LIMIT) for tag in self.tags)
            object.__setattr__(self, "tags", tuple(dict.fromkeys(tag for tag in tags if tag)))
        if not isinstance(self.note, str) or len(self.note) > NOTE_LIMIT:
            raise ValueError(
                f"the note must be a text of at most {NOTE_LIMIT:,} characters; keep the rest in a file"
            )


def read_labels(directory: RunDirectory) -> Labels:
    """Empty labels where nobody has given any; BrokenRunError where labels.json can't be read."""
    path = directory.labels_json
    try:
        data: dict[str, Any] = read_json(path)
    except MissingFileError:
        return Labels()
    try:
        tags = data.get("tags")
        return Labels(data.get("name"), None if tags is None else tuple(tags), data.get("note") or "")
    except (TypeError, ValueError) as error:
        raise BrokenRunError(
            path, f"is no list of labels ({error})", "delete the file and label the run again"
        ) from None


def write_labels(directory: RunDirectory, labels: Labels) -> None:
    """Replaces labels.json. OSError where the folder can't be written."""
    write_json(directory.labels_json, {"name": labels.name, "tags": labels.tags, "note": labels.note})


def change_labels(
    directory: RunDirectory,
    *,
    name: str | None = None,
    tags: Iterable[str] | None = None,
    note: str | None = None,
) -> Labels:
    """Changes what is given and leaves the rest; a damaged labels.json is replaced."""
    try:
        labels = read_labels(directory)
    except BrokenRunError:
        labels = Labels()
    if name is not None:
        labels = replace(labels, name=name)
    if tags is not None:
        labels = replace(labels, tags=(tags,) if isinstance(tags, str) else tuple(tags))
    if note is not None:
        labels = replace(labels, note=note)
    write_labels(directory, labels)
    return labels


def shown_name(info: RunInfo | None, labels: Labels, run_id: str) -> str:
    """The name a person gave last, else the one it started with, else its id."""
    return labels.name or (info.name if info is not None else "") or run_id


def shown_tags(info: RunInfo | None, labels: Labels) -> tuple[str, ...]:
    if labels.tags is not None:
        return labels.tags
    return info.tags if info is not None else ()


def _one_line(what: str, text: Any, limit: int) -> str:
    """Trimmed; ValueError for what is no text, is too long, or would break a line of a table."""
    if not isinstance(text, str):
        raise ValueError(f"the {what} is {text!r}; it must be a text")
    text = text.strip()
    if len(text) > limit:
        raise ValueError(f"the {what} {text[:30]!r}... has {len(text)} characters; it may have {limit}")
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(
                f"the {what} {text[:30]!r} has the sign {sign!r}; leave out line breaks and control signs"
            )
    return text
