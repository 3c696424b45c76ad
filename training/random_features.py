"""Random features and the least-squares fit of least norm: test error through the interpolation threshold.

A model has `count` features that are drawn once and never trained, and one weight for each (and output).
Its weights minimise mean squared error + ridge * ||w||^2; with ridge 0 they are, of all that minimise the
error, those of least norm (Belkin et al. 2019, arXiv:1812.11118). One decomposition of the features'
matrix serves every ridge, so that a slider answers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from models.catalog import Catalog
from training.descent_problems import PROBLEMS, Drawn, draw

MOST_TIMES = 10.0  # features for each sample at most
MOST_SEEDS = 50
SMALLEST = 1e-6  # singular values below this share of the largest count as 0

Make = Callable[[Float[np.ndarray, "points inputs"], int, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class FeatureKind:
    """A row of FEATURES. `make(points, count, length, random)` gives features [points, count], drawn so that
    the first ones of many are those of few.

    `shares`: a model divides its features by the root of their number, so that a ridge means the same for
    few and for many.
    """

    name: str
    title: str
    formula: str  # LaTeX
    summary: str
    source: str
    make: Make
    shares: bool = True
    limited: bool = False  # to as many features as the problem has inputs


def _fourier(points: np.ndarray, count: int, length: float, random: np.random.Generator) -> np.ndarray:
    directions = random.standard_normal((count, points.shape[1])) / length
    phases = random.spawn(1)[0].uniform(
        0, 2 * np.pi, count
    )  # of their own stream: more come after, not between
    return np.sqrt(2) * np.cos(points @ directions.T + phases)


def _relu(points: np.ndarray, count: int, length: float, random: np.random.Generator) -> np.ndarray:
    directions = random.standard_normal((count, points.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    raw = np.maximum(points @ directions.T, 0.0)
    return raw / np.sqrt((raw**2).mean() or 1.0)


def _coordinates(points: np.ndarray, count: int, length: float, random: np.random.Generator) -> np.ndarray:
    return points[:, random.permutation(points.shape[1])[:count]]


def _cosines(points: np.ndarray, count: int, length: float, random: np.random.Generator) -> np.ndarray:
    order = np.arange(count)
    return np.cos(np.pi * order * (points / length + 0.5)) / (1 + order)


FEATURES: Catalog[FeatureKind] = Catalog(
    "kind of feature",
    [
        FeatureKind(
            name="fourier",
            title="Waves (random Fourier features)",
            formula=r"\sqrt{2}\,\cos(\omega^\top x + b),\quad \omega \sim \mathcal{N}(0, \ell^{-2} I),\;"
            r" b \sim \mathcal{U}(0, 2\pi)",
            summary="Cosines of random direction, wavelength and phase.",
            source="Rahimi and Recht 2007; Belkin et al. 2019, arXiv:1812.11118",
            make=_fourier,
        ),
        FeatureKind(
            name="relu",
            title="Kinks (random ReLU features)",
            formula=r"\max(0, v^\top x),\quad \|v\| = 1",
            summary="The hidden layer of a ReLU network that is never trained.",
            source="Belkin et al. 2019, arXiv:1812.11118",
            make=_relu,
        ),
        FeatureKind(
            name="coordinates",
            title="Some of the inputs",
            formula=r"x_{\pi(1)}, \ldots, x_{\pi(p)}",
            summary="Linear regression on a random choice of the inputs.",
            source="Belkin, Hsu and Xu 2020, arXiv:1903.07571",
            make=_coordinates,
            shares=False,
            limited=True,
        ),
        FeatureKind(
            name="cosines",
            title="Waves in order (cosine series)",
            formula=r"\cos(k \pi (x + 1) / 2) / (k + 1),\quad k = 0, 1, \ldots",
            summary="From slow to fast, the fast ones smaller: not random, and smooth where it can be.",
            source="Muthukumar, Vodrahalli, Subramanian and Sahai 2020, arXiv:1903.09139",
            make=_cosines,
            shares=False,
        ),
    ],
)


@dataclass(frozen=True)
class Spectrum:
    """One number of features, all seeds: what every ridge's solution follows from.

    `values` are the singular values of the training features [samples, count] as the model has them, `left`
    their left vectors, `test` the test features along the right ones.
    """

    count: int
    values: Float[np.ndarray, "seeds rank"]
    left: Float[np.ndarray, "seeds samples rank"]
    test: Float[np.ndarray, "seeds tests rank"]


@dataclass(frozen=True)
class Sweep:
    """Spectra over numbers of features, and the points of each seed. The noise is not in it: see
    `noisy_targets`.
    """

    spectra: tuple[Spectrum, ...]
    test_targets: Float[np.ndarray, "seeds tests outputs"]  # the truth
    train_inputs: Float[np.ndarray, "seeds samples inputs"]
    test_inputs: Float[np.ndarray, "seeds tests inputs"]

    @property
    def samples(self) -> int:
        return int(self.train_inputs.shape[1])

    @property
    def counts(self) -> list[int]:
        return [spectrum.count for spectrum in self.spectra]


@dataclass(frozen=True)
class DescentCurves:
    """What came of each number of features and each seed, [counts, seeds]."""

    counts: np.ndarray  # [counts]
    samples: int  # where the number of features reaches it, the fit goes through every sample
    train_error: np.ndarray  # mean squared error on the (noisy) training targets
    test_error: np.ndarray  # mean squared error on targets without noise
    norm: np.ndarray  # ||w||
    test_mistakes: np.ndarray | None = None  # share of wrong classes, where classes are learned

    @property
    def valley(self) -> int:
        """The number of features, at most the samples', with the least test error averaged over seeds."""
        few = self.test_error.mean(axis=1)[self.counts <= self.samples]
        return int(self.counts[few.argmin()])

    @property
    def peak(self) -> int:
        """The number of features from the valley on with the largest test error averaged over seeds."""
        error = np.where(self.counts >= self.valley, self.test_error.mean(axis=1), -np.inf)
        return int(self.counts[error.argmax()])


def feature_counts(samples: int, most: int | None = None) -> np.ndarray:
    """Numbers of features: near the threshold (`samples`, always one of them) in steps of a tenth, further
    away by a quarter, up to MOST_TIMES the samples or `most`.
    """
    steps = np.array([0.75, 0.82, 0.9, 0.96, 1.0, 1.04, 1.1, 1.2, 1.35])
    below = np.geomspace(1 / samples, 0.65, 7)
    above = np.geomspace(1.6, MOST_TIMES, 7)
    counts = np.unique(np.maximum(1, np.rint(samples * np.concatenate([below, steps, above])))).astype(int)
    return counts if most is None else np.unique(np.minimum(counts, most))


def most_features(problem: str, kind: str) -> int | None:
    """How many features there can be; None: any number."""
    return PROBLEMS[problem].inputs if FEATURES[kind].limited else None


def sweep(
    problem: str, kind: str, samples: int, seeds: int, root: Path, counts: Sequence[int] | None = None
) -> Sweep:
    """Draws `seeds` training sets and features, and decomposes the features for each number of them.

    ValueError for settings out of range, or features that do not go with the problem; DataError where a data
    set's files are missing.
    """
    row = PROBLEMS[problem]
    if FEATURES[kind].name not in row.features:
        raise ValueError(f"features is {kind!r}; {problem} goes with {', '.join(row.features)}")
    most = most_features(problem, kind)
    chosen = feature_counts(samples, most) if counts is None else np.unique(np.asarray(counts))
    if chosen[0] < 1 or (most is not None and chosen[-1] > most):
        raise ValueError(f"counts are {chosen.tolist()}; each must be at least 1 and at most {most or 'any'}")
    sets = _sets(problem, samples, 0.0, seeds, root)
    train, test = _features(sets, kind, row.length, int(chosen[-1]))
    scales = np.sqrt(chosen) if FEATURES[kind].shares else np.ones(len(chosen))
    return Sweep(
        tuple(_spectra(train, test, chosen, scales)),
        np.stack([one.test_targets for one in sets]),
        np.stack([one.train_inputs for one in sets]),
        np.stack([one.test_inputs for one in sets]),
    )


def noisy_targets(
    problem: str, samples: int, noise: float, seeds: int, root: Path
) -> Float[np.ndarray, "seeds samples outputs"]:
    """The training targets that go with a sweep of these settings."""
    return np.stack([one.train_targets for one in _sets(problem, samples, noise, seeds, root)])


def descent_curves(
    swept: Sweep, targets: Float[np.ndarray, "seeds samples outputs"], ridge: float
) -> DescentCurves:
    """Errors and norms of the solutions with this ridge. ValueError for a negative one."""
    classifies = targets.shape[2] > 1
    rows = [_solved(swept, spectrum, targets, ridge) for spectrum in swept.spectra]
    train, test, norm, mistakes = (np.stack(column) for column in zip(*rows, strict=True))
    return DescentCurves(
        np.array(swept.counts), swept.samples, train, test, norm, mistakes if classifies else None
    )


def fitted(
    swept: Sweep, targets: Float[np.ndarray, "seeds samples outputs"], count: int, ridge: float
) -> Float[np.ndarray, "seeds tests outputs"]:
    """What the models with `count` features say of the test inputs; ValueError for another number."""
    for spectrum in swept.spectra:
        if spectrum.count == count:
            return spectrum.test @ _weights(spectrum, targets, ridge)
    known = ", ".join(str(number) for number in swept.counts)
    raise ValueError(f"no model has {count} features here; there are {known}")


def expected_error(
    samples: int, counts: np.ndarray, noise: float, inputs: int
) -> Float[np.ndarray, "counts"]:
    """The mean squared error expected of least norm without ridge, on the problem "gaussian" with features
    "coordinates": Belkin, Hsu and Xu 2020, corollary 2.2, for noise-free test targets and weights of length
    1. Infinite where the number of features is within one of the samples.
    """
    known = np.asarray(counts) / inputs  # expected share of the target's variance that the features hold
    rest = noise**2 + 1 - known
    count = np.asarray(counts, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        few = rest * (1 + count / (samples - count - 1))
        many = known * (1 - samples / count) + rest * (1 + samples / (count - samples - 1))
    error = np.where(count <= samples - 2, few, np.where(count >= samples + 2, many, np.inf))
    return error - noise**2  # theirs is measured on noisy targets


def _sets(problem: str, samples: int, noise: float, seeds: int, root: Path) -> list[Drawn]:
    if not 1 <= seeds <= MOST_SEEDS:
        raise ValueError(f"seeds is {seeds}; it must be between 1 and {MOST_SEEDS}")
    return [draw(problem, samples, noise, seed, root) for seed in range(seeds)]


def _features(sets: Sequence[Drawn], kind: str, length: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of each seed's training and test points: [seeds, samples, count], [seeds, tests, count]."""
    train, test = [], []
    for seed, one in enumerate(sets):
        points = np.concatenate([one.train_inputs, one.test_inputs])
        features = FEATURES[kind].make(points, count, length, np.random.default_rng([seed, 1]))
        train.append(features[: len(one.train_inputs)])
        test.append(features[len(one.train_inputs) :])
    return np.stack(train), np.stack(test)


def _spectra(train: np.ndarray, test: np.ndarray, counts: np.ndarray, scales: np.ndarray) -> list[Spectrum]:
    """The smaller of the two products of the features is decomposed: [count, count] or [samples, samples].

    Ascending counts: larger models contain the smaller ones' features, so the products grow with them.
    """
    seeds, samples, _ = train.shape
    found = []
    primal = train[:, :, :samples].mT @ train[:, :, :samples]
    inner, across, begin = np.zeros((seeds, samples, samples)), np.zeros((seeds, test.shape[1], samples)), 0
    for count, scale in zip(counts.tolist(), scales.tolist(), strict=True):
        if count <= samples:
            squares, right = np.linalg.eigh(primal[:, :count, :count] / scale**2)
            values, inverse = _roots(squares)
            left = train[:, :, :count] @ right * (inverse / scale)[:, None]
            found.append(Spectrum(count, values, left, test[:, :, :count] @ right / scale))
            continue
        new = train[:, :, begin:count]
        inner, across = inner + new @ new.mT, across + test[:, :, begin:count] @ new.mT
        begin = count
        squares, left = np.linalg.eigh(inner / scale**2)
        values, inverse = _roots(squares)
        found.append(Spectrum(count, values, left, across @ left * (inverse / scale**2)[:, None]))
    return found


def _roots(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Singular values from their squares [seeds, rank], and their inverses; both 0 where they count as 0."""
    values = np.sqrt(np.maximum(squares, 0.0))
    real = values > SMALLEST * values.max(axis=1, keepdims=True)
    return np.where(real, values, 0.0), np.where(real, 1 / np.where(real, values, 1.0), 0.0)


def _weights(spectrum: Spectrum, targets: np.ndarray, ridge: float) -> np.ndarray:
    """Weights along the right singular vectors: [seeds, rank, outputs]."""
    if not ridge >= 0:
        raise ValueError(f"ridge is {ridge}; it must be 0 or more")
    values, samples = spectrum.values, targets.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.where(values > 0, values / (values**2 + ridge * samples), 0.0)
    return factors[:, :, None] * (spectrum.left.mT @ targets)


def _solved(swept: Sweep, spectrum: Spectrum, targets: np.ndarray, ridge: float) -> tuple[np.ndarray, ...]:
    """Training and test error, norm, and share of mistakes, each [seeds]."""
    weights = _weights(spectrum, targets, ridge)
    said = spectrum.test @ weights
    known = (spectrum.left * spectrum.values[:, None]) @ weights
    train = ((known - targets) ** 2).mean(axis=(1, 2))
    test = ((said - swept.test_targets) ** 2).mean(axis=(1, 2))
    norm = np.sqrt((weights**2).sum(axis=(1, 2)))
    wrong = said.argmax(axis=2) != swept.test_targets.argmax(axis=2)
    return train, test, norm, wrong.mean(axis=1)
