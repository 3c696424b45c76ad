"""What the models of a double descent learn: small regression problems, real and made, as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from models.catalog import Catalog
from training.datasets import DATASETS

GAUSSIAN_INPUTS = 200  # coordinates, all of equal weight: Belkin, Hsu and Xu 2020 use 100 for 40 samples
TEST_SAMPLES = 200
HIGHEST_NOISE = 2.0
JITTER = 1.15  # of a cell
MOST_SAMPLES = 120


@dataclass(frozen=True)
class Drawn:
    """A training and a test set. Noise is in the training targets only: the test error is against the truth.

    `train_targets` and `test_targets` have one column in a regression and one for each class where classes
    are learned (1 - 1/classes for the sample's class, -1/classes for the others).
    """

    train_inputs: Float[np.ndarray, "samples inputs"]
    train_targets: Float[np.ndarray, "samples outputs"]
    test_inputs: Float[np.ndarray, "tests inputs"]
    test_targets: Float[np.ndarray, "tests outputs"]


Draw = Callable[[int, float, np.random.Generator, Path], Drawn]


@dataclass(frozen=True)
class Problem:
    """A row of PROBLEMS. `draw(samples, noise, random, data_root)` gives a new training and test set.

    `length` is the distance over which the target may change, in units of the inputs: random waves have
    wavelengths in that order.
    """

    name: str
    title: str
    summary: str
    source: str
    noise_means: str
    draw: Draw
    inputs: int
    length: float
    features: tuple[str, ...]  # rows of FEATURES that fit; the first is the usual one
    outputs: int = 1
    dataset: str = ""  # the data set whose files must be here

    @property
    def classifies(self) -> bool:
        return self.outputs > 1


def _wave(samples: int, noise: float, random: np.random.Generator, root: Path) -> Drawn:
    # One sample to each of equal cells, moved by more than its cell: no long gap, and no two nearly equal
    places = (np.arange(samples) + 0.5 + random.uniform(-JITTER / 2, JITTER / 2, samples)) / samples
    inputs = np.clip(2 * np.sort(places)[:, None] - 1, -1, 1)
    tests = np.linspace(-1, 1, TEST_SAMPLES)[:, None]  # in equal steps: the fitted function can be drawn
    return _noisy(inputs, np.sin(2 * np.pi * inputs), tests, np.sin(2 * np.pi * tests), noise, random)


def _gaussian(samples: int, noise: float, random: np.random.Generator, root: Path) -> Drawn:
    weights = random.standard_normal((GAUSSIAN_INPUTS, 1))
    weights /= np.linalg.norm(weights)
    inputs = random.standard_normal((samples, GAUSSIAN_INPUTS))
    tests = random.standard_normal((TEST_SAMPLES, GAUSSIAN_INPUTS))
    return _noisy(inputs, inputs @ weights, tests, tests @ weights, noise, random)


def _pictures(dataset: str) -> Draw:
    def draw(samples: int, noise: float, random: np.random.Generator, root: Path) -> Drawn:
        pictures, classes = pictures_of(dataset, root)
        chosen = random.permutation(len(classes))[: samples + TEST_SAMPLES]
        names = classes[chosen].copy()
        wrong = random.random(samples) < noise
        names[:samples][wrong] = random.integers(0, 10, int(wrong.sum()))
        targets = np.eye(10)[names] - 0.1
        inputs = pictures[chosen]
        return Drawn(inputs[:samples], targets[:samples], inputs[samples:], targets[samples:])

    return draw


@lru_cache(maxsize=4)
def pictures_of(dataset: str, root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures as rows of length 1 on average, after the mean picture was taken out; and their classes."""
    row = DATASETS[dataset]
    samples = row.load(root, {}, 0, "classification")
    assert isinstance(samples.inputs, np.ndarray)
    chosen = np.random.default_rng(0).permutation(len(samples.targets))[:6000]  # as many as anyone asks for
    pixels = samples.inputs[chosen].reshape(len(chosen), -1) / 255.0
    pixels -= pixels.mean(axis=0)
    return pixels / np.sqrt((pixels**2).sum(axis=1).mean()), samples.targets[chosen]


def _noisy(
    inputs: np.ndarray,
    truth: np.ndarray,
    tests: np.ndarray,
    test_truth: np.ndarray,
    noise: float,
    random: np.random.Generator,
) -> Drawn:
    return Drawn(inputs, truth + noise * random.standard_normal(truth.shape), tests, test_truth)


PROBLEMS: Catalog[Problem] = Catalog(
    "problem",
    [
        Problem(
            name="gaussian",
            title="Gaussian inputs",
            summary="200 independent inputs, and a target that is linear in all of them: the expected error "
            "has a closed form.",
            source="Belkin, Hsu and Xu 2020, arXiv:1903.07571, section 2",
            noise_means="standard deviation; the target's own is 1",
            draw=_gaussian,
            inputs=GAUSSIAN_INPUTS,
            length=28.0,  # twice the length of an input vector
            features=("coordinates", "fourier", "relu"),
        ),
        Problem(
            name="wave",
            title="A sine wave (1-D)",
            summary="One input and one period to each side: the fitted function can be drawn.",
            source="",
            noise_means="standard deviation; the wave goes from -1 to 1",
            draw=_wave,
            inputs=1,
            length=2.0,
            features=("cosines",),
        ),
        Problem(
            name="digits",
            title="Digits",
            summary="Real handwritten digits (8 x 8), ten outputs: the class is the largest.",
            source="Belkin et al. 2019, arXiv:1812.11118, use MNIST",
            noise_means="share of the training samples with a class drawn at random",
            draw=_pictures("digits"),
            inputs=64,
            length=1.4,
            features=("fourier", "relu"),
            outputs=10,
            dataset="digits",
        ),
        Problem(
            name="fashion_mnist",
            title="Fashion-MNIST",
            summary="Real pictures of clothes (28 x 28), ten outputs: the class is the largest.",
            source="Belkin et al. 2019, arXiv:1812.11118, use MNIST",
            noise_means="share of the training samples with a class drawn at random",
            draw=_pictures("fashion_mnist"),
            inputs=784,
            length=1.4,
            features=("fourier", "relu"),
            outputs=10,
            dataset="fashion_mnist",
        ),
    ],
)


def draw(problem: str, samples: int, noise: float, seed: int, root: Path) -> Drawn:
    """A training and a test set of a row of PROBLEMS; the same ones for the same seed.

    ValueError for a number of samples or a noise out of range; DataError where the data set's files are
    missing or damaged; UnknownNameError for a name.
    """
    row = PROBLEMS[problem]
    if not 5 <= samples <= MOST_SAMPLES:
        raise ValueError(f"samples is {samples}; it must be between 5 and {MOST_SAMPLES}")
    highest = 1.0 if row.classifies else HIGHEST_NOISE
    if not 0 <= noise <= highest:
        raise ValueError(f"noise is {noise}; for {row.name} it must be between 0 and {highest:g}")
    # The inputs are drawn before the noise: they are the same ones whatever the noise
    return row.draw(samples, noise, np.random.default_rng([seed, samples]), root)
