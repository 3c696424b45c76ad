"""Points painted by hand as a short text, which stands in the page's address, and as the file that trains.

Three bytes a point, written in URL-safe base64: 10 bits of x, 10 bits of y, both from -1 to 1, and 4 bits of
the class (panels/painter.js writes and reads the same).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

MOST_PAINTED = 500  # 2,000 characters of an address
STEPS = 1023  # of a coordinate
FOLDER = ".points"  # in the folder of runs; what begins with a dot is no run


@dataclass(frozen=True)
class PaintedPoint:
    """x and y from -1 to 1, and a class from 0."""

    x: float
    y: float
    label: int


def packed_points(points: list[PaintedPoint]) -> str:
    """The text for the address; "" for no points."""
    numbers = [
        round((point.x + 1) / 2 * STEPS) << 14 | round((point.y + 1) / 2 * STEPS) << 4 | point.label
        for point in points
    ]
    content = b"".join(number.to_bytes(3, "big") for number in numbers)
    return base64.urlsafe_b64encode(content).decode("ascii")


def unpacked_points(text: str) -> list[PaintedPoint]:
    """The points of such a text. ValueError where it is none, or holds too many."""
    try:
        content = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        content = b"?"
    if len(content) % 3:
        raise ValueError(
            f"painted points are {text[:24]!r}; they must be three bytes a point in base64, as a page's own "
            "address has them: paint them once more"
        )
    if len(content) // 3 > MOST_PAINTED:
        raise ValueError(f"{len(content) // 3:,} points are painted; there may be {MOST_PAINTED} at most")
    numbers = [int.from_bytes(content[place : place + 3], "big") for place in range(0, len(content), 3)]
    return [
        PaintedPoint((number >> 14) / STEPS * 2 - 1, (number >> 4 & STEPS) / STEPS * 2 - 1, number & 15)
        for number in numbers
    ]


def painted_csv(points: list[PaintedPoint]) -> str:
    """As a CSV file of x, y and a label."""
    return "".join(f"{point.x:.4f},{point.y:.4f},class {point.label}\n" for point in points)


def points_file(runs: Path, text: str) -> Path:
    """Where a CSV text is kept: among the runs, under a name that follows from what it says."""
    return runs / FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.csv"


def keep_points(runs: Path, text: str) -> Path:
    """Writes a CSV text to its place, once. OSError on a full disk."""
    path = points_file(runs, text)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)  # a training sees the file whole
    return path
