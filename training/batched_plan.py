"""Whether networks train at the same time or one after another: whichever is measured to be faster.

Small networks gain from it. Large ones do not: each keeps the processor busy by itself, and many at
once only fall out of its cache. Where that turns depends on the machine: a few steps of each way are timed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from models.losses import build_loss
from training.batched import BatchedTraining, StepScores
from training.members import Member, why_not_together
from training.optimizers import build_optimizer
from training.stacked_samples import EpochOrder, StackedSamples

BLOCK = 5  # steps of all members between two readings
ROUNDS = 3  # of each way; the best counts, since other work on the machine can only slow one down
ENOUGH_SECONDS = 0.5  # of steps at once, one round among them after the one that warms up


@dataclass(frozen=True)
class Plan:
    """What to do, why in a sentence, and what that is based on (None where nothing had to be measured)."""

    together: bool
    reason: str
    together_seconds: float | None = None  # one step of all members at once
    alone_seconds: float | None = None  # one step of one member


def plan(members: Sequence[Member], processes: int = 1) -> Plan:
    """Times both ways on these members; `processes` is how many single trainings would run side by side."""
    reason = why_not_together(members)
    if reason is not None:
        return Plan(False, reason)
    if len(members) == 1:
        return Plan(False, "there is only one network to train")
    together, alone = time_together(members), time_alone(members[0])
    return chosen(len(members), processes, together, alone)


def chosen(count: int, processes: int, together: float, alone: float) -> Plan:
    """The faster way, from the seconds of one step of `count` networks at once and of one of them alone."""
    rounds = -(-count // processes)
    other = rounds * alone
    side = f" in {processes} processes" if processes > 1 else ""
    sums = (
        f"a step of all {count} networks takes {1000 * together:.3g} ms at once, and {1000 * other:.3g} ms "
        f"one after another{side} ({1000 * alone:.3g} ms each)"
    )
    if together < other:
        verdict = (
            f"at once is {other / together:.1f} times as fast: such small networks leave the machine idle"
        )
    else:
        verdict = f"one after another is {together / other:.1f} times as fast: each keeps it busy"
    return Plan(together < other, f"{sums}; {verdict}", together, alone)


def time_together(members: Sequence[Member], enough: float = 0.0) -> float:
    """Seconds of one step of all members as one. After a round that takes less than `enough` for each of its
    steps there is no other: other work can only have slowed it down.
    """
    training = BatchedTraining(members)
    training.most = min(training.most, BLOCK)
    found: list[float] = []
    spent = 0.0
    before = time.perf_counter()
    for scores in training.run():
        now = time.perf_counter()
        if isinstance(scores, StepScores):
            found.append((now - before) / len(scores.steps))
            spent += now - before
        if len(found) > ROUNDS or (len(found) > 1 and (found[-1] < enough or spent > ENOUGH_SECONDS)):
            break
        before = time.perf_counter()
    return min(found[1:] or found)  # the first block warms up; a very short training has no other


def time_alone(member: Member) -> float:
    """Seconds of one step of one member by itself, with the real optimizer and without logging."""
    config = member.config
    samples = StackedSamples([member.train], [member.normalise], member.device)
    order = EpochOrder([member], 0)
    block = next(order.blocks(1, fill=True))
    inputs, targets = (each[0, 0] for each in samples.gather(block.members, order.of(block)))
    network = member.build().to(member.device).train()
    smoothing = {"label_smoothing": config.label_smoothing} if config.label_smoothing else {}
    loss = build_loss(member.loss, {**config.loss_settings, **smoothing})
    settings = (config.learning_rate, config.weight_decay, config.optimizer_settings)
    optimizer = build_optimizer(config.optimizer, network.parameters(), *settings)
    best = float("inf")
    for _ in range(1 + ROUNDS):  # the first round warms up, and is never the best
        start = time.perf_counter()
        for _ in range(BLOCK):
            optimizer.zero_grad(set_to_none=True)
            loss(network(inputs), targets).backward()
            optimizer.step()
        if member.device.type == "cuda":
            torch.cuda.synchronize(member.device)
        best = min(best, (time.perf_counter() - start) / BLOCK)
    return best
