"""Points in the plane, drawn from the seed: small worlds in which everything a network does can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.catalog import Parameter, Value
from training.datasets.dataset import Dataset, Samples

TURNS = 1.25  # of a spiral arm around the centre


def sample_count_parameter() -> Parameter:
    return Parameter(
        "sample_count", 1000, "points drawn", kind="integer", low=60, high=100_000, log=True, unit="samples"
    )


def noise_parameter(default: float, what: str) -> Parameter:
    return Parameter("noise", default, what, low=0.0, high=1.0, step=0.01, symbol=r"\sigma")


def class_count_parameter(default: int) -> Parameter:
    return Parameter("class_count", default, "classes", kind="integer", low=2, high=8, step=1)


def two_moons(sample_count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_moons

    points, classes = make_moons(sample_count, noise=noise, random_state=seed)
    return points, classes.astype(np.int64)


def circles(sample_count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_circles

    points, classes = make_circles(sample_count, noise=noise, factor=0.5, random_state=seed)
    return points, classes.astype(np.int64)


def spirals(sample_count: int, noise: float, seed: int, class_count: int) -> tuple[np.ndarray, np.ndarray]:
    """One arm a class, radius 0 to 1, each turned by 1/class_count of a circle against the next."""
    random = np.random.default_rng(seed)
    classes = np.arange(sample_count) % class_count
    along = np.sqrt(random.random(sample_count))  # the root puts as many points on each bit of an arm
    angle = 2 * np.pi * (TURNS * along + classes / class_count)
    points = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points + noise * random.standard_normal(points.shape), classes


def xor(sample_count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Opposite quarters of the square [-1, 1]^2 share a class: what no straight line parts (Minsky and
    Papert 1969).
    """
    random = np.random.default_rng(seed)
    quarter = np.arange(sample_count) % 4
    signs = np.stack([quarter % 2, quarter // 2], axis=1) * 2 - 1
    points = signs * random.uniform(0, 1, (sample_count, 2))
    classes = (signs[:, 0] != signs[:, 1]).astype(np.int64)
    return points + noise * random.standard_normal(points.shape), classes


def gaussians(sample_count: int, noise: float, seed: int, class_count: int) -> tuple[np.ndarray, np.ndarray]:
    """One round cloud a class, its centre on the unit circle; `noise` is its standard deviation."""
    random = np.random.default_rng(seed)
    classes = np.arange(sample_count) % class_count
    angle = 2 * np.pi * classes / class_count
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return centres + noise * random.standard_normal(centres.shape), classes


def load_two_moons(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    return _samples(two_moons(int(settings["sample_count"]), float(settings["noise"]), seed))


def load_circles(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    return _samples(circles(int(settings["sample_count"]), float(settings["noise"]), seed))


def load_spirals(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    class_count = int(settings["class_count"])
    return _samples(spirals(int(settings["sample_count"]), float(settings["noise"]), seed, class_count))


def load_xor(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    return _samples(xor(int(settings["sample_count"]), float(settings["noise"]), seed))


def load_gaussians(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    class_count = int(settings["class_count"])
    return _samples(gaussians(int(settings["sample_count"]), float(settings["noise"]), seed, class_count))


def _samples(drawn: tuple[np.ndarray, np.ndarray]) -> Samples:
    points, classes = drawn
    names = tuple(f"class {number}" for number in range(int(classes.max()) + 1))
    return Samples(points, classes, "classification", names, feature_names=("x1", "x2"))


SHIFT = "standard deviation of each point's shift"
TASKS_SERVED = ("classification", "binary")
SPECS = (
    Dataset(
        name="two_moons",
        title="Two moons",
        summary="Two half circles that reach into each other.",
        source="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html",
        licence="drawn at random",
        tasks=TASKS_SERVED,
        load=load_two_moons,
        parameters=(sample_count_parameter(), noise_parameter(0.2, SHIFT)),
        input_shape=(2,),
        num_classes=2,
    ),
    Dataset(
        name="circles",
        title="Circles",
        summary="A circle around another of half its size.",
        source="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_circles.html",
        licence="drawn at random",
        tasks=TASKS_SERVED,
        load=load_circles,
        parameters=(sample_count_parameter(), noise_parameter(0.1, SHIFT)),
        input_shape=(2,),
        num_classes=2,
    ),
    Dataset(
        name="spirals",
        title="Spirals",
        summary="Arms of a spiral, one a class, wound around each other: hard for a small network.",
        source="after Lang and Witbrock 1988, Learning to tell two spirals apart",
        licence="drawn at random",
        tasks=TASKS_SERVED,
        load=load_spirals,
        parameters=(sample_count_parameter(), noise_parameter(0.02, SHIFT), class_count_parameter(2)),
        input_shape=(2,),
    ),
    Dataset(
        name="xor",
        title="Exclusive or",
        summary="Opposite quarters of a square share a class: no straight line parts them.",
        source="Minsky and Papert 1969, Perceptrons",
        licence="drawn at random",
        tasks=TASKS_SERVED,
        load=load_xor,
        parameters=(sample_count_parameter(), noise_parameter(0.05, SHIFT)),
        input_shape=(2,),
        num_classes=2,
    ),
    Dataset(
        name="gaussians",
        title="Gaussians",
        summary="Round clouds on a circle, one a class: the more noise, the more they overlap.",
        source="Bishop 2006, Pattern Recognition and Machine Learning, section 4.2",
        licence="drawn at random",
        tasks=TASKS_SERVED,
        load=load_gaussians,
        parameters=(
            sample_count_parameter(),
            noise_parameter(0.3, "standard deviation of a cloud"),
            class_count_parameter(3),
        ),
        input_shape=(2,),
    ),
)
