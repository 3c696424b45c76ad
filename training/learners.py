"""What learns: the stacked networks, their optimizer and each one's strengths of regularisation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn

from models.losses import LOSSES, build_loss
from training.members import Member, networks_of
from training.stacked import Masks, StackedNetworks
from training.stacked_optimizers import Columns, Pieces, StackedOptimizer

Losses = Callable[
    [Tensor, Tensor], Tensor
]  # outputs [members, outputs, samples], targets -> [members, samples]


class Learners:
    """Members that are trained together. Every tensor has a row for each of them."""

    def __init__(self, members: Sequence[Member], device: torch.device) -> None:
        configs = [member.config for member in members]
        self.networks = StackedNetworks(networks_of(members), members[0].input_shape, device)
        self.optimizer = StackedOptimizer(configs, self.networks.weights)
        self.loss = sample_losses(members[0].loss, dict(configs[0].loss_settings), 0.0)
        smoothing = [config.label_smoothing for config in configs]
        self.most_smoothing = max(smoothing)
        self.smoothed = sample_losses(members[0].loss, dict(configs[0].loss_settings), self.most_smoothing)
        self.same_smoothing = len(set(smoothing)) == 1
        self.slope = SLOPES.get(members[0].loss)
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

    @torch.no_grad()
    def step(
        self,
        inputs: Float[Tensor, "members samples *shape"],
        targets: Tensor,
        masks: Masks,
        share: Float[Tensor, "members samples"],
        numbers: Columns | Pieces,
        measure: bool = False,
    ) -> Float[Tensor, "members outputs samples"]:
        """One update of every member, whose loss is the sum of its samples' losses times `share`; what they
        said before it. With `measure` the gradients are kept, and their norms before clipping.
        """
        outputs, back = self.networks.forward_and_back(inputs, masks)
        gradient = back(self._slope(outputs, targets, share))
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
        return outputs

    def _slope(self, outputs: Tensor, targets: Tensor, share: Tensor) -> Tensor:
        """The gradient of the loss at the outputs."""
        if self.slope is not None:
            smoothing = self.smoothing if self.most_smoothing else None
            return self.slope(outputs, targets, smoothing).mul_(share.unsqueeze(1))
        leaf = outputs.detach().requires_grad_()
        with torch.enable_grad():
            losses = self._losses(leaf, targets, self.smoothing)
        (slope,) = torch.autograd.grad(losses, leaf, share)
        return slope

    @torch.no_grad()
    def losses(
        self,
        outputs: Float[Tensor, "steps members outputs samples"],
        targets: Shaped[Tensor, "steps members samples"],
        share: Float[Tensor, "members samples"],
    ) -> Float[Tensor, "steps members"]:
        """The mean over each batch, without the L1 term: of many steps at once, since no step needs it."""
        smoothing = self.smoothing.repeat(len(outputs), 1)
        every = self._losses(outputs.flatten(0, 1), targets.flatten(0, 1), smoothing)
        return every.view(targets.shape).mul_(share).sum(dim=2)

    def _losses(self, outputs: Tensor, targets: Tensor, smoothing: Tensor) -> Tensor:
        if self.same_smoothing:
            return self.smoothed(outputs, targets)
        # The loss is linear in the targets, so a strength of one's own lies between none and the most
        plain, most = self.loss(outputs, targets), self.smoothed(outputs, targets)
        return plain + (most - plain) * (smoothing / self.most_smoothing)

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


def cross_entropy_slope(
    outputs: Float[Tensor, "members classes samples"],
    targets: Int64[Tensor, "members samples"],
    smoothing: Float[Tensor, "members 1"] | None,
) -> Float[Tensor, "members classes samples"]:
    """The slope of each sample's loss at its outputs: softmax(s) - q, with q the smoothed target.

    Written out because autograd takes three times as long for it, a tenth of a small network's step.
    """
    slope, right = outputs.softmax(dim=1), targets.unsqueeze(1)
    if smoothing is None:
        return slope.scatter_add_(1, right, slope.new_full((), -1.0).expand(right.shape))
    slope.sub_((smoothing / outputs.shape[1]).unsqueeze(2))
    return slope.scatter_add_(1, right, (smoothing - 1).unsqueeze(2).expand(right.shape))


def binary_cross_entropy_slope(
    outputs: Float[Tensor, "members 1 samples"],
    targets: Int64[Tensor, "members samples"],
    smoothing: Float[Tensor, "members 1"] | None,
) -> Float[Tensor, "members 1 samples"]:
    """The same for one logit: sigmoid(s) - q."""
    meant = targets.to(outputs.dtype)
    if smoothing is not None:
        meant = meant * (1 - smoothing) + smoothing / 2
    return torch.sigmoid(outputs).sub_(meant.unsqueeze(1))


# Losses whose slope is written out; that of any other is autograd's.
SLOPES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "cross_entropy": cross_entropy_slope,
    "binary_cross_entropy": binary_cross_entropy_slope,
}


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
