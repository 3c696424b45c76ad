"""Processes that are ready before they are needed: importing PyTorch takes a second or two, for which nobody
wants to wait after pressing a button.

`python -m training.warm` imports what the laboratories need and waits on its standard input for one line of
JSON: the job, whose process it then becomes. An idle one ends when that input ends, so with whoever holds the
other end, whatever became of it; one that has begun a job lives on.

While it waits it rehearses: it forks the workers of a study (`training.forked`) and trains a small one with
them, where nobody sees it. What is slow for the first time is over then.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import io
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from logs.process import of_its_own
from training.forked import call_ahead, end_ahead, fork_ahead, lent

REFILL_SECONDS = 1.5  # after one was taken: its first moments need the cores more than the next one does
READY = b"ready\n"
ROOT = Path(__file__).resolve().parents[1]  # where `-m training.warm` is found
IMPORTED = (
    "sklearn.datasets",
    "safetensors.torch",
    "logs.writer",
    "logs.tables",
    "training.lab_script",
    "training.kfold",
    "training.sweep",
    "training.compiled_steps",
)
WITH_WORKERS = ("training.kfold", "training.sweep")  # others have no use for those that were forked ahead
# Of the size of what is mostly asked for: memory that was used once is at hand
REHEARSAL = ("--dataset", "digits", "--model", "mlp", "--hidden-layers", "1", "--epochs", "10")
ALONE = ("--device", "cpu", "--visdom", "off")  # takes no GPU's memory, and is shown nowhere
FOLDS = 10
AHEAD = 4  # workers that wait, at most: each holds 35 MB of its own


class Spares:
    """Keeps one idle process at hand. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: subprocess.Popen[bytes] | None = None
        self._keeping = False

    def keep(self) -> None:
        """From now on there is always one: starts it, if there is none. Returns at once."""
        with self._lock:
            self._keeping = True
            if self._spare is None or self._spare.poll() is not None:
                self._spare = _started()

    def wait(self) -> None:
        """Until the one at hand is ready. For measurements: a job may be given before."""
        spare = self._spare
        if spare is not None and spare.stdout is not None:
            spare.stdout.readline()

    def run(self, module: str, arguments: Sequence[str], output: Path) -> subprocess.Popen[bytes] | None:
        """The process that now runs `module`'s main with `arguments`, printing into `output`; None where none
        was at hand.
        """
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None:
            return None
        job = {
            "module": module,
            "arguments": list(arguments),
            "output": str(output),
            "folder": str(ROOT),
            "environment": dict(os.environ),  # as it is now, which is what a new process would get
        }
        taken = _given(spare, json.dumps(job).encode() + b"\n")
        if self._keeping:
            refill = threading.Timer(REFILL_SECONDS if taken else 0.0, self.keep)
            refill.daemon = True
            refill.start()
        return spare if taken else None

    def end(self) -> None:
        """Ends the idle one, and keeps none any more."""
        with self._lock:
            self._keeping = False
            spare, self._spare = self._spare, None
        if spare is not None:
            _close(spare)


@functools.cache
def spares() -> Spares:
    """Those of this process."""
    return Spares()


def main() -> int:
    """The idle process: makes ready, says so, and becomes the job that it reads."""
    try:
        make_ready(_is_asked)
        with contextlib.suppress(OSError):  # nobody has to listen
            os.write(1, READY)
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):  # the other end was closed, or its process has ended
            return 0
        return _become(json.loads(line))
    finally:
        end_ahead()
        gc.freeze()  # the interpreter would look for garbage in all of it once more, for a second


def make_ready(hurry: Callable[[], bool] = lambda: False) -> bool:
    """All that can be done before there is a job, in a `hurry` only the imports; whether that went well."""
    _import_all()
    return hurry() or rehearse()


def rehearse() -> bool:
    """Trains a small study, with workers that wait for the next one from then on; whether that went well: if
    it did not, whoever needs what is broken says so.
    """
    from training import kfold
    from training.engines import cores

    gc.collect()
    gc.freeze()  # what was imported stays: nobody must look for garbage in it any more
    workers = min(cores(), AHEAD)
    fork_ahead(workers)
    with tempfile.TemporaryDirectory(prefix="descent-") as folder, lent():
        options = [*REHEARSAL, *ALONE, "--folds", str(FOLDS), "--workers", str(workers), "--runs", folder]
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            return kfold.main(options) == 0
    return False


def _is_asked() -> bool:
    """Whether there is a job already, which should not wait for a rehearsal."""
    return os.name != "nt" and bool(select.select([0], [], [], 0)[0])


def _import_all() -> None:
    import torch

    from training.labs import LABS

    torch.set_num_threads(1)
    modules = [*IMPORTED, *dict.fromkeys(lab.module for lab in LABS)]
    for name in modules:
        with contextlib.suppress(Exception):  # a job that needs what is broken says so itself
            prepare = getattr(importlib.import_module(name), "prepare", None)
            if prepare is not None:
                prepare()  # first calls that are slow for another reason than the import


def _become(job: dict[str, Any]) -> int:
    """What `python -m module arguments` would do in a new process; its exit code."""
    name = job["module"]
    if not name.startswith("training."):
        print(f"error: {name!r} is no script of training/", file=sys.stderr)
        return 2
    if name not in WITH_WORKERS:
        end_ahead()
    _take_place(job)
    call_ahead(_take_place, job)
    module = importlib.import_module(name)
    sys.argv = [str(module.__file__), *job["arguments"]]
    return int(module.main(job["arguments"]))


def _take_place(job: dict[str, Any]) -> None:
    """The environment, folder and output of a job."""
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    with open(job["output"], "ab") as output, open(os.devnull, "rb") as nothing:  # noqa: PTH123 - devnull
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


def _started() -> subprocess.Popen[bytes] | None:
    """A new idle process; None where the system refuses one: then jobs are started cold."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    try:
        spare = subprocess.Popen(
            [sys.executable, "-m", "training.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            **of_its_own(),  # Ctrl-C in the terminal is not for it
        )
    except OSError:
        return None
    # Somebody must take the exit status, or the ended process stays as a zombie for as long as this one lives
    threading.Thread(target=spare.wait, name=f"reaper-{spare.pid}", daemon=True).start()
    return spare


def _given(spare: subprocess.Popen[bytes], line: bytes) -> bool:
    """True where the process was there to be handed the line."""
    assert spare.stdin is not None
    try:
        if spare.poll() is not None:
            return False
        spare.stdin.write(line)
        spare.stdin.flush()
    except OSError:  # it has just ended
        return False
    finally:
        _close(spare)
    return True


def _close(spare: subprocess.Popen[bytes]) -> None:
    for pipe in (spare.stdin, spare.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


if __name__ == "__main__":
    sys.exit(main())
