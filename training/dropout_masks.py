"""Dropout as an average over masks: a network so small that every mask can be tried.

Dropout trains a network with a random part of its units missing at each step; for prediction all units are
there, and what leaves them is scaled by the share that was kept (Srivastava et al. 2014). That stands for the
mean of all the thinned networks. With one hidden layer and a linear output it is that mean exactly; with two
it is close. Here the mean is computed: all masks, each with its probability.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

RATES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
LAYERS = {1: (12,), 2: (6, 6)}  # hidden units by the number of hidden layers: 12 in all, 4,096 masks
SAMPLES, NOISE = 60, 0.25
STEPS, LEARNING_RATE = 1200, 0.03
POINTS = np.linspace(-1.25, 1.25, 151)
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam


def truth(inputs: np.ndarray) -> np.ndarray:
    """What the samples are noisy values of."""
    return np.sin(np.pi * inputs)


@dataclass(frozen=True)
class Samples:
    """A training set of one input."""

    inputs: Float[np.ndarray, "samples"]
    targets: Float[np.ndarray, "samples"]


def drawn(seed: int) -> Samples:
    """SAMPLES points of the noisy truth."""
    random = np.random.default_rng(seed)
    inputs = np.sort(random.uniform(-1, 1, SAMPLES))
    return Samples(inputs, truth(inputs) + NOISE * random.standard_normal(SAMPLES))


@dataclass(frozen=True)
class Thinned:
    """One trained network: tanh units, a linear output, dropout with `rate` behind every hidden layer.

    `weights` and `biases` of each layer, [before, after] and [after].
    """

    rate: float
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @property
    def units(self) -> int:
        """Hidden units, each of which a mask keeps or drops."""
        return sum(len(bias) for bias in self.biases[:-1])

    @cached_property
    def masks(self) -> Float[np.ndarray, "masks units"]:
        """Every mask of ones and zeros."""
        numbers = np.arange(2**self.units)
        return ((numbers[:, None] >> np.arange(self.units)) & 1).astype(np.float32)

    @cached_property
    def chances(self) -> Float[np.ndarray, "masks"]:
        """How likely dropout draws each mask; they sum to 1."""
        kept = self.masks.sum(axis=1, dtype=np.float64)
        return (1 - self.rate) ** kept * self.rate ** (self.units - kept)

    def outputs(
        self, inputs: Float[np.ndarray, "points"], masks: Float[np.ndarray, "masks units"]
    ) -> Float[np.ndarray, "masks points"]:
        """What each thinned network says. Kept units are scaled up by 1 / (1 - rate), as in training."""
        flow: np.ndarray = np.broadcast_to(inputs[None, :, None], (len(masks), len(inputs), 1))
        flow = flow.astype(np.float32)
        begin = 0
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            mask = masks[:, None, begin : begin + len(bias)] / (1 - self.rate)
            flow = np.tanh(flow @ weights.astype(np.float32) + bias.astype(np.float32)) * mask
            begin += len(bias)
        return (flow @ self.weights[-1] + self.biases[-1])[:, :, 0]

    def scaled(self, inputs: Float[np.ndarray, "points"]) -> Float[np.ndarray, "points"]:
        """What the whole network says, as it is used after training: no mask, nothing more to scale."""
        flow = inputs[:, None]
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            flow = np.tanh(flow @ weights + bias)
        return (flow @ self.weights[-1] + self.biases[-1])[:, 0]


@dataclass(frozen=True)
class Ensemble:
    """Every thinned network of one, over POINTS."""

    every: Float[np.ndarray, "masks points"]
    chances: Float[np.ndarray, "masks"]
    scaled: Float[np.ndarray, "points"]

    @cached_property
    def mean(self) -> Float[np.ndarray, "points"]:
        """The mean over all masks, each by its chance: what the scaled network stands for."""
        return self.chances @ self.every

    @cached_property
    def spread(self) -> Float[np.ndarray, "points"]:
        """The standard deviation over masks."""
        return np.sqrt(np.maximum(self.chances @ (self.every - self.mean) ** 2, 0.0))

    @property
    def gap(self) -> float:
        """Root mean square of scaled network minus mean, over the points."""
        return float(np.sqrt(((self.scaled - self.mean) ** 2).mean()))

    def sampled(self, count: int, seed: int) -> Float[np.ndarray, "count points"]:
        """What so many thinned networks say, their masks drawn as dropout draws them."""
        chosen = np.random.default_rng(seed).choice(len(self.chances), count, p=self.chances)
        return self.every[chosen]

    def distances(self, counts: np.ndarray, seed: int, repeats: int = 20) -> np.ndarray:
        """Root mean square distance of the mean of so many drawn masks from the mean of all, [counts]."""
        draws = np.random.default_rng(seed).choice(
            len(self.chances), (repeats, int(counts.max())), p=self.chances
        )
        totals = np.cumsum(self.every[draws], axis=1, dtype=np.float64)[:, counts - 1]
        means = totals / counts[:, None]
        return np.sqrt(((means - self.mean) ** 2).mean(axis=(0, 2)))


def train(layers: int, seed: int) -> tuple[Thinned, ...]:
    """A network for each of RATES, all from the same first weights, trained at once by Adam with dropout.

    `layers` is a key of LAYERS; ValueError for another. Takes a few hundred milliseconds.
    """
    if layers not in LAYERS:
        raise ValueError(f"layers is {layers}; it must be one of {', '.join(map(str, LAYERS))}")
    samples, random = drawn(seed), np.random.default_rng([seed, 1])
    sizes = (1, *LAYERS[layers], 1)
    count, keep = len(RATES), 1 - np.array(RATES)[:, None, None]
    values = []
    for before, after in itertools.pairwise(sizes):
        scale = 3.0 if before == 1 else np.sqrt(1 / before)
        values.append(np.tile(scale * random.standard_normal((before, after)), (count, 1, 1)))
        values.append(np.tile(random.uniform(-1, 1, (1, after)) * (before == 1), (count, 1, 1)))
    inputs = np.broadcast_to(samples.inputs[None, :, None], (count, SAMPLES, 1))
    means, squares = [np.zeros_like(v) for v in values], [np.zeros_like(v) for v in values]
    for step in range(1, STEPS + 1):
        gradients = _gradients(values, inputs, samples.targets[:, None], keep, random)
        rate = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        for place, gradient in enumerate(gradients):
            means[place] += (1 - BETAS[0]) * (gradient - means[place])
            squares[place] += (1 - BETAS[1]) * (gradient * gradient - squares[place])
            root = np.sqrt(squares[place] / (1 - BETAS[1] ** step)) + EPSILON
            values[place] -= rate / (1 - BETAS[0] ** step) * means[place] / root
    return tuple(
        Thinned(rate, tuple(w[place] for w in values[::2]), tuple(b[place, 0] for b in values[1::2]))
        for place, rate in enumerate(RATES)
    )


def ensemble(network: Thinned) -> Ensemble:
    """All of a network's masks."""
    every = network.outputs(POINTS, network.masks)
    return Ensemble(every, network.chances, network.scaled(POINTS))


def _gradients(
    values: list[np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    keep: np.ndarray,
    random: np.random.Generator,
) -> list[np.ndarray]:
    """Of the mean squared error with masks drawn anew for every sample, for all networks [rates, ...]."""
    flow, flows, values_kept = inputs, [inputs], []
    for place in range(0, len(values) - 2, 2):
        hidden = np.tanh(flow @ values[place] + values[place + 1])
        # The same draws for every rate: networks differ by their rate alone
        mask = (random.random(hidden.shape[1:]) < keep) / keep
        values_kept.append((hidden, mask))
        flow = hidden * mask
        flows.append(flow)
    ahead = (flow @ values[-2] + values[-1] - targets) * (2 / SAMPLES)
    gradients = [ahead.sum(axis=1, keepdims=True), flow.mT @ ahead]
    for place in range(len(values) - 4, -1, -2):
        hidden, mask = values_kept[place // 2]
        ahead = (ahead @ values[place + 2].mT) * mask * (1 - hidden * hidden)
        gradients += [ahead.sum(axis=1, keepdims=True), flows[place // 2].mT @ ahead]
    return gradients[::-1]
