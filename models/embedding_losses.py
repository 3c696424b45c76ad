"""Losses of embeddings: samples of one class close together, others at least a margin apart; rows of
models/losses.py.

Outputs are embeddings [batch, numbers], targets class indices [batch]. Every sample of a batch is an anchor
once, so a network is applied once to each sample and not once to each pair: the twin, triplet and quadruplet
networks of the papers are one network whose outputs are compared. Which others an anchor is compared with is
called mining. Distances are Euclidean, not squared, and embeddings have any length (Hermans, Beyer and Leibe
2017, arXiv:1703.07737, sections 2 and 3).

A set of more than `TOGETHER` samples is compared in parts of at most so many, each of every k-th sample: the
loss of a whole validation set is the mean over such batches, as in training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from models.class_losses import reduced, right_classes

TOGETHER = 256  # samples that are compared at once: a triplet of each of them is 17 million numbers
SMALLEST = 1e-12  # a squared distance of 0 has a root without a slope
MINING = ("hard", "semi-hard", "all")


def distances(outputs: Float[Tensor, "batch numbers"]) -> Float[Tensor, "batch batch"]:
    """Between every two embeddings; with a slope of 0, not NaN, where two are the same."""
    squares = (outputs[:, None] - outputs[None]).square().sum(dim=2)
    return squares.clamp(min=SMALLEST).sqrt()


class _Compared(nn.Module, ABC):
    """What the three have in common: batches in parts, and anchors that have nobody to be compared with."""

    def __init__(self, margin: float, mining: str, reduction: str = "mean") -> None:
        super().__init__()
        self.margin, self.mining, self.reduction = margin, mining, reduction

    def forward(self, outputs: Float[Tensor, "batch numbers"], targets: Tensor) -> Tensor:
        """The mean over all anchors that have one of their class and one of another in the batch, 0 where
        none has; or one value an anchor, 0 for those that have not.
        """
        classes = right_classes(targets, "a loss of embeddings")
        parts = -(-len(outputs) // TOGETHER)
        values, known = outputs.new_zeros(len(outputs)), torch.zeros_like(classes, dtype=torch.bool)
        for part in range(parts):
            own, of_class = outputs[part::parts], classes[part::parts]
            same = of_class[:, None] == of_class
            positive = same & ~torch.eye(len(own), dtype=torch.bool, device=own.device)
            has = positive.any(dim=1) & (~same).any(dim=1)
            known[part::parts] = has
            costs = self.of_anchors(distances(own), positive, ~same, of_class)
            values[part::parts] = torch.where(has, costs, 0.0)
        if self.reduction != "mean":
            return reduced(values, self.reduction)
        return values.sum() / known.sum().clamp(min=1)

    @abstractmethod
    def of_anchors(
        self,
        apart: Float[Tensor, "batch batch"],
        positive: Bool[Tensor, "batch batch"],
        negative: Bool[Tensor, "batch batch"],
        classes: Int64[Tensor, "batch"],
    ) -> Float[Tensor, "batch"]:
        """The loss of each anchor (row), from all distances and who is of its class, and who of another."""


class Contrastive(_Compared):
    """Pairs: d^2 / 2 for two of a class, max(0, m - d)^2 / 2 for others (Hadsell, Chopra and LeCun 2006).

    `mining` "all": the mean over the anchor's pairs of either kind, both weighing the same; "hard": its
    farthest of the class and its nearest of another.
    """

    def of_anchors(self, apart: Tensor, positive: Tensor, negative: Tensor, classes: Tensor) -> Tensor:
        pull, push = apart.square() / 2, (self.margin - apart).clamp(min=0).square() / 2
        if self.mining == "hard":
            return _largest(pull, positive) + _largest(push, negative)
        return _mean(pull, positive) + _mean(push, negative)


class Triplet(_Compared):
    """max(0, m + d(anchor, positive) - d(anchor, negative)) (Schroff, Kalenichenko and Philbin 2015).

    `mining` "all": the mean over the triplets that cost anything; "hard": the farthest positive and the
    nearest negative; "semi-hard": for each positive the nearest negative that is farther than it, or the
    farthest of all where none is.
    """

    def of_anchors(self, apart: Tensor, positive: Tensor, negative: Tensor, classes: Tensor) -> Tensor:
        if self.mining == "hard":
            return (self.margin + _largest(apart, positive) - _smallest(apart, negative)).clamp(min=0)
        if self.mining == "semi-hard":
            return _mean(self._semi_hard(apart, negative), positive)
        costs = (self.margin + apart[:, :, None] - apart[:, None, :]).clamp(min=0)
        counted = positive[:, :, None] & negative[:, None, :] & (costs > 0)
        return (costs * counted).sum(dim=(1, 2)) / counted.sum(dim=(1, 2)).clamp(min=1)

    def _semi_hard(self, apart: Tensor, negative: Tensor) -> Tensor:
        """For each anchor and each positive [batch, batch]."""
        farther = negative[:, None, :] & (apart[:, None, :] > apart[:, :, None])
        nearest = torch.where(farther, apart[:, None, :], torch.inf).amin(dim=2)
        farthest = torch.where(negative, apart, -torch.inf).amax(dim=1)[:, None]
        chosen = torch.where(farther.any(dim=2), nearest, farthest)
        return (self.margin + apart - chosen).clamp(min=0)


class Quadruplet(_Compared):
    """A triplet, and the same positive against two samples of two other classes, with a smaller margin:
    max(0, m + d(a, p) - d(a, n)) + max(0, m2 + d(a, p) - d(n, n')) (Chen, Chen, Zhang and Huang 2017, there
    with squared learned distances).

    `mining` "all": the mean over positives and negatives that cost anything; "hard": the farthest positive
    and the nearest negative. The pair (n, n') is always the nearest of its kind.
    """

    def __init__(self, margin: float, second_margin: float, mining: str, reduction: str = "mean") -> None:
        super().__init__(margin, mining, reduction)
        self.second_margin = second_margin

    def of_anchors(self, apart: Tensor, positive: Tensor, negative: Tensor, classes: Tensor) -> Tensor:
        others = self._nearest_others(apart, negative, classes)
        if self.mining == "hard":
            farthest = _largest(apart, positive)
            first = (self.margin + farthest - _smallest(apart, negative)).clamp(min=0)
            return first + (self.second_margin + farthest - others).clamp(min=0)
        first = Triplet(self.margin, "all").of_anchors(apart, positive, negative, classes)
        second = (self.second_margin + apart - others[:, None]).clamp(min=0)
        costs = positive & (second > 0)
        return first + (second * costs).sum(dim=1) / costs.sum(dim=1).clamp(min=1)

    def _nearest_others(self, apart: Tensor, negative: Tensor, classes: Tensor) -> Tensor:
        """The least distance of two samples of different classes, neither the anchor's [batch]; infinite
        where there are fewer than three classes, so that it costs nothing.
        """
        found = torch.full_like(apart[:, 0], torch.inf)
        for one in classes.unique():
            other = classes != one
            pairs = negative & other[:, None] & other[None]
            found = torch.where(classes == one, torch.where(pairs, apart, torch.inf).amin(), found)
        return found


def _largest(values: Tensor, where: Tensor) -> Tensor:
    """Of each row; 0 where there is none."""
    return torch.where(where, values, 0.0).amax(dim=1)


def _smallest(values: Tensor, where: Tensor) -> Tensor:
    """Of each row; infinite where there is none."""
    return torch.where(where, values, torch.inf).amin(dim=1)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Of each row; 0 where there is none."""
    return (values * where).sum(dim=1) / where.sum(dim=1).clamp(min=1)
