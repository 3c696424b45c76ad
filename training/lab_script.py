"""The frame of every laboratory's script: its command line, its run, how it is stopped and how it ends.

    def work(settings: CurveSettings, run: RunWriter, should_stop: Callable[[], bool]) -> None: ...

    def main(arguments: Sequence[str] | None = None) -> int:
        return lab_main("curve", CurveSettings, work, arguments)

Such a run is a run like any other: listed, shown with its curves, stopped by a request or a signal. What
`work` finds goes into tables (`logs.tables`) beside its scalars.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.info import RunInfo
from logs.writer import RunWriter
from models.catalog import UnknownNameError
from training.arguments import Parser, add_options
from training.config import ConfigError
from training.data import DataError
from training.fields import GROUPS
from training.lab_settings import LABORATORY, LabSettings
from training.labs import LABS
from training.places import config_of_run, data_folder, runs_folder, visdom_server
from training.train import Stop

PLACES = ("runs", "data", "run_directory", "from_run")
STREAM_SECONDS = 5.0


class LabError(RuntimeError):
    """What ends a laboratory's run as failed, told in its own sentence and without a traceback."""


TOLD = (ConfigError, DataError, LabError, LogsError, OSError, UnknownNameError)

type Work[S: LabSettings] = Callable[[S, RunWriter, Callable[[], bool]], None]


def lab_main[S: LabSettings](
    kind: str, settings_class: type[S], work: Work[S], arguments: Sequence[str] | None = None
) -> int:
    """Runs a laboratory's work in a run of its own: 0 when it finished or was stopped, 1 when it failed, 2
    when it could not start, 130 after Ctrl-C.

    `work` returns early once `should_stop()` is true: the run is then stopped, else finished.
    """
    namespace = lab_parser(kind, settings_class).parse_args(arguments)
    with Stop() as stop:
        try:
            settings = settings_from(namespace, settings_class)
            torch.set_num_threads(1)
            run = _opened(namespace, kind, settings)
        except TOLD as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            return 2
        except KeyboardInterrupt:
            return 130
        stop.training = True
        with told_data_folder(data_folder(namespace)), _streamed(settings, run.directory):
            return worked(settings, run, work, lambda: stop.requested)


def lab_parser(kind: str, settings_class: type[LabSettings]) -> argparse.ArgumentParser:
    """Every field and setting as an option; only what is typed lands in the namespace."""
    row = LABS[kind]
    program = f"python -m {row.module}"
    result = Parser(
        prog=program,
        usage=f"{program} [--setting value ...]",
        description=f"The laboratory {row.title!r}: writes what it finds into a run directory.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    where = result.add_argument_group("Where")
    folders = {"runs": "folder of all runs", "data": "folder of data sets"}
    for name, meaning in folders.items():
        variable = f"DESCENT_{name.upper()}"
        where.add_argument(
            f"--{name}", type=Path, metavar="DIR", help=f"{meaning} (default: ${variable}, else {name})"
        )
    where.add_argument("--run-directory", type=Path, metavar="DIR", help="write into this empty folder")
    where.add_argument("--from-run", metavar="RUN", help="start from the settings of this run")
    groups = {title: result.add_argument_group(title) for title in GROUPS}
    add_options(groups, settings_class)
    return result


def settings_from[S: LabSettings](namespace: argparse.Namespace, settings_class: type[S]) -> S:
    """The settings of parsed options; ConfigError names the value, the rule and the way out."""
    given = {name: value for name, value in vars(namespace).items() if name not in PLACES}
    start = settings_class()
    if "from_run" in namespace:
        start = settings_class.from_dict(config_of_run(namespace.from_run, runs_folder(namespace)))
    return start.replace(**given)


def data_root() -> Path:
    """The folder of data sets that the running script was told of."""
    return data_folder(argparse.Namespace())


def _opened(namespace: argparse.Namespace, kind: str, settings: LabSettings) -> RunWriter:
    """The writer of a folder that was prepared, or of a new one."""
    about: dict[str, Any] = {
        "model": settings.model_name,
        "dataset": settings.dataset_name,
        "config": {LABORATORY: kind, **settings.to_dict()},
        "name": settings.name,
        "kind": kind,
        "seed": settings.seed,
        "command": ["python", "-m", LABS[kind].module, *settings.options()],
    }
    if "run_directory" not in namespace:
        return RunWriter.create(runs_folder(namespace), **about)
    directory = RunDirectory(namespace.run_directory)
    about["higher_is_better"] = {"accuracy": True}
    return RunWriter.open(directory, RunInfo.new(directory, **about))


def worked[S: LabSettings](settings: S, run: RunWriter, work: Work[S], requested: Callable[[], bool]) -> int:
    """Does the work, and whatever happens, lets the run say how it ended; the exit code. A stop is asked for
    by `requested` or by the run's own requests.
    """
    asked = False

    def should_stop() -> bool:
        nonlocal asked
        asked = asked or requested() or any(request.kind == "stop" for request in run.requests())
        return asked

    print(f"run {run.directory.path}", flush=True)
    try:
        work(settings, run, should_stop)
    except KeyboardInterrupt:
        run.finish("stopped")
        return 130
    except Exception as error:
        sentence = str(error) if isinstance(error, TOLD) else f"{type(error).__name__}: {error}"
        if not isinstance(error, TOLD):
            print(traceback.format_exc().rstrip(), flush=True)
        print(f"error: {sentence}", flush=True)
        run.finish("failed", error=sentence)
        return 1
    state = "stopped" if asked else "finished"
    run.finish(state)
    print(f"{state}: {run.directory.path}", flush=True)
    return 0


@contextlib.contextmanager
def told_data_folder(folder: Path) -> Iterator[None]:
    """While the work is done, `data_root` answers this folder."""
    before = os.environ.get("DESCENT_DATA")
    os.environ["DESCENT_DATA"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DESCENT_DATA"]
        else:
            os.environ["DESCENT_DATA"] = before


@contextlib.contextmanager
def _streamed(settings: LabSettings, directory: RunDirectory) -> Iterator[None]:
    """Shows the run on Visdom, where a server is asked for."""
    server = visdom_server(settings.visdom)
    if server is None:
        yield
        return
    from logs.visdom_process import VisdomProcess

    stream = VisdomProcess(directory, server, say=lambda line: print(line, flush=True)).start()
    try:
        yield
    finally:
        stream.close(timeout=STREAM_SECONDS)
