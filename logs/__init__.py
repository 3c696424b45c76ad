"""What happened: the run directory, its writer, reader and catalog, and the Visdom stream.

Any training loop can be watched with three lines:

    from logs import RunWriter
    with RunWriter.create("runs", model="my-net", dataset="my-data") as run:
        run.log(step, {"loss": loss}, split="train")

Names are loaded when first used: `import logs` and listing runs wait for neither pyarrow nor pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logs.catalog import RunCatalog, RunSummary
    from logs.crew import Crew
    from logs.directory import RunDirectory
    from logs.errors import BrokenRunError, LogsError, NewerSchemaError, RunningError, UnknownRunError
    from logs.info import RunInfo
    from logs.labels import Labels
    from logs.reader import RunReader
    from logs.requests import Request
    from logs.status import Status
    from logs.writer import RunWriter

_HOMES = {
    "BrokenRunError": "logs.errors",
    "Crew": "logs.crew",
    "Labels": "logs.labels",
    "LogsError": "logs.errors",
    "NewerSchemaError": "logs.errors",
    "Request": "logs.requests",
    "RunCatalog": "logs.catalog",
    "RunDirectory": "logs.directory",
    "RunInfo": "logs.info",
    "RunReader": "logs.reader",
    "RunSummary": "logs.catalog",
    "RunWriter": "logs.writer",
    "RunningError": "logs.errors",
    "Status": "logs.status",
    "UnknownRunError": "logs.errors",
}

__all__ = [
    "BrokenRunError",
    "Crew",
    "Labels",
    "LogsError",
    "NewerSchemaError",
    "Request",
    "RunCatalog",
    "RunDirectory",
    "RunInfo",
    "RunReader",
    "RunSummary",
    "RunWriter",
    "RunningError",
    "Status",
    "UnknownRunError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'logs' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
