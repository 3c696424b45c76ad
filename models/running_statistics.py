"""What batch norm remembers of the batches it has seen, and what one number becomes in training and in
evaluation (Ioffe and Szegedy 2015, arXiv:1502.03167, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from models.normalisation import EPSILON


@dataclass(frozen=True)
class Followed:
    """Batch by batch, for a single channel. Running statistics begin with mean 0 and variance 1, before any
    batch: they have one value more.
    """

    batch_means: Float[Tensor, "batches"]
    batch_variances: Float[Tensor, "batches"]  # unbiased: what the running one is updated with
    running_means: Float[Tensor, "batches+1"]
    running_variances: Float[Tensor, "batches+1"]
    in_training: Float[Tensor, "batches"]  # what the followed number becomes as one of that batch
    in_evaluation: Float[Tensor, "batches+1"]  # what it becomes by the running statistics
    true_means: Float[Tensor, "batches"]  # of where the batches were drawn from
    ideal: Float[Tensor, "batches"]  # what it would become by the true mean and width


def followed_batches(
    batches: int,
    size: int,
    momentum: float | None,
    number: float,
    mean: float = 1.0,
    width: float = 2.0,
    drift: float = 0.0,
    seed: int = 0,
) -> Followed:
    """`batches` batches of `size` numbers from a normal distribution, through PyTorch's batch norm one after
    the other; `number` is followed. `momentum` as in torch.nn.BatchNorm1d; None: a plain average of all so
    far. `drift`: by how much the mean has moved by the last batch.

    For `in_training` the number takes the place of the batch's first one, in a copy that is not remembered.
    ValueError for batches of one number, which PyTorch refuses in training.
    """
    if size < 2 or batches < 1:
        raise ValueError(f"{batches} batches of {size}; batch norm trains on 1 batch of 2 numbers at least")
    generator = torch.Generator().manual_seed(seed)
    true_means = mean + drift * torch.linspace(0, 1, batches, dtype=torch.float64)
    drawn = torch.randn(batches, size, generator=generator, dtype=torch.float64)
    values = true_means[:, None] + width * drawn

    running = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    means, variances = [running[0].clone()], [running[1].clone()]
    for count, batch in enumerate(values, start=1):
        weight = 1 / count if momentum is None else momentum
        functional.batch_norm(batch[:, None], *running, training=True, momentum=weight)
        means.append(running[0].clone())
        variances.append(running[1].clone())
    running_means, running_variances = torch.cat(means), torch.cat(variances)

    joined = values.clone()
    joined[:, 0] = number
    # Each batch as a channel of its own: all are normalised in one call.
    in_training = functional.batch_norm(joined.T, None, None, training=True, eps=EPSILON)[0]
    repeated = torch.full((1, batches + 1), number, dtype=torch.float64)
    in_evaluation = functional.batch_norm(repeated, running_means, running_variances, eps=EPSILON)[0]
    return Followed(
        values.mean(dim=1),
        values.var(dim=1),
        running_means,
        running_variances,
        in_training,
        in_evaluation,
        true_means,
        (number - true_means) / width,
    )
