"""`python -m logs`: list, show, tail, export, repair and remove runs from the terminal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from logs import commands
from logs.errors import LogsError
from logs.export import FORMATS
from logs.terminal import printable
from logs.vocabulary import STATES

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status: 0 done, 1 not done, 2 an error, told in one sentence on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # for names that the terminal can't show
    given = parser().parse_args(arguments)
    command: Command = given.command
    try:
        return command(given)
    except LogsError as error:
        sentence = str(error)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else Python complains again at its exit
        return 0
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except KeyboardInterrupt:
        return 130
    print(printable(f"python -m logs: {sentence}"), file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """The command line, one subcommand each."""
    runs = argparse.ArgumentParser(add_help=False)
    runs.add_argument(
        "--runs",
        type=Path,
        default=Path(os.environ.get("DESCENT_RUNS") or "runs"),
        metavar="DIR",
        help="folder of runs (default: the environment's DESCENT_RUNS, else runs)",
    )
    top = argparse.ArgumentParser(prog="python -m logs", description=__doc__.partition(":")[2].strip())
    choices = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, summary: str, run: bool = True) -> argparse.ArgumentParser:
        added = choices.add_parser(name, parents=[runs], help=summary, description=summary)
        added.set_defaults(command=command)
        if run:
            added.add_argument("run", metavar="RUN", help="id, its beginning or end, name, path, or latest")
        return added

    listing = add("list", commands.list_runs, "all runs, the newest first", run=False)
    listing.add_argument("--json", action="store_true", help="for other programs")
    listing.add_argument("--state", choices=STATES, help="only these")
    listing.add_argument("--trash", action="store_true", help="the removed ones instead")
    add("show", commands.show, "one run: progress, configuration, metrics")
    tail = add("tail", commands.tail, "the newest values of a run")
    tail.add_argument("-f", "--follow", action="store_true", help="go on until the run ends")
    tail.add_argument("-n", "--lines", type=_count, default=10, help="how many (default: 10)")
    tail.add_argument("--output", action="store_true", help="what its process printed instead")
    export = add("export", commands.export, "every value of a run, for other programs")
    export.add_argument(
        "--format", default="csv", metavar="FORMAT", help=f"{', '.join(FORMATS)} (default: csv)"
    )
    export.add_argument("-o", "--output", default="-", metavar="FILE", help="default: standard output")
    repair = add("repair", commands.repair, "mend runs whose process was killed", run=False)
    repair.add_argument(
        "run", metavar="RUN", nargs="?", help="id, its beginning or end, name, path, or latest"
    )
    repair.add_argument("--all", action="store_true", help="every run")
    add("stop", commands.stop, "ask a running run to end after its current step")
    remove = add("remove", commands.remove_run, "move a run to the trash (asks first)")
    remove.add_argument("-y", "--yes", action="store_true", help="don't ask")
    restore = add("restore", commands.restore_run, "bring a run back from the trash", run=False)
    restore.add_argument("run", metavar="RUN", help="its whole id: see list --trash")
    empty = add("empty-trash", commands.empty, "delete removed runs for good (asks first)", run=False)
    empty.add_argument("-y", "--yes", action="store_true", help="don't ask")
    return top


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines; give 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
