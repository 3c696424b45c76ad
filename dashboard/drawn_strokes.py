"""Strokes drawn by hand as a short text, which stands in the page's address (panels/draw_strokes.js writes
it).

Written in URL-safe base64: for each stroke its width in steps over 4, its colour (0: the ink, 255: the
eraser) and two bytes for the number of points, then three bytes a point: 10 bits of x, 10 bits of y, 4 that
say nothing. A picture is 1,023 steps wide.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

STEPS = 1023
MOST_POINTS = 800
ERASER = 255


@dataclass(frozen=True)
class Stroke:
    """A line through points (x to the right, y down), all in steps."""

    width: int
    points: tuple[tuple[int, int], ...]
    colour: int = 0


def packed_strokes(strokes: list[Stroke]) -> str:
    """The text for the address; "" for no strokes."""
    content = b""
    for stroke in strokes:
        content += bytes([stroke.width // 4, stroke.colour]) + len(stroke.points).to_bytes(2, "big")
        content += b"".join((x << 14 | y << 4).to_bytes(3, "big") for x, y in stroke.points)
    return base64.urlsafe_b64encode(content).decode("ascii")


def unpacked_strokes(text: str) -> list[Stroke]:
    """The strokes of such a text. ValueError where it is none, or holds too many points."""
    try:
        content = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _no_strokes(text) from None
    strokes, place = [], 0
    while place < len(content):
        if place + 4 > len(content):
            raise _no_strokes(text)
        count = int.from_bytes(content[place + 2 : place + 4], "big")
        end = place + 4 + 3 * count
        if not count or not content[place] or end > len(content):
            raise _no_strokes(text)
        numbers = [int.from_bytes(content[at : at + 3], "big") for at in range(place + 4, end, 3)]
        points = tuple((number >> 14 & STEPS, number >> 4 & STEPS) for number in numbers)
        strokes.append(Stroke(content[place] * 4, points, content[place + 1]))
        place = end
    total = sum(len(stroke.points) for stroke in strokes)
    if total > MOST_POINTS:
        raise ValueError(f"{total:,} points are drawn; an address may hold {MOST_POINTS} at most")
    return strokes


def _no_strokes(text: str) -> ValueError:
    return ValueError(
        f"the drawing is {text[:24]!r}; it must be strokes in base64, as a page's own address has "
        "them: draw it once more"
    )
