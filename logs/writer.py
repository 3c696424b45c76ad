"""Writing a run. Any training loop can be watched with three lines:

    run = RunWriter.create("runs", model="my-net", dataset="my-data")
    run.log(step, {"loss": loss}, split="train")   # in the loop; some two microseconds
    run.finish()

What a returned `log` call was given survives the death of the process, whatever killed it. Pictures,
histograms, texts, matrices and predictions wait a few seconds (ten at most) for the background thread: the
newest may be lost then.
"""

from __future__ import annotations

import atexit
import functools
import io
import math
import os
import socket
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from logs import media
from logs.crew import Crew
from logs.curve import Curve, Series
from logs.directory import RunDirectory
from logs.errors import RunningError
from logs.info import RunInfo, read_info, write_info
from logs.predictions import Predictions
from logs.process import process_started
from logs.recorder import Recorder
from logs.requests import Request, clear_requests
from logs.status import Status, effective_state, read_status
from logs.vocabulary import FINAL_STATES

HIGHER_IS_BETTER = {"accuracy": True}  # for a loop that doesn't say; every other metric is better when lower
_open: weakref.WeakSet[RunWriter] = weakref.WeakSet()  # for forked children, who must not write to them


def to_stderr(line: str) -> None:
    """The default of `say`."""
    print(line, file=sys.stderr, flush=True)


class RunWriter:
    """One run being written. Its methods may be called from any thread; none waits for the disk or the
    network.

    As a context manager it finishes the run: failed with the exception's text, stopped by Ctrl-C, else
    finished. A process that ends without `finish` leaves it stopped, or failed after an uncaught exception.
    """

    def __init__(
        self,
        directory: RunDirectory,
        info: RunInfo,
        status: Status,
        first_segment: int = 0,
        say: Callable[[str], None] = to_stderr,
        crew: Crew | None = None,
    ) -> None:
        """Use `create`, `open` or `resume`."""
        from logs.background import Background  # imports pyarrow
        from logs.tally import Tally

        self.directory = directory
        self.info = info
        self._process = os.getpid()
        self._error_before = getattr(sys, "last_exc", None)
        self._finished = ""
        tally = Tally(info.higher_is_better)
        if first_segment:
            tally.add(_logged(directory))
        threads = crew if crew is not None else Crew.of_one()
        self._background = Background(directory, status, tally, say, threads)
        more = () if crew is None else (crew.create_segment,)
        self._recorder = Recorder(directory.path, first_segment, self._background.wake, *more)
        self._background.recorder = self._recorder
        self._append = self._recorder.append
        _warm_up()
        self._background.write_status()
        threads.add(self._background, self._finish_after)
        _open.add(self)
        atexit.register(self._at_exit)

    @classmethod
    def create(
        cls,
        runs: Path | str,
        *,
        model: str,
        dataset: str,
        config: Mapping[str, Any] | None = None,
        name: str = "",
        kind: str = "train",
        group: str = "",
        study: Mapping[str, Any] | None = None,
        member: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        seed: int | None = None,
        command: Sequence[str] | None = None,
        device: str = "cpu",
        versions: Mapping[str, str] | None = None,
        higher_is_better: Mapping[str, bool] | None = None,
        say: Callable[[str], None] = to_stderr,
        crew: Crew | None = None,
    ) -> RunWriter:
        """A new run in the folder `runs`. OSError where it can't be written.

        `say` is given a line when something can't be logged, such as that the disk is full. With a `crew` the
        run shares its threads with others of this process.
        """
        _check(crew)
        directory = RunDirectory.create(runs, model, dataset)
        info = RunInfo.new(
            directory,
            model=model,
            dataset=dataset,
            config=config,
            name=name,
            kind=kind,
            group=group,
            study=study,
            member=member,
            tags=tags,
            seed=seed,
            command=command,
            device=device,
            versions=versions,
            higher_is_better={**HIGHER_IS_BETTER, **(higher_is_better or {})},
        )
        return cls.open(directory, info, say, crew)

    @classmethod
    def open(
        cls,
        directory: RunDirectory,
        info: RunInfo,
        say: Callable[[str], None] = to_stderr,
        crew: Crew | None = None,
    ) -> RunWriter:
        """A new run in a folder that is there already and has no run.json."""
        _check(crew)
        write_info(directory, info)
        status = Status(pid=info.pid, process_started=info.process_started, host=info.host)
        return cls(directory, info, status, say=say, crew=crew)

    @classmethod
    def resume(
        cls, path: Path | str, say: Callable[[str], None] = to_stderr, crew: Crew | None = None
    ) -> RunWriter:
        """Goes on with a run that has ended or was killed; its rows stay as they are.

        RunningError while its process lives; BrokenRunError where it can't be read.
        """
        from logs.repair import recover

        _check(crew)
        directory = RunDirectory.existing(path)
        info, status = read_info(directory), read_status(directory)
        if effective_state(info, status) == "running":
            raise RunningError(f"{directory.id} is running; stop it before it is resumed")
        clear_requests(directory)  # an old request to stop must not end it at once
        first = recover(directory)
        resumed = replace(
            status if status is not None else Status(),
            state="running",
            error="",
            rate=math.nan,
            eta_seconds=math.nan,
            pid=os.getpid(),
            process_started=process_started(os.getpid()),
            host=socket.gethostname(),
        )
        return cls(directory, info, resumed, first, say, crew)

    def log(
        self, step: int, values: Mapping[str, float], split: str | None = None, epoch: float = math.nan
    ) -> None:
        """One step's values of one split: train, validation, test, or None for what belongs to no split.

        `step` counts optimizer updates since the start. Any value that `float` takes is taken, NaN and
        infinities included. TypeError or ValueError for what can't be logged; RuntimeError when the run is
        finished. On a full disk values are left out, and that is said once.
        """
        self._append(step, values, split, epoch)

    def log_rows(
        self, steps: Any, values: Mapping[str, Any], split: str | None = None, epochs: Any = None
    ) -> None:
        """What n calls of `log` would write, in one copy: steps int64[n], values {metric: float[n]}.

        `epochs` is float[n], one number for all rows, or None. The same promises and errors as `log`; of a
        block in which something can't be logged, nothing is. All its rows have one wall time.
        """
        self._recorder.append_rows(steps, values, split, epochs)

    def image(
        self,
        step: int,
        name: str,
        picture: bytes | np.ndarray,
        split: str | None = None,
        epoch: float = math.nan,
        caption: str = "",
    ) -> None:
        """A picture: a PNG file's bytes, or uint8[height, width] or [height, width, 3 or 4]."""
        self._add(media.image(step, name, picture, caption, split=split, epoch=epoch))

    def histogram(
        self,
        step: int,
        name: str,
        counts: Any,
        edges: Any,
        split: str | None = None,
        epoch: float = math.nan,
    ) -> None:
        """How many values lie between each two neighbours of `edges`, as numpy.histogram gives it."""
        self._add(media.histogram(step, name, counts, edges, split=split, epoch=epoch))

    def histograms(
        self, steps: Any, name: str, counts: Any, edges: Any, split: str | None = None, epochs: Any = None
    ) -> None:
        """What n calls of `histogram` would log, checked at once: steps int64[n], counts float64[n, bins],
        edges float64[n, bins + 1], and epochs float64[n] or None.
        """
        self._check_open()
        self._background.add_alike(media.histograms(steps, name, counts, edges, epochs, split=split))

    def text(
        self, step: int, name: str, content: str, split: str | None = None, epoch: float = math.nan
    ) -> None:
        """A text, plain or Markdown."""
        self._add(media.text(step, name, content, split=split, epoch=epoch))

    def matrix(
        self,
        step: int,
        name: str,
        values: Any,
        labels: Sequence[str] = (),
        split: str | None = None,
        epoch: float = math.nan,
    ) -> None:
        """A table of numbers, such as a confusion matrix: rows are targets, columns predictions."""
        self._add(media.matrix(step, name, values, labels, split=split, epoch=epoch))

    def predictions(
        self,
        split: str | None,
        *,
        index: Any,
        target: Any,
        prediction: Any,
        probabilities: Any = None,
        step: int = 0,
        epoch: float = math.nan,
    ) -> None:
        """What the network says of each sample: arrays of one length; probabilities[samples, classes]."""
        self._add(Predictions.checked(split, index, target, prediction, probabilities, step, epoch))

    def progress(
        self,
        *,
        epoch: float | None = None,
        epochs: float | None = None,
        step: int | None = None,
        steps: int | None = None,
        rate: float | None = None,
    ) -> None:
        """How far the training is, for status.json. What isn't said stays as it was, or is taken from the
        rows.
        """
        said = {"epoch": epoch, "epochs": epochs, "step": step, "steps": steps, "rate": rate}
        given = {name: value for name, value in said.items() if value is not None}
        self._background.progress = {**self._background.progress, **given}

    def requests(self) -> list[Request]:
        """What a person asked for since the last call, oldest first."""
        waiting = self._background.requests
        return [waiting.popleft() for _ in range(len(waiting))] if waiting else []

    def finish(self, state: str = "finished", error: str | None = None) -> None:
        """Ends the run: its rows go into one part, its status says how it ended. Again does nothing."""
        if state not in FINAL_STATES:
            raise ValueError(f"a run ends {', '.join(FINAL_STATES)}, not {state!r}")
        if self._finished or os.getpid() != self._process:
            return
        self._finished = state
        atexit.unregister(self._at_exit)
        _open.discard(self)
        self._recorder.close(f"the run {self.directory.id} is {state}; open another one, or resume it")
        self._background.finish(state, error or "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish_after(error)

    def _finish_after(self, error: BaseException | None, otherwise: str = "finished") -> None:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            self.finish("stopped")
        elif error is not None:
            self.finish("failed", f"{type(error).__name__}: {error}")
        else:
            self.finish(otherwise)

    def _at_exit(self) -> None:
        error = getattr(sys, "last_exc", None)
        self._finish_after(error if error is not self._error_before else None, "stopped")

    def _add(self, item: media.Medium | Predictions) -> None:
        self._check_open()
        self._background.add(item)

    def _check_open(self) -> None:
        if self._finished:
            raise RuntimeError(
                f"the run {self.directory.id} is {self._finished}; open another one, or resume it"
            )

    def _forget_in_child(self) -> None:
        self._recorder.forbid(
            f"the run {self.directory.id} is written by process {self._process}, not its fork"
        )
        atexit.unregister(self._at_exit)


def _check(crew: Crew | None) -> None:
    """Before anything is written: a run that can't be taken on must not look as if it were running."""
    if crew is not None:
        crew.check()


@functools.cache
def _warm_up() -> None:
    """Arrow's first table and first file take a tenth of a second: not while somebody trains."""
    from logs.scalar_parts import write_curves

    one = Curve(np.zeros(1, np.int64), np.zeros(1), np.zeros(1), np.zeros(1, "datetime64[us]"))
    write_curves(io.BytesIO(), {("loss", "train"): one, ("loss", None): one})


def _logged(directory: RunDirectory) -> dict[Series, Curve]:
    """Every row of a resumed run, for what was last and best."""
    from logs.reader import RunReader

    reader = RunReader(directory.path)
    return {(metric, split): reader.curve(metric, split) for metric, split in reader.metrics()}


def _forget_open_runs() -> None:
    for run in list(_open):
        run._forget_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_open_runs)
