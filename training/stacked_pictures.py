"""Histograms and confusion matrices of many networks at once: one count for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training.compiled_steps import at_hand
from training.pictures import BINS, histogram
from training.stacked import Place
from training.stacked_scores import Evaluation
from training.tasks import Task, classes_meant


def histograms(
    values: Float[Tensor, "members numbers"], places: Sequence[Place], bins: int = BINS
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """For each parameter its name, and every member's counts [members, bins] and edges [members, bins + 1] as
    `training.pictures.histogram` gives them.
    """
    kernel = at_hand()
    for name, _, begin, end in places:
        own = values[:, begin:end]
        low, high = own.amin(dim=1), own.amax(dim=1)  # aminmax takes ten times as long along a dimension
        span = high - low
        if not bool(((span > 1e-30) & (span < 1e30)).all()):  # equal values, extreme ones, or no numbers
            counted, edges = map(np.stack, zip(*(histogram(row, bins) for row in own), strict=True))
            yield name, counted, edges
            continue
        edges = np.linspace(low.double().cpu().numpy(), high.double().cpu().numpy(), bins + 1, axis=1)
        if kernel is not None and own.device.type == "cpu":
            counted = np.empty((len(own), bins))
            kernel.compiled_count(values.numpy(), begin, end, low.numpy(), high.numpy(), counted)
            yield name, counted, edges
            continue
        scaled = own.sub(low[:, None]).mul_((bins / span.double()).float()[:, None])
        # The highest values come to stand at `bins`, in a bin of their own that is added to the last one:
        # to keep them below it would be one more pass over all values
        first = (bins + 1) * torch.arange(len(own), dtype=torch.int32, device=own.device)[:, None]
        counts = torch.bincount(scaled.int().add_(first).flatten(), minlength=(bins + 1) * len(own))
        counted = counts.view(len(own), bins + 1).double().cpu().numpy()
        counted[:, bins - 1] += counted[:, bins]
        yield name, counted[:, :bins], edges


def confusions(outputs: Sequence[Evaluation], task: Task, classes: int) -> dict[int, np.ndarray]:
    """By place in the stack: float64 [classes, classes], rows what it is, columns what it was taken for."""
    found: dict[int, np.ndarray] = {}
    for rows, own, targets in outputs:
        said = task.predictions(own.flatten(0, 1), targets.flatten()).view(len(rows), -1)
        meant = classes_meant(targets.flatten()).view(len(rows), -1)
        first = classes**2 * torch.arange(len(rows), device=own.device)[:, None]
        counts = torch.bincount((first + meant * classes + said).flatten(), minlength=len(rows) * classes**2)
        counted = counts.view(len(rows), classes, classes).double().cpu().numpy()
        found.update(zip(rows.tolist(), counted, strict=True))
    return found
