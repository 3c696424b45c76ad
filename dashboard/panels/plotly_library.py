"""Plotly's JavaScript, taken from the installed plotly package and put where Streamlit serves it.

Python and browser then use one version, and no page fetches anything from another machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from functools import cache
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"  # Streamlit serves the folder beside app.py


@cache
def published_library(static: Path = STATIC) -> str | None:
    """The name of Plotly's file in the static folder; copied there when missing or of another version.

    None where it can't be written (a checkout that is read-only); charts then go without it.
    """
    name = f"plotly-{version('plotly')}.min.js"
    try:
        with as_file(files("plotly") / "package_data" / "plotly.min.js") as source:
            target = static / name
            if not target.is_file() or target.stat().st_size != source.stat().st_size:
                _copy(source, target)
        for older in static.glob("plotly-*.min.js"):
            if older.name != name:
                with contextlib.suppress(
                    OSError
                ):  # still open in another dashboard: the next start removes it
                    older.unlink()
    except OSError:
        return None
    return name


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=target.parent, suffix=".part")
    os.close(descriptor)
    try:
        shutil.copyfile(source, unfinished)
        Path(unfinished).chmod(0o644)  # mkstemp allows the owner alone
        Path(unfinished).replace(target)  # a browser gets the file whole or not at all
    except OSError:
        Path(unfinished).unlink(missing_ok=True)
        raise
