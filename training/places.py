"""Where runs and data sets lie: as the command line says, else the environment, else beside the program."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

VISDOM = "http://127.0.0.1:8097"


def runs_folder(namespace: argparse.Namespace) -> Path:
    return _folder(getattr(namespace, "runs", None), "DESCENT_RUNS", "runs")


def data_folder(namespace: argparse.Namespace) -> Path:
    return _folder(getattr(namespace, "data", None), "DESCENT_DATA", "data")


def visdom_server(setting: str) -> str | None:
    """The address that RunConfig.visdom stands for; None for "off"."""
    if setting == "off":
        return None
    return os.environ.get("DESCENT_VISDOM") or VISDOM if setting == "auto" else setting


def _folder(given: Path | None, variable: str, fallback: str) -> Path:
    named = given or os.environ.get(variable)
    return Path(named).resolve() if named else Path(__file__).resolve().parents[1] / fallback
