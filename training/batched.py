"""Training many small networks at the same time as one.

    training = BatchedTraining(members)
    for scores in training.run():
        ...  # StepScores and EpochScores: numbers of every member, to be logged wherever they belong
    outcomes = training.outcomes()

A small network leaves the machine idle between Python's calls; ten of them side by side cost little more than
one. Nothing else is shared: each member has its own first weights, samples, order of batches, dropout masks,
optimizer state, learning rates, early stopping and best weights, and its numbers are those of `training.loop`
for its configuration to float accuracy (dropout's stream apart), alone or among a hundred. A member whose
loss is no number any more has failed, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from training.compiled_steps import Said, compiled_steps
from training.learners import Learners
from training.loop import batches_in
from training.members import Member, why_not_together
from training.stacked import StackedNetworks
from training.stacked_best import StackedBest
from training.stacked_samples import Block, DropoutMasks, EpochOrder, StackedSamples, steps_at_once
from training.stacked_schedules import StackedSchedules
from training.stacked_scores import Evaluation, Scores, StackedScores, evaluated


@dataclass(frozen=True)
class StepScores:
    """Some steps of some members: arrays [steps, members]."""

    members: np.ndarray  # their numbers, as they were given
    steps: np.ndarray  # updates since the start, from 1
    epochs: np.ndarray  # passes over the training data, with the fraction of the one that has begun
    values: Mapping[str, np.ndarray]  # the loss and the metrics of each batch
    learning_rates: np.ndarray
    valid: np.ndarray  # False after the step in which a member failed

    def of(self, column: int) -> Iterator[tuple[int, float, dict[str, float]]]:
        """Step, epoch and values of one member, for `RunWriter.log`; `column` is its place in `members`."""
        for row in np.flatnonzero(self.valid[:, column]).tolist():
            values = {name: float(array[row, column]) for name, array in self.values.items()}
            yield int(self.steps[row, column]), float(self.epochs[row, column]), values


@dataclass(frozen=True)
class EpochScores:
    """The end of an epoch: arrays [members], of the members that have not failed."""

    epoch: int  # passes that are done
    members: np.ndarray
    steps: np.ndarray  # updates since the start
    train: Scores  # over the epoch's batches, while the weights moved
    validation: Scores  # NaN for members without validation samples
    improved: np.ndarray  # whether this epoch's weights are the best so far
    learning_rates: np.ndarray  # of the next update
    gradient_norms: np.ndarray  # of the last update, before clipping
    parameter_norms: np.ndarray
    ended: Mapping[int, str]  # members that are done after this epoch: "finished" or "failed"
    outputs: Sequence[Evaluation]  # of the validation samples; its rows are places in `members`
    weights: Float[Tensor, "members numbers"]  # until the next step
    gradients: Float[Tensor, "members numbers"]  # of the last update, after clipping


@dataclass(frozen=True)
class Outcome:
    """What became of one member. The weights are the best ones by validation score. The test is of those that
    the configuration keeps, best or last: its outputs are [samples, outputs] in the order of the member's
    test rows; None where there are none.
    """

    member: int
    state: str  # "finished", "failed", or "stopped" where the training was left before its end
    error: str | None
    epoch: int  # passes that are done
    step: int  # updates made
    best_epoch: int
    best_step: int
    best_score: float
    weights: Mapping[str, Tensor]  # for `load_state_dict`; empty where no epoch was done
    kept_epoch: int  # of the weights that were tested
    kept_step: int
    test: Mapping[str, float]
    test_outputs: Float[Tensor, "samples outputs"] | None


class BatchedTraining:
    """Several trainings as one. ValueError, with the way out, where they can't be."""

    def __init__(self, members: Sequence[Member]) -> None:
        reason = why_not_together(members)
        if reason is not None:
            raise ValueError(reason)
        self.members = list(members)
        self.device = members[0].device
        normalise = [member.normalise for member in members]
        self.train = StackedSamples([m.train for m in members], normalise, self.device, at_once=False)
        self.validation, self.test = (
            StackedSamples(parts, normalise, self.device)
            for parts in ([m.validation for m in members], [m.test for m in members])
        )
        self.learners = Learners(members, self.device)
        sites = self.learners.networks.sites
        self.masks = DropoutMasks(members, sites, self.device)
        self.schedules = StackedSchedules(members)
        self.scores = StackedScores(members, self.device)
        self.best = StackedBest(self.learners.networks, self.scores.best.higher_is_better)
        self.last = self.best.networks.select(
            torch.arange(len(members), device=self.device)
        )  # of who is gone
        masked = sum(int(np.prod(shape)) for shape in sites.values())
        self.most = steps_at_once(len(members), members[0].config.batch_size, members[0].input_shape, masked)
        steps = max(m.config.epochs * batches_in(len(m.train), m.config.batch_size) for m in members)
        aloud = bool(self.scores.per_epoch) or self.scores.step_names != ["loss", "accuracy"]
        self.compiled = compiled_steps(
            self.learners, self.train, members[0].loss, members[0].config.optimizer, steps, aloud
        )
        if self.compiled is None:
            self.train.normalise_now()
        self.alive = np.arange(
            len(members)
        )  # numbers of those that are still trained, a row each in the stacks
        self.epoch = 0
        self.steps = np.zeros(len(members), np.int64)  # updates made
        self.epochs = np.zeros(len(members), np.int64)  # passes done
        self.states = ["stopped"] * len(members)
        self.errors: list[str | None] = [None] * len(members)
        self._leaving: dict[int, str | None] = {}

    def stop(self, members: Iterable[int], reason: str | None = None) -> None:
        """Ends these members when the epoch that has begun is over, as "stopped"; `reason` is their error."""
        self._leaving |= dict.fromkeys(members, reason)

    def run(self) -> Iterator[StepScores | EpochScores]:
        """Trains to the end. Whoever stops asking has stopped it; `outcomes` says how far it came."""
        while True:
            self._let_go()
            if not len(self.alive):
                return
            yield from self._train_one_epoch()
            yield self._end_epoch()

    def _let_go(self) -> None:
        """Ends those who were asked to stop, where they are not done by themselves."""
        leaving = [number for number in self.alive.tolist() if number in self._leaving]
        for number in leaving:
            self.states[number], self.errors[number] = "stopped", self._leaving[number]
        self._keep(~np.isin(self.alive, leaving))

    def _train_one_epoch(self) -> Iterator[StepScores]:
        self._tally = Tally(len(self.alive), bool(self.scores.per_epoch))
        order = EpochOrder([self.members[number] for number in self.alive.tolist()], self.epoch)
        fill = not self.learners.networks.counts_batches
        quiet = self.compiled is not None and not self.compiled.aloud
        for block in order.blocks(self.most, fill, uneven=quiet):
            updates = self.steps[self.alive[block.members]] + np.arange(block.steps)[:, None]
            rates = self.schedules.rates(self.alive[block.members], updates)
            if self.compiled is not None:
                numbers = self.alive[block.members]
                said = self.compiled.train(
                    self.learners, self.masks, block, numbers, self.train, order, rates
                )
                targets = None if quiet else self.train.locate(block.members, order.of(block))[1]
            else:
                inputs, targets = self.train.gather(block.members, order.of(block))
                said = self._train_block(block, inputs, targets, rates)
            self.steps[self.alive[block.members]] += block.steps
            epochs = (
                self.epoch + (block.first + 1 + np.arange(block.steps)[:, None]) / order.steps[block.members]
            )
            yield self._after_block(block, said, targets, updates + 1, epochs, rates)

    def _train_block(self, block: Block, inputs: Tensor, targets: Tensor, rates: np.ndarray) -> Said:
        """The hot loop: the updates of a block, with nothing in it that could be done before or after."""
        everyone = len(block.members) == len(self.alive)
        rows = torch.from_numpy(block.members).to(self.device)
        learners = self.learners if everyone else self.learners.select(rows)
        numbers = learners.optimizer.numbers(rates, self.device)
        masks = self.masks.draw(block)
        share = block.share(self.device)
        last = block.steps - 1
        done = [
            learners.step(own, meant, mask, share, at, measure=step == last)
            for step, (own, meant, mask, at) in enumerate(
                zip(inputs.unbind(0), targets.unbind(0), masks, numbers, strict=True)
            )
        ]
        if not everyone:
            self.learners.assign(rows, learners)
        outputs = torch.stack(done)
        losses = learners.losses(outputs, targets, share)
        # Contiguous: along the strided classes argmax takes four times as long
        return Said(losses, outputs.transpose(2, 3).contiguous(), {})

    def _after_block(
        self,
        block: Block,
        said: Said,
        targets: Tensor | None,
        steps: np.ndarray,
        epochs: np.ndarray,
        rates: np.ndarray,
    ) -> StepScores:
        """Reads a block's numbers, and finds members whose loss is no number any more."""
        numbers = self.alive[block.members]
        values = said.known if set(self.scores.step_names) <= set(said.known) else {}
        for size, columns in () if values else block.groups():
            assert targets is not None  # they are missing only where all is known
            own = said.outputs[:, columns, :size], targets[:, columns, :size]
            for name, found in self.scores.of_steps(numbers[columns], said.losses[:, columns], *own).items():
                values.setdefault(name, np.empty(rates.shape, np.float32))[:, columns] = found
        self._tally.add(block, values, said.outputs, targets)
        broken = ~np.isfinite(values["loss"])
        before = np.cumsum(broken, axis=0) - broken  # broken steps before this one
        former = np.array([self.errors[number] is not None for number in numbers.tolist()])
        for column in np.flatnonzero(broken.any(axis=0) & ~former).tolist():
            row = int(broken[:, column].argmax())
            self._fail(int(numbers[column]), float(values["loss"][row, column]), int(steps[row, column]))
        valid = (before == 0) & ~former
        return StepScores(numbers, steps, epochs, values, rates, valid)

    def _fail(self, number: int, loss: float, step: int) -> None:
        rate = self.members[number].config.learning_rate
        self.errors[number] = (
            f"the loss became {loss} at step {step}: the weights have left the range of numbers, mostly "
            f"because the learning rate ({rate:g}) is too high; "
            f"try --learning-rate {rate / 10:g}, or --clip-norm 1"
        )
        self.states[number] = "failed"
        self.steps[number] = step

    def _end_epoch(self) -> EpochScores:
        """Measures on the validation data, remembers the best weights, and lets go whoever is done."""
        self.epoch += 1
        failed = np.array([self.errors[number] is not None for number in self.alive.tolist()])
        ended = dict.fromkeys(self.alive[failed].tolist(), "failed")
        train = {
            name: values[~failed] for name, values in self._tally.scores(self.scores, self.alive).items()
        }
        self._keep(~failed)
        members, networks = self.alive, self.learners.networks
        self.epochs[members] = self.epoch
        outputs, validation = self._validated(networks)
        self.schedules.step_epoch(members, validation["loss"])
        score = validation[self.scores.best.name]
        blind = self.validation.lengths == 0
        improved = self.best.consider(members, score, blind, self.steps[members], self.epoch, networks)
        done = np.array([self._is_done(number) for number in members.tolist()], dtype=bool)
        for number in members[done].tolist():
            ended[number] = self.states[number] = "finished"
        scores = EpochScores(
            epoch=self.epoch,
            members=members,
            steps=self.steps[members],
            train=train,
            validation=validation,
            improved=improved,
            learning_rates=self.schedules.rates(members, self.steps[members][None])[0],
            gradient_norms=self.learners.gradient_norms.cpu().numpy(),
            parameter_norms=self.learners.parameter_norms().cpu().numpy(),
            ended=ended,
            outputs=outputs,
            weights=networks.weights,
            gradients=self.learners.gradients,
        )
        self._keep(~done)
        return scores

    def _validated(self, networks: StackedNetworks) -> tuple[list[Evaluation], Scores]:
        """What the members in `alive` say of the validation data, and their scores."""
        known: Scores = {}
        if self.compiled is None:
            outputs = list(evaluated(networks, self.validation))
        else:
            outputs, known = self.compiled.evaluate(networks, self.validation)
        whole = set(self.scores.names) <= set(known)
        return outputs, known if whole else self.scores.of_evaluated(self.alive, outputs)

    def _is_done(self, number: int) -> bool:
        config = self.members[number].config
        patience = config.early_stopping
        impatient = bool(patience) and self.epoch - self.best.epochs[number] >= patience
        return self.epoch >= config.epochs or bool(impatient)

    def _keep(self, kept: np.ndarray) -> None:
        """Lets go of the others: their weights stay as they are, and cost nothing any more."""
        if kept.all():
            return
        gone, rows = np.flatnonzero(~kept), np.flatnonzero(kept)
        leaving = self.learners.networks.select(torch.from_numpy(gone).to(self.device))
        self.last.assign(torch.from_numpy(self.alive[gone]).to(self.device), leaving)
        self.alive = self.alive[rows]
        self.learners = self.learners.select(torch.from_numpy(rows).to(self.device))
        self.train, self.validation = self.train.select(rows), self.validation.select(rows)
        self.masks = self.masks.select(rows)

    def outputs(self, inputs: Shaped[Tensor, "samples *shape"]) -> Float[Tensor, "members samples outputs"]:
        """What the members in `alive` say now about normalised samples."""
        networks = self.learners.networks
        return networks.outputs(inputs.unsqueeze(0).expand(len(networks), *inputs.shape))

    def weights(self, member: int) -> dict[str, Tensor]:
        """A member's present weights; of one that is not trained any more, those that it ended with."""
        rows = np.flatnonzero(self.alive == member)
        if len(rows):
            return self.learners.networks.state_dict(int(rows[0]))
        return self.last.state_dict(member)

    def outcomes(self) -> list[Outcome]:
        """What became of each member. Here the test data is measured, once, with the weights kept."""
        last = np.array([member.config.keep == "last" for member in self.members])
        kept_epochs = np.where(last, self.epochs, self.best.epochs)
        kept_steps = np.where(last, self.steps, self.best.steps)
        test, outputs = self._tested(self._kept(last), kept_epochs)
        return [
            Outcome(
                member=number,
                state=self.states[number],
                error=self.errors[number],
                epoch=int(self.epochs[number]),
                step=int(self.steps[number]),
                best_epoch=int(self.best.epochs[number]),
                best_step=int(self.best.steps[number]),
                best_score=float(self.best.scores[number]),
                weights=self.best.networks.state_dict(number) if self.best.epochs[number] else {},
                kept_epoch=int(kept_epochs[number]),
                kept_step=int(kept_steps[number]),
                test=test.get(number, {}),
                test_outputs=outputs.get(number),
            )
            for number in range(len(self.members))
        ]

    def _kept(self, last: np.ndarray) -> StackedNetworks:
        """The weights to be tested: of the members in `last` (bool [members]) those that they have now."""
        if not last.any():
            return self.best.networks
        device = self.device
        kept = self.best.networks.select(torch.arange(len(self.members), device=device))
        gone = last & ~np.isin(np.arange(len(last)), self.alive)
        rows = torch.from_numpy(np.flatnonzero(gone)).to(device)
        kept.assign(rows, self.last.select(rows))
        places = np.flatnonzero(last[self.alive])
        present = self.learners.networks.select(torch.from_numpy(places).to(device))
        kept.assign(torch.from_numpy(self.alive[places]).to(device), present)
        return kept

    def _tested(
        self, networks: StackedNetworks, epochs: np.ndarray
    ) -> tuple[dict[int, dict[str, float]], dict[int, Tensor]]:
        scores: dict[int, dict[str, float]] = {}
        found: dict[int, Tensor] = {}
        for members, outputs, targets in evaluated(networks, self.test):
            values = self.scores.of_outputs(members, outputs, targets)
            for place, number in enumerate(members.tolist()):
                broken = self.members[number].config.keep == "last" and self.states[number] == "failed"
                if epochs[number] and not broken:
                    scores[number] = {name: float(array[place]) for name, array in values.items()}
                    found[number] = outputs[place]
        return scores, found


class Tally:
    """An epoch's own scores, over all its samples, measured while the weights moved."""

    def __init__(self, members: int, whole: bool) -> None:
        self.sums: Scores = {}
        self.samples = np.zeros(members)
        self.whole = whole  # some metric is no mean over samples: outputs are kept to the end of the epoch
        self.pieces: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(members)]

    def add(self, block: Block, values: Scores, outputs: Tensor, targets: Tensor | None) -> None:
        self.samples[block.members] += block.sizes.sum(axis=0)
        for name, array in values.items():
            sums = self.sums.setdefault(name, np.zeros(len(self.samples)))
            sums[block.members] += (array * block.sizes).sum(axis=0, dtype=np.float64)
        if self.whole:
            assert targets is not None
            for place, (member, size) in enumerate(zip(block.members.tolist(), block.sizes[0], strict=True)):
                own, meant = (each[:, place, :size].flatten(0, 1) for each in (outputs, targets))
                self.pieces[member].append((own, meant))

    def scores(self, metrics: StackedScores, members: np.ndarray) -> Scores:
        found = {name: sums / self.samples for name, sums in self.sums.items()}
        for metric in metrics.per_epoch if self.whole else ():
            found[metric.name] = np.zeros(len(members))
        for place, pieces in enumerate(self.pieces if self.whole else ()):
            own, meant = (torch.cat(each).unsqueeze(0) for each in zip(*pieces, strict=True))
            for name, value in metrics.of_epoch(members[place : place + 1], own, meant).items():
                found[name][place] = value[0]
        return found
