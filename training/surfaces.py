"""Surfaces over the plane that optimizers are watched on: the table SURFACES, their minima, their curvature.

A surface is a function of two numbers, written for tensors, so that one backward pass gives the gradients of
any number of places. What is known of it, its minima above all, is in its row; tests hold each row to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from models.catalog import Catalog, Parameter, checked_settings

SURVEY = "Jamil and Yang 2013, arXiv:1308.4008"
FOUND = 1e-9  # a gradient as small as this, after Newton's steps, is that of a stationary point
NEWTON_STEPS = 40
NEWTON_STARTS = 49  # a side


@dataclass(frozen=True)
class Minimum:
    """A place from which every way leads up, and the value there."""

    x: float
    y: float
    value: float


@dataclass(frozen=True)
class Surface:
    """A row of SURFACES. `function(x, y, **settings)` gives the values at places of any shape.

    `minima` are the known ones; other local minima in the window are found by `local_minima`. `slope_rate`
    and `stride` suit the surface's slopes and size: what a race begins with follows from them (`usual_rate`).
    """

    name: str
    title: str
    formula: str  # LaTeX
    summary: str
    source: str
    function: Callable[..., Tensor]
    window: tuple[float, float, float, float]  # x from, x to, y from, y to
    start: tuple[float, float]
    minima: tuple[Minimum, ...]
    slope_rate: float = 0.1  # a learning rate for plain gradient descent
    stride: float = 0.1  # a length of step for optimizers that look at the slope's direction alone
    quadratic: bool = False  # the same curvature everywhere
    parameters: tuple[Parameter, ...] = ()

    @property
    def size(self) -> float:
        """The longer side of the window."""
        left, right, bottom, top = self.window
        return max(right - left, top - bottom)

    def settings(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Every setting, given or by default. ValueError for a wrong name or value."""
        return checked_settings(self.name, self.parameters, given or {})


def _himmelblau(x: Tensor, y: Tensor) -> Tensor:
    return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2


def _rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def _beale(x: Tensor, y: Tensor) -> Tensor:
    first, second, third = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return first**2 + second**2 + third**2


def _booth(x: Tensor, y: Tensor) -> Tensor:
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


def _rastrigin(x: Tensor, y: Tensor) -> Tensor:
    turn = 2 * math.pi
    return 20 + x * x - 10 * torch.cos(turn * x) + y * y - 10 * torch.cos(turn * y)


def _ackley(x: Tensor, y: Tensor) -> Tensor:
    # The limit is far below any distance that is seen: with it the gradient at the tip is 0 in place of NaN
    distance = torch.sqrt(torch.clamp((x * x + y * y) / 2, min=1e-300))
    waves = (torch.cos(2 * math.pi * x) + torch.cos(2 * math.pi * y)) / 2
    return 20 + math.e - 20 * torch.exp(-0.2 * distance) - torch.exp(waves)


def _saddle(x: Tensor, y: Tensor) -> Tensor:
    return x * x / 2 + y**4 / 4 - y * y / 2


def _ravine(x: Tensor, y: Tensor, condition: float) -> Tensor:
    return (x * x / condition + y * y) / 2


def _styblinski_tang(x: Tensor, y: Tensor) -> Tensor:
    return (x**4 - 16 * x * x + 5 * x + y**4 - 16 * y * y + 5 * y) / 2


SURFACES: Catalog[Surface] = Catalog(
    "surface",
    [
        Surface(
            name="himmelblau",
            title="Himmelblau",
            formula=r"(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
            summary="Four minima, all of depth 0: where a descent ends depends on where it began.",
            source=f"Himmelblau 1972, Applied Nonlinear Programming; {SURVEY}, number 65",
            function=_himmelblau,
            window=(-5, 5, -5, 5),
            start=(0.5, -0.8),
            minima=(
                Minimum(3.0, 2.0, 0.0),
                Minimum(-2.805118086952745, 3.131312518250573, 0.0),
                Minimum(-3.779310253377747, -3.283185991286169, 0.0),
                Minimum(3.584428340330492, -1.848126526964404, 0.0),
            ),
            slope_rate=0.01,
            stride=0.1,
        ),
        Surface(
            name="rosenbrock",
            title="Rosenbrock",
            formula=r"(1 - x)^2 + 100\,(y - x^2)^2",
            summary="A bent valley with steep walls and hardly any slope along its floor.",
            source=f"Rosenbrock 1960, doi:10.1093/comjnl/3.3.175; {SURVEY}, number 105",
            function=_rosenbrock,
            window=(-2, 2, -1, 3),
            start=(-1.2, 1.0),
            minima=(Minimum(1.0, 1.0, 0.0),),
            slope_rate=0.001,
            stride=0.03,
        ),
        Surface(
            name="beale",
            title="Beale",
            formula=r"(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2",
            summary="A wide plain between walls that are steeper by four orders of size.",
            source=f"Beale 1958, Princeton University; {SURVEY}, number 10",
            function=_beale,
            window=(-4.5, 4.5, -4.5, 4.5),
            start=(0.7, 1.9),
            minima=(Minimum(3.0, 0.5, 0.0),),
            slope_rate=0.01,
            stride=0.05,
        ),
        Surface(
            name="booth",
            title="Booth",
            formula=r"(x + 2y - 7)^2 + (2x + y - 5)^2",
            summary="A tilted bowl, nine times as steep across as along: the easy case.",
            source=f"{SURVEY}, number 17",
            function=_booth,
            window=(-10, 10, -10, 10),
            start=(-8.0, -3.0),
            minima=(Minimum(1.0, 3.0, 0.0),),
            slope_rate=0.05,
            stride=0.3,
            quadratic=True,
        ),
        Surface(
            name="rastrigin",
            title="Rastrigin",
            formula=r"20 + x^2 - 10\cos 2\pi x + y^2 - 10\cos 2\pi y",
            summary="A bowl with a hundred pits: a descent ends in the pit it began in.",
            source="Rastrigin 1974; Mühlenbein, Schomisch and Born 1991, doi:10.1016/S0167-8191(05)80052-3",
            function=_rastrigin,
            window=(-5.12, 5.12, -5.12, 5.12),
            start=(2.7, -3.4),
            minima=(Minimum(0.0, 0.0, 0.0),),
            slope_rate=0.002,
            stride=0.05,
        ),
        Surface(
            name="ackley",
            title="Ackley",
            formula=r"20 + e - 20\,e^{-0.2\sqrt{(x^2 + y^2)/2}} - e^{(\cos 2\pi x + \cos 2\pi y)/2}",
            summary="A plain of small pits round one deep funnel with a sharp tip.",
            source=f"Ackley 1987, doi:10.1007/978-1-4613-1997-9; {SURVEY}, number 1",
            function=_ackley,
            window=(-5, 5, -5, 5),
            start=(-2.7, 2.3),
            minima=(Minimum(0.0, 0.0, 0.0),),
            slope_rate=0.02,
            stride=0.05,
        ),
        Surface(
            name="saddle",
            title="Saddle",
            formula=r"\tfrac{1}{2} x^2 - \tfrac{1}{2} y^2 + \tfrac{1}{4} y^4",
            summary="At 0 the slope is 0, and yet it is no minimum: who comes along the ridge waits there.",
            source="Nesterov 2004, Introductory Lectures on Convex Optimization, example 1.2.2",
            function=_saddle,
            window=(-2, 2, -2, 2),
            start=(1.6, 0.001),
            minima=(Minimum(0.0, 1.0, -0.25), Minimum(0.0, -1.0, -0.25)),
            slope_rate=0.1,
            stride=0.03,
        ),
        Surface(
            name="ravine",
            title="Ravine",
            formula=r"\tfrac{1}{2}\left(\frac{x^2}{\kappa} + y^2\right)",
            summary="A quadratic, κ times as steep across as along: what makes gradient descent slow.",
            source="Goh 2017, Why momentum really works, doi:10.23915/distill.00006",
            function=_ravine,
            window=(-10, 10, -4, 4),
            start=(-9.0, 2.5),
            minima=(Minimum(0.0, 0.0, 0.0),),
            slope_rate=1.0,
            stride=0.2,
            quadratic=True,
            parameters=(
                Parameter(
                    "condition",
                    30.0,
                    "condition number: largest curvature over smallest",
                    low=1.0,
                    high=1000.0,
                    log=True,
                    symbol=r"\kappa",
                ),
            ),
        ),
        Surface(
            name="styblinski_tang",
            title="Styblinski-Tang",
            formula=r"\tfrac{1}{2}\left(x^4 - 16x^2 + 5x + y^4 - 16y^2 + 5y\right)",
            summary="Four valleys of different depths: the nearest is rarely the deepest.",
            source=f"Styblinski and Tang 1990, doi:10.1016/0893-6080(90)90029-K; {SURVEY}, number 144",
            function=_styblinski_tang,
            window=(-5, 5, -5, 5),
            start=(0.5, 1.0),
            minima=(Minimum(-2.903534027771177, -2.903534027771177, -78.33233140754285),),
            slope_rate=0.01,
            stride=0.1,
        ),
    ],
)


def values(
    surface: str, places: Float[Tensor, "places 2"], settings: Mapping[str, Any] | None = None
) -> Float[Tensor, " places"]:
    """The surface at each place. UnknownNameError for the name, ValueError for a setting."""
    row = SURFACES[surface]
    return row.function(places[:, 0], places[:, 1], **row.settings(settings))


def surface_grid(
    surface: str, settings: Mapping[str, Any] | None = None, side: int = 101
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ticks of both axes over the window, [side] each, and the values [y, x], in float64."""
    left, right, bottom, top = SURFACES[surface].window
    x, y = np.linspace(left, right, side), np.linspace(bottom, top, side)
    across, up = np.meshgrid(x, y)
    places = torch.from_numpy(np.stack((across.ravel(), up.ravel()), axis=1))
    return x, y, values(surface, places, settings).numpy().reshape(side, side)


def curvature(
    surface: str, places: Float[Tensor, "places 2"], settings: Mapping[str, Any] | None = None
) -> tuple[Float[Tensor, "places 2"], Float[Tensor, "places 2 2"]]:
    """Gradient and Hessian at each place, by autograd."""
    at = places.detach().clone().requires_grad_()
    first = torch.autograd.grad(values(surface, at, settings).sum(), at, create_graph=True)[0]
    rows = [torch.autograd.grad(first[:, place].sum(), at, retain_graph=True)[0] for place in (0, 1)]
    return first.detach(), torch.stack(rows, dim=1).detach()


def eigenvalues(surface: str, settings: Mapping[str, Any] | None = None) -> tuple[float, float]:
    """Smallest and largest curvature of a quadratic surface. ValueError where curvature changes."""
    row = SURFACES[surface]
    if not row.quadratic:
        known = ", ".join(each.name for each in SURFACES if each.quadratic)
        raise ValueError(
            f"the curvature of {surface} changes from place to place; it is one number for: {known}"
        )
    where = torch.tensor([[row.minima[0].x, row.minima[0].y]], dtype=torch.float64)
    low, high = torch.linalg.eigvalsh(curvature(surface, where, settings)[1][0]).tolist()
    return low, high


def local_minima(surface: str, settings: Mapping[str, Any] | None = None) -> tuple[Minimum, ...]:
    """The known minima, then every other one in the window, the deepest first.

    The others are found by Newton's method from a grid of starts: stationary points at which both curvatures
    are positive. A tip, such as Ackley's, has no curvature and is known from the row alone.
    """
    return _local_minima(surface, tuple(sorted(SURFACES[surface].settings(settings).items())))


@lru_cache(maxsize=64)
def _local_minima(surface: str, settings: tuple[tuple[str, Any], ...]) -> tuple[Minimum, ...]:
    row, given = SURFACES[surface], dict(settings)
    if row.quadratic:
        return row.minima
    left, right, bottom, top = row.window
    x, y = (torch.linspace(low, high, NEWTON_STARTS) for low, high in ((left, right), (bottom, top)))
    at = torch.cartesian_prod(x, y).to(torch.float64)
    longest = row.size / NEWTON_STARTS  # Newton's step is wild where the curvature is nearly 0
    for _ in range(NEWTON_STEPS):
        slope, bent = curvature(surface, at, given)
        move = torch.linalg.solve_ex(bent, slope)[0]
        size = torch.linalg.vector_norm(move, dim=1, keepdim=True)
        at = at - torch.nan_to_num(move * torch.clamp(longest / size, max=1.0))
    slope, bent = curvature(surface, at, given)
    bowl = (torch.nan_to_num(torch.linalg.eigvalsh(torch.nan_to_num(bent))) > 0).all(dim=1)
    still = torch.linalg.vector_norm(slope, dim=1) < FOUND * (1 + torch.linalg.matrix_norm(bent))
    inside = (at[:, 0] >= left) & (at[:, 0] <= right) & (at[:, 1] >= bottom) & (at[:, 1] <= top)
    found = at[bowl & still & inside]
    depths = values(surface, found, given)
    kept = list(row.minima)
    for place in torch.argsort(depths).tolist():
        x_here, y_here = found[place].tolist()
        here = Minimum(x_here, y_here, float(depths[place]))
        if all(math.hypot(here.x - each.x, here.y - each.y) > 1e-3 * row.size for each in kept):
            kept.append(here)
    return tuple(kept)
