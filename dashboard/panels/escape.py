"""Names, tags and errors are data: here they become text that Markdown leaves as it is."""

from __future__ import annotations

import re

_SIGNS = re.compile(
    r"([!-/:-@\[-`{-~])"
)  # every ASCII punctuation mark may be escaped (CommonMark 0.31, 2.4)


def plain(text: str) -> str:
    """The text for a place that reads Markdown, on one line: no formatting, no formula, no HTML, no icon."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
