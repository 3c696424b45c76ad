"""What learns: the stacked networks, their optimizer and each one's strengths of regularisation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from models.losses import LOSSES, build_loss
from training.members import Member
from training.stacked import Masks, StackedNetworks
from training.stacked_optimizers import Alike, Columns, StackedOptimizer

Losses = Callable[
    [Tensor, Tensor], Tensor
]  # outputs [members, outputs, samples], targets -> [members, samples]


class Step(NamedTuple):
    """What one update leaves: all on the device."""

    losses: Float[Tensor, "members"]  # the mean over each batch, without the L1 term
    outputs: Float[Tensor, "members outputs samples"]


class Learners:
    """Members that are trained together. Every tensor has a row for each of them."""

    def __init__(self, members: Sequence[Member], device: torch.device) -> None:
        configs = [member.config for member in members]
        self.networks = StackedNetworks([m.build() for m in members], members[0].input_shape, device)
        self.optimizer = StackedOptimizer(configs, self.networks.weights)
        self.loss = sample_losses(members[0].loss, dict(configs[0].loss_settings), 0.0)
        smoothing = [config.label_smoothing for config in configs]
        self.most_smoothing = max(smoothing)
        self.smoothed = sample_losses(members[0].loss, dict(configs[0].loss_settings), self.most_smoothing)
        self.same_smoothing = len(set(smoothing)) == 1
        self.has_slope = members[0].loss == "cross_entropy"
        self.smoothing = _column(smoothing, device)
        self.l1 = _column([config.l1 for config in configs], device)
        self.longest = _column([config.clip_norm or float("inf") for config in configs], device)
        self.pulls = any(config.l1 for config in configs)
        self.clips = any(config.clip_norm for config in configs)
        self.matrices = self.networks.is_matrix()
        self.gradient_norms = torch.full((len(members),), float("nan"), device=device)
        self.gradients = torch.zeros_like(self.networks.weights)  # those that were measured last

    def __len__(self) -> int:
        return len(self.networks)

    def step(
        self,
        inputs: Float[Tensor, "members samples *shape"],
        targets: Tensor,
        masks: Masks,
        share: Float[Tensor, "members samples"],
        numbers: Columns | Alike,
        measure: bool = False,
    ) -> Step:
        """One update of every member, whose loss is the sum of its samples' losses times `share`. With
        `measure` the gradients are kept, and their norms before clipping.
        """
        outputs = self.networks(inputs, masks, training=True)
        if self.has_slope:
            smoothing = self.smoothing if self.most_smoothing else None
            losses, slope = cross_entropy(outputs.detach(), targets, smoothing)
            gradient = self.networks.gradient(outputs, slope.mul_(share.unsqueeze(1)))
        else:
            losses = self._losses(outputs, targets)
            gradient = self.networks.gradient(losses, share)
        with torch.no_grad():
            weights = self.networks.weights
            if self.pulls:
                gradient.addcmul_(weights.sign().mul_(self.matrices), self.l1)
            if measure or self.clips:
                norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
                self.gradient_norms = norms[:, 0]
                if self.clips:
                    gradient.mul_((self.longest / (norms + 1e-6)).clamp_(max=1))
            if measure:
                self.gradients = gradient.clone()  # the optimizer's rule spoils it
            self.optimizer.move(weights, gradient, numbers)
        return Step(losses.detach().mul(share).sum(dim=1), outputs.detach())

    def _losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.same_smoothing:
            return self.smoothed(outputs, targets)
        # The loss is linear in the targets, so a strength of one's own lies between none and the most
        plain, most = self.loss(outputs, targets), self.smoothed(outputs, targets)
        return plain + (most - plain) * (self.smoothing / self.most_smoothing)

    def parameter_norms(self) -> Float[Tensor, "members"]:
        return torch.linalg.vector_norm(self.networks.weights, dim=1)

    def select(self, rows: Tensor) -> Learners:
        """A copy of these members."""
        part = copy.copy(self)
        part.networks, part.optimizer = self.networks.select(rows), self.optimizer.select(rows)
        for name in ("smoothing", "l1", "longest", "gradient_norms", "gradients"):
            setattr(part, name, getattr(self, name).index_select(0, rows))
        return part

    def assign(self, rows: Tensor, part: Learners) -> None:
        """Puts back what `select` took."""
        self.networks.assign(rows, part.networks)
        self.optimizer.assign(rows, part.optimizer)
        self.gradient_norms = self.gradient_norms.index_copy(0, rows, part.gradient_norms)
        self.gradients = self.gradients.index_copy(0, rows, part.gradients)


def cross_entropy(
    outputs: Float[Tensor, "members classes samples"],
    targets: Int64[Tensor, "members samples"],
    smoothing: Float[Tensor, "members 1"] | None,
) -> tuple[Float[Tensor, "members samples"], Float[Tensor, "members classes samples"]]:
    """The loss of each sample, and its slope at the outputs: softmax(s) - q, with q the smoothed target.

    Written out because autograd takes three times as long for it, a tenth of a small network's step.
    """
    log_shares = outputs.log_softmax(dim=1)
    right = targets.unsqueeze(1)
    losses = -log_shares.gather(1, right)[:, 0]
    if smoothing is None:
        return losses, log_shares.exp_().scatter_add_(1, right, losses.new_full((), -1.0).expand(right.shape))
    losses = (1 - smoothing) * losses - smoothing * log_shares.mean(dim=1)
    slope = log_shares.exp_().sub_((smoothing / outputs.shape[1]).unsqueeze(2))
    return losses, slope.scatter_add_(1, right, (smoothing - 1).unsqueeze(2).expand(right.shape))


def sample_losses(name: str, settings: dict[str, object], label_smoothing: float) -> Losses:
    """The named loss of each sample of each member, from outputs [members, outputs, samples]."""
    smooths = any(parameter.name == "label_smoothing" for parameter in LOSSES[name].parameters)
    smoothing = {"label_smoothing": label_smoothing} if smooths else {}
    loss = build_loss(name, {**settings, **smoothing}, reduction="none")
    if isinstance(loss, nn.CrossEntropyLoss):
        return loss  # takes the classes in the middle as they lie

    def each(outputs: Tensor, targets: Tensor) -> Tensor:
        members, _, samples = outputs.shape
        rows = outputs.transpose(1, 2).flatten(0, 1)
        return loss(rows, targets.flatten(0, 1)).view(members, samples)

    return each


def _column(values: Sequence[float], device: torch.device) -> Float[Tensor, "members 1"]:
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None]
