"""Ray as an engine (https://docs.ray.io): pieces run as its tasks, here or on the machines of a cluster.

    --engine ray                    a local Ray that listens on 127.0.0.1 only, ended with the study
    --engine ray://HOST:10001       a cluster, through Ray's client (its own meaning of ray://)
    --engine ray://auto             the cluster that this machine is part of, or that RAY_ADDRESS names

Each machine of a cluster has this checkout at this path, with its requirements, and the folders of runs and
of data sets at theirs (a shared file system): a piece writes its run there as it does here. Ray is optional;
requirements-ray.txt pins it.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.engines import EngineError, EngineExecutor, WorkerLostError

ROOT = Path(__file__).resolve().parents[1]
INSTALL = "install it with: pip install -r requirements-ray.txt"


class RayTasks(EngineExecutor):
    """Each piece is a task. Ray's own retries are off: what runs again is decided in run_pieces."""

    def __init__(self, ray: Any, gpus: float) -> None:
        self._ray = ray
        self._task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_run)
        self._tasks: dict[Future[Any], Any] = {}

    def submit[R](self, work: Callable[..., R], /, *given: Any, **named: Any) -> Future[R]:
        reference = self._task.remote(work, given, named)
        future = _Cancellable(lambda: self._cancel(reference))
        self._tasks[future] = reference
        reference.future().add_done_callback(lambda ended: self._ended(ended, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the local Ray, or leaves the cluster; pieces under way are ended with it."""
        for reference in list(self._tasks.values()):
            self._cancel(reference)
        self._ray.shutdown()

    def kill(self) -> None:
        for reference in list(self._tasks.values()):
            self._ray.cancel(reference, force=True)

    def _cancel(self, reference: Any) -> None:
        # A task that waits for a place ends at once; one under way is deaf to it (see _run).
        self._ray.cancel(reference, force=False)

    def _ended(self, ended: Future[Any], future: Future[Any]) -> None:
        self._tasks.pop(future, None)
        exceptions = self._ray.exceptions
        error = ended.exception()
        if isinstance(error, exceptions.TaskCancelledError):
            Future.cancel(future)
            future.set_running_or_notify_cancel()
            return
        future.set_running_or_notify_cancel()
        died = (
            exceptions.WorkerCrashedError,
            exceptions.NodeDiedError,
            exceptions.LocalRayletDiedError,
            exceptions.OutOfMemoryError,
            exceptions.ObjectLostError,
        )
        if error is None:
            future.set_result(ended.result())
        elif isinstance(error, died):
            future.set_exception(WorkerLostError(f"the worker died: {str(error).splitlines()[0]}"))
        else:
            cause = getattr(error, "cause", None)  # what the piece raised, without Ray's wrapping
            future.set_exception(cause if isinstance(cause, Exception) else error)


class _Cancellable(Future[Any]):
    """A future whose cancellation is a request to Ray, which knows whether its task has begun."""

    def __init__(self, request: Callable[[], None]) -> None:
        super().__init__()
        self._request: Callable[[], None] | None = request

    def cancel(self) -> bool:
        request, self._request = self._request, None  # asked once, however often a loop asks
        if request is not None and not self.done():
            request()
        return self.cancelled()


def open_ray(address: str, workers: int, gpus: float) -> tuple[int, str, RayTasks]:
    """Starts a local Ray, or joins the cluster at an address; (workers, title, executor).

    `workers` 0 takes as many as the cluster has cores, or shares of GPUs of that size. EngineError where Ray
    is not installed, is open already, or doesn't answer, or where the cluster has no room for one worker.
    """
    if importlib.util.find_spec("ray") is None:
        raise EngineError(f"the engine ray needs the package ray, which is not installed; {INSTALL}")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is sent to Ray's makers
    if not address:
        # Ray replaces an address of this machine by one that others reach, but where clusters are off.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray

    if ray.is_initialized():
        raise EngineError("this process uses Ray already; call ray.shutdown() before")
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,  # what it says of itself is no part of a study's output
        "runtime_env": {"env_vars": environment},
    }
    try:
        with _kept_signals():
            if not address:
                options |= {"address": "local", "num_cpus": workers or None, "include_dashboard": False}
                ray.init(**options, _node_ip_address="127.0.0.1")
            else:
                ray.init(address=address if address == "auto" else f"ray://{address}", **options)
        room = ray.cluster_resources()
        _check_private(ray, address)
        _check_room(room, gpus)
    except Exception as error:
        ray.shutdown()
        if isinstance(error, EngineError):
            raise
        raise EngineError(f"no Ray at {address or 'this machine'}: {error}; is it up? ray status") from error
    count = workers or int(room["GPU"] / gpus if gpus else room["CPU"])
    where = f"the Ray cluster at {address}" if address else "a Ray of this machine"
    return count, f"{count} {'worker' if count == 1 else 'workers'} of {where}", RayTasks(ray, gpus)


@contextmanager
def _kept_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and a study that is asked to end by it would leave its pieces to die."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    former = {name: signal.getsignal(getattr(signal, name)) for name in names if hasattr(signal, name)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for name, handler in former.items():
                if handler is not None:
                    signal.signal(getattr(signal, name), handler)


def _check_private(ray: Any, address: str) -> None:
    """A local Ray runs whatever it is sent: it must not listen to the network."""
    if not address and (node := ray.util.get_node_ip_address()) != "127.0.0.1":
        raise EngineError(f"Ray would listen on {node}; import ray only after the engine was opened")


def _check_room(room: dict[str, float], gpus: float) -> None:
    if room.get("CPU", 0) < 1:
        raise EngineError("this Ray has no core to run a piece on; add a machine to the cluster")
    if gpus > room.get("GPU", 0):
        has = f"{room.get('GPU', 0):g}"
        raise EngineError(f"gpus_per_worker is {gpus:g}, and this Ray has {has}; ask for less")


def _run(work: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """In the worker. A piece under way ends by its run's request to stop, with a checkpoint, not by Ray's."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # how Ray cancels a task that has begun
    return work(*given, **named)
