"""Histograms and confusion matrices of many networks at once: one count for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from logs.writer import RunWriter
from training.compiled_steps import at_hand
from training.pictures import BINS, histogram
from training.stacked import Place
from training.stacked_scores import Evaluation
from training.tasks import Task, classes_meant

DRAWN = ("weights", "gradients")
DRAWN_BYTES = 4 * 2**20  # of weights that wait for their histograms, where no kernel counts them at once


class StackedHistograms:
    """Histograms of the weights and gradients of many networks, whose rows are logged in blocks."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self.moments: list[np.ndarray] = []  # [3, networks]: whose, step and epoch
        self.drawn: list[tuple[Tensor, ...]] = []  # in the order of DRAWN, to be counted
        self.counted: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in DRAWN]

    def add(
        self,
        numbers: Sequence[int],
        steps: Sequence[int],
        epoch: float,
        *values: Float[Tensor, "networks numbers"],
    ) -> None:
        """Those of an epoch. Whoever gives `values`, in the order of DRAWN, may write in them afterwards."""
        self.moments.append(np.array([numbers, steps, [epoch] * len(numbers)], np.float64))
        now = at_hand() is not None and values[0].device.type == "cpu"
        self.drawn.append(values if now else tuple(each.clone() for each in values))
        if now or sum(each[0].nbytes for each in self.drawn) > DRAWN_BYTES:
            self._count()

    @property
    def nbytes(self) -> int:
        """Of what waits to be logged."""
        return sum(len(moments[0]) for moments in self.moments) * len(self.places) * len(DRAWN) * 2 * 8 * BINS

    def log(self, runs: Sequence[RunWriter]) -> None:
        """Logs what came since the last time; `runs` are by the networks' numbers."""
        self._count()
        if not self.moments:
            return
        numbers, steps, epochs = np.concatenate(self.moments, axis=1)
        rows = {int(number): np.flatnonzero(numbers == number) for number in np.unique(numbers)}
        for kind, found in zip(DRAWN, self.counted, strict=True):
            counts, edges = (np.concatenate(each) for each in zip(*found, strict=True))
            for place, (name, *_) in enumerate(self.places):
                for number, own in rows.items():
                    here = counts[own, place], edges[own, place]
                    runs[number].histograms(steps[own], f"{kind}/{name}", *here, epochs=epochs[own])
            found.clear()
        self.moments.clear()

    def _count(self) -> None:
        """Those of several epochs by one count: small tensors cost calls, not arithmetic."""
        if self.drawn:
            for found, values in zip(self.counted, zip(*self.drawn, strict=True), strict=True):
                joined = values[0] if len(values) == 1 else torch.cat(values)
                found.append(histograms(joined, self.places))
            self.drawn.clear()


def histograms(
    values: Float[Tensor, "members numbers"], places: Sequence[Place], bins: int = BINS
) -> tuple[Float[np.ndarray, "members places bins"], Float[np.ndarray, "members places edges"]]:
    """Every member's counts and edges of each parameter, as `training.pictures.histogram` gives them."""
    counts = np.zeros((len(values), len(places), bins))
    ends = np.empty((*counts.shape[:2], 2), np.float32)
    if at_hand() is not None and values.device.type == "cpu":
        from training.compiled_histograms import compiled_count

        parts = np.array([(begin, end) for *_, begin, end in places])
        compiled_count(values.contiguous().numpy(), parts, counts, ends)
    else:
        _count(values, places, counts, ends)
    low, high = ends.astype(np.float64).transpose(2, 0, 1)
    edges = np.linspace(low, high, bins + 1, axis=2)
    for member, place in np.argwhere(np.isnan(low)).tolist():  # equal values, extreme ones, or no numbers
        *_, begin, end = places[place]
        counts[member, place], edges[member, place] = histogram(values[member, begin:end], bins)
    return counts, edges


def _count(values: Tensor, places: Sequence[Place], counts: np.ndarray, ends: np.ndarray) -> None:
    """By torch's calls, what `training.compiled_histograms` does."""
    bins = counts.shape[2]
    # The highest values come to stand at `bins`, in a bin of their own that is added to the last one:
    # to keep them below it would be one more pass over all values
    first = (bins + 1) * torch.arange(len(values), dtype=torch.int32, device=values.device)[:, None]
    for place, (*_, begin, end) in enumerate(places):
        own = values[:, begin:end]
        low, high = own.amin(dim=1), own.amax(dim=1)  # aminmax takes ten times as long along a dimension
        span = high - low
        fits = (span > 1e-30) & (span < 1e30)
        scale = (bins / torch.where(fits, span, 1).double()).float()[:, None]
        scaled = torch.where(fits[:, None], own.sub(low[:, None]).mul_(scale), 0)
        found = torch.bincount(scaled.int().add_(first).flatten(), minlength=(bins + 1) * len(own))
        counted = found.view(len(own), bins + 1).double().cpu().numpy()
        counts[:, place] = counted[:, :bins]
        counts[:, place, -1] += counted[:, bins]
        ends[:, place] = torch.where(fits[:, None], torch.stack([low, high], dim=1), nan).cpu().numpy()


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
