"""The background script: `python -m training.train --help`."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch

from logs.directory import RunDirectory
from logs.errors import LogsError
from logs.info import RunInfo, read_info
from logs.reader import RunReader
from logs.status import effective_state, read_status
from logs.visdom_process import VisdomProcess
from logs.writer import RunWriter
from models.own import allow, is_allowed, is_own
from training.arguments import PROGRAM, asked, command_line, config_from, parser
from training.checkpoints import CheckpointError
from training.config import ConfigError, RunConfig
from training.console import Console
from training.data import Data, DataError, load_data
from training.devices import DeviceError, choose_device, device_title
from training.loop import Trainer
from training.observe import DivergedError
from training.places import data_folder, found_run, runs_folder, visdom_server
from training.randomness import seed_everything
from training.tasks import TASKS

# What a person can do something about is said in a sentence; anything else with its traceback.
EXPLAINED = (ConfigError, CheckpointError, DataError, DeviceError, DivergedError, LogsError, OSError)
STREAM_SECONDS = 5.0  # the last picture may take that long; a server that hangs can't hold the process


class Stop:
    """Ctrl-C and SIGTERM: the first asks the training to end after its step, a second Ctrl-C ends the
    process. A context manager: it puts the former handlers back.
    """

    def __init__(self) -> None:
        self.requested = False
        self.training = False  # before the loop there is no step to wait for
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        # A closed terminal sends SIGHUP; Windows has SIGBREAK instead of SIGTERM
        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # nohup
        self._former = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if not self.training:
            raise KeyboardInterrupt
        self.requested = True


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the training finished or was stopped, 1 when it failed, 2 when it could not start."""
    namespace = parser().parse_args(arguments)
    with Stop() as stop:
        try:
            config, resumed = chosen(namespace)
            torch.set_num_threads(config.threads)
            device = choose_device(config.device)
            run = opened(namespace, config, device, resumed)
        except EXPLAINED as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        return watched(config, run, device, data_folder(namespace), stop, resumed is not None)


def watched(
    config: RunConfig, run: RunWriter, device: torch.device, data_root: Path, stop: Stop, resumed: bool
) -> int:
    """Trains, streams to Visdom, and whatever happens, lets the run say how it ended."""
    with Console(run.directory.output_log) as console:
        console.say(f"run {run.directory.path} on {device_title(device)}")
        stream = started_stream(config, run.directory, console)
        try:
            train(config, run, device, data_root, console, stop, resumed)
        except KeyboardInterrupt:
            run.finish("stopped")
            console.say("stopped before the first step")
        except Exception as error:
            sentence = explained(error, config)
            if not isinstance(error, EXPLAINED):
                console.say(traceback.format_exc().rstrip())
            console.say(f"error: {sentence}")
            run.finish("failed", error=sentence)
            return 1
        finally:
            if stream is not None:
                stream.close(timeout=STREAM_SECONDS)
    return 0


def train(
    config: RunConfig,
    run: RunWriter,
    device: torch.device,
    data_root: Path,
    console: Console,
    stop: Stop,
    resumed: bool = False,
) -> None:
    """Loads the data, trains, and finishes the run."""
    data = load_data(config, device, data_root)
    console.say(described(config, data))
    for note in data.notes:
        console.say(note)
        run.text(0, "note", note)
    seed_everything(config.seed, device)
    trainer = Trainer(config, data, run, device, console, lambda: stop.requested)
    if resumed:
        trainer.restore(last_steps(RunReader(run.directory.path)))
        console.say(f"goes on after step {trainer.step}")
    console.start(config.epochs, trainer.steps_per_epoch, trainer.step)
    stop.training = True
    state = trainer.fit()
    run.finish(state)
    again = f"; go on with: {PROGRAM} --resume {run.directory.id}" if state == "stopped" else ""
    console.say(f"{state} after {trainer.step} steps: {run.directory.path}{again}")


def chosen(namespace: argparse.Namespace) -> tuple[RunConfig, RunDirectory | None]:
    """The configuration to train, and the run to resume where one is named."""
    runs = runs_folder(namespace)
    if "resume" not in namespace:
        config = asked(namespace)
        allow_typed(namespace, config)
        return config, None
    directory = found_run(namespace.resume, runs)
    info = read_info(directory)
    if info.member:
        raise ConfigError(
            f"{directory.id} is one of a study, and only the study knows its samples: resume {info.group}, "
            f"or train its configuration on a split of its own: --from-run {directory.id}"
        )
    if info.study:
        raise ConfigError(
            f"{directory.id} is a study: python -m training.{info.kind} --resume {directory.id}"
        )
    config = RunConfig.from_dict(info.config)
    if config_from(namespace, config) != config or "from_run" in namespace:
        raise ConfigError("--resume goes on with the run's own configuration; for another one use --from-run")
    state = effective_state(info, read_status(directory))
    if state in ("running", "finished"):
        way_out = "stop it first" if state == "running" else f"start a new one: --from-run {directory.id}"
        raise ConfigError(f"{directory.id} is {state}; {way_out}")
    allow_typed(namespace, config)
    if not (directory.checkpoints / "last.safetensors").is_file():
        raise ConfigError(f"{directory.id} has no checkpoint yet; start it again: --from-run {directory.id}")
    return config, directory


def allow_typed(namespace: argparse.Namespace, config: RunConfig) -> None:
    """Lets a network of one's own code run where its file was typed on this command line. ConfigError where
    it was not: a run's configuration may be anybody's.
    """
    if not is_own(config.model) or is_allowed(config.model):
        return
    if "model" not in namespace:
        raise ConfigError(
            f"the network of that run is code, {config.model}; to run it, say so: --model {config.model}"
        )
    allow(config.model)


def opened(
    namespace: argparse.Namespace, config: RunConfig, device: torch.device, resumed: RunDirectory | None
) -> RunWriter:
    """The writer of the run: of a resumed one, of a folder that was prepared, or of a new one."""
    if resumed is not None:
        return RunWriter.resume(resumed.path)
    about = about_run(config, device) | {"command": [*PROGRAM.split(), *command_line(config)]}
    if "run_directory" in namespace:
        directory = RunDirectory(namespace.run_directory)
        return RunWriter.open(directory, RunInfo.new(directory, **about))
    return RunWriter.create(runs_folder(namespace), **about)


def about_run(config: RunConfig, device: torch.device) -> dict[str, Any]:
    """What `RunInfo.new` is told of a training with this configuration: all but its command."""
    return {
        "model": config.model,
        "dataset": config.dataset,
        "config": config.to_dict(),
        "name": config.name,
        "kind": "train",
        "group": config.group,
        "tags": config.tags,
        "seed": config.seed,
        "device": device_title(device),
        "higher_is_better": directions(),
    }


def directions() -> dict[str, bool]:
    """For each metric that a task may log, whether more is better."""
    known = {name: better for task in TASKS for name, better in task.higher_is_better().items()}
    return known | {f"epoch_{name}": better for name, better in known.items()}


def started_stream(config: RunConfig, directory: RunDirectory, console: Console) -> VisdomProcess | None:
    server = visdom_server(config.visdom)
    if server is None:
        return None
    return VisdomProcess(directory, server, say=console.say).start()


def last_steps(reader: RunReader) -> dict[str | None, int]:
    """The newest step that the log has, for each split."""
    newest: dict[str | None, int] = {}
    for metric, split in reader.metrics():
        steps = reader.curve(metric, split).step
        if len(steps):
            newest[split] = max(newest.get(split, 0), int(steps[-1]))
    return newest


def described(config: RunConfig, data: Data) -> str:
    parts = (
        f"{len(data.train)} samples to train, {len(data.validation)} to validate, {len(data.test)} to test"
    )
    return f"{config.model} learns {data.name} ({data.task}): {parts}"


def explained(error: Exception, config: RunConfig) -> str:
    """One sentence for the run's status."""
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return (
            f"out of memory with a batch of {config.batch_size}; use a smaller --batch-size, a smaller "
            "model, or fewer --train-samples"
        )
    return str(error) if isinstance(error, EXPLAINED) else f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
