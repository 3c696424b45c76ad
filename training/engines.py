"""Where the pieces of a study run: in processes of this machine, in this one, or on a Ray cluster.

    with open_engine("processes", workers=4) as engine:
        left = run_pieces(engine, pieces, work, done)

`work` is a function at the top of a module, and pieces and results pickle: they travel to another process.
A worker that dies (killed, out of memory, its machine gone) costs the piece it had, which runs again; the
pieces of other workers go on. Results don't depend on the engine: a piece carries its own seed.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver
from typing import Any

from models.catalog import Catalog
from training.forked import ForkedWorker, become_worker

Worker = ProcessPoolExecutor | ForkedWorker
POLL_SECONDS = 0.2  # how often a request to stop is looked for while pieces run
# What every worker needs, imported once by the process they are forked from: it takes seconds.
PRELOADED = ("torch._dynamo", "sklearn.model_selection", "pyarrow.parquet", "training.studies")


class EngineError(ValueError):
    """An engine that can't be opened; the text says why and what to do."""


class WorkerLostError(BrokenExecutor):
    """The process that had a piece died before it answered."""


class EngineExecutor(Executor):
    """An executor that can be ended in the middle of what it does."""

    def kill(self) -> None:
        """Ends every piece under way in another process, whatever it does."""


@dataclass(frozen=True)
class Engine:
    """An open engine. `workers` pieces run at once; `title` is for a person."""

    name: str
    title: str
    workers: int
    executor: EngineExecutor


@dataclass(frozen=True)
class EngineKind:
    """A row: `open` takes (address, workers or 0, GPUs a worker, workers that are there already) and gives an
    open engine.
    """

    name: str
    title: str
    description: str
    open: Callable[[str, int, float, Sequence[ForkedWorker]], Engine]


def cores() -> int:
    """The processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def open_engine(
    name: str, workers: int = 0, gpus_per_worker: float = 0.0, ready: Sequence[ForkedWorker] = ()
) -> Iterator[Engine]:
    """The engine of that name, closed at the end; `workers` 0 takes a worker per core.

    `name` is a row of ENGINES, or "ray://ADDRESS". `gpus_per_worker` is for Ray, which then gives each piece
    its GPU or its share of one; elsewhere the device of a configuration is every worker's. `ready` are the
    workers, where it is an engine of this machine (`training.forked`). UnknownNameError
    for a name that no row has, EngineError for what can't be opened. Where the block ends by an exception,
    pieces under way in other processes are ended with it.
    """
    if workers < 0:
        raise EngineError(f"workers is {workers}; it must be at least 0, and 0 takes one per core")
    if gpus_per_worker < 0:
        raise EngineError(f"gpus_per_worker is {gpus_per_worker}; it must be at least 0")
    kind, _, address = name.partition("://")
    if "://" in name and kind != "ray":
        raise EngineError(f"engine is {name!r}; only ray:// takes an address, as ray://HOST:10001")
    if gpus_per_worker and kind != "ray":
        raise EngineError(f"gpus_per_worker is {gpus_per_worker:g}, and only the engine ray shares out GPUs")
    engine = ENGINES[kind].open(address, workers, gpus_per_worker, ready)
    try:
        yield engine
    except BaseException:
        engine.executor.kill()
        raise
    finally:
        engine.executor.shutdown(wait=True, cancel_futures=True)


def run_pieces[P, R](
    engine: Engine,
    pieces: Sequence[P],
    work: Callable[[P], R],
    done: Callable[[P, R | BaseException], None],
    lost: Callable[[P], bool] = lambda piece: True,
    tries: int = 3,
    stop: Callable[[], bool] = lambda: False,
) -> list[P]:
    """Runs `work` on every piece, in order, and calls `done` in this thread as each ends; what a stop left.

    `done` gets the piece and its result, or the exception that it raised. For a piece whose worker died,
    `lost` says whether it is to run again: it does, before the pieces not begun yet, until it was tried
    `tries` times; then `done` gets the WorkerLostError. No piece runs twice at one time. Once `stop` says so,
    nothing more is begun; pieces under way are waited for, since they see the request themselves.
    """
    waiting = deque(range(len(pieces)))
    tried = [0] * len(pieces)
    running: dict[Future[R], int] = {}
    left: list[int] = []
    while waiting or running:
        stopping = stop()
        while waiting and (stopping or len(running) < engine.workers):
            place = waiting.popleft()
            if stopping:
                left.append(place)
                continue
            tried[place] += 1
            running[engine.executor.submit(work, pieces[place])] = place
        if stopping:
            for future in running:
                future.cancel()  # one that waits for a free worker never begins; one under way goes on
        ended, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in ended:
            place = running.pop(future)
            if future.cancelled():
                left.append(place)
                continue
            error = future.exception()
            if isinstance(error, WorkerLostError) and lost(pieces[place]) and tried[place] < tries:
                waiting.appendleft(place)
            else:
                done(pieces[place], future.result() if error is None else error)
    return [pieces[place] for place in sorted(left)]


class Serial(EngineExecutor):
    """Runs what is submitted at once, in this thread."""

    def submit[R](self, work: Callable[..., R], /, *given: Any, **named: Any) -> Future[R]:
        future: Future[R] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work(*given, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(EngineExecutor):
    """Worker processes, each a pool of its own.

    One pool of many would end every worker where one dies, and with it the pieces of the others. They are
    those that are `ready`, where there are any; whoever takes the place of one that died is a new process.
    """

    def __init__(self, workers: int, ready: Sequence[ForkedWorker] = ()) -> None:
        self._lock = threading.RLock()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._free: list[Worker] = list(ready) or [_pool() for _ in range(workers)]
        self._busy: set[Worker] = set()
        self._broken: list[Worker] = []  # kept until the end
        self._open = True

    def submit[R](self, work: Callable[..., R], /, *given: Any, **named: Any) -> Future[R]:
        future: Future[R] = Future()
        with self._lock:
            if not self._open:
                raise RuntimeError("this engine is closed; open another one")
            self._waiting.append((future, _Call(work, given, named)))
        self._serve()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for what is under way; what has not begun is cancelled, as `run_pieces` never leaves any."""
        with self._lock:
            self._open = False
            for future, _ in self._waiting:
                future.cancel()
            pools = [*self._free, *self._busy, *self._broken]
        for pool in pools:
            # Whoever forked one waits for its end, which takes longer than many a piece
            pool.shutdown(wait=wait and not isinstance(pool, ForkedWorker), cancel_futures=cancel_futures)

    def kill(self) -> None:
        with self._lock:
            self._open = False
            processes = [process for pool in [*self._free, *self._busy] for process in _processes(pool)]
        for process in processes:
            process.kill()

    def _serve(self) -> None:
        """Hands what waits to whoever is free."""
        while True:
            with self._lock:
                if not (self._waiting and self._free):
                    return
                future, call = self._waiting.popleft()
                if not future.set_running_or_notify_cancel():
                    continue
                pool = self._free.pop()
                self._busy.add(pool)
            try:
                inner = pool.submit(call)
            except BrokenExecutor:  # it died while it had nothing to do: nothing is lost
                self._put_back(pool, broken=True)
                with self._lock:
                    pool = self._free.pop()
                    self._busy.add(pool)
                inner = pool.submit(call)
            inner.add_done_callback(lambda inner, future=future, pool=pool: self._ended(inner, future, pool))

    def _ended(self, inner: Future[Any], future: Future[Any], pool: Worker) -> None:
        error = inner.exception() if not inner.cancelled() else WorkerLostError("the engine was closed")
        broken = isinstance(error, BrokenExecutor)
        self._put_back(pool, broken)
        if broken:
            error = WorkerLostError("the worker process died: killed, or out of memory")
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(inner.result())
        self._serve()

    def _put_back(self, pool: Worker, broken: bool) -> None:
        with self._lock:
            self._busy.discard(pool)
            if not (broken and self._open):
                self._free.append(pool)
                return
            # A broken pool has ended by itself, and holds its lock while it says so: to shut it now, or to
            # drop the last reference to it, would wait for that lock for ever.
            self._broken.append(pool)
            self._free.append(_pool())


@dataclass(frozen=True)
class _Call:
    """A function with what it is called with; pickles where they do."""

    work: Callable[..., Any]
    given: tuple[Any, ...]
    named: dict[str, Any]

    def __call__(self) -> Any:
        return self.work(*self.given, **self.named)


def _processes(worker: Worker) -> list[Any]:
    if isinstance(worker, ForkedWorker):
        return [worker.process]
    return list((getattr(worker, "_processes", None) or {}).values())


def _pool() -> ProcessPoolExecutor:
    """Of one process: forked from one that has imported what it needs; new where nothing can fork.

    To fork this process would copy locks that another thread, such as the log's, may hold at that moment.
    """
    if sys.platform != "linux":
        context: Any = multiprocessing.get_context("spawn")
    else:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        forkserver.ensure_running()  # imports while the driver reads its data
    return ProcessPoolExecutor(1, mp_context=context, initializer=become_worker)


def _open_processes(address: str, workers: int, gpus: float, ready: Sequence[ForkedWorker]) -> Engine:
    workers = len(ready) or workers or cores()  # who has forked some has forked enough
    title = f"{workers} {'process' if workers == 1 else 'processes'} of this machine"
    return Engine("processes", title, workers, Processes(workers, ready))


def _open_serial(address: str, workers: int, gpus: float, ready: Sequence[ForkedWorker]) -> Engine:
    return Engine("serial", "one after another in this process", 1, Serial())


def _open_ray(address: str, workers: int, gpus: float, ready: Sequence[ForkedWorker]) -> Engine:
    from training.ray_engine import open_ray

    workers, title, executor = open_ray(address, workers, gpus)
    return Engine("ray", title, workers, executor)


ENGINES = Catalog(
    "engine",
    [
        EngineKind("auto", "automatic", "processes of this machine", _open_processes),
        EngineKind(
            "processes",
            "processes",
            "worker processes of this machine, one per core; one that dies costs its piece only",
            _open_processes,
        ),
        EngineKind("serial", "serial", "one piece after another in this process, to debug", _open_serial),
        EngineKind(
            "ray",
            "Ray",
            "a local Ray; ray://HOST:10001 is a cluster whose machines share this checkout and the runs",
            _open_ray,
        ),
    ],
)
