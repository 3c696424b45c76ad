"""Drivers of workers, in a process of their own, that tests kill."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import psutil

from tests.training.pieces_for_engines import Piece, attempts
from tests.visdom_servers import wait_until


def ends_with_its_driver(driver: subprocess.Popen[Any], folder: Path, pieces: int = 2) -> None:
    """Kills a driver once its workers have begun all pieces of the folder, and waits until these are gone."""
    begun = [Piece(str(folder), number) for number in range(pieces)]
    wait_until(lambda: all(attempts(piece) for piece in begun), "all pieces run")
    driver.kill()
    driver.communicate()
    workers = [attempts(piece)[0] for piece in begun]
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in workers), "the workers are gone", 60)
