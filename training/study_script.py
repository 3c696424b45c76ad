"""What the scripts of studies share: their options, the study's own run, and how a drive is watched.

`training.kfold` and `training.sweep` add what is to be trained; everything else about a group of trainings
stands here once.
"""

from __future__ import annotations

import argparse
import contextlib
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from logs.directory import RunDirectory
from logs.info import RunInfo, read_info
from logs.status import effective_state, read_status
from logs.writer import RunWriter
from models.catalog import UnknownNameError
from training.arguments import parser
from training.compiled_steps import brought, is_for, is_loaded
from training.config import ConfigError, RunConfig
from training.console import Console
from training.devices import choose_device
from training.engines import ENGINES, EngineError, cores
from training.forked import ready_workers
from training.jobs import all_members, has_read, samples_of
from training.loop import batches_in
from training.places import data_folder, found_run, runs_folder, visdom_server
from training.plans import WAYS
from training.studies import Means, Study, StudyError, run_study
from training.train import EXPLAINED, Stop, about_run, explained

STREAM_SECONDS = 5.0
SHARED_BYTES = 4 * 2**20  # samples so large are read once, before the fork, and not by each worker
TOLD = (*EXPLAINED, EngineError, StudyError, UnknownNameError, ValueError)  # in a sentence
PLACES = ("runs", "data", "resume", "from_run", "run_directory")
MEANS = ("engine", "workers", "way", "gpus_per_worker")

type Drive = Callable[
    [Study, RunWriter, Path, Path, Means, Console, Callable[[], bool]], tuple[str, str | None]
]


def study_parser(program: str, description: str, examples: str) -> argparse.ArgumentParser:
    """All options of `training.train`, and those of every study."""
    result = parser()
    result.prog, result.usage = program, f"{program} [--setting value ...]"
    result.description, result.epilog = description, examples
    group = result.add_argument_group("How the trainings run")
    group.add_argument(
        "--engine",
        metavar="NAME",
        help=f"where they run: {', '.join(ENGINES.names())}, or ray://ADDRESS (default: auto)",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="processes at the same time; 0: one per core (default: 0)"
    )
    group.add_argument(
        "--way",
        choices=WAYS,
        help="small networks together as one, or each alone; auto measures which is faster (default: auto)",
    )
    group.add_argument(
        "--gpus-per-worker", type=float, metavar="X", help="of an engine that shares out GPUs (default: 0)"
    )
    return result


def apart(namespace: argparse.Namespace, names: tuple[str, ...]) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The namespace without the options of these names, for `training.arguments.asked`; and those."""
    given = vars(namespace)
    own = {name: value for name, value in given.items() if name in names}
    return argparse.Namespace(**{k: v for k, v in given.items() if k not in names}), own


def means_of(options: Mapping[str, Any]) -> Means:
    """ConfigError for a number of workers that can't be."""
    means = Means(**{name: options[name] for name in MEANS if name in options})
    if means.workers < 0 or means.gpus_per_worker < 0:
        raise ConfigError("workers and gpus_per_worker can't be negative; 0 takes one process per core")
    if "://" not in means.engine:
        ENGINES[means.engine]  # its error names the nearest row
    return means


@contextlib.contextmanager
def with_workers(means: Means, config: RunConfig, trainings: int, data_root: Path) -> Iterator[Means]:
    """The same means with processes that wait for work, no more than trainings, where this process can fork
    them: before it opens a run, whose log has threads. They end with the block.
    """
    local = means.engine in ("auto", "processes")
    one_thread = config.threads == 1  # a fork of a process that computed with more could not do so again
    count = min(means.workers or cores(), trainings)
    wanted = local and one_thread and count > 1 and choose_device(config.device).type == "cpu"
    compiled = is_loaded()
    if wanted and means.way != "alone" and is_for(config):
        samples = len(samples_of(config, data_root).targets)
        updates = config.epochs * batches_in(min(samples, config.train_samples or samples), config.batch_size)
        brought(-(-trainings // count) * updates)  # before the fork, which then has it too
    read = has_read(config, data_root)
    large = read is not None and getattr(read.inputs, "nbytes", SHARED_BYTES) >= SHARED_BYTES
    with ready_workers(count if wanted else 0, anew=large or is_loaded() != compiled) as workers:
        yield replace(means, ready=workers)


def resumable(namespace: argparse.Namespace, kind: str) -> RunInfo:
    """The info of the study to resume. ConfigError for another kind of run, and for one that runs or has
    finished.
    """
    directory = found_run(namespace.resume, runs_folder(namespace))
    info, status = read_info(directory), read_status(directory)
    if info.kind != kind:
        raise ConfigError(
            f"{directory.id} is a run of kind {info.kind}, not {kind}; name a study of this kind"
        )
    state = effective_state(info, status)
    if state == "running":
        raise ConfigError(f"{directory.id} is running; stop it first")
    return info


def opened_study(
    namespace: argparse.Namespace,
    config: RunConfig,
    kind: str,
    options: Mapping[str, Any],
    directions: Mapping[str, bool] | None = None,
) -> RunWriter:
    """The study's own run: of a resumed one, of a folder that was prepared, or a new one.

    `options` are what repeats it beside `config`: plain values.
    """
    if "resume" in namespace:
        resumed = found_run(namespace.resume, runs_folder(namespace))
        return RunWriter.resume(resumed.path)
    about = about_run(config, choose_device(config.device)) | {
        "kind": kind,
        "study": dict(options),
        "command": None,  # as it was typed
    }
    if directions is not None:
        about["higher_is_better"] = directions
    if "run_directory" in namespace:
        directory = RunDirectory(namespace.run_directory)
    else:
        directory = RunDirectory.create(runs_folder(namespace), config.model, config.dataset)
    return RunWriter.open(directory, RunInfo.new(directory, **about))


def driven(
    study: Study,
    run: RunWriter,
    config: RunConfig,
    data_root: Path,
    means: Means,
    stop: Stop,
    conclude: Callable[[Console], None],
    drive: Drive = run_study,
) -> int:
    """Trains the study in the folder that its run lies in, and lets the run say how it ended; the exit code.

    `conclude` writes and says what the members amount to; it is called also where some are missing. `drive`
    does what is to be done beside or after the trainings too.
    """
    directory = run.directory
    runs = directory.path.parent
    with Console(directory.output_log) as console:
        console.say(f"{study.title}: {directory.path}")
        with _streamed(config, directory, console):  # its last panes show the end; nobody waits for them
            try:
                stop.training = True
                state, error = drive(study, run, runs, data_root, means, console, lambda: stop.requested)
                conclude(console)
            except KeyboardInterrupt:
                run.finish("stopped")
                return 130
            except Exception as error:
                sentence = str(error) if isinstance(error, TOLD) else explained(error, config)
                if not isinstance(error, TOLD):
                    console.say(traceback.format_exc().rstrip())
                console.say(f"error: {sentence}")
                run.finish("failed", error=sentence)
                return 1
            run.finish(state, error=error)
            console.say(f"{state}: {directory.path}" + (f" ({error})" if error else ""))
            if state == "stopped":
                console.say(f"go on with --resume {directory.id}")
    return 1 if state == "failed" else 0


@contextlib.contextmanager
def _streamed(config: RunConfig, study: RunDirectory, console: Console) -> Iterator[None]:
    """Shows the study on Visdom while it is trained, where a server answers."""
    server = visdom_server(config.visdom)
    if server is None:
        yield
        return
    from logs.visdom_studies import StudyStream

    runs = study.path.parent
    stream = StudyStream(
        study, lambda: [row.directory for row in all_members(runs, study.id)], server, say=console.say
    )
    stream.start()
    try:
        yield
    finally:
        stream.close(timeout=STREAM_SECONDS)


__all__ = [
    "MEANS",
    "PLACES",
    "TOLD",
    "apart",
    "data_folder",
    "driven",
    "means_of",
    "opened_study",
    "resumable",
    "study_parser",
    "with_workers",
]
