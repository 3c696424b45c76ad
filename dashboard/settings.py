"""Where the dashboard finds its runs, its data and Visdom: read from the environment once, then passed on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VISDOM = "http://127.0.0.1:8097"  # the port that `python -m logs.visdom_server` takes by default


@dataclass(frozen=True)
class Settings:
    """Two folders, absolute, and the address of the Visdom server."""

    runs: Path
    data: Path
    visdom: str


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings named by DESCENT_RUNS, DESCENT_DATA and DESCENT_VISDOM; an empty one counts as absent."""
    named = os.environ if environment is None else environment
    return Settings(
        runs=_folder(named.get("DESCENT_RUNS"), REPOSITORY / "runs"),
        data=_folder(named.get("DESCENT_DATA"), REPOSITORY / "data"),
        visdom=(named.get("DESCENT_VISDOM") or VISDOM).rstrip("/"),
    )


def _folder(named: str | None, default: Path) -> Path:
    return Path(named).expanduser().resolve() if named else default
