"""Two-layer networks of many widths and seeds, trained at once: where do they begin to fit every sample?

Every network of the sweep is a row of batched products. A narrow one is padded with units whose weights are
0: such a unit gives 0 and, since its outgoing weight is 0 too, gets the gradient 0, so it stays absent. The
gradients are written out, since a step's arithmetic is so small that autograd would take most of its time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from models.catalog import Catalog
from training.descent_problems import TEST_SAMPLES, Drawn, pictures_of

INPUTS = 10
MOST_TIMES = 8.0  # the widest network has so many times the parameters of the threshold
WIDEST = 400
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Kingma and Ba 2015


@dataclass(frozen=True)
class Target:
    """A row of TARGETS: INPUTS inputs, one output. `draw(samples, noise, random, data_root)`."""

    name: str
    title: str
    summary: str
    noise_means: str
    draw: Callable[[int, float, np.random.Generator, Path], Drawn]


@dataclass(frozen=True)
class Shape:
    """A row of SHAPES: an activation, and its derivative told from its value."""

    name: str
    title: str
    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]


SHAPES: Catalog[Shape] = Catalog(
    "activation of a width sweep",
    [
        Shape("relu", "ReLU", torch.relu, lambda value: (value > 0).to(value.dtype)),
        Shape("tanh", "tanh", torch.tanh, lambda value: 1 - value * value),
    ],
)


def _linear(samples: int, noise: float, random: np.random.Generator, root: Path) -> Drawn:
    weights = random.standard_normal((INPUTS, 1))
    weights /= np.linalg.norm(weights)
    return _gaussian(samples, noise, random, lambda inputs: inputs @ weights)


def _teacher(samples: int, noise: float, random: np.random.Generator, root: Path) -> Drawn:
    hidden = random.standard_normal((INPUTS, 3)) * (2 / math.sqrt(INPUTS))
    out = random.standard_normal((3, 1))
    out /= np.linalg.norm(out)
    return _gaussian(samples, noise, random, lambda inputs: np.tanh(inputs @ hidden) @ out)


def _gaussian(
    samples: int, noise: float, random: np.random.Generator, truth: Callable[[np.ndarray], np.ndarray]
) -> Drawn:
    inputs, tests = (random.standard_normal((count, INPUTS)) for count in (samples, TEST_SAMPLES))
    targets = truth(inputs)
    return Drawn(inputs, targets + noise * random.standard_normal(targets.shape), tests, truth(tests))


def _even_digits(samples: int, noise: float, random: np.random.Generator, root: Path) -> Drawn:
    inputs, even = _components()
    chosen = random.permutation(len(even))[: samples + TEST_SAMPLES]
    targets = np.where(even[chosen], 1.0, -1.0)[:, None]
    turned = random.random((samples, 1)) < noise / 2  # drawn at random: half of those are right by chance
    train = np.where(turned, -targets[:samples], targets[:samples])
    return Drawn(inputs[chosen[:samples]], train, inputs[chosen[samples:]], targets[samples:])


@lru_cache(maxsize=1)
def _components() -> tuple[np.ndarray, np.ndarray]:
    """The digits' first principal components, each of variance 1, and which digits are even."""
    pixels, classes = pictures_of("digits", Path())
    _, _, axes = np.linalg.svd(pixels, full_matrices=False)
    found = pixels @ axes[:INPUTS].T
    return found / found.std(axis=0), classes % 2 == 0


TARGETS: Catalog[Target] = Catalog(
    "target of a width sweep",
    [
        Target(
            "linear",
            "A linear target",
            "Ten independent Gaussian inputs, and their weighted sum.",
            "standard deviation; the target's own is 1",
            _linear,
        ),
        Target(
            "teacher",
            "A small network as teacher",
            "Ten independent Gaussian inputs, and what three tanh units make of them.",
            "standard deviation; the target's own is near 1",
            _teacher,
        ),
        Target(
            "even_digits",
            "Even or odd digits",
            "Real digits by their first ten principal components; the target is 1 for even ones, else -1.",
            "share of the training samples with a class drawn at random",
            _even_digits,
        ),
    ],
)


def parameters_of(width: int) -> int:
    """Weights and biases of a network of that width."""
    return width * (INPUTS + 2) + 1


def threshold_width(samples: int) -> float:
    """The width at which a network has as many parameters as there are samples."""
    return (samples - 1) / (INPUTS + 2)


def sweep_widths(samples: int) -> list[int]:
    """Widths from 1: in steps of at most an eighth of the threshold up to twice it, then by a third."""
    threshold = threshold_width(samples)
    near = np.arange(1, 2 * threshold + 0.5, max(1.0, threshold / 8))
    far = np.geomspace(max(2 * threshold, 3), max(MOST_TIMES * threshold, 12), 6)
    return np.unique(np.rint(np.concatenate([near, far])).astype(int).clip(1, WIDEST)).tolist()


@dataclass(frozen=True)
class Measured:
    """How good each network is: [widths, seeds]. NaN or infinite where one has diverged."""

    train_error: np.ndarray  # mean squared error on the noisy training targets
    test_error: np.ndarray  # on targets without noise
    norm: np.ndarray  # of all weights, biases left out


class WidthSweep:
    """Networks of the given widths, `seeds` of each, all of them trained by Adam on all samples at each step.

    They minimise mean squared error + weight_decay * ||weights||^2. The learning rate falls from
    `learning_rate` to 0 along half a cosine over `steps`. Networks of one seed share their samples.
    """

    def __init__(
        self,
        target: str,
        activation: str,
        samples: int,
        noise: float,
        seeds: Sequence[int],
        widths: Sequence[int],
        steps: int,
        learning_rate: float = 0.02,
        weight_decay: float = 0.0,
        root: Path = Path(),
    ) -> None:
        self.widths, self.steps, self.step = list(widths), steps, 0
        self._rate, self._decay = learning_rate, weight_decay
        sets = [
            TARGETS[target].draw(samples, noise, np.random.default_rng([seed, samples]), root)
            for seed in seeds
        ]
        # By size, so that little is padded: up to the widest of a group
        self._groups = [_Group(part, sets, seeds, SHAPES[activation]) for part in _parts(sorted(set(widths)))]

    def train(self, steps: int) -> None:
        """So many updates more, not past the last."""
        for _ in range(min(steps, self.steps - self.step)):
            self.step += 1
            rate = self._rate * 0.5 * (1 + math.cos(math.pi * (self.step - 1) / self.steps))
            for group in self._groups:
                group.update(self.step, rate, self._decay)

    def measure(self) -> Measured:
        """The errors of the networks as they are now."""
        found = [group.measure() for group in self._groups]
        return Measured(*(np.concatenate([one[place] for one in found]) for place in range(3)))

    def weights(self, width: int, seed: int) -> list[np.ndarray]:
        """A copy of one network's weights [inputs, width], [width], [width, 1], [1]; `seed` is its place."""
        for group in self._groups:
            if width in group.widths:
                return group.weights(width, seed)
        raise ValueError(f"no network has the width {width}; there are {self.widths}")


def _parts(widths: list[int]) -> list[list[int]]:
    """The widths in groups of at most twice their smallest; the narrow ones together."""
    parts: list[list[int]] = []
    for width in widths:
        if parts and width <= max(2 * parts[-1][0], 10):
            parts[-1].append(width)
        else:
            parts.append([width])
    return parts


class _Group:
    """Networks of similar width as one batch; members are ordered by width, then seed."""

    def __init__(self, widths: list[int], sets: list[Drawn], seeds: Sequence[int], shape: Shape) -> None:
        self.widths, self._seeds, self._shape = widths, len(seeds), shape

        def repeated(of: Callable[[Drawn], np.ndarray]) -> Tensor:
            values = np.stack([of(one) for one in sets])
            return torch.from_numpy(np.tile(values, (len(widths), 1, 1))).float()

        self._inputs, self._targets = repeated(lambda s: s.train_inputs), repeated(lambda s: s.train_targets)
        self._tests, self._truth = repeated(lambda s: s.test_inputs), repeated(lambda s: s.test_targets)
        members, widest = len(widths) * len(seeds), max(widths)
        self._weights = [
            torch.zeros(members, INPUTS, widest),
            torch.zeros(members, 1, widest),
            torch.zeros(members, widest, 1),
            torch.zeros(members, 1, 1),
        ]
        for member in range(members):
            width, seed = widths[member // len(seeds)], seeds[member % len(seeds)]
            draws = torch.Generator().manual_seed((1009 * seed + width) % 2**63)  # whoever else is trained
            first = torch.randn(INPUTS, width, generator=draws) * math.sqrt(2 / INPUTS)
            self._weights[0][member, :, :width] = first
            last = torch.randn(width, 1, generator=draws) / math.sqrt(width)
            self._weights[2][member, :width] = last
        self._means = [torch.zeros_like(weights) for weights in self._weights]
        self._squares = [torch.zeros_like(weights) for weights in self._weights]

    def update(self, step: int, rate: float, decay: float) -> None:
        """One step of Adam on the gradient over all samples."""
        gradients = self.gradients(decay)
        first, second = BETAS
        torch._foreach_lerp_(self._means, gradients, 1 - first)
        torch._foreach_mul_(self._squares, second)
        torch._foreach_addcmul_(self._squares, gradients, gradients, 1 - second)
        roots = torch._foreach_sqrt(self._squares)
        torch._foreach_div_(roots, math.sqrt(1 - second**step))
        torch._foreach_add_(roots, EPSILON)
        torch._foreach_addcdiv_(self._weights, self._means, roots, -rate / (1 - first**step))

    def gradients(self, decay: float) -> list[Tensor]:
        """Of mean squared error + decay * ||weights||^2, for every network by its own samples."""
        first, _, last, _ = self._weights
        hidden, outputs = self._outputs(self._inputs)
        ahead = (outputs - self._targets) * (2 / self._inputs.shape[1])  # d error / d outputs
        behind = (ahead @ last.mT) * self._shape.slope(hidden)
        gradients = [
            self._inputs.mT @ behind,
            behind.sum(dim=1, keepdim=True),
            hidden.mT @ ahead,
            ahead.sum(dim=1, keepdim=True),
        ]
        if decay:
            gradients[0].add_(first, alpha=2 * decay)
            gradients[2].add_(last, alpha=2 * decay)
        return gradients

    def measure(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Training error, test error, norm of the weights, each [widths, seeds]."""

        def error(inputs: Tensor, targets: Tensor) -> np.ndarray:
            squares = (self._outputs(inputs)[1] - targets).double().square()
            return squares.mean(dim=(1, 2)).view(-1, self._seeds).numpy()

        norm = sum(self._weights[place].double().square().sum(dim=(1, 2)) for place in (0, 2))
        assert isinstance(norm, Tensor)
        return (
            error(self._inputs, self._targets),
            error(self._tests, self._truth),
            norm.sqrt().view(-1, self._seeds).numpy(),
        )

    def weights(self, width: int, seed: int) -> list[np.ndarray]:
        member = self.widths.index(width) * self._seeds + seed
        first, bias, last, end = (weights[member].clone() for weights in self._weights)
        return [first[:, :width].numpy(), bias[0, :width].numpy(), last[:width].numpy(), end[0].numpy()]

    def _outputs(
        self, inputs: Float[Tensor, "members samples inputs"]
    ) -> tuple[Float[Tensor, "members samples width"], Float[Tensor, "members samples 1"]]:
        first, bias, last, end = self._weights
        hidden = self._shape.value(torch.baddbmm(bias, inputs, first))
        return hidden, torch.baddbmm(end, hidden, last)
