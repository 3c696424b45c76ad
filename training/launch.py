"""Trainings in the background: processes of their own that outlive whoever started them.

`python -m training.launch [options of training.train]` starts one and prints its id; with `--first` it starts
the short training that a new user sees first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from logs.directory import RunDirectory
from logs.errors import BrokenRunError, LogsError, RunningError
from logs.info import RunInfo, read_info
from logs.process import is_alive
from logs.requests import send_request
from logs.status import Status, effective_state, read_status
from models.own import allow, is_allowed, is_own
from training.arguments import asked, command_line, command_text, config_from, parser
from training.config import ConfigError, RunConfig
from training.labs import LABS
from training.places import data_folder, found_run, runs_folder
from training.warm import spares

START_SECONDS = 60.0  # importing PyTorch from a cold disk can take many of them
TAIL_CHARACTERS = 1500
STUDIES = {  # the driver of each kind
    "kfold": "training.kfold",
    "sweep": "training.sweep",
    "guided": "training.guided",
    "landscape_comparison": "training.compare_landscapes",
}
LABORATORIES = {lab.name: lab.module for lab in LABS}
STOPPED_BY_SIGNAL = {
    "train": "training.train",
    **STUDIES,
    **LABORATORIES,
}  # a member's process has others to train
LAB_PAUSE = 0.005  # seconds between two looks: who presses a button sees its first picture in half a second


class LaunchError(RuntimeError):
    """A training that did not start; the text has the end of what it said."""


def launch(config: RunConfig, runs: Path, data: Path | None = None) -> str:
    """Starts a training and returns its id once its run.json is there.

    `data` is the folder of data sets (default: as for the command line). LaunchError with the end of its
    output where the process ends before; ConfigError and OSError as they come.
    """
    if is_own(config.model) and not is_allowed(config.model):
        raise LaunchError(
            f"{config.model} is code, and only a command line may run it: {command_text(config)}"
        )
    directory = RunDirectory.create(runs.resolve(), config.model, config.dataset)
    options = [*command_line(config), "--run-directory", str(directory.path)]
    if data is not None:
        options += ["--data", str(data.resolve())]
    process = _start(directory, options, config.threads)
    _wait_until_started(process, directory, directory.run_json.is_file)
    return directory.id


def launch_study(
    module: str, options: Sequence[str], model: str, dataset: str, runs: Path, data: Path | None = None
) -> str:
    """Starts the driver of a study and returns the study's id once its run.json is there.

    `module` is one of STUDIES, `options` are those of its command line; `model` and `dataset` name the
    directory. ValueError for another module; LaunchError and OSError as `launch` raises them.
    """
    if module not in STUDIES.values():
        raise ValueError(f"{module!r} drives no study; use one of {', '.join(STUDIES.values())}")
    directory = RunDirectory.create(runs.resolve(), model, dataset)
    every = [*options, "--run-directory", str(directory.path)]
    if data is not None:
        every += ["--data", str(data.resolve())]
    process = spares().run(module, every, directory.output_log) or _start(directory, every, 1, module)
    _wait_until_started(process, directory, directory.run_json.is_file)
    return directory.id


def launch_lab(kind: str, options: Sequence[str], name: str, runs: Path, data: Path | None = None) -> str:
    """Starts a laboratory's script and returns its run's id once its run.json is there.

    `kind` is a row of LABS, `options` are those of its command line (`LabSettings.options`), `name` is what a
    person calls the run. A spare process does it where one is at hand (`training.warm`), else a new one.
    UnknownNameError for the kind; LaunchError with the script's sentence where it does not start.
    """
    lab = LABS[kind]
    directory = RunDirectory.create(runs.resolve(), kind, "lab")
    every = [*options, "--run-directory", str(directory.path)]
    if name:
        every.append(f"--name={name}")
    if data is not None:
        every += ["--data", str(data.resolve())]
    process = spares().run(lab.module, every, directory.output_log)
    if process is None:
        process = _start(directory, every, 1, lab.module)
    _wait_until_started(process, directory, directory.run_json.is_file, LAB_PAUSE)
    return directory.id


def resume(directory: RunDirectory) -> str:
    """Goes on with a stopped, failed or lost run in a new process, from its last checkpoint; returns its id.
    A study goes on with the members that are missing.

    RunningError where it runs; LaunchError where there is nothing to go on from.
    """
    info, status = _read(directory)
    state = effective_state(info, status)
    if state == "running":
        raise RunningError(f"{directory.id} is running; stop it first")
    if info.kind in STUDIES:
        options = ["--resume", str(directory.path.resolve())]
        process = _start(directory, options, 1, STUDIES[info.kind])
        _wait_until_started(process, directory, lambda: _goes_on(directory, process.pid))
        return directory.id
    if info.kind in LABORATORIES:
        raise LaunchError(
            f"{directory.id} is a run of a laboratory, which starts anew: {_again(directory, info.kind)}"
        )
    if info.member:
        raise LaunchError(
            f"{directory.id} is a member of the study {info.group}, which trains it anew: resume the study"
        )
    if state == "finished":
        raise LaunchError(f"{directory.id} has finished; start a new run from it: {_again(directory)}")
    if not (directory.checkpoints / "last.safetensors").is_file():
        raise LaunchError(
            f"{directory.id} ended before its first checkpoint; start it again: {_again(directory)}"
        )
    threads = int(info.config.get("threads", 1))
    process = _start(directory, ["--resume", str(directory.path.resolve())], threads)
    _wait_until_started(process, directory, lambda: is_running(directory))
    return directory.id


def stop(directory: RunDirectory) -> None:
    """Asks a running training to end after its current step, with a checkpoint; returns at once.

    The request is a file, which works on every system; where there are signals, SIGTERM wakes it at once. A
    loop that is not ours gets the file only: the signal would end it without a word.
    """
    info, status = _read(directory)
    if effective_state(info, status) != "running":
        return
    send_request(directory, "stop")
    pid, started = _process(info, status)
    if os.name != "nt" and STOPPED_BY_SIGNAL.get(info.kind) in info.command and is_alive(pid, started):
        import signal

        try:
            os.kill(pid, signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            return  # it has just ended, or is another user's: the request is there


def is_running(directory: RunDirectory) -> bool:
    """True while the run says it runs and its process lives."""
    try:
        return effective_state(*_read(directory)) == "running"
    except BrokenRunError:
        return False


def first_config() -> RunConfig:
    """The training that a new user sees first: LeNet-5 on handwritten digits, a minute of moving curves."""
    return RunConfig(
        model="lenet5",
        optimizer="momentum",
        schedule="cosine",
        epochs=120,
        name="First steps",
        tags=("first",),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser()
    options.prog = "python -m training.launch"
    options.add_argument("--first", action="store_true", help="the short training that a new user sees first")
    namespace = options.parse_args(arguments)
    first = vars(namespace).pop("first", False)
    runs = runs_folder(namespace)
    try:
        if "resume" in namespace:
            print(resume(found_run(namespace.resume, runs)))
        else:
            config = config_from(namespace, first_config()) if first else asked(namespace)
            if "model" in namespace and is_own(config.model):
                allow(config.model)
            print(launch(config, runs, data_folder(namespace)))
    except (ConfigError, LaunchError, LogsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _start(
    directory: RunDirectory, options: list[str], threads: int, module: str = "training.train"
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, *options]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    with directory.output_log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).resolve().parents[1],  # where `-m training.train` is found
            env=environment,
            close_fds=True,
            **_of_its_own(),
        )
    # Somebody must take the exit status, or the ended process stays as a zombie for as long as this one
    # lives.
    threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()
    return process


def _of_its_own() -> dict[str, Any]:
    """What makes a process live on when the one that started it ends, and deaf to its Ctrl-C."""
    if os.name == "nt":
        flags = {"DETACHED_PROCESS": 0x8, "CREATE_NEW_PROCESS_GROUP": 0x200}
        return {"creationflags": sum(getattr(subprocess, name, value) for name, value in flags.items())}
    return {"start_new_session": True}


def _wait_until_started(
    process: subprocess.Popen[bytes], directory: RunDirectory, started: Any, pause: float = 0.05
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not started():
        if process.poll() is not None and not started():
            said = _tail(directory.output_log) or f"it ended with code {process.returncode} and said nothing"
            raise LaunchError(f"the training did not start: {said}")
        if time.monotonic() > deadline:
            raise LaunchError(
                f"the training did not start within {START_SECONDS:.0f} s; see {directory.output_log}"
            )
        time.sleep(pause)


def _goes_on(directory: RunDirectory, pid: int) -> bool:
    """True once the process has taken the study over, though it may have ended it already."""
    status = read_status(directory)
    return status is not None and status.pid == pid


def _tail(path: Path) -> str:
    try:
        return path.read_bytes()[-TAIL_CHARACTERS:].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _read(directory: RunDirectory) -> tuple[RunInfo, Status | None]:
    return read_info(directory), read_status(directory)


def _process(info: RunInfo, status: Status | None) -> tuple[int, float]:
    if status is not None and status.pid:
        return status.pid, status.process_started
    return info.pid, info.process_started


def _again(directory: RunDirectory, kind: str = "") -> str:
    return f"python -m {LABORATORIES.get(kind, 'training.train')} --from-run {directory.id}"


if __name__ == "__main__":
    sys.exit(main())
