"""What is measured at a point of a landscape: the mean loss and the share of right answers, of fixed samples.

float32 is enough for the network's outputs, not for what is made of them: far below 1, a loss is the
difference of two numbers that are nearly equal. Here it is computed from the outputs' differences, so that a
loss of 1e-6 keeps its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from models.losses import build_loss
from training.tasks import rightness

Sums = Float[Tensor, "2"]  # float64, on the CPU or the device: sum of losses, and of right answers (or NaN)
ManySums = Float[Tensor, "points 2"]


@dataclass(frozen=True)
class Samples:
    """Samples of one split, drawn once: normalised inputs on the device, and their targets."""

    inputs: Float[Tensor, "samples *shape"]
    targets: Shaped[Tensor, "samples *outputs"]

    def __len__(self) -> int:
        return len(self.targets)

    def first(self, count: int) -> Samples:
        """The first `count` of them."""
        return Samples(self.inputs[:count], self.targets[:count])

    def blocks(self, size: int) -> list[Samples]:
        """The same samples in pieces of at most `size`."""
        pieces = zip(self.inputs.split(size), self.targets.split(size), strict=True)
        return [Samples(inputs, targets) for inputs, targets in pieces]


@dataclass(frozen=True)
class Score:
    """How a network's outputs are judged: the loss that it was trained with, and accuracy where there are
    classes. Label smoothing and penalties on the weights are no part of it.
    """

    loss: str  # name in LOSSES
    settings: tuple[tuple[str, object], ...] = ()
    classes: bool = True

    def across(
        self, outputs: Float[Tensor, "outputs samples"], targets: Shaped[Tensor, "samples *outputs"]
    ) -> Sums:
        """Sums over samples whose outputs lie one below the other, as in the fast way of a chain."""
        if self.loss == "cross_entropy" and not targets.is_floating_point():
            others = margins(outputs, targets)
            largest = others.amax(dim=0)
            right = (largest < 0).sum()
            if (largest == 0).any():  # the first of several largest outputs is the answer
                right = (outputs.argmax(dim=0) == targets).sum()
            losses = margin_losses(others).sum(dtype=torch.float64)
            return torch.stack([losses, right.double()])
        return self.of(outputs.T, targets)

    def of(
        self, outputs: Float[Tensor, "samples outputs"], targets: Shaped[Tensor, "samples *outputs"]
    ) -> Sums:
        """Sums over samples."""
        if self.loss == "cross_entropy" and not targets.is_floating_point():
            return self.across(outputs.T.contiguous(), targets)
        losses = self.sample_loss()(outputs, targets).sum(dtype=torch.float64)
        right = rightness(outputs, targets).sum(dtype=torch.float64) if self.classes else losses * torch.nan
        return torch.stack([losses, right])

    def of_many(
        self,
        outputs: Float[Tensor, "points outputs samples"],
        targets: Shaped[Tensor, "samples *outputs"],
    ) -> ManySums:
        """Sums over samples at many points, without a turn for each: what an accelerator is asked for."""
        points, _, samples = outputs.shape
        if self.loss == "cross_entropy" and not targets.is_floating_point():
            right_class = targets.expand(points, 1, samples)
            others = (outputs - outputs.gather(1, right_class)).scatter_(1, right_class, -torch.inf)
            losses = functional.softplus(others.logsumexp(dim=1), threshold=30.0)
            right = outputs.argmax(dim=1) == targets
        else:
            flat = outputs.transpose(1, 2).flatten(0, 1)  # [points * samples, outputs]
            wanted = targets.repeat(points, *(1 for _ in targets.shape[1:]))
            losses = self.sample_loss()(flat, wanted).view(points, samples)
            right = rightness(flat, wanted).view(points, samples) if self.classes else losses * torch.nan
        return torch.stack([losses.sum(1, dtype=torch.float64), right.sum(1, dtype=torch.float64)], dim=1)

    def sample_loss(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss of each sample as torch computes it: (outputs, targets) -> [samples]."""
        return build_loss(self.loss, dict(self.settings), reduction="none")


def margins(
    outputs: Float[Tensor, "classes samples"], targets: Shaped[Tensor, "samples"]
) -> Float[Tensor, "classes samples"]:
    """How far each class is above the right one, and -infinity for the right one itself. argmax along the
    strided classes takes as long as a layer's product; whether the largest of these is below 0 does not.
    """
    right = targets.unsqueeze(0)
    return (outputs - outputs.gather(0, right)).scatter_(0, right, -torch.inf)


def margin_losses(others: Float[Tensor, "classes samples"]) -> Float[Tensor, "samples"]:
    r"""Cross entropy as log(1 + \sum_{j \ne y} e^{s_j - s_y}), from `margins`: it keeps its digits down to
    1e-30, where log-sum-exp minus the right output has lost them at 1e-7. An infinite margin is an infinite
    loss.
    """
    top = others.amax(dim=0).clamp_(0.0, torch.finfo(others.dtype).max)  # 0: that of the right class itself
    rest = (others - top).exp_().sum(dim=0)
    return top + torch.log1p(rest + torch.expm1(-top))  # e^-top of the right class, and expm1(0) is exactly 0
