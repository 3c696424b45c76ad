"""A loss against one prediction: its value and its slope, by the very modules that train networks.

What a loss is drawn against is a row of SITUATIONS. Regression is drawn against the predicted number. Classes
are drawn against the lead of the right class, how far its logit is above those of all others, or against the
probability that the softmax gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from models.catalog import Catalog
from models.losses import LOSSES, Loss, build_loss


class LossPoints(NamedTuple):
    """A loss and its derivative at `x`."""

    x: Float[Tensor, "points"]
    y: Float[Tensor, "points"]
    derivative: Float[Tensor, "points"]


@dataclass(frozen=True)
class Situation:
    """What x means. `logit` makes it a prediction: the number itself, or the lead of the right class."""

    name: str
    title: str
    tasks: tuple[str, ...]  # a loss that suits one of them is drawn
    logit: Callable[[Tensor, int], Tensor]  # x and the number of classes -> the prediction
    ends: tuple[float, float] | None = None  # of x, where they are fixed


def _lead_of(probability: Tensor, classes: int) -> Tensor:
    """p = e^m / (e^m + C - 1), solved for the lead m."""
    return torch.log(probability * (classes - 1) / (1 - probability))


CLASSES = ("binary", "classification")
SITUATIONS: Catalog[Situation] = Catalog(
    "situation",
    [
        Situation("lead", "Classes, by logit", CLASSES, lambda x, classes: x),
        Situation("probability", "Classes, by probability", CLASSES, _lead_of, (0.0025, 0.9975)),
        Situation("number", "A number", ("regression",), lambda x, classes: x),
    ],
)


def losses_for(situation: str) -> list[Loss]:
    """The rows of LOSSES that can be drawn so."""
    return [row for row in LOSSES if set(row.tasks) & set(SITUATIONS[situation].tasks)]


def loss_points(
    name: str,
    situation: str,
    x: Float[Tensor, "points"],
    target: float = 0.0,
    classes: int = 2,
    settings: Mapping[str, Any] | None = None,
) -> LossPoints:
    """The named loss at each x, and its slope along x by autograd.

    `target` is the true number of a regression. Class losses have `classes` logits, of which all but the
    right one are 0; a loss of a single logit always has two classes. UnknownNameError and ValueError name the
    way out.
    """
    row, kind = LOSSES[name], SITUATIONS[situation]
    if not set(row.tasks) & set(kind.tasks):
        known = ", ".join(each.name for each in losses_for(situation))
        raise ValueError(f"{name} can't be drawn against {situation}; choose from {known}")
    places = x.detach().clone().requires_grad_()
    single = "classification" not in row.tasks
    prediction = kind.logit(places, 2 if single else classes)[:, None]
    if kind.tasks == CLASSES:
        if single:
            outputs, targets = prediction, torch.ones(len(x), dtype=torch.int64)
        else:
            outputs = torch.cat([prediction, prediction.new_zeros(len(x), classes - 1)], dim=1)
            targets = torch.zeros(len(x), dtype=torch.int64)
    else:
        outputs, targets = prediction, torch.full((len(x),), target, dtype=x.dtype)
    values = build_loss(name, settings, reduction="none")(outputs, targets)
    (slopes,) = torch.autograd.grad(values.sum(), places)
    return LossPoints(x.detach(), values.detach(), slopes)
