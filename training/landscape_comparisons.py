"""Which networks' landscapes are compared, as data: what differs, what the literature says, and how large.

    row = LANDSCAPE_COMPARISONS["skip_connections"]
    config = row.sides[1].config(row.config("fashion_mnist"), budget=0.5)

`training.compare_landscapes` trains and measures them, `training.comparison_results` reads what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.catalog import Catalog
from training.config import SEED_LIMIT, ConfigError, RunConfig
from training.landscape_grid import PLANE_LEVELS
from training.landscape_settings import LandscapeSettings

KIND = "landscape_comparison"  # of the study's run; its members are of kind "side", and landscapes
MOST_SEEDS = 20
DATASETS = ("fashion_mnist", "digits", "mnist", "cifar10")  # images of ten classes: an address can name them
BUDGETS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
LEAST_SAMPLES = 50
START_SECONDS = 10.0  # processes that import PyTorch, twice


@dataclass(frozen=True)
class Side:
    """One of the networks that are compared: what it changes in the comparison's start."""

    name: str
    title: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    longer: int = 1  # so many times the epochs

    def config(self, start: RunConfig, budget: float = 1.0) -> RunConfig:
        """The configuration of its training, named after it; the budget shortens or lengthens it."""
        epochs = max(1, round(start.epochs * budget)) * self.longer
        return start.replace(**{"epochs": epochs, **self.changes, "name": self.title})


@dataclass(frozen=True)
class Comparison:
    """A row of LANDSCAPE_COMPARISONS. Where the literature expects something, it is that the measure
    `watched` (a row of MEASURES) is larger for the side `more` than for the side `less`. `control` is a side
    that differs from `less` as `more` does, without something else that `more` brings along.

    `seconds` are of one core, of one network of the first side on Fashion-MNIST with budget 1: its training,
    and its landscape with numbers. They are measured, and only for an estimate before anything has run.
    """

    name: str
    title: str
    question: str
    expected: str  # a sentence; empty where the literature does not say
    source: str
    start: Mapping[str, Any]  # made out of RunConfig's defaults
    sides: tuple[Side, ...]
    watched: str
    samples: int  # of a landscape, training and test each
    seconds: tuple[float, float]
    more: str = ""
    less: str = ""
    control: str = ""

    def config(self, dataset: str) -> RunConfig:
        """What all sides start from. The last weights are looked at: the end of training is the question."""
        return RunConfig().replace(
            dataset=dataset, keep="last", images_every=0, histogram_every=0, **self.start
        )

    def side(self, name: str) -> Side:
        return next(side for side in self.sides if side.name == name)


# 1,000 images that a small network learns by heart within seconds, as Keskar et al.'s networks do.
PERCEPTRON: Mapping[str, Any] = {
    "model": "mlp", "hidden_layers": 2, "hidden_width": 100, "train_samples": 1000, "validation_share": 0.05,
    "batch_size": 50, "optimizer": "sgd", "learning_rate": 0.1, "epochs": 60,
}  # fmt: skip
DEEPER: Mapping[str, Any] = {**PERCEPTRON, "hidden_layers": 4}
RESIDUAL: Mapping[str, Any] = {
    "model": "resnet20", "train_samples": 1500, "validation_share": 0.01, "batch_size": 50,
    "optimizer": "momentum", "learning_rate": 0.05, "weight_decay": 0.0005, "schedule": "cosine",
    "epochs": 12,
}  # fmt: skip

LANDSCAPE_COMPARISONS: Catalog[Comparison] = Catalog(
    "landscape comparison",
    [
        Comparison(
            "skip_connections",
            "Skip connections",
            "ResNet-20 with its shortcuts, and the same layers without.",
            "Without skip connections the surface is rougher.",
            "Li et al. 2018, arXiv:1712.09913, section 5",
            RESIDUAL,
            (
                Side("with", "With skip connections", {"shortcut": "padding"}),
                Side("without", "Without", {"shortcut": "none"}),
            ),
            "hills",
            100,
            (95.0, 150.0),
            more="without",
            less="with",
        ),
        Comparison(
            "batch_size",
            "Batch size and weight decay",
            "Small and large batches for the same number of epochs, with and without weight decay; and large "
            "batches for as many steps as the small ones had.",
            "Large batches end in sharper minima: a larger top eigenvalue of the Hessian.",
            "Keskar et al. 2017, arXiv:1609.04836",
            PERCEPTRON,
            (
                Side("small", "Batches of 25", {"batch_size": 25}),
                Side("large", "Batches of 250", {"batch_size": 250}),
                Side("small_decay", "25, weight decay", {"batch_size": 25, "weight_decay": 0.003}),
                Side("large_decay", "250, weight decay", {"batch_size": 250, "weight_decay": 0.003}),
                Side("large_long", "250, as many steps", {"batch_size": 250}, longer=10),
            ),
            "eigenvalue",
            1000,
            (5.0, 4.0),
            more="large",
            less="small",
            control="large_long",
        ),
        Comparison(
            "initialisations",
            "Initialisations",
            "The same deeper network from five first weights.",
            "",
            "",
            DEEPER,
            (
                Side("default", "PyTorch's own", {"initializer": "default"}),
                Side("xavier", "Xavier", {"initializer": "xavier_normal"}),
                Side("kaiming", "Kaiming", {"initializer": "kaiming_normal"}),
                Side("orthogonal", "Orthogonal", {"initializer": "orthogonal"}),
                Side("small", "Normal, σ = 0.01", {"initializer": "normal"}),
            ),
            "eigenvalue",
            1000,
            (5.0, 4.0),
        ),
        Comparison(
            "optimizers",
            "Optimizers",
            "Plain steps, momentum, RMSprop and Adam, each with a learning rate that suits it.",
            "Adaptive optimizers get to places of larger curvature than plain gradient descent.",
            "Cohen et al. 2022, arXiv:2207.14484",
            PERCEPTRON,
            (
                Side("sgd", "SGD", {"optimizer": "sgd", "learning_rate": 0.1}),
                Side("momentum", "Momentum", {"optimizer": "momentum", "learning_rate": 0.01}),
                Side("rmsprop", "RMSprop", {"optimizer": "rmsprop", "learning_rate": 0.001}),
                Side("adam", "Adam", {"optimizer": "adam", "learning_rate": 0.001}),
            ),
            "eigenvalue",
            1000,
            (5.0, 4.0),
            more="adam",
            less="sgd",
        ),
        Comparison(
            "dropout",
            "Dropout",
            "Half of the hidden units silenced at each step, a fifth, or none.",
            "Dropout prefers flatter places: a smaller trace of the Hessian.",
            "Wei, Kakade and Ma 2020, arXiv:2002.12915",
            PERCEPTRON,
            (
                Side("without", "Without dropout", {"dropout": 0.0}),
                Side("some", "Dropout 0.2", {"dropout": 0.2}),
                Side("with", "Dropout 0.5", {"dropout": 0.5}),
            ),
            "trace",
            1000,
            (5.0, 4.0),
            more="without",
            less="with",
        ),
        Comparison(
            "batch_norm",
            "Batch norm",
            "The same deeper network with and without batch norm.",
            "Batch norm takes away the Hessian's few large eigenvalues.",
            "Ghorbani, Krishnan and Xiao 2019, arXiv:1901.10159",
            DEEPER,
            (
                Side("without", "Without batch norm", {"batch_norm": False}),
                Side("with", "With batch norm", {"batch_norm": True}),
            ),
            "eigenvalue",
            1000,
            (6.0, 4.0),
            more="without",
            less="with",
        ),
    ],
)


@dataclass(frozen=True)
class ComparisonOptions:
    """What is compared, and how thoroughly; valid when it exists."""

    comparison: str
    config: RunConfig  # what every side starts from
    seeds: int = 3
    budget: float = 1.0
    points: int = 0  # a side of each plane; 0: by the budget
    measured: int = 0  # samples of each landscape; 0: as the comparison has it, fewer below budget 1

    def __post_init__(self) -> None:
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ConfigError(f"seeds is {self.seeds}; it must be between 1 and {MOST_SEEDS}")
        if not 0.01 <= self.budget <= 100:
            raise ConfigError(f"budget is {self.budget:g}; it must be between 0.01 and 100, 1 is as designed")
        if self.points and self.points not in PLANE_LEVELS:
            known = ", ".join(map(str, PLANE_LEVELS))
            raise ConfigError(f"points is {self.points}; it must be 0 or one of {known}, whose points nest")
        if self.measured < 0:
            raise ConfigError(
                f"measured is {self.measured}; it must be at least 1, or 0 for the usual number"
            )
        if self.config.seed + self.seeds - 1 > SEED_LIMIT:
            raise ConfigError(
                f"seeds are {self.config.seed} and the next {self.seeds - 1}, and the largest is "
                f"{SEED_LIMIT}; begin with a lower --seed"
            )
        for side in self.row.sides:
            self.side_config(side, 0)

    @classmethod
    def of(cls, values: Mapping[str, Any], config: RunConfig) -> ComparisonOptions:
        """From parsed options, or from the study in run.json. UnknownNameError for the comparison."""
        LANDSCAPE_COMPARISONS[values["comparison"]]
        numbers = {name: values[name] for name in ("seeds", "budget", "points", "measured") if name in values}
        return cls(values["comparison"], config, **numbers)

    @property
    def row(self) -> Comparison:
        return LANDSCAPE_COMPARISONS[self.comparison]

    def side_config(self, side: Side, seed: int) -> RunConfig:
        """Of the side's training with the `seed`-th seed, from 0."""
        return side.config(self.config, self.budget).replace(seed=self.config.seed + seed)

    @property
    def plane_points(self) -> int:
        """Points a side of each plane."""
        return self.points or (13 if self.budget < 0.5 else 25 if self.budget < 4 else 49)

    @property
    def plane_samples(self) -> int:
        """Samples of each landscape, training and test each, which the numbers are of too."""
        return self.measured or max(LEAST_SAMPLES, round(self.row.samples * min(1.0, self.budget)))

    def landscape(self, run: str, seed: int) -> LandscapeSettings:
        """Of a trained network: every side has the same settings of directions, seed and samples."""
        return LandscapeSettings(
            run=run,
            checkpoint="last",
            samples=self.plane_samples,
            points=self.plane_points,
            seed=self.config.seed + seed,
            workers=1,  # networks are measured side by side instead
            device=self.config.device,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for run.json."""
        return {
            "comparison": self.comparison, "seeds": self.seeds, "budget": self.budget, "points": self.points,
            "measured": self.measured,
        }  # fmt: skip

    def seconds(self, cores: int) -> float:
        """About how long all of it takes on so many idle cores, from what single ones took."""
        training, landscape = self.row.seconds
        pixels = {"digits": 0.1, "cifar10": 1.4}.get(self.config.dataset, 1.0)
        points = (self.plane_points / 25) ** 2 * self.plane_samples / self.row.samples
        steps = sum(max(1.0, side.longer * 0.5) for side in self.row.sides)
        whole = steps * training * self.budget + len(self.row.sides) * landscape * points
        return START_SECONDS + pixels * self.seeds * whole / max(1, cores)
