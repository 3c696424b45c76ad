"""What the playground can be told: its command line, the form of its page, and the `config` of its runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from models.activations import ACTIVATIONS
from models.catalog import Value
from models.initializers import INITIALIZERS
from models.playground import FEATURES, MOST_LAYERS, MOST_NEURONS
from training.config import RunConfig
from training.fields import Settings, option
from training.lab_settings import LabSettings
from training.optimizers import OPTIMIZERS
from training.points import OWN, PLANE
from training.schedules import SCHEDULES


@dataclass(frozen=True)
class PlaygroundSettings(LabSettings):
    """Everything that decides what a playground computes."""

    dataset: str = option(
        "two_moons", "the points", "Data", table=PLANE, choices=(OWN,), settings="dataset_settings",
        skip=("sample_count",),
    )  # fmt: skip
    dataset_settings: Mapping[str, Value] = dataclasses.field(default_factory=Settings)
    points: str = option(
        "", f"with --dataset {OWN}: a CSV file of x, y and a label, or a run's points.parquet", "Data", "path"
    )
    samples: int = option(500, "points drawn", "Data", "integer", low=20, high=5000, log=True, unit="points")
    train_share: float = option(0.7, "part of the points that train; the rest is for validation", "Data",
        low=0.1, high=0.9)  # fmt: skip
    batch_size: int = option(
        32, "points of one update", "Data", "integer", low=1, high=5000, log=True, symbol="B"
    )

    features: tuple[str, ...] = option(("x", "y"), "what the network is given of a point", "Model",
        table=FEATURES, several=True)  # fmt: skip
    layers: tuple[int, ...] = option((8, 8), f"neurons of each hidden layer, {MOST_LAYERS} layers at most",
        "Model", "integer", low=1, high=MOST_NEURONS, several=True)  # fmt: skip
    activations: tuple[str, ...] = option(("relu",), "after each hidden layer: one for all, or one a layer",
        "Model", table=ACTIVATIONS, several=True)  # fmt: skip
    residual: bool = option(False, "layers as wide as their input add it to their output", "Model", "flag")
    batch_norm: bool = option(False, "normalise each neuron over the batch", "Model", "flag")
    initializer: str = option("default", "how the weights begin", "Model", table=INITIALIZERS)

    optimizer: str = option(
        "adam",
        "how weights follow gradients",
        "Optimisation",
        table=OPTIMIZERS,
        settings="optimizer_settings",
    )
    optimizer_settings: Mapping[str, Value] = dataclasses.field(default_factory=Settings)
    learning_rate: float = option(
        0.01, "step size", "Optimisation", low=1e-6, high=10.0, log=True, symbol=r"\eta"
    )
    schedule: str = option(
        "constant",
        "how the learning rate moves",
        "Optimisation",
        table=SCHEDULES,
        settings="schedule_settings",
    )
    schedule_settings: Mapping[str, Value] = dataclasses.field(default_factory=Settings)
    epochs: int = option(300, "passes over the points", "Optimisation", "integer", low=1, high=5000, log=True)

    weight_decay: float = option(
        0.0, "pull of the weights towards zero (L2)", "Regularisation", low=0.0, high=1.0, symbol=r"\lambda"
    )
    l1: float = option(
        0.0, "sum of |w| times this is added to the loss (L1)", "Regularisation", low=0.0, high=1.0
    )
    dropout: float = option(
        0.0, "share of neurons silenced at each update", "Regularisation", low=0.0, high=0.9, symbol="p"
    )
    seeds: int = option(5, "networks trained at the same time, from seeds of their own", "Run", "integer",
        low=1, high=20)  # fmt: skip

    def check(self) -> None:
        if self.dataset == OWN and not self.points:
            raise ValueError(
                f"points is empty; with the data set {OWN!r}, name a CSV file of x, y and a label"
            )
        if not self.features:
            raise ValueError(f"features is empty; choose one at least of {', '.join(FEATURES.names())}")
        if len(self.layers) > MOST_LAYERS:
            raise ValueError(f"there are {len(self.layers)} layers; the playground has {MOST_LAYERS} at most")
        if len(self.activations) not in (1, len(self.layers)):
            raise ValueError(
                f"there are {len(self.activations)} activations for {len(self.layers)} layers; name one for "
                "all of them, or one a layer"
            )
        if self.batch_norm and self.batch_size < 2:
            raise ValueError("batch_size is 1, and batch norm needs 2 points at least to normalise over")

    @property
    def model_name(self) -> str:
        return "playground"

    @property
    def layer_activations(self) -> tuple[str, ...]:
        """A name for each hidden layer."""
        return self.activations * len(self.layers) if len(self.activations) == 1 else self.activations

    def run_config(self, seed: int, train_points: int) -> RunConfig:
        """What `training.train` would be told of the network that begins with `seed`. A batch that is larger
        than the training points is all of them.
        """
        return RunConfig(
            model="playground",
            model_settings={
                "plane_features": ",".join(self.features),
                "layer_widths": ",".join(map(str, self.layers)),
                "layer_activations": ",".join(self.layer_activations) or "relu",
                "residual": self.residual,
                "dropout": self.dropout,
                "batch_norm": self.batch_norm,
                "initializer": self.initializer,
            },
            dataset="two_moons" if self.dataset == OWN else self.dataset,
            batch_size=min(self.batch_size, train_points),
            optimizer=self.optimizer,
            optimizer_settings=self.optimizer_settings,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            schedule_settings=self.schedule_settings,
            epochs=self.epochs,
            weight_decay=self.weight_decay,
            l1=self.l1,
            keep="last",
            seed=seed,
            device="cpu",
        )
