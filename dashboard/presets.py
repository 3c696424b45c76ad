"""Starting points for the form of a new run: a table, as everything that comes in kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.language import mark
from models.catalog import Catalog
from training.config import RunConfig


@dataclass(frozen=True)
class Preset:
    """A configuration worth starting from. `changes` is what differs from RunConfig's defaults."""

    name: str
    title: str
    about: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def config(self) -> RunConfig:
        return RunConfig().replace(**self.changes)


PRESETS: Catalog[Preset] = Catalog(
    "preset",
    (
        Preset(
            "first_steps",
            mark("First steps"),
            mark("A small network on 1,797 handwritten digits: seconds on any machine."),
        ),
        Preset(
            "softmax_regression",
            mark("Softmax regression"),
            mark("The simplest classifier there is, on the same digits: what do hidden layers add?"),
            {"model": "linear", "learning_rate": 0.01},
        ),
        Preset(
            "two_moons",
            mark("Two moons"),
            mark("Two features, two classes: a tiny network bends its boundary between them."),
            {
                "dataset": "two_moons",
                "hidden_layers": 2,
                "hidden_width": 16,
                "activation": "tanh",
                "learning_rate": 0.01,
                "batch_size": 32,
                "epochs": 60,
            },
        ),
        Preset(
            "lenet_fashion",
            mark("LeNet-5 on clothes"),
            mark("The convolutional network of 1998 on 60,000 pictures of Fashion-MNIST, in a few minutes."),
            {"model": "lenet5", "dataset": "fashion_mnist", "epochs": 6, "batch_size": 128},
        ),
        Preset(
            "siamese",
            mark("Siamese network"),
            mark("Digits as points: pairs of one digit are pulled together, others pushed a margin apart."),
            {"task": "embedding", "loss": "contrastive", "embedding_size": 8, "epochs": 40},
        ),
        Preset(
            "triplet",
            mark("Triplet network"),
            mark("Each digit is to be nearer to one of its kind than to any other, by a margin."),
            {"task": "embedding", "loss": "triplet", "embedding_size": 8, "epochs": 40},
        ),
        Preset(
            "quadruplet",
            mark("Quadruplet network"),
            mark("Triplets, and the other digits keep their distance from each other as well."),
            {"task": "embedding", "loss": "quadruplet", "embedding_size": 8, "epochs": 40},
        ),
    ),
)
