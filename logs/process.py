"""Processes: is a run's still the one that started it (a pid alone may be reused, a zombie does no work), and
what makes one independent of whoever starts it.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

CLOCK_TOLERANCE = 2.0  # seconds; a system's idea of when it booted moves a little as its clock is corrected


def process_started(pid: int) -> float:
    """When the process was created, in seconds since 1970; 0.0 where there is no such process."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except (psutil.Error, ValueError):
        return 0.0


def is_alive(pid: int, started: float) -> bool:
    """True while process `pid` runs, is not a zombie, and is the one created at `started` (0.0: any)."""
    import psutil

    if pid <= 0:
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return not started or abs(process.create_time() - started) <= CLOCK_TOLERANCE
    except psutil.NoSuchProcess:  # ZombieProcess is one of these
        return False
    except psutil.AccessDenied:  # another user's process: it exists, and that is all we may know
        return True
    except (OverflowError, ValueError):  # a pid from a damaged file that no system could give
        return False


def of_its_own() -> dict[str, Any]:
    """Options of subprocess.Popen for a process that lives on when the one that started it ends, and that is
    deaf to its Ctrl-C.
    """
    if os.name == "nt":
        flags = {"DETACHED_PROCESS": 0x8, "CREATE_NEW_PROCESS_GROUP": 0x200}
        return {"creationflags": sum(getattr(subprocess, name, value) for name, value in flags.items())}
    return {"start_new_session": True}
