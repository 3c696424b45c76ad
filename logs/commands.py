"""What `python -m logs` can do: each command is one function that prints and returns its exit status."""

from __future__ import annotations

import json
import math
import shlex
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logs.catalog import RunCatalog, RunSummary, read_summary
from logs.directory import RunDirectory, json_value
from logs.errors import LogsError, RunningError
from logs.export import export as export_file
from logs.export import write_export
from logs.interrupt import Interrupt
from logs.removal import empty_trash, list_trash, remove, restore
from logs.requests import send_request
from logs.status import NO_SPLIT, duration_text, state_sentence
from logs.terminal import moment, number, printable, sparkline, table

if TYPE_CHECKING:
    from logs.reader import RunReader

POLL_SECONDS = 1.0
TAIL_LIMIT = 1000  # newest values of each metric that tail looks at first
SPARK_VALUES = 4000  # of a curve that its sparkline is made of: all of 10,000,000 would take seconds
OUTPUT_BYTES = 64_000  # of the end of output.log that tail looks at first


def list_runs(arguments: Namespace) -> int:
    """Prints all runs, the newest first, as a table or as JSON."""
    if arguments.trash:
        removed = list_trash(arguments.runs)
        print("\n".join(printable(directory.id) for directory in removed) or "the trash is empty")
        return 0
    rows = RunCatalog(arguments.runs).rows()
    if arguments.state:
        rows = [row for row in rows if row.state == arguments.state]
    if arguments.json:
        print(json.dumps(json_value([_as_dict(row) for row in rows]), indent=1))
        return 0
    if not rows:
        which = f"{arguments.state} runs" if arguments.state else "runs"
        print(f"no {which} in {arguments.runs}; start one: python -m training.train --runs {arguments.runs}")
        return 0
    header = ("run", "name", "state", "done", "epoch", "loss", "best", "started", "took", "tags")
    print(table(header, [_list_row(row) for row in rows], right=(3, 4, 5)))
    for row in rows:
        if row.broken:
            print(f"\n{printable(row.id)}: {printable(row.broken)}")
    return 0


def show(arguments: Namespace) -> int:
    """Prints one run: what it is, how far it is, its configuration, and each metric with a sparkline."""
    row = find(arguments)
    status, info = row.status, row.info
    print(f"{printable(row.name)}\n")
    facts = [
        ("id", row.id),
        ("state", state_sentence(row.state, status)),
        ("model", row.model),
        ("data", row.dataset),
        ("started", moment(row.created)),
        ("took", duration_text(row.duration)),
        ("tags", ", ".join(row.tags)),
        ("note", row.labels.note),
        ("folder", str(row.path)),
    ]
    if status is not None:
        facts.insert(2, ("progress", _progress_text(row)))
    if info is not None:
        facts += [("device", info.device), ("commit", info.git_commit), ("command", shlex.join(info.command))]
    if row.broken:
        facts.insert(1, ("broken", row.broken))
    print(table(("", ""), [fact for fact in facts if fact[1]]).lstrip("\n"))
    if info is not None and info.config:
        config = [(str(key), json.dumps(json_value(value))) for key, value in info.config.items()]
        print("\nconfiguration\n" + table(("", ""), config).lstrip("\n"))
    if not row.broken:
        _print_metrics(_reader(row.directory), row)
    return 0


def tail(arguments: Namespace) -> int:
    """Prints the newest values, and with --follow goes on until the run ends."""
    row = find(arguments)
    if arguments.output:
        return _tail_output(row, arguments)
    reader = _reader(row.directory)
    seen: dict[tuple[str, str | None], int] = {}
    lines = _new_lines(reader, seen)
    print("\n".join(lines[-arguments.lines :]) if lines else f"{row.id} has logged nothing yet", flush=True)
    with Interrupt() as interrupt:
        while arguments.follow:
            row = read_summary(row.directory)  # the state first: what was logged before is read after
            reader.refresh()
            for line in _new_lines(reader, seen):
                print(line, flush=True)
            if row.state != "running":
                print(state_sentence(row.state, row.status))
                break
            interrupt.wait(POLL_SECONDS)
    return 0


def export(arguments: Namespace) -> int:
    """Writes a run's scalars to a file, or to standard output."""
    reader = _reader(find(arguments).directory)
    if arguments.output in ("", "-"):
        write_export(reader, arguments.format, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        print(export_file(reader, arguments.format, Path(arguments.output)))
    return 0


def stop(arguments: Namespace) -> int:
    """Asks a running run to end after its current step, with a checkpoint."""
    row = find(arguments)
    if row.state != "running":
        raise LogsError(f"{row.id} is not running: it is {state_sentence(row.state, row.status)}")
    send_request(row.directory, "stop")
    print(f"{row.id} was asked to stop after its current step")
    return 0


def remove_run(arguments: Namespace) -> int:
    """Moves a run to the trash, after asking."""
    row = find(arguments)
    if row.state == "running":
        raise RunningError(f"{row.id} is running; stop it first: python -m logs stop {row.id}")
    if not (arguments.yes or _agreed(f"move {printable(row.id)} to the trash?")):
        print("nothing was removed")
        return 1
    remove(row.directory)
    print(f"{row.id} is in the trash; bring it back with: python -m logs restore {row.id}")
    return 0


def restore_run(arguments: Namespace) -> int:
    """Brings a run back from the trash."""
    print(f"{restore(arguments.runs, arguments.run).id} is back")
    return 0


def empty(arguments: Namespace) -> int:
    """Deletes what is in the trash for good, after asking."""
    count = len(list_trash(arguments.runs))
    if count and not (arguments.yes or _agreed(f"delete {count} removed runs for good?")):
        print("nothing was deleted")
        return 1
    print(f"{empty_trash(arguments.runs)} removed runs deleted for good")
    return 0


def repair(arguments: Namespace) -> int:
    """Mends one run, or with --all every run whose process is gone; 1 where one of them could not be."""
    from logs.repair import repair as mend

    if bool(arguments.run) == arguments.all:
        raise LogsError("name a run, or say --all")
    if arguments.run:
        row = find(arguments)
        _print_repair(row.id, mend(row.directory))
        return 0
    failed = False
    for row in RunCatalog(arguments.runs).rows():
        if row.state == "running":
            continue
        try:
            done = mend(row.directory)
        except (LogsError, OSError) as error:  # the others are mended all the same
            print(printable(f"{row.id}: {error}"), file=sys.stderr)
            failed = True
        else:
            _print_repair(row.id, done)
    return 1 if failed else 0


def find(arguments: Namespace) -> RunSummary:
    """The run that a command names: an id or a part of it, a name, `latest`, or the path of its folder."""
    text = arguments.run
    catalog = RunCatalog(arguments.runs)
    if ("/" in text or "\\" in text) and Path(text).is_dir():
        directory = RunDirectory.existing(Path(text).resolve())
        return read_summary(directory)
    rows = catalog.rows()
    if text == "latest" and rows and all(row.name != "latest" for row in rows):
        return rows[0]
    return catalog.find(text)


def _print_repair(run_id: str, done: list[str]) -> None:
    for sentence in done or ["nothing to mend"]:
        print(printable(f"{run_id}: {sentence}"))


def _reader(directory: RunDirectory) -> RunReader:
    """Imported when needed: listing runs does not wait for pyarrow."""
    from logs.reader import RunReader

    return RunReader(directory.path)


def _as_dict(row: RunSummary) -> dict[str, Any]:
    """A run for other programs: run.json and status.json as they stand, and what was made of them."""
    return {
        "id": row.id,
        "path": str(row.path),
        "name": row.name,
        "state": row.state,
        "broken": row.broken,
        "tags": row.tags,
        "note": row.labels.note,
        "progress": row.progress,
        "duration": row.duration,
        "info": row.info.to_dict() if row.info is not None else None,
        "status": row.status.to_dict() if row.status is not None else None,
    }


def _list_row(row: RunSummary) -> tuple[str, ...]:
    loss = row.last("loss", "validation")
    loss = row.last("loss", "train") if math.isnan(loss) else loss
    done = "" if math.isnan(row.progress) else f"{row.progress:.0%}"
    return (
        row.id,
        printable(row.name, 30) if row.name != row.id else "",
        "broken" if row.broken else row.state,
        done,
        number(row.status.epoch) if row.status is not None else "",
        number(loss),
        _best_text(row),
        moment(row.created),
        duration_text(row.duration),
        ", ".join(row.tags),
    )


def _best_text(row: RunSummary) -> str:
    """The best value that says most about the model: of validation, and not the loss, where there is one."""
    bests = row.status.best if row.status is not None else {}
    for split in ("validation", "test", "train"):
        metrics = sorted(bests.get(split, {}), key=lambda metric: metric == "loss")
        if metrics:
            return f"{metrics[0]} {number(bests[split][metrics[0]].get('value', math.nan))}"
    return ""


def _progress_text(row: RunSummary) -> str:
    status = row.status
    assert status is not None
    parts = [f"step {status.step:,}" + (f" of {status.steps:,}" if status.steps else "")]
    parts.append(f"epoch {number(status.epoch)}" + (f" of {number(status.epochs)}" if status.epochs else ""))
    if not math.isnan(row.progress):
        parts.append(f"{row.progress:.0%}")
    if row.state == "running" and math.isfinite(status.eta_seconds):
        parts.append(f"about {duration_text(status.eta_seconds)} to go")
    return ", ".join(parts)


def _print_metrics(reader: RunReader, row: RunSummary) -> None:
    best = row.status.best if row.status is not None else {}
    rows = []
    for metric, split in reader.metrics():
        values = reader.curve(metric, split).value
        found = best.get(split or NO_SPLIT, {}).get(metric, {})
        at = found.get("step", math.nan)
        rows.append(
            (
                metric,
                split or "",
                f"{len(values):,}",
                f"{values[-1]:.4g}" if len(values) else "",
                number(found.get("value", math.nan)),
                f"{at:,.0f}" if math.isfinite(at) else "",
                sparkline(values[:: max(1, len(values) // SPARK_VALUES)].tolist()),
            )
        )
    if rows:
        header = ("metric", "split", "values", "last", "best", "at step", "course")
        print("\n" + table(header, rows, right=(2, 3, 4, 5)))


def _new_lines(reader: RunReader, seen: dict[tuple[str, str | None], int]) -> list[str]:
    """One line per step and split, of the values that came since `seen`, which is moved on."""
    groups: dict[tuple[int, str | None], tuple[float, list[str]]] = {}
    for metric, split in reader.metrics():
        curve = reader.curve(metric, split)
        start = seen.get((metric, split), max(0, len(curve.step) - TAIL_LIMIT))
        seen[metric, split] = len(curve.step)
        for step, epoch, value in zip(
            curve.step[start:], curve.epoch[start:], curve.value[start:], strict=True
        ):
            groups.setdefault((int(step), split), (float(epoch), []))[1].append(
                f"{printable(metric)} {value:.5g}"
            )
    lines = []
    for (step, split), (epoch, values) in sorted(
        groups.items(), key=lambda item: (item[0][0], item[0][1] or "")
    ):
        when = f"step {step}" + (f"  epoch {epoch:.3f}" if not math.isnan(epoch) else "")
        lines.append("  ".join([when, printable(split or ""), *values]).replace("    ", "  "))
    return lines


def _tail_output(row: RunSummary, arguments: Namespace) -> int:
    """The end of what the process printed, and with --follow what it prints from now on."""
    path = row.directory.output_log
    if not path.is_file():
        raise LogsError(f"{row.id} has no output.log: it was not started in the background")
    with path.open("rb") as log, Interrupt() as interrupt:
        log.seek(max(0, path.stat().st_size - OUTPUT_BYTES))
        lines, rest = _whole_lines(log.read())
        lines = lines[
            max(0, len(lines) - arguments.lines + bool(rest)) :
        ]  # a line without its end is one too
        while True:
            for line in lines:
                print(line, flush=True)
            if not arguments.follow or row.state != "running":
                break
            interrupt.wait(POLL_SECONDS)
            row = read_summary(row.directory)  # the state first: what was printed before is read after
            lines, rest = _whole_lines(rest + log.read())
    if rest:
        print(*_whole_lines(rest + b"\n")[0])
    return 0


def _whole_lines(data: bytes) -> tuple[list[str], bytes]:
    """The lines that are complete, and the beginning of the next; of a progress bar, what it shows last."""
    *lines, rest = data.split(b"\n")
    texts = (line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2] for line in lines)
    return [printable(text) for text in texts], rest


def _agreed(question: str) -> bool:
    """Asks; anything but yes is no, and so is a standard input that nobody sits at."""
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
