"""Losses of class probabilities beside the plain cross-entropy; rows of models/losses.py.

Outputs are logits [batch, classes], or [batch, 1] for two classes, where the softmax of (0, s) is the sigmoid
of s.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional


def reduced(values: Float[Tensor, "batch"], reduction: str) -> Tensor:
    """One value a sample, or their mean; ValueError for any other reduction."""
    if reduction == "none":
        return values
    if reduction == "mean":
        return values.mean()
    raise ValueError(f"reduction is {reduction!r}; it must be 'mean' or 'none'")


def as_classes(outputs: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch classes"]:
    """A single logit s as the two logits (0, s); several as they are."""
    return torch.cat([torch.zeros_like(outputs), outputs], dim=1) if outputs.shape[1] == 1 else outputs


def right_classes(targets: Tensor, loss: str) -> Int64[Tensor, "batch"]:
    """Class indices; ValueError for soft targets, which such a loss has no meaning for."""
    if targets.ndim > 1 and targets.shape[1] != 1:
        raise ValueError(f"{loss} needs one right class a sample; with mixup use cross_entropy")
    return targets.reshape(-1).long()


def shares(targets: Tensor, logits: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch classes"]:
    """The share of each class: of indices all of it at one, of soft targets what they say."""
    if targets.ndim > 1 and targets.shape[1] == logits.shape[1]:
        return targets.to(logits.dtype)
    if targets.is_floating_point():  # of two classes, the share of the second one
        second = targets.reshape(-1, 1).to(logits.dtype)
        return torch.cat([1 - second, second], dim=1)
    return functional.one_hot(targets.reshape(-1), logits.shape[1]).to(logits.dtype)


class NegativeLogLikelihood(nn.Module):
    """PyTorch's NLLLoss after a log-softmax: -log p of the right class, which is the cross-entropy."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Tensor:
        logs = functional.log_softmax(as_classes(outputs), dim=1)
        right = right_classes(targets, "nll")
        return reduced(functional.nll_loss(logs, right, reduction="none"), self.reduction)


class Divergence(nn.Module):
    """KL(q || p) = sum of q_c (log q_c - log p_c): the cross-entropy less the entropy of the target q, so
    that it is 0 where the prediction is the target (Kullback and Leibler 1951).
    """

    def __init__(self, label_smoothing: float = 0.0, reduction: str = "mean") -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.reduction = reduction

    def forward(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Tensor:
        logits = as_classes(outputs)
        classes = logits.shape[1]
        meant = shares(targets, logits) * (1 - self.label_smoothing) + self.label_smoothing / classes
        logs = functional.log_softmax(logits, dim=1)
        return reduced(functional.kl_div(logs, meant, reduction="none").sum(dim=1), self.reduction)


class Focal(nn.Module):
    """-(1 - p)^focusing log p of the right class: what is nearly right counts little (Lin et al. 2017)."""

    def __init__(self, focusing: float = 2.0, reduction: str = "mean") -> None:
        super().__init__()
        self.focusing = focusing
        self.reduction = reduction

    def forward(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Tensor:
        logits = as_classes(outputs)
        right = right_classes(targets, "focal")[:, None]
        every = logits.logsumexp(dim=1)
        log_right = logits.gather(1, right)[:, 0] - every
        # The logarithm of 1 - p from the other logits: 1 - p itself rounds to 0, whose power has no slope
        log_wrong = logits.scatter(1, right, float("-inf")).logsumexp(dim=1) - every
        return reduced(-torch.exp(self.focusing * log_wrong) * log_right, self.reduction)


class SquaredProbabilities(nn.Module):
    """The sum over the classes of (p_c - y_c)^2 (Brier 1950): squared error after a softmax."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Tensor:
        logits = as_classes(outputs)
        wrong = logits.softmax(dim=1) - shares(targets, logits)
        return reduced(wrong.square().sum(dim=1), self.reduction)
