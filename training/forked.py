"""Worker processes that a driver forks from itself: at work in a moment, with everything imported already.

    with ready_workers(2) as workers:  # before the first thread of the driver
        ...
        with open_engine("processes", 2, ready=workers) as engine:
            ...

A new process imports PyTorch for seconds, which is longer than ten small trainings take. A fork has it at
once, but only the thread that forks lives on in it: whatever lock another thread holds at that moment, such
as the log's, stays locked there for ever. So a process forks while it has one thread, or not at all.

A process that waits for work forks ahead (`fork_ahead`): its workers wait with it, and have done before what
is slow for the first time.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

END_SECONDS = 5.0  # that an idle worker gets to end when it is told to

_ahead: list[ForkedWorker] = []  # those that nobody has asked for yet


class ForkedWorker(Executor):
    """One process, which does one call at a time; BrokenExecutor for a call that it did not survive."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,))
        with warnings.catch_warnings():
            # Python counts threads of native libraries too; those of numpy and Arrow know of forks
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            self.process.start()
        theirs.close()  # or the end of the worker would not be seen
        self._turn = threading.Lock()
        self.stays = False  # whoever has it now gives it back

    def submit[R](self, work: Callable[..., R], /, *given: Any, **named: Any) -> Future[R]:
        """BrokenExecutor where the process has ended; what is called and what it gives pickle."""
        if not self.process.is_alive():
            raise BrokenExecutor("the forked process has ended")
        future: Future[R] = Future()
        future.set_running_or_notify_cancel()
        threading.Thread(target=self._ask, args=((work, given, named), future), daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the process once it has done what it does; one that stays goes on waiting."""
        if self.stays:
            return
        with self._turn:
            if not self._pipe.closed:
                with contextlib.suppress(OSError):  # it has ended by itself
                    self._pipe.send(None)
                self._pipe.close()
        if wait:
            self.process.join(END_SECONDS)

    def _ask(self, call: Any, future: Future[Any]) -> None:
        try:
            with self._turn:
                self._pipe.send(call)
                result, error = self._pipe.recv()
        except (EOFError, OSError):
            future.set_exception(BrokenExecutor("the forked process died"))
        except Exception as error:  # what was called, or what it gave, can't be pickled
            future.set_exception(error)
        else:
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


@contextlib.contextmanager
def ready_workers(count: int, anew: bool = False) -> Iterator[tuple[ForkedWorker, ...]]:
    """So many forked workers, ended at the end: those that were forked ahead, and new ones where they are too
    few. None, or only the former, where this process can't fork safely. `anew`: they must know what this
    process knows now.
    """
    if anew:
        end_ahead()
    there = [worker for worker in _ahead if worker.process.is_alive()]
    taken = there[:count]
    if not any(worker.stays for worker in there):
        _ahead[:] = there[count:]
        end_ahead()  # nobody else will ask for them
    if may_fork():
        taken += [ForkedWorker() for _ in range(count - len(taken))]
    try:
        yield tuple(taken)
    finally:
        for worker in taken:
            worker.shutdown()


def fork_ahead(count: int) -> None:
    """Forks workers for the next `ready_workers` of this process; none where it can't fork safely. They wait
    until somebody takes them, or `end_ahead`, or the end of this process.
    """
    if may_fork():
        _ahead.extend(ForkedWorker() for _ in range(count))
        Finalize(None, end_ahead, exitpriority=1)  # or the interpreter would wait for those that wait for it


@contextlib.contextmanager
def lent() -> Iterator[None]:
    """In this block those that were forked ahead outlast whoever takes them."""
    for worker in _ahead:
        worker.stays = True
    try:
        yield
    finally:
        for worker in _ahead:
            worker.stays = False


def call_ahead(work: Callable[..., object], *given: object) -> None:
    """Calls this in each worker that was forked ahead. Whoever fails is ended."""
    for worker in list(_ahead):
        try:
            worker.submit(work, *given).result()
        except Exception:
            _ahead.remove(worker)
            worker.shutdown(wait=False)


def end_ahead() -> None:
    """Ends those that nobody has taken."""
    for worker in _ahead:
        worker.shutdown(wait=False)
    _ahead.clear()


def may_fork() -> bool:
    """Whether a fork of this process would be whole: on Linux, with one thread of Python, no GPU in use."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    torch = sys.modules.get("torch")
    return torch is None or not torch.cuda.is_initialized()


def become_worker() -> None:
    """One torch thread; deaf to Ctrl-C, which the driver gets too and passes on; over when the driver is."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):  # a fork has the driver's handlers
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    threading.Thread(target=_end_with_driver, name="driver-watch", daemon=True).start()


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)  # nobody is there to take the result, and what a run has logged is on disk


def _serve(pipe: Connection) -> None:
    """What a worker does all its life."""
    gc.freeze()  # what was there before the fork is the driver's: to look for garbage in it would copy it
    become_worker()
    while True:
        try:
            call = pipe.recv()
        except (EOFError, OSError):
            return
        if call is None:
            return
        work, given, named = call
        answer: tuple[Any, BaseException | None]
        try:
            answer = work(*given, **named), None
        except BaseException as error:
            answer = None, error
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception as error:  # the answer can't be pickled
            pipe.send((None, RuntimeError(f"the worker's answer can't be sent: {error}")))
