"""The weights with the best validation score of every member, and when that was."""

from __future__ import annotations

import numpy as np
import torch

from training.stacked import StackedNetworks


class StackedBest:
    """Arrays with an entry for every member, also those that are not trained any more."""

    def __init__(self, networks: StackedNetworks, higher_is_better: bool) -> None:
        self.networks = networks.select(torch.arange(len(networks), device=networks.weights.device))
        self.sign = 1 if higher_is_better else -1
        self.scores = np.full(len(networks), -np.inf if higher_is_better else np.inf)
        self.epochs = np.zeros(len(networks), np.int64)  # 0: none yet
        self.steps = np.zeros(len(networks), np.int64)

    def consider(
        self,
        members: np.ndarray,
        scores: np.ndarray,
        blind: np.ndarray,
        steps: np.ndarray,
        epoch: int,
        networks: StackedNetworks,
    ) -> np.ndarray:
        """Takes the weights of those whose score beats their best one, and of all that are `blind`: they have
        no validation samples. An equal score keeps the earlier weights. Who got better, [members].
        """
        with np.errstate(invalid="ignore"):  # a score may be NaN: it beats nothing
            better = self.sign * scores > self.sign * self.scores[members]
        better = better | blind | (self.epochs[members] == 0)
        chosen = members[better]
        self.scores[chosen], self.steps[chosen], self.epochs[chosen] = scores[better], steps[better], epoch
        if len(chosen):
            device = networks.weights.device
            rows = torch.from_numpy(np.flatnonzero(better)).to(device)
            self.networks.assign(torch.from_numpy(chosen).to(device), networks.select(rows))
        return better
