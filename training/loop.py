"""The training loop, written out. Everything that learns here learns like this.

For every epoch, and in it for every batch: compute the outputs (forward), how wrong they are (the loss), in
which direction each weight makes it worse (backward), and move every weight a little the other way (the
optimizer's step). After an epoch, measure on data that was not trained on, and remember the best weights.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from logs.requests import Request
from logs.writer import RunWriter
from models.losses import build_loss
from training.checkpoints import Checkpoint, Network, fill, load_checkpoint, save_checkpoint
from training.config import AUTO, RunConfig
from training.console import Console
from training.data import Data, Part
from training.freezing import freeze, training_mode
from training.observe import Observer
from training.optimizers import build_optimizer
from training.randomness import augmentation_generator, random_states, restore_random_states
from training.schedules import build_schedule
from training.tasks import TASKS
from training.transforms import augment

EVALUATION_BATCH = 500  # samples; with 1,000 of a LeNet-5 its activations left the cache: half as fast again
SAVE_SECONDS = 5.0  # between two savings of best and last: a killed process loses that and an epoch at most


class Trainer:
    """One training: the network, what changes it, and where it stands."""

    def __init__(
        self,
        config: RunConfig,
        data: Data,
        run: RunWriter,
        device: torch.device,
        console: Console,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.config, self.data, self.run, self.device = config, data, run, device
        self.console, self.stop_requested = console, stop_requested
        self.task = TASKS[data.task]
        outputs = self.task.outputs(data.num_classes, config.task_settings)
        self.about = Network(config.model, config.model_settings, data.input_shape, outputs)
        self.network = self.about.build().to(device)
        freeze(self.network, config.freeze)
        name = self.task.loss if config.loss == AUTO else config.loss
        smoothing = {"label_smoothing": config.label_smoothing} if config.label_smoothing else {}
        self.loss = build_loss(name, {**config.loss_settings, **smoothing})
        self.learned = [weight for weight in self.network.parameters() if weight.requires_grad]
        self.optimizer = build_optimizer(
            config.optimizer,
            self.learned,
            config.learning_rate,
            config.weight_decay,
            config.optimizer_settings,
        )
        self.steps_per_epoch = batches_in(len(data.train), config.batch_size)
        self.schedule = build_schedule(
            config.schedule,
            self.optimizer,
            config.epochs * self.steps_per_epoch,
            self.steps_per_epoch,
            config.schedule_settings,
        )
        self.augmentation = augmentation_generator(config.seed)
        self.observer = Observer(
            run, config, data, self.network, build_loss(name, config.loss_settings), self.steps_per_epoch
        )
        self.step = 0  # optimizer updates since the start
        self.epoch = 0  # passes over the training data that are done
        self.batch = 0  # batches done of the pass that has begun
        self.best = Best(self.task.best.higher_is_better)
        self.validation: Mapping[str, float] = {}  # the newest scores
        self.saved_at = time.monotonic()

    def fit(self) -> str:
        """Trains to the end, or until asked to stop: "finished" or "stopped"."""
        try:
            return self._fit()
        finally:
            self.observer.flush()  # whatever happened, the steps that were made are in the log

    def _fit(self) -> str:
        while self.epoch < self.config.epochs and not self.out_of_patience():
            if not self.train_one_epoch():
                self.save("best", "last")
                return "stopped"
            self.end_epoch()
        self.save("best", "last")
        self.test()
        return "finished"

    def train_one_epoch(self) -> bool:
        """One pass over the training data, from where it stands; False where it was asked to stop before its
        end.
        """
        training_mode(self.network)
        shuffled = self.data.epoch_generator(self.epoch)
        batches = self.data.train.batches(self.config.batch_size, shuffled, first=self.batch)
        for batch in itertools.islice(batches, self.steps_per_epoch - self.batch):
            inputs, targets = self.augmented(*batch) if self.config.transforms else batch

            outputs = self.network(inputs)  # forward
            loss = self.loss(outputs, targets)
            objective = loss + self.config.l1 * l1_norm(self.network) if self.config.l1 else loss

            self.forget_gradients()
            objective.backward()  # every weight's gradient
            gradient_norm = self.clip_gradients()
            self.optimizer.step()  # every weight moves
            self.step += 1
            self.batch += 1

            self.observer.after_step(
                self.step, self.exact_epoch, loss, outputs, targets, gradient_norm, self.learning_rate
            )
            self.schedule.step_batch()
            self.console.after_step(self.step)
            if not self.obey(self.run.requests()) or self.stop_requested():
                return False
        return True

    def end_epoch(self) -> None:
        """Measures on the validation data, remembers the best weights, and saves."""
        self.epoch, self.batch = self.epoch + 1, 0
        outputs, targets = evaluate(self.network, self.data.validation)
        scores = self.observer.after_epoch(self.step, self.epoch, outputs, targets)
        self.validation = scores
        self.schedule.step_epoch(scores["loss"])
        self.best.consider(scores[self.task.best.name], self.step, self.epoch, self.network)
        self.console.after_epoch(self.epoch, scores, self.best.epoch == self.epoch)
        every = self.config.checkpoint_every
        if every and self.epoch % every == 0:
            self.save(f"epoch-{self.epoch:04d}")
        if time.monotonic() - self.saved_at > SAVE_SECONDS:
            self.save("best", "last")

    def test(self) -> None:
        """The final score, measured once, with the weights that `keep` says: those that were best on the
        validation data, or the last ones.
        """
        step, epoch = self.step, self.epoch
        if self.config.keep == "best":
            self.network.load_state_dict(self.best.weights)
            step, epoch = self.best.step, self.best.epoch
        outputs, targets = evaluate(self.network, self.data.test)
        scores = self.observer.at_the_end(step, epoch, outputs, targets)
        self.console.after_test(epoch, scores)

    @property
    def exact_epoch(self) -> float:
        """Passes over the training data, with the fraction of the one that has begun."""
        return self.epoch + self.batch / self.steps_per_epoch

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def augmented(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The batch after the chosen transforms, which draw from a stream of their own."""
        names, settings = self.config.transforms, self.config.transform_settings
        return augment(inputs, targets, names, settings, self.augmentation, self.about.outputs)

    def forget_gradients(self) -> None:
        """The optimizer's `zero_grad`, whose search for what to do takes longer than this."""
        for weight in self.learned:
            weight.grad = None

    def clip_gradients(self) -> Tensor | None:
        """Shortens the gradient to `clip_norm`; its norm before, or None where it is not clipped."""
        if not self.config.clip_norm:
            return None
        return nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm, foreach=True)

    def out_of_patience(self) -> bool:
        patience = self.config.early_stopping
        return bool(patience) and self.epoch - self.best.epoch >= patience

    def obey(self, requests: list[Request]) -> bool:
        """Does what a person asked for between two steps; False where that is to stop."""
        for request in requests:
            if request.kind == "checkpoint":
                self.save(f"step-{self.step:08d}")
            elif request.kind == "learning_rate" and request.value is not None:
                self.schedule.set_learning_rate(request.value)
                self.run.text(
                    self.step,
                    "note",
                    f"learning rate set to {request.value:g} by hand",
                    epoch=self.exact_epoch,
                )
            elif request.kind == "stop":
                return False
        return True

    def save(self, *names: str) -> None:
        """Writes checkpoints. A full disk must not end a training: it goes on, and says so."""
        try:
            for name in names:
                if name == "best":
                    self.best.save(self.run.directory.checkpoints, self.checkpoint())
                else:
                    save_checkpoint(self.run.directory.checkpoints, name, self.checkpoint())
        except OSError as error:
            self.console.say(f"warning: no checkpoint could be written ({error}); training goes on")
        self.saved_at = time.monotonic()

    def checkpoint(self) -> Checkpoint:
        """This moment, whole."""
        return Checkpoint(
            network=self.about,
            weights=self.network.state_dict(),
            position={"step": self.step, "epoch": self.epoch, "batch": self.batch},
            info={
                "task": self.task.name,
                "dataset": self.data.name,
                "classes": list(self.data.class_names),
            },
            state={
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "random": random_states(self.device, self.augmentation),
                "observer": self.observer.state(),
                "best": self.best.state(),
            },
        )

    def restore(self, logged: Mapping[str | None, int]) -> None:
        """Stands where `last` was saved: every number that follows is that of the uninterrupted run.

        `logged`: the newest step that the log has, for each split. What came after `last` is computed again.
        """
        folder = self.run.directory.checkpoints
        last = load_checkpoint(folder / "last.safetensors")
        fill(self.network, last.weights, folder / "last.safetensors")
        self.optimizer.load_state_dict(dict(last.state["optimizer"]))
        self.schedule.load_state_dict(last.state["schedule"])
        self.observer.restore(last.state["observer"], self.device, logged)
        self.best.restore(last.state["best"], folder, self.network)
        self.step, self.epoch, self.batch = (int(last.position[name]) for name in ("step", "epoch", "batch"))
        restore_random_states(last.state["random"], self.device, self.augmentation)


class Best:
    """The weights with the best validation score so far, and when that was."""

    def __init__(self, higher_is_better: bool) -> None:
        self.higher_is_better = higher_is_better
        self.score = float("-inf") if higher_is_better else float("inf")
        self.step = self.epoch = 0
        self.weights: dict[str, Tensor] = {}
        self._unsaved = False

    def consider(self, score: float, step: int, epoch: int, network: nn.Module) -> None:
        """Takes the network's weights where `score` beats the best one; an equal score keeps the earlier
        ones.
        """
        better = score > self.score if self.higher_is_better else score < self.score
        if better or not self.weights:
            self.score, self.step, self.epoch = score, step, epoch
            self.weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
            self._unsaved = True

    def state(self) -> dict[str, Any]:
        return {"score": self.score, "step": self.step, "epoch": self.epoch}

    def save(self, folder: Any, moment: Checkpoint) -> None:
        """Writes `best`, where it is not there yet: weights only, as nobody resumes from it."""
        if self._unsaved:
            position = {"step": self.step, "epoch": self.epoch, "batch": 0}
            save_checkpoint(folder, "best", Checkpoint(moment.network, self.weights, position, moment.info))
            self._unsaved = False

    def restore(self, state: Any, folder: Any, network: nn.Module) -> None:
        self.score, self.step, self.epoch = state["score"], int(state["step"]), int(state["epoch"])
        if self.epoch:
            device = next(network.parameters()).device
            weights = load_checkpoint(folder / "best.safetensors").weights
            self.weights = {name: tensor.to(device) for name, tensor in weights.items()}


@torch.inference_mode()
def evaluate(network: nn.Module, part: Part) -> tuple[Tensor, Tensor]:
    """The network's outputs for a whole part of the data, in its order, and the targets."""
    network.eval()
    pairs = [(network(inputs), targets) for inputs, targets in part.batches(EVALUATION_BATCH)]
    return torch.cat([outputs for outputs, _ in pairs]), torch.cat([targets for _, targets in pairs])


def l1_norm(network: nn.Module) -> Tensor:
    """The sum of |w| over all weights; biases and normalisation are left free (they have one dimension)."""
    return torch.stack([weight.abs().sum() for weight in network.parameters() if weight.dim() > 1]).sum()


def batches_in(samples: int, batch_size: int) -> int:
    """Updates of one pass. A last batch of one sample is left out: batch normalisation has nothing to divide
    by.
    """
    whole, rest = divmod(samples, batch_size)
    return max(1, whole + (rest > 1))
