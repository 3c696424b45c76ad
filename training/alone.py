"""One job of a study through the ordinary loop: the run that `python -m training.train` would write."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from logs.directory import RunDirectory
from logs.info import RunInfo
from logs.writer import RunWriter
from training.console import Console
from training.data import load_data
from training.devices import choose_device, device_title
from training.jobs import Job, Judge, samples_of
from training.loop import Trainer
from training.randomness import seed_everything
from training.train import EXPLAINED, about_run, described, explained

PROGRAMS = {  # that go on with the study of such a member
    "fold": "training.kfold",
    "trial": "training.sweep",
    "variant": "training.guided",
    "side": "training.compare_landscapes",
}


def train_alone(
    job: Job,
    runs: Path,
    data_root: Path,
    should_stop: Callable[[], bool] = lambda: False,
    judge: Judge | None = None,
) -> str:
    """Trains one job in this process and writes its run, whose id is returned.

    Nothing that happens in the training is raised: the run says how it ended. `should_stop` is asked after
    every step. `judge` is told the validation score after every epoch, for place 0.
    """
    torch.set_num_threads(job.config.threads)
    device = choose_device(job.config.device)
    run = opened(job, runs, device)
    with Console(run.directory.output_log, quiet=True) as console:
        console.say(f"run {run.directory.path} on {device_title(device)}: {job.title} of {job.study}")
        try:
            state, reason = _trained(job, run, device, data_root, console, should_stop, judge)
        except KeyboardInterrupt:
            run.finish("stopped")
            raise
        except Exception as error:
            sentence = explained(error, job.config)
            if not isinstance(error, EXPLAINED):
                console.say(traceback.format_exc().rstrip())
            console.say(f"error: {sentence}")
            run.finish("failed", error=sentence)
        else:
            console.say(reason or state)
            run.finish(state, error=reason)
    return run.directory.id


def opened(job: Job, runs: Path, device: torch.device, **more: Any) -> RunWriter:
    """The writer of a job's run, in a directory of its own. `more` goes to `RunWriter.open`."""
    config = job.config
    directory = RunDirectory.create(runs, config.model, config.dataset)
    about = about_run(config, device) | {
        "name": config.name and f"{config.name}: {job.title}",
        "kind": job.kind,
        "group": job.study,
        "member": dict(job.member),
        "command": ["python", "-m", PROGRAMS[job.kind], "--resume", job.study],
    }
    return RunWriter.open(directory, RunInfo.new(directory, **about), **more)


def _trained(
    job: Job,
    run: RunWriter,
    device: torch.device,
    data_root: Path,
    console: Console,
    should_stop: Callable[[], bool],
    judge: Judge | None,
) -> tuple[str, str | None]:
    """How it ended, and why where a judge ended it."""
    config = job.config
    data = load_data(config, device, data_root, job.split, samples_of(config, data_root))
    console.say(described(config, data))
    for note in data.notes:
        console.say(note)
        run.text(0, "note", note)
    seed_everything(config.seed, device)
    trainer = JudgedTrainer(config, data, run, device, console, should_stop)
    trainer.judge = judge
    console.start(config.epochs, trainer.steps_per_epoch)
    state = trainer.fit()
    return state, (trainer.verdict or None) if state == "stopped" else None


class JudgedTrainer(Trainer):
    """The ordinary loop, and somebody who may end it after an epoch."""

    judge: Judge | None = None
    verdict = ""

    def end_epoch(self) -> None:
        super().end_epoch()
        if self.judge is not None:
            score = self.validation[self.task.best.name]
            self.verdict = self.judge(self.epoch, {0: score}).get(0, "")
            if self.verdict:
                self.stop_requested = lambda: True
