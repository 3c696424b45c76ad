"""What is left of a signal after many layers: activations going forward, gradients coming back, and what the
theory of wide networks says they should be.

A stack of linear layers of one width without biases, each followed by a normalisation, where one is asked
for, and the activation. What goes in is drawn from a standard normal; at the end a gradient drawn from one
is sent back through every layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import build_activation, gain
from models.catalog import checked_settings
from models.initializers import INITIALIZERS
from models.normalisation import EPSILON, NORMALISATIONS, build_normalisation

SAMPLES = 128
_POINTS = 4000  # of the normal distribution that the theory averages over; even: none at a kink in 0
_REACH = 8.0  # standard deviations to both sides


@dataclass(frozen=True)
class Signals:
    """Layer by layer, the first one first: numbers that come out of it (after the activation), gradients at
    what goes into its activation, and the root mean squares that a network of unlimited width would have.
    """

    activations: Float[Tensor, "layers samples width"]
    gradients: Float[Tensor, "layers samples width"]
    expected_activations: Float[Tensor, "layers"]
    expected_gradients: Float[Tensor, "layers"]

    @property
    def activation_sizes(self) -> Float[Tensor, "layers"]:
        """Root mean squares over samples and units."""
        return self.activations.square().mean(dim=(1, 2)).sqrt()

    @property
    def gradient_sizes(self) -> Float[Tensor, "layers"]:
        return self.gradients.square().mean(dim=(1, 2)).sqrt()


def signals(
    activation: str,
    initializer: str,
    layers: int,
    width: int = 128,
    seed: int = 0,
    activation_settings: Mapping[str, Any] | None = None,
    initializer_settings: Mapping[str, Any] | None = None,
    normalisation: str | None = None,
    normalisation_settings: Mapping[str, Any] | None = None,
) -> Signals:
    """Signals through `layers` layers of `width` units, in float64: 1e-300 of a gradient is still a number.

    `normalisation`: a name of NORMALISATIONS, which then stands between sums and activation, as in training.
    UnknownNameError for a name; ValueError for fewer than one layer or unit, or a setting out of its range.
    Source of the theory: Poole et al. 2016, arXiv:1606.05340, section 2; Schoenholz et al. 2017,
    arXiv:1611.01232, section 3.
    """
    if layers < 1 or width < 1:
        raise ValueError(
            f"a stack of {layers} layers of {width} units has nothing in it; both are at least 1"
        )
    generator = torch.Generator().manual_seed(seed)
    weights = [
        _weight(width, activation, initializer, generator, activation_settings, initializer_settings)
        for _ in range(layers)
    ]
    module = build_activation(activation, activation_settings).double()
    normalise: nn.Module = nn.Identity()
    if normalisation is not None:
        normalise = build_normalisation((width,), normalisation, normalisation_settings).double()
    inputs = torch.randn(SAMPLES, width, generator=generator, dtype=torch.float64)
    sent_back = torch.randn(SAMPLES, width, generator=generator, dtype=torch.float64)

    sums, passed, outputs = [], [], [inputs]
    for weight in weights:
        sums.append((outputs[-1] @ weight.T).detach().requires_grad_())
        passed.append(normalise(sums[-1]))
        outputs.append(module(passed[-1]))
    gradients = []
    flowing = sent_back
    for layer in reversed(range(layers)):
        (flowing,) = torch.autograd.grad(outputs[layer + 1], passed[layer], flowing, retain_graph=True)
        gradients.append(flowing)
        if normalisation is not None:
            (flowing,) = torch.autograd.grad(passed[layer], sums[layer], flowing)
        flowing = flowing @ weights[layer]
    spread = width * float(torch.stack([weight.square().mean() for weight in weights]).mean())
    forward, backward = expected_sizes(module, spread, layers, normalisation)
    return Signals(
        torch.stack([output.detach() for output in outputs[1:]]),
        torch.stack(gradients[::-1]),
        forward,
        backward,
    )


def expected_sizes(
    module: nn.Module, spread: float, layers: int, normalisation: str | None = None
) -> tuple[Float[Tensor, "layers"], Float[Tensor, "layers"]]:
    """Root mean squares of activations and of gradients at what goes into them, for weights of variance
    spread / width and unlimited width: then every sum is normally distributed with variance q, and

        q(l) = spread * a(l - 1),  a(0) = 1,  a(l) = E[f(sqrt(q(l)) z)^2]
        g(l) = spread * g(l + 1) * E[f'(sqrt(q(l)) z)^2],  the last one without the spread

    over z from a standard normal. a and g are the mean squares that the roots are taken of.

    A normalisation divides the sums of layer l by the root of s(l) = spread * v(l - 1) + epsilon, and the
    gradient with them; v is a, or, where it takes each unit over the samples, what is left of a without the
    square of E[f]: the samples share that part, so it goes with the mean (Yang et al. 2019,
    arXiv:1902.08129).
    """
    over_samples = normalisation is not None and NORMALISATIONS[normalisation].over_samples
    z = torch.linspace(-_REACH, _REACH, _POINTS, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    forward, slopes, divisors, size = [], [], [], 1.0
    for _ in range(layers):
        variance = spread * size
        divisors.append(1.0 if normalisation is None else variance + EPSILON)
        sums = (math.sqrt(variance / divisors[-1]) * z).requires_grad_()
        values = module(sums)
        (slope,) = torch.autograd.grad(values.sum(), sums)
        flat = values.detach()
        forward.append(torch.trapezoid(flat.square() * density, z).item())
        mean = torch.trapezoid(flat * density, z).item() if over_samples else 0.0
        size = max(0.0, forward[-1] - mean**2)
        slopes.append(torch.trapezoid(slope.square() * density, z).item())
    backward = [slopes[-1]]
    for slope_square, divisor in zip(reversed(slopes[:-1]), reversed(divisors[1:]), strict=True):
        backward.append(backward[-1] * spread * slope_square / divisor)
    return (
        torch.tensor(forward, dtype=torch.float64).sqrt(),
        torch.tensor(backward[::-1], dtype=torch.float64).sqrt(),
    )


def _weight(
    width: int,
    activation: str,
    initializer: str,
    generator: torch.Generator,
    activation_settings: Mapping[str, Any] | None,
    initializer_settings: Mapping[str, Any] | None,
) -> Float[Tensor, "width width"]:
    row = INITIALIZERS[initializer]
    settings = checked_settings(initializer, row.parameters, initializer_settings or {})
    weight = torch.empty(width, width, dtype=torch.float64)
    if row.fill is None:  # PyTorch's own, which has no generator to draw from
        bound = 1 / math.sqrt(width)
        return weight.uniform_(-bound, bound, generator=generator)
    return row.fill(weight, gain(activation, activation_settings), generator, **settings)
