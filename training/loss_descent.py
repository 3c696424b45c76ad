"""Gradient descent on a single logit, by two or more losses from the same start: which ones let go of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.losses import build_loss


def descended(
    losses: Sequence[str],
    starts: Float[Tensor, "logits"],
    learning_rates: Float[Tensor, "logits"],
    steps: int,
) -> Float[Tensor, "losses logits states"]:
    """The probability of the right class before the first and after each of `steps` updates of plain SGD.

    Each named loss of LOSSES, one that takes a single logit, moves logits of its own from the same starts.
    They don't touch each other, so one pass serves all of them: a learning rate is a factor of a logit's
    loss. UnknownNameError for a name that is none.
    """
    modules = [build_loss(name, reduction="none") for name in losses]
    logits = nn.Parameter(starts.double().repeat(len(losses), 1))
    optimizer = torch.optim.SGD([logits], lr=1.0)
    right = torch.ones(len(starts), dtype=torch.int64)
    states = [logits.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        each = [loss(row[:, None], right) for loss, row in zip(modules, logits, strict=True)]
        (torch.stack(each) * learning_rates).sum().backward()
        optimizer.step()
        states.append(logits.detach().clone())
    return torch.stack(states, dim=2).sigmoid()


def first_over(probabilities: Float[Tensor, "states"], limit: float) -> int | None:
    """After how many updates the probability is above the limit; None where it never is."""
    over = torch.nonzero(probabilities > limit)
    return int(over[0, 0]) if len(over) else None
