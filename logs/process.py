"""Is a run's process still the one that started it? A pid alone may be reused, a zombie does no work."""

from __future__ import annotations

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
