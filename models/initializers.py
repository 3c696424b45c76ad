"""Where weights begin: the table of initialisation rules, and putting one on a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.activations import gain
from models.catalog import Catalog, Parameter, checked_settings

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Initializer:
    """A row of INITIALIZERS. `fill(weight, gain, generator, **settings)` overwrites one weight tensor in
    place; None leaves PyTorch's own. In the formulas n_in and n_out are a unit's inputs and outputs (times
    the kernel's area), g is the activation's gain (models/activations.py).
    """

    name: str
    title: str
    formula: str  # LaTeX of the weights' distribution
    summary: str
    source: str
    fill: Callable[..., Tensor] | None
    parameters: tuple[Parameter, ...] = ()


def _zeros(weight: Tensor, gain: float, generator: torch.Generator | None) -> Tensor:
    return nn.init.zeros_(weight)


def _normal(
    weight: Tensor, gain: float, generator: torch.Generator | None, standard_deviation: float
) -> Tensor:
    return nn.init.normal_(weight, std=standard_deviation, generator=generator)


def _xavier_uniform(weight: Tensor, gain: float, generator: torch.Generator | None) -> Tensor:
    return nn.init.xavier_uniform_(weight, generator=generator)


def _xavier_normal(weight: Tensor, gain: float, generator: torch.Generator | None) -> Tensor:
    return nn.init.xavier_normal_(weight, generator=generator)


# torch's kaiming functions know the gain of six activations by name. For the linear one it is 1, so that
# scaling afterwards by our own gain serves every activation.
def _kaiming_uniform(weight: Tensor, gain: float, generator: torch.Generator | None) -> Tensor:
    with torch.no_grad():
        return nn.init.kaiming_uniform_(weight, nonlinearity="linear", generator=generator).mul_(gain)


def _kaiming_normal(weight: Tensor, gain: float, generator: torch.Generator | None) -> Tensor:
    with torch.no_grad():
        return nn.init.kaiming_normal_(weight, nonlinearity="linear", generator=generator).mul_(gain)


def _orthogonal(weight: Tensor, gain: float, generator: torch.Generator | None) -> Tensor:
    return nn.init.orthogonal_(weight, gain=gain, generator=generator)


GLOROT = "Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html"
HE = "He et al. 2015, arXiv:1502.01852, section 2.2"

INITIALIZERS: Catalog[Initializer] = Catalog(
    "initializer",
    [
        Initializer(
            name="default",
            title="PyTorch's own",
            formula=r"w, b \sim U\left(-\frac{1}{\sqrt{n_{in}}}, \frac{1}{\sqrt{n_{in}}}\right)",
            summary="What torch.nn.Linear and Conv2d begin with, biases included.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html",
            fill=None,
        ),
        Initializer(
            name="zeros",
            title="Zeros",
            formula=r"w = 0",
            summary="Right for one linear layer. With hidden layers all units stay equal, most never move.",
            source="https://docs.pytorch.org/docs/stable/nn.init.html",
            fill=_zeros,
        ),
        Initializer(
            name="normal",
            title="Normal",
            formula=r"w \sim N(0, \sigma^2)",
            summary="One width for all layers, as was usual before 2010. Deep networks fade or explode.",
            source="Krizhevsky, Sutskever and Hinton 2012, section 5 (standard deviation 0.01)",
            fill=_normal,
            parameters=(
                Parameter(
                    "standard_deviation",
                    0.01,
                    "width of the bell",
                    low=1e-4,
                    high=10.0,
                    log=True,
                    symbol=r"\sigma",
                ),
            ),
        ),
        Initializer(
            name="xavier_uniform",
            title="Xavier (Glorot), uniform",
            formula=r"w \sim U(-a, a), \quad a = \sqrt{\frac{6}{n_{in} + n_{out}}}",
            summary="Keeps the signal's size forward and the gradient's backward, for activations like tanh.",
            source=GLOROT,
            fill=_xavier_uniform,
        ),
        Initializer(
            name="xavier_normal",
            title="Xavier (Glorot), normal",
            formula=r"w \sim N\left(0, \frac{2}{n_{in} + n_{out}}\right)",
            summary="The same variance as the uniform one, from a bell.",
            source=GLOROT,
            fill=_xavier_normal,
        ),
        Initializer(
            name="kaiming_uniform",
            title="Kaiming (He), uniform",
            formula=r"w \sim U(-a, a), \quad a = g \sqrt{\frac{3}{n_{in}}}",
            summary="Keeps the signal's mean square through layers with the chosen activation.",
            source=HE,
            fill=_kaiming_uniform,
        ),
        Initializer(
            name="kaiming_normal",
            title="Kaiming (He), normal",
            formula=r"w \sim N\left(0, \frac{g^2}{n_{in}}\right)",
            summary="The same variance as the uniform one, from a bell.",
            source=HE,
            fill=_kaiming_normal,
        ),
        Initializer(
            name="orthogonal",
            title="Orthogonal",
            formula=r"W W^\top = g^2 I \quad (\text{or } W^\top W = g^2 I)",
            summary="A random rotation, scaled: no direction of the signal is lost or favoured.",
            source="Saxe, McClelland and Ganguli 2013, arXiv:1312.6120",
            fill=_orthogonal,
        ),
    ],
)


def initialize(
    network: nn.Module,
    name: str,
    activation: str = "identity",
    generator: torch.Generator | None = None,
    settings: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Put the named rule on every Linear and convolution of the network, in place, and return the network.

    Weights follow the rule and biases become 0; batch norm keeps its ones and zeros. "default" changes
    nothing. Without a generator the numbers come from torch's global one, as they do for PyTorch's own
    layers.
    """
    row = INITIALIZERS[name]
    checked = checked_settings(name, row.parameters, settings or {})
    if row.fill is None:
        return network
    scale = gain(activation)
    for module in network.modules():
        if isinstance(module, WEIGHTED):
            row.fill(module.weight, scale, generator, **checked)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
