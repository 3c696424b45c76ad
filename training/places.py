"""Where runs and data sets lie: as the command line says, else the environment, else beside the program."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from logs.catalog import RunCatalog
from logs.directory import RunDirectory, read_json
from logs.errors import BrokenRunError

VISDOM = "http://127.0.0.1:8097"


def runs_folder(namespace: argparse.Namespace) -> Path:
    return _folder(getattr(namespace, "runs", None), "DESCENT_RUNS", "runs")


def data_folder(namespace: argparse.Namespace) -> Path:
    return _folder(getattr(namespace, "data", None), "DESCENT_DATA", "data")


def found_run(text: str, runs: Path) -> RunDirectory:
    """The run that a person names by its folder, its id, the start of it, or its name; LogsError where none
    is.
    """
    return RunDirectory.existing(Path(text)) if Path(text).is_dir() else RunCatalog(runs).find(text).directory


def config_of_run(text: str, runs: Path) -> dict[str, Any]:
    """The configuration in the run.json of a run, or of a file that is one; LogsError where there is none."""
    path = Path(text) if Path(text).is_file() else found_run(text, runs).run_json
    config = read_json(path).get("config")
    if not isinstance(config, dict) or not config:
        raise BrokenRunError(path, "holds no configuration", "name a run of this program")
    return config


def visdom_server(setting: str) -> str | None:
    """The address that RunConfig.visdom stands for; None for "off"."""
    if setting == "off":
        return None
    return os.environ.get("DESCENT_VISDOM") or VISDOM if setting == "auto" else setting


def _folder(given: Path | None, variable: str, fallback: str) -> Path:
    named = given or os.environ.get(variable)
    return Path(named).resolve() if named else Path(__file__).resolve().parents[1] / fallback
