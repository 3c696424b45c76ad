"""The network of the playground: a few features of a point in the plane and a few small layers, every part of
which fits on a screen (after Smilkov et al. 2017, arXiv:1708.03788).

A layer is linear -> batch norm -> activation -> dropout, as in models/mlp.py, with a width and an activation
of its own. With `residual`, a layer whose input is as wide as itself adds that input to what it computes (He
et al. 2015, arXiv:1512.03385), so that it learns what to change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import ACTIVATIONS, build_activation
from models.catalog import Catalog, Parameter
from models.initializers import initialize
from models.model import InputShape, Model, dropout_parameter, initializer_parameter

MOST_LAYERS = 6
MOST_NEURONS = 8


@dataclass(frozen=True)
class Feature:
    """A row of FEATURES: a number made of a point's two coordinates, which are standardised."""

    name: str
    formula: str  # LaTeX
    compute: Callable[[Tensor, Tensor], Tensor]  # x [batch], y [batch] -> [batch]


FEATURES: Catalog[Feature] = Catalog(
    "feature",
    [
        Feature("x", "x", lambda x, y: x),
        Feature("y", "y", lambda x, y: y),
        Feature("x2", "x^2", lambda x, y: x * x),
        Feature("y2", "y^2", lambda x, y: y * y),
        Feature("xy", "xy", lambda x, y: x * y),
        Feature("sin_x", r"\sin x", lambda x, y: x.sin()),
        Feature("sin_y", r"\sin y", lambda x, y: y.sin()),
    ],
)


class PlaneFeatures(nn.Module):
    """The chosen features of each point. It has nothing to learn."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.rows = tuple(FEATURES[name] for name in names)

    def forward(self, points: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch features"]:
        return torch.stack([row.compute(points[:, 0], points[:, 1]) for row in self.rows], dim=1)


class Shortcut(nn.Module):
    """Adds what comes in to what the layer makes of it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Float[Tensor, "batch units"]) -> Float[Tensor, "batch units"]:
        return inputs + self.layer(inputs)


class Playground(nn.Module):
    """Points [batch, 2] become features, pass the layers, and come out as logits [batch, outputs]."""

    def __init__(
        self,
        features: Sequence[str],
        widths: Sequence[int],
        activations: Sequence[str],
        outputs: int,
        residual: bool,
        batch_norm: bool,
        dropout: float,
        initializer: str,
    ) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.features = PlaneFeatures(features)
        self.layers = nn.Sequential()
        before = len(features)
        for width, activation in zip(widths, activations, strict=True):
            layer = nn.Sequential()
            layer.add_module("linear", nn.Linear(before, width))
            if batch_norm:
                layer.add_module("norm", nn.BatchNorm1d(width))
            layer.add_module("activation", build_activation(activation))
            if dropout:
                layer.add_module("dropout", nn.Dropout(dropout))
            initialize(layer, initializer, activation)
            self.layers.append(Shortcut(layer) if residual and before == width else layer)
            before = width
        self.output = nn.Linear(before, outputs)
        initialize(self.output, initializer, activations[-1] if activations else "identity")

    def forward(self, points: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch outputs"]:
        return self.output(self.layers(self.features(self.flatten(points))))


def parsed_features(text: str) -> tuple[str, ...]:
    """The features that a setting such as "x,y,xy" names, in the order of the table; ValueError for none."""
    chosen = {FEATURES[word].name for word in _words(text)}
    if not chosen:
        raise ValueError(f"plane_features is {text!r}; choose one at least of {', '.join(FEATURES.names())}")
    return tuple(name for name in FEATURES.names() if name in chosen)


def parsed_widths(text: str) -> tuple[int, ...]:
    """The neurons of each hidden layer, such as "8,8"; "" for no layer. ValueError for too many."""
    words = _words(text)
    if not all(word.isdecimal() and 1 <= int(word) <= MOST_NEURONS for word in words):
        raise ValueError(
            f"layer_widths is {text!r}; it must be numbers from 1 to {MOST_NEURONS}, such as 8,8"
        )
    if len(words) > MOST_LAYERS:
        raise ValueError(f"layer_widths is {text!r}; there may be {MOST_LAYERS} layers at most")
    return tuple(map(int, words))


def parsed_activations(text: str, layers: int) -> tuple[str, ...]:
    """An activation for each of so many layers; one name stands for all of them."""
    words = [ACTIVATIONS[word].name for word in _words(text)]
    if len(words) == 1:
        return tuple(words * layers)
    if len(words) != layers and layers:
        raise ValueError(
            f"layer_activations is {text!r} for {layers} layers; name one for all of them, or one a layer"
        )
    return tuple(words[:layers])


def build_playground(
    input_shape: InputShape,
    outputs: int,
    plane_features: str,
    layer_widths: str,
    layer_activations: str,
    residual: bool,
    dropout: float,
    batch_norm: bool,
    initializer: str,
) -> nn.Module:
    widths = parsed_widths(layer_widths)
    return Playground(
        parsed_features(plane_features),
        widths,
        parsed_activations(layer_activations, len(widths)),
        outputs,
        residual,
        batch_norm,
        dropout,
        initializer,
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


SPECS = (
    Model(
        name="playground",
        title="Playground",
        summary="A few small layers on features of a point in the plane, each with its own activation.",
        source="after Smilkov et al. 2017, arXiv:1708.03788",
        build=build_playground,
        inputs="plane",
        parameters=(
            Parameter(
                "plane_features",
                "x,y",
                f"what the network is given of a point: some of {', '.join(FEATURES.names())}",
                kind="text",
            ),
            Parameter(
                "layer_widths",
                "8,8",
                f"neurons of each hidden layer: up to {MOST_LAYERS} numbers from 1 to {MOST_NEURONS}",
                kind="text",
            ),
            Parameter(
                "layer_activations",
                "relu",
                "function after each hidden layer: one for all of them, or one a layer",
                kind="text",
            ),
            Parameter("residual", False, "layers as wide as their input add it to their output", kind="flag"),
            dropout_parameter(0.0),
            Parameter("batch_norm", False, "normalise each hidden unit over the batch", kind="flag"),
            initializer_parameter("default"),
        ),
        example=lambda: (torch.randn(4, 2), 3),
        stages=(
            ("features", (2,)),
            ("layers.0", (8,)),
            ("layers.0.linear", (8,)),
            ("layers.1", (8,)),
            ("output", (3,)),
        ),
        parameter_count=123,
        family="mlp",
    ),
)
