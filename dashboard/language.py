"""The words of the dashboard: labels through gettext, prose as Markdown, both by language.

A label is written `_("Runs")`; Babel collects them (see dashboard/README.md). Prose lies in
`texts/<language>/<page>.md`, cut into passages by lines of the form `# name`, which are not shown.
"""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

TEXTS = Path(__file__).resolve().parent / "texts"
FIRST_LANGUAGE = "en"  # every text exists in it; another language may lack some


def language() -> str:
    """The language named by DESCENT_LANGUAGE, if there are texts in it, else English."""
    named = os.environ.get("DESCENT_LANGUAGE", "").strip()
    known = re.fullmatch(r"[A-Za-z]{2,3}(_[A-Za-z]+)?", named) and (TEXTS / named).is_dir()
    return named if known else FIRST_LANGUAGE


def _(label: str) -> str:
    """The label in the chosen language, itself where nobody has translated it."""
    return _catalogue(language()).gettext(label)


def mark(label: str) -> str:
    """The label unchanged: for tables made at import, whose labels are translated when they are shown."""
    return label


def count(number: int, one: str, many: str) -> str:
    """`one` or `many` in the chosen language, with `{n}` replaced by the number."""
    return _catalogue(language()).ngettext(one, many, number).format(n=f"{number:,}")


def texts(page: str) -> Mapping[str, str]:
    """The passages of a page's prose by name.

    KeyError for a passage the file lacks, FileNotFoundError naming the file to write for a page without one.
    """
    for folder in (TEXTS / language(), TEXTS / FIRST_LANGUAGE):
        file = folder / f"{page}.md"
        if file.is_file():
            return _passages(file, file.stat().st_mtime_ns)
    raise FileNotFoundError(f"the page {page!r} has no text; write {TEXTS / FIRST_LANGUAGE / f'{page}.md'}")


@lru_cache(maxsize=64)
def _passages(file: Path, changed: int) -> Mapping[str, str]:
    """Passages by name; `changed` is in the cache's key, so that an edited text shows at the next rerun."""
    parts = re.split(r"^# (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if parts[0].strip():
        raise ValueError(f"{file} begins with text that belongs to no passage; put a line '# name' first")
    return MappingProxyType(
        {name.strip(): text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    )


@lru_cache(maxsize=8)
def _catalogue(chosen: str) -> gettext.NullTranslations:
    return gettext.translation("descent", localedir=TEXTS / "labels", languages=[chosen], fallback=True)
