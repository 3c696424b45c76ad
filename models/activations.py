"""What a unit does with its sum: the table of activation functions, and their curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.catalog import Catalog, Parameter, checked_settings


@dataclass(frozen=True)
class Activation:
    """A row of ACTIVATIONS. `build(**settings)` makes a new module: each use in a network gets its own,
    because attribution methods (guided backpropagation, DeepLift) hook modules and refuse a shared one.
    """

    name: str
    title: str
    formula: str  # LaTeX of f(x)
    range: str  # LaTeX interval of the values
    summary: str
    source: str
    build: Callable[..., nn.Module]
    parameters: tuple[Parameter, ...] = ()


class Step(nn.Module):
    """1 where the input is at least 0, else 0 (the threshold of McCulloch and Pitts 1943).

    Its gradient is 0 everywhere it exists, so nothing below a step learns by gradient descent.
    """

    def forward(self, inputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        # floor has a gradient of zeros, a comparison has none at all: the network stays differentiable
        return torch.clamp(torch.floor(inputs) + 1, 0, 1)


def _prelu(initial_slope: float) -> nn.Module:
    return nn.PReLU(init=initial_slope)


ACTIVATIONS: Catalog[Activation] = Catalog(
    "activation",
    [
        Activation(
            name="identity",
            title="Identity",
            formula=r"f(x) = x",
            range=r"(-\infty, \infty)",
            summary="Passes the sum on. A stack of layers with it is one linear layer.",
            source="https://docs.pytorch.org/docs/stable/generated/torch.nn.Identity.html",
            build=nn.Identity,
        ),
        Activation(
            name="step",
            title="Step",
            formula=r"f(x) = \begin{cases} 1 & x \ge 0 \\ 0 & x < 0 \end{cases}",
            range=r"\{0, 1\}",
            summary="The first artificial neuron's threshold. Its slope is 0: layers below it do not learn.",
            source="McCulloch and Pitts 1943, A logical calculus of the ideas immanent in nervous activity",
            build=Step,
        ),
        Activation(
            name="sigmoid",
            title="Sigmoid",
            formula=r"f(x) = \frac{1}{1 + e^{-x}}",
            range=r"(0, 1)",
            summary="A soft step, read as a probability. Slopes of at most 1/4 make gradients shrink.",
            source="Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0",
            build=nn.Sigmoid,
        ),
        Activation(
            name="tanh",
            title="Tanh",
            formula=r"f(x) = \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}",
            range=r"(-1, 1)",
            summary="A sigmoid around zero, with slope 1 in the middle.",
            source="LeCun et al. 1998, Efficient BackProp, section 4.4",
            build=nn.Tanh,
        ),
        Activation(
            name="relu",
            title="ReLU",
            formula=r"f(x) = \max(0, x)",
            range=r"[0, \infty)",
            summary="Keeps what is positive. A unit negative for every sample is dead: it stops learning.",
            source="Nair and Hinton 2010, https://www.cs.toronto.edu/~fritz/absps/reluICML.pdf",
            build=nn.ReLU,
        ),
        Activation(
            name="leaky_relu",
            title="Leaky ReLU",
            formula=r"f(x) = \max(0, x) + a \min(0, x)",
            range=r"(-\infty, \infty)",
            summary="A ReLU that lets a little of the negative side through, so that no unit dies.",
            source="Maas, Hannun and Ng 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf",
            build=nn.LeakyReLU,
            parameters=(
                Parameter(
                    "negative_slope", 0.01, "slope below zero", low=0.0, high=1.0, step=0.01, symbol="a"
                ),
            ),
        ),
        Activation(
            name="prelu",
            title="PReLU",
            formula=r"f(x) = \max(0, x) + a \min(0, x), \quad a \text{ learned}",
            range=r"(-\infty, \infty)",
            summary="A leaky ReLU that learns its own slope.",
            source="He et al. 2015, arXiv:1502.01852",
            build=_prelu,
            parameters=(
                Parameter(
                    "initial_slope",
                    0.25,
                    "slope below zero at the start",
                    low=0.0,
                    high=1.0,
                    step=0.01,
                    symbol="a",
                ),
            ),
        ),
        Activation(
            name="elu",
            title="ELU",
            formula=r"f(x) = \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}",
            range=r"(-\alpha, \infty)",
            summary="Smooth below zero, which brings the mean of the outputs nearer to zero.",
            source="Clevert, Unterthiner and Hochreiter 2015, arXiv:1511.07289",
            build=nn.ELU,
            parameters=(
                Parameter("alpha", 1.0, "the negative limit", low=0.1, high=3.0, step=0.1, symbol=r"\alpha"),
            ),
        ),
        Activation(
            name="selu",
            title="SELU",
            formula=r"f(x) = \lambda \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases},"
            r"\quad \lambda \approx 1.0507,\ \alpha \approx 1.6733",
            range=r"(-\lambda\alpha, \infty)",
            summary="An ELU scaled so that mean 0 and variance 1 reproduce themselves from layer to layer.",
            source="Klambauer et al. 2017, arXiv:1706.02515",
            build=nn.SELU,
        ),
        Activation(
            name="gelu",
            title="GELU",
            formula=r"f(x) = x \, \Phi(x) = \frac{x}{2}\left(1 + \operatorname{erf}\frac{x}{\sqrt 2}\right)",
            range=r"[-0.17, \infty)",
            summary="Each input weighted by how large it is among normally distributed ones.",
            source="Hendrycks and Gimpel 2016, arXiv:1606.08415",
            build=nn.GELU,
        ),
        Activation(
            name="silu",
            title="SiLU (Swish)",
            formula=r"f(x) = x \, \sigma(x) = \frac{x}{1 + e^{-x}}",
            range=r"[-0.28, \infty)",
            summary="A ReLU made smooth by its own sigmoid.",
            source="Elfwing, Uchibe and Doya 2017, arXiv:1702.03118; Ramachandran et al., arXiv:1710.05941",
            build=nn.SiLU,
        ),
        Activation(
            name="mish",
            title="Mish",
            formula=r"f(x) = x \tanh(\ln(1 + e^x))",
            range=r"[-0.31, \infty)",
            summary="Close to SiLU, with a slightly steeper positive side.",
            source="Misra 2019, arXiv:1908.08681",
            build=nn.Mish,
        ),
        Activation(
            name="softplus",
            title="Softplus",
            formula=r"f(x) = \frac{1}{\beta} \ln\left(1 + e^{\beta x}\right)",
            range=r"(0, \infty)",
            summary="A smooth ReLU; its slope is the sigmoid.",
            source="Dugas et al. 2000, Incorporating second-order functional knowledge, NIPS 13",
            build=nn.Softplus,
            parameters=(
                Parameter(
                    "beta", 1.0, "how sharp the bend is", low=0.1, high=10.0, log=True, symbol=r"\beta"
                ),
            ),
        ),
        Activation(
            name="hardswish",
            title="Hard swish",
            formula=r"f(x) = x \, \frac{\min(\max(x + 3, 0), 6)}{6}",
            range=r"[-0.375, \infty)",
            summary="SiLU from straight pieces: cheap where the exponential is dear.",
            source="Howard et al. 2019, arXiv:1905.02244, section 5.2",
            build=nn.Hardswish,
        ),
    ],
)


def build_activation(name: str, settings: Mapping[str, Any] | None = None) -> nn.Module:
    """A new module of the named row; UnknownNameError and ValueError name the way out."""
    row = ACTIVATIONS[name]
    return row.build(**checked_settings(name, row.parameters, settings or {}))


class ActivationPoints(NamedTuple):
    """A curve: f and its derivative at `x`."""

    x: Float[Tensor, "points"]
    y: Float[Tensor, "points"]
    derivative: Float[Tensor, "points"]


def activation_points(
    name: str, low: float, high: float, points: int = 401, settings: Mapping[str, Any] | None = None
) -> ActivationPoints:
    """The named function and its derivative (by autograd, in float64) at evenly spaced points."""
    module = build_activation(name, settings).double()
    x = torch.linspace(low, high, points, dtype=torch.float64, requires_grad=True)
    y = module(x)
    (derivative,) = torch.autograd.grad(y.sum(), x)
    return ActivationPoints(x.detach(), y.detach(), derivative)


def gain(name: str, settings: Mapping[str, Any] | None = None) -> float:
    r"""How much weights must be scaled up so that the activation keeps the signal's mean square:
    1 / sqrt(E[f(z)^2]) for z from a standard normal (the condition of He et al. 2015, arXiv:1502.01852,
    section 2.2, for any f). sqrt(2) for ReLU, 1 for SELU, which was made for it.
    """
    with torch.no_grad(), torch.device("cpu"):  # with numbers, also where a network is built without
        z = torch.linspace(-12, 12, 24_001, dtype=torch.float64)
        density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
        values = build_activation(name, settings).double()(z)
        return 1 / math.sqrt(torch.trapezoid(values.square() * density, z).item())
