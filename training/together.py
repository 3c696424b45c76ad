"""Many jobs of a study trained at the same time as one, each with a run of its own.

The numbers come from `training.batched`; here they reach the run directories that the ordinary loop would
have written: the same metrics, matrices, histograms, predictions and checkpoints, in blocks, because a
network that is trained in 0.1 s must not take a second to log.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from logs.crew import Crew
from logs.writer import RunWriter
from training.alone import opened
from training.batched import BatchedTraining, EpochScores, Outcome, StepScores
from training.checkpoints import Checkpoint, save_checkpoint
from training.console import Console
from training.data import Data
from training.devices import choose_device, device_title
from training.jobs import Job, Judge, prepared
from training.loop import batches_in
from training.members import Member
from training.memory import keep_freed_memory
from training.stacked_pictures import StackedHistograms, confusions
from training.stacked_rows import EpochTables, NotedEpoch, log_epochs, log_steps
from training.stacked_scores import Evaluation
from training.train import EXPLAINED, described, explained

MANY = 32  # above so many, matrices, histograms and lines of text are written at the end only
LOG_SECONDS = 0.5  # between two writings of an epoch's steps
SAVE_SECONDS = 5.0  # between two savings of checkpoints ...
SAVE_SHARE = 0.05  # ... which may take this share of the time
WAITING_BYTES = 4 * 2**20  # of histograms, and of outputs for confusion matrices
OPENING, FINISHING = 4, 2  # threads that begin runs, mostly waiting for the disk, and that end them


def train_together(
    jobs: Sequence[Job],
    runs: Path,
    data_root: Path,
    should_stop: Callable[[], bool] = lambda: False,
    judge: Judge | None = None,
    tick: Callable[[float], None] = lambda share: None,
    company: int = 0,
) -> list[str]:
    """Trains jobs that fit together (`training.members.why_not_together`) in this process; their runs' ids.

    What happens to one job is in its run, not raised: one without usable samples or whose loss is no number
    any more has failed, one whose own run is asked to stop ends, and the others go on. `judge` is told after
    every epoch the validation scores of those that are trained, by their place in `jobs`. `tick` hears which
    share of the work is done. `company`: how many train at this time, in other processes too.
    """
    torch.set_num_threads(jobs[0].config.threads)
    device = choose_device(jobs[0].config.device)
    keep_freed_memory()
    with Crew() as crew:
        with ThreadPoolExecutor(OPENING) as pool:
            writers = list(pool.map(lambda job: opened(job, runs, device, crew=crew), jobs))
        datas: dict[int, Data] = {}
        for place, data in enumerate(prepared(jobs, device, data_root)):
            if isinstance(data, Exception):
                writers[place].finish("failed", error=explained(data, jobs[place].config))
            else:
                datas[place] = data
        if datas:
            many = max(company, len(jobs)) > MANY
            Company(jobs, writers, datas, device, many).train(should_stop, judge, tick)
    return [run.directory.id for run in writers]


class Company:
    """The jobs that are trained together. A `place` counts jobs, a `number` the members of the training."""

    def __init__(
        self,
        jobs: Sequence[Job],
        writers: Sequence[RunWriter],
        datas: dict[int, Data],
        device: torch.device,
        many: bool,
    ) -> None:
        self.places = list(datas)
        self.jobs = [jobs[place] for place in self.places]
        self.runs = [writers[place] for place in self.places]
        self.datas = list(datas.values())
        self.device = device
        self.consoles = [Console(run.directory.output_log, quiet=True) for run in self.runs]
        self.many = many
        self.waiting: list[StepScores] = []  # steps that are not logged yet
        self.noted: list[NotedEpoch] = []  # epochs, the same
        self.blind = frozenset(number for number, data in enumerate(self.datas) if not len(data.validation))
        self.judged: list[tuple[list[int], list[int], int, Sequence[Evaluation]]] = []  # for matrices
        self.rates = np.array([job.config.learning_rate for job in self.jobs])  # of the last update
        self.ended: set[int] = set()
        self.logged_at = self.saved_at = time.monotonic()
        self.save_took = 0.0

    def train(
        self, should_stop: Callable[[], bool], judge: Judge | None, tick: Callable[[float], None]
    ) -> None:
        """Trains everyone to the end, whatever that is; every run is finished afterwards."""
        try:
            self._begin()
            self._train(should_stop, judge, tick)
            self._end()
        except KeyboardInterrupt:
            self._end_all("stopped", None)
            raise
        except Exception as error:
            if not isinstance(error, EXPLAINED):
                self._say(traceback.format_exc().rstrip())
            sentence = explained(error, self.jobs[0].config)
            self._say(f"error: {sentence}")
            self._end_all("failed", sentence)
        finally:
            for console in self.consoles:
                console.close()

    def _begin(self) -> None:
        pairs = zip(self.jobs, self.datas, strict=True)
        self.training = BatchedTraining([Member.of(job.config, data) for job, data in pairs])
        self.histograms = StackedHistograms(self.training.learners.networks.places)
        where = device_title(self.device)
        note = f"trained at the same time as {len(self.jobs) - 1} others of {self.jobs[0].study}"
        for job, run, data, console in zip(self.jobs, self.runs, self.datas, self.consoles, strict=True):
            run.progress(epochs=job.config.epochs, steps=self._steps(job, data))
            lines = [f"run {run.directory.path} on {where}: {job.title}", described(job.config, data)]
            console.say("\n".join([*lines, *data.notes, note]))
            for text in (*data.notes, note):
                run.text(0, "note", text)

    def _train(
        self, should_stop: Callable[[], bool], judge: Judge | None, tick: Callable[[float], None]
    ) -> None:
        epochs = max(job.config.epochs for job in self.jobs)
        for scores in self.training.run():
            if isinstance(scores, StepScores):
                self.waiting.append(scores)
                self.rates[scores.members] = scores.learning_rates[-1]
                if time.monotonic() - self.logged_at > LOG_SECONDS:
                    self._log_waiting()
            else:
                self._note_epoch(scores)
                if time.monotonic() - self.logged_at > LOG_SECONDS or scores.ended:
                    self._log_waiting()
                self._obey(scores)
                if judge is not None:
                    self._ask(judge, scores)
                self._end_gone()
                self._save_sometimes()
                tick(scores.epoch / epochs)
            if should_stop():
                break
        self._log_waiting()

    def _log_waiting(self) -> None:
        log_steps(self.runs, self.waiting)
        log_epochs(self.runs, self.noted, self.blind)
        self.waiting.clear()
        self.noted.clear()
        self._log_judged()
        self.histograms.log(self.runs)
        self.logged_at = time.monotonic()

    def _note_epoch(self, scores: EpochScores) -> None:
        tables: EpochTables = {
            "train": {f"epoch_{name}": values for name, values in scores.train.items()},
            "validation": scores.validation,
            None: {
                "learning_rate": self.rates[scores.members],
                "gradient_norm": scores.gradient_norms,
                "parameter_norm": scores.parameter_norms,
            },
        }
        self.noted.append(NotedEpoch(scores.members, scores.steps, scores.epoch, tables))
        for number, step in zip(scores.members.tolist(), scores.steps.tolist(), strict=True):
            self.runs[number].progress(epoch=scores.epoch, step=step)
        if not self.many:
            self._log_pictures(scores)
            self._say_epoch(scores)

    def _log_pictures(self, scores: EpochScores) -> None:
        """What confusion matrices of the validation data are made of, and when it is time histograms."""
        steps = scores.steps.tolist()
        if self.datas[0].num_classes:
            self.judged.append((scores.members.tolist(), steps, scores.epoch, scores.outputs))
            if sum(own.nbytes for *_, outputs in self.judged for _, own, _ in outputs) > WAITING_BYTES:
                self._log_judged()
        wanted = [
            place
            for place, number in enumerate(scores.members.tolist())
            if (every := self.jobs[number].config.histogram_every) and scores.epoch % every == 0
        ]
        if wanted:
            everyone = len(wanted) == len(steps)
            values = (each if everyone else each[wanted] for each in (scores.weights, scores.gradients))
            moments = scores.members[wanted].tolist(), [steps[place] for place in wanted], scores.epoch
            self.histograms.add(*moments, *values)
            if self.histograms.nbytes > WAITING_BYTES:
                self.histograms.log(self.runs)

    def _log_judged(self) -> None:
        """The confusion matrices of several epochs by one count, too."""
        parts: dict[int, list[Evaluation]] = {}  # by samples of a member
        members: list[int] = []
        steps: list[int] = []
        epochs: list[float] = []
        for numbers, at, epoch, outputs in self.judged:
            for rows, own, targets in outputs:
                parts.setdefault(own.shape[1], []).append((rows + len(members), own, targets))
            members += numbers
            steps += at
            epochs += [epoch] * len(numbers)
        joined = [
            (np.concatenate(rows), torch.cat(own), torch.cat(targets))
            for rows, own, targets in (zip(*found, strict=True) for found in parts.values())
        ]
        self._log_confusions("validation", np.array(members), joined, steps, epochs)
        self.judged.clear()

    def _log_confusions(
        self,
        split: str,
        members: np.ndarray,
        outputs: Iterable[Evaluation],
        steps: Sequence[int],
        epochs: Sequence[float],
    ) -> None:
        classes = self.datas[0].num_classes
        if not classes:
            return
        labels = list(self.datas[0].class_names)
        task = self.training.members[0].row
        for row, counts in confusions(list(outputs), task, classes).items():
            run = self.runs[int(members[row])]
            run.matrix(steps[row], "confusion", counts, labels, split=split, epoch=epochs[row])

    def _say_epoch(self, scores: EpochScores) -> None:
        values = {name: array.tolist() for name, array in scores.validation.items()}
        rows = zip(scores.members.tolist(), scores.improved.tolist(), strict=True)
        for place, (number, improved) in enumerate(rows):
            own = {name: array[place] for name, array in values.items()}
            self.consoles[number].after_epoch(scores.epoch, own, improved)

    def _obey(self, scores: EpochScores) -> None:
        """What a person asked of single members."""
        for number, step in zip(scores.members.tolist(), scores.steps.tolist(), strict=True):
            for request in self.runs[number].requests():
                if request.kind == "stop":
                    self.training.stop([number])
                elif request.kind == "checkpoint":
                    self._save(number, f"step-{step:08d}")
                else:
                    note = "its learning rate can't be set by hand: it is trained at the same time as others"
                    self.runs[number].text(step, "note", note, epoch=scores.epoch)

    def _ask(self, judge: Judge, scores: EpochScores) -> None:
        best = scores.validation[self.training.scores.best.name].tolist()
        running = {
            number: score
            for number, score in zip(scores.members.tolist(), best, strict=True)
            if number not in scores.ended
        }
        if running:
            verdicts = judge(scores.epoch, {self.places[number]: score for number, score in running.items()})
            numbers = {place: number for number, place in enumerate(self.places)}
            for place, reason in verdicts.items():
                self.training.stop([numbers[place]], reason)

    def _end_gone(self) -> None:
        """Finishes the runs of members that failed or were stopped; those that finished wait for the test."""
        alive = set(self.training.alive.tolist())
        for number, state in enumerate(self.training.states):
            gone = number not in alive and number not in self.ended
            if gone and state in ("failed", "stopped"):
                self._log_waiting()  # what came of the epoch after which it was stopped may still wait
                self._finish(number, state, self.training.errors[number])

    def _end(self) -> None:
        """The test scores, of the weights kept, and how everybody ended."""
        outcomes = self.training.outcomes()
        finished = [outcome for outcome in outcomes if outcome.state == "finished"]
        self._log_tests(finished)
        left = [outcome for outcome in outcomes if outcome.member not in self.ended]
        with ThreadPoolExecutor(FINISHING) as pool:  # Arrow and the disk work outside of the interpreter
            list(pool.map(lambda each: self._finish(each.member, each.state, each.error), left))

    def _log_tests(self, finished: Sequence[Outcome]) -> None:
        task = self.training.members[0].row
        for outcome in finished:
            if outcome.test_outputs is None:
                continue
            data, run = self.datas[outcome.member], self.runs[outcome.member]
            step, epoch = outcome.kept_step, outcome.kept_epoch
            run.log(step, outcome.test, split="test", epoch=epoch)
            said, chances = task.predict(data.in_units(outcome.test_outputs), data.test.targets)
            targets = data.test.targets
            run.predictions(
                "test",
                index=data.test.indices,
                target=data.in_units(targets).flatten().cpu().numpy(),
                prediction=said.flatten().cpu().numpy(),
                probabilities=None if chances is None else chances.cpu().numpy(),
                step=step,
                epoch=epoch,
            )
            evaluation = (np.zeros(1, np.int64), outcome.test_outputs[None], targets[None])
            self._log_confusions("test", np.array([outcome.member]), [evaluation], [step], [epoch])
            keep = self.jobs[outcome.member].config.keep
            note = f"the test scores are of the {keep} weights: those after epoch {epoch}"
            run.text(step, "note", note, epoch=epoch)
            self.consoles[outcome.member].after_test(epoch, outcome.test)

    def _finish(self, number: int, state: str, error: str | None) -> None:
        self.ended.add(number)
        # Of many, each one's own few files are what takes longest: those of the weights that count must do
        last = not self.many or self.jobs[number].config.keep == "last"
        self._save(number, "best", *(["last"] if last else []))
        self.consoles[number].say(f"error: {error}" if state == "failed" else error or state)
        self.runs[number].finish(state, error)

    def _end_all(self, state: str, error: str | None) -> None:
        with contextlib.suppress(Exception):  # what waits to be logged is worth no second error
            self._log_waiting()
        for number, run in enumerate(self.runs):
            if number not in self.ended:
                run.finish(state, error)

    def _save_sometimes(self) -> None:
        """So that a look at a long training finds its networks; nobody resumes from these."""
        start = time.monotonic()
        if start - self.saved_at > max(SAVE_SECONDS, self.save_took / SAVE_SHARE):
            for number in self.training.alive.tolist():
                self._save(number, "best", "last")
            self.saved_at = time.monotonic()
            self.save_took = self.saved_at - start

    def _save(self, number: int, *names: str) -> None:
        """Writes checkpoints: weights only. A full disk must not end the trainings."""
        training, run = self.training, self.runs[number]
        best = training.best
        if not training.epochs[number] and not best.epochs[number]:
            return  # no epoch is done
        moments: dict[str, tuple[dict[str, Tensor], int, int]] = {
            name: (training.weights(number), int(training.steps[number]), int(training.epochs[number]))
            for name in names
            if name != "best"
        }
        if "best" in names:
            weights = best.networks.state_dict(number)
            moments["best"] = (weights, int(best.steps[number]), int(best.epochs[number]))
        member, data = training.members[number], self.datas[number]
        info = {"task": data.task, "dataset": data.name, "classes": list(data.class_names)}
        try:
            for name, (weights, step, epoch) in moments.items():
                position = {"step": step, "epoch": epoch, "batch": 0}
                moment = Checkpoint(member.about, weights, position, info)
                save_checkpoint(run.directory.checkpoints, name, moment)
        except OSError as error:
            self.consoles[number].say(f"warning: no checkpoint could be written ({error}); training goes on")

    def _say(self, line: str) -> None:
        for number, console in enumerate(self.consoles):
            if number not in self.ended:
                console.say(line)

    @staticmethod
    def _steps(job: Job, data: Data) -> int:
        return job.config.epochs * batches_in(len(data.train), job.config.batch_size)
