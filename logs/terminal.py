"""Plain text for a terminal: aligned tables, numbers, sparklines, and names that can't play tricks on it."""

from __future__ import annotations

import math
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime

SPARKS = "▁▂▃▄▅▆▇█"
ASCII_SPARKS = "_.-=+*#@"  # where the terminal's encoding has no blocks


def printable(text: str, limit: int = 0) -> str:
    """`text` on one line, escape codes and other control signs spelled out; cut to `limit` cells (0: whole).

    A name comes from a file that anybody may have written: printed as it is, it could move the cursor, or
    recolour and rewrite what stands on the screen.
    """
    safe = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
    if limit and width(safe) > limit:
        while width(safe) > limit - 1:
            safe = safe[:-1]
        safe += "…" if _can_print("…") else "~"
    return safe


def width(text: str) -> int:
    """Cells of a terminal: Chinese, Japanese and Korean signs take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns as wide as their widest cell, two spaces apart; those numbered in `right` are aligned right."""
    cells = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = [
            " " * (widths[column] - width(cell)) + cell
            if column in right
            else cell + " " * (widths[column] - width(cell))
            for column, cell in enumerate(row)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def number(value: float) -> str:
    """Four significant digits; "" for NaN, which here means that there is none."""
    return "" if math.isnan(value) else f"{value:.4g}"


def moment(seconds: float) -> str:
    """Local time to the second; "" for 0, which means not known, and for what no calendar has."""
    if not seconds:
        return ""
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return ""


def sparkline(values: Sequence[float], cells: int = 40) -> str:
    """The course of a curve in one line: each cell the mean of its share of the values, a gap without any.

    NaN and infinities have no place on the scale and are left out of it.
    """
    if not len(values):
        return ""
    cells = min(cells, len(values))
    means = []
    for cell in range(cells):
        share = values[len(values) * cell // cells : len(values) * (cell + 1) // cells]
        finite = [float(value) for value in share if math.isfinite(value)]
        means.append(sum(finite) / len(finite) if finite else math.nan)
    known = [mean for mean in means if not math.isnan(mean)]
    if not known:
        return ""
    signs = SPARKS if _can_print(SPARKS) else ASCII_SPARKS
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        " " if math.isnan(mean) else signs[min(len(signs) - 1, int((mean - low) / span * len(signs)))]
        for mean in means
    )


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
