"""Arguments of tensor operations as a person types them, and as Python writes them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import torch

LARGEST = 96  # cells that a typed or asked-for tensor may have
_WHOLE = re.compile(r"[+-]?\d{1,9}")


@dataclass(frozen=True)
class Index:
    """What stands between the brackets of x[...]; `text` is how Python writes it."""

    keys: tuple[Any, ...]
    text: str


def sizes_of(text: str) -> tuple[int, ...]:
    """ "2, 3" as (2, 3), brackets or none; "" is the shape of a single number. ValueError with the rule."""
    sizes = whole_numbers_of(text)
    if math.prod(abs(size) for size in sizes if size) > LARGEST:
        raise ValueError(f"the sizes are {text.strip()[:40]!r}, more than the {LARGEST} cells that are drawn")
    return sizes


def whole_numbers_of(text: str) -> tuple[int, ...]:
    """ "2, 0, 1" as (2, 0, 1), brackets or none. ValueError with the rule."""
    inside = text.strip().strip("()[]").strip().rstrip(",")
    if not inside:
        return ()
    parts = [part.strip() for part in inside.split(",")]
    if len(parts) > 8 or not all(_WHOLE.fullmatch(part) for part in parts):
        raise ValueError(
            f"{text.strip()[:40]!r} is no list of up to 8 whole numbers; write commas between them, as in "
            f"2, 3"
        )
    return tuple(int(part) for part in parts)


def part_sizes_of(text: str) -> int | list[int]:
    """ "2" as 2, the size of each part; "1, 2" as [1, 2], a size a part. ValueError with the rule."""
    sizes = list(whole_numbers_of(text))
    if not sizes:
        raise ValueError("no size is given; write one, as in 2, or one for each part, as in 1, 2")
    return sizes[0] if len(sizes) == 1 else sizes


def numbers_of(text: str) -> Any:
    """ "1, 2; 3, 4" as [[1, 2], [3, 4]]: commas in a row, semicolons between rows, bars between sheets.

    Whole numbers stay whole where all are. ValueError with the rule, also for rows of different lengths.
    """
    sheets = [[row.split(",") for row in sheet.split(";")] for sheet in text.strip().split("|")]
    words = [word.strip() for sheet in sheets for row in sheet for word in row]
    whole = all(_WHOLE.fullmatch(word) for word in words)
    try:
        found = [[[int(word) if whole else float(word) for word in row] for row in sheet] for sheet in sheets]
    except ValueError:
        raise ValueError(
            f"{text.strip()[:40]!r} are no numbers; write commas between numbers, semicolons between rows "
            f"and "
            "bars between sheets, as in 1, 2; 3, 4"
        ) from None
    if len(words) > LARGEST:
        raise ValueError(
            f"{len(words)} numbers are more than the {LARGEST} cells that are drawn; write fewer"
        )
    if len({len(sheet) for sheet in found}) > 1 or len({len(row) for sheet in found for row in sheet}) > 1:
        raise ValueError(
            f"{text.strip()[:40]!r} has rows or sheets of different lengths, and a tensor has none; make "
            f"them "
            "equally long"
        )
    if len(found) > 1:
        return found
    return found[0] if len(found[0]) > 1 else found[0][0]


def index_of(text: str) -> Index:
    """ "1, ::2" as x[1, ::2] takes it: whole numbers, slices, lists in brackets, "..." and None.

    ValueError names the part that is none of these. Nothing is evaluated.
    """
    inside = text.strip()
    parts = [part.strip() for part in re.findall(r"\s*(\[[^\]]*\]|[^,\[\]]+)\s*(?:,|$)", inside)]
    if not parts or "".join(",".join(parts).split()) != "".join(inside.rstrip(",").split()):
        raise ValueError(f"{inside[:40]!r} is no index; write a part for each dimension, as in 1, ::2")
    keys = [_key(part) for part in parts]
    return Index(tuple(key for key, _ in keys), ", ".join(written for _, written in keys))


def _key(part: str) -> tuple[Any, str]:
    """One part of an index, and how Python writes it."""
    if part == "...":
        return ..., "..."
    if part == "None":
        return None, "None"
    if part.startswith("["):
        places = list(whole_numbers_of(part))
        return places, repr(places)
    if _WHOLE.fullmatch(part):
        return int(part), str(int(part))
    ends = [end.strip() for end in part.split(":")]
    if len(ends) in (2, 3) and all(not end or _WHOLE.fullmatch(end) for end in ends):
        return slice(*[int(end) if end else None for end in ends]), ":".join(ends)
    raise ValueError(
        f"{part[:20]!r} is no part of an index; use a whole number, a slice such as 0:4:2, a list such as "
        "[0, 2], ... or None"
    )


def literal(value: Any) -> str:
    """How Python writes the value: `(2, 3)`, `torch.int8`, `float("inf")`."""
    if isinstance(value, Index):
        return value.text
    if isinstance(value, torch.dtype | torch.layout):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return f"[{', '.join(literal(each) for each in value)}]"
    return repr(value)
