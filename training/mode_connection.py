"""Low ways between two trained networks: a curve through the space of weights whose middle is trained.

On the straight line between two networks that were trained apart, the loss mostly rises to a barrier; around
it there is mostly a way of low loss (Garipov et al. 2018, arXiv:1802.10026; Draxler et al. 2018,
arXiv:1803.00885). A curve here is a weighted sum of control points: its two ends, which stay, and the middle
ones between them. Its mean loss over t is minimised by sampling t.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from models.catalog import Catalog
from training.objective import Objective

MOST_BENDS = 9


class DivergedError(ArithmeticError):
    """Training the curve led to losses that aren't finite."""


@dataclass(frozen=True)
class CurveKind:
    """A row of CURVES. `shares(t, bends)` gives the weight of each control point, [bends + 2], at t from 0 to
    1: 1 in sum, and 1 for an end at that end.
    """

    name: str
    title: str
    formula: str  # LaTeX, for one bend
    summary: str
    shares: Callable[[float, int], Float[np.ndarray, "controls"]]


def _chain(t: float, bends: int) -> np.ndarray:
    return np.maximum(0.0, 1.0 - np.abs(t * (bends + 1) - np.arange(bends + 2)))


def _bezier(t: float, bends: int) -> np.ndarray:
    degree = bends + 1
    return np.array([math.comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(degree + 1)])


CURVES: Catalog[CurveKind] = Catalog(
    "curve",
    [
        CurveKind(
            "bezier",
            "Bézier curve",
            r"(1-t)^2 w_0 + 2t(1-t)\,\theta + t^2 w_1",
            "Smooth; bent towards its middle point without reaching it.",
            _bezier,
        ),
        CurveKind(
            "chain",
            "Chain of lines",
            r"2\,(t\,\theta + (\tfrac12 - t)\,w_0)\ \text{for}\ t \le \tfrac12,\quad"
            r" 2\,((t - \tfrac12)\,w_1 + (1-t)\,\theta)\ \text{else}",
            "Straight from point to point, through the middle one.",
            _chain,
        ),
    ],
)


@dataclass(frozen=True)
class Curve:
    """A way from `start` (t = 0) to `end` (t = 1), of a row of CURVES. Without middle points it is the
    straight line, whatever the kind.
    """

    kind: str
    start: Float[Tensor, "numbers"]
    middle: Float[Tensor, "bends numbers"]
    end: Float[Tensor, "numbers"]

    def shares(self, t: float) -> Float[np.ndarray, "controls"]:
        return CURVES[self.kind].shares(t, len(self.middle))

    def at(self, t: float) -> Float[Tensor, "numbers"]:
        """The weights at t."""
        shares = self.shares(t)
        point = float(shares[0]) * self.start + float(shares[-1]) * self.end
        for share, bend in zip(shares[1:-1].tolist(), self.middle, strict=True):
            point = point + share * bend
        return point

    def points(self, t: Float[Tensor, "points"]) -> Float[Tensor, "points numbers"]:
        """The weights at each t: points * numbers of memory."""
        return torch.stack([self.at(place) for place in t.tolist()])


def straight_line(start: Float[Tensor, "numbers"], end: Float[Tensor, "numbers"]) -> Curve:
    return Curve("chain", start, start.new_zeros(0, len(start)), end)


@dataclass(frozen=True)
class Connection:
    """A trained curve, and the loss of each step's batch at its t, while the curve moved."""

    curve: Curve
    losses: Float[np.ndarray, "steps"]

    @property
    def steps(self) -> int:
        return len(self.losses)


def connect(
    objective: Objective,
    start: Float[Tensor, "numbers"],
    end: Float[Tensor, "numbers"],
    *,
    kind: str = "bezier",
    bends: int = 1,
    steps: int = 1000,
    batch: int = 100,
    learning_rate: float = 0.01,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, most: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Connection:
    """Trains the middle of a curve between two networks: at each step a t from 0 to 1 and a batch of samples
    are drawn, and Adam moves the control points down the loss there (Garipov et al. 2018, section 3.2). They
    begin evenly spaced on the straight line; the learning rate is whole for half of the steps and then falls
    evenly to a hundredth, as theirs does.

    A network with batch norm needs an objective with `statistics="batch"`: the saved statistics are those of
    one end, and wrong in the middle. The same seed gives the same curve. When `should_stop()` is true, the
    curve is as far as it got. UnknownNameError for a kind that isn't in CURVES, ValueError for other settings
    that can't be, DivergedError where a loss is no longer finite.
    """
    CURVES[kind]
    _check(objective, start, end, bends, steps, batch, learning_rate)
    generator = torch.Generator().manual_seed(seed)
    places = torch.arange(1, bends + 1).to(start)[:, None] / (bends + 1)
    middle = (start + places * (end - start)).detach().clone().requires_grad_()
    curve = Curve(kind, start, middle.detach(), end)  # shares memory with what Adam moves
    optimizer = torch.optim.Adam([middle], learning_rate)
    order, losses = torch.empty(0, dtype=torch.int64), list[float]()
    batch = min(batch, objective.samples)
    for step in range(steps):
        if should_stop():
            break
        if len(order) < batch:
            order = torch.randperm(objective.samples, generator=generator)
        rows, order = order[:batch], order[batch:]
        t = float(torch.rand((), generator=generator))
        loss, gradient = objective.value_and_gradient(curve.at(t), rows)
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss on the curve is {loss} at step {step + 1}; "
                f"take a learning rate below {learning_rate}"
            )
        losses.append(loss)
        shares = torch.from_numpy(curve.shares(t)[1:-1]).to(gradient)
        middle.grad = shares[:, None] * gradient
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * _rate(step / steps)
        optimizer.step()
        progress(step + 1, steps)
    return Connection(Curve(kind, start, middle.detach().clone(), end), np.array(losses))


@dataclass(frozen=True)
class Height:
    """The loss along a curve. `distance` is the way from the start in the space of weights, as the sum of the
    pieces between the points: on a curve, equal steps of t are not equally long.
    """

    t: Float[np.ndarray, "points"]
    distance: Float[np.ndarray, "points"]
    losses: Float[np.ndarray, "points"]

    @property
    def highest(self) -> float:
        """NaN counts as infinite."""
        return float(np.where(np.isnan(self.losses), np.inf, self.losses).max())

    @property
    def barrier(self) -> float:
        """How far the loss rises above the straight line between the ends' losses (Frankle et al. 2020,
        arXiv:1912.05671 takes their mean); 0 where it stays below.
        """
        between = (1 - self.t) * self.losses[0] + self.t * self.losses[-1]
        rise = np.where(np.isnan(self.losses), np.inf, self.losses) - between
        return max(0.0, float(np.nanmax(rise)))


def heights(
    objective: Objective,
    curve: Curve,
    points: int = 61,
    *,
    progress: Callable[[int, int], None] = lambda done, most: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Height:
    """The mean loss at evenly spaced t, both ends among them (61 as in Garipov et al.). When `should_stop()`
    is true, the points so far. ValueError for fewer than two points.
    """
    if points < 2:
        raise ValueError(f"points is {points}; it must be at least 2, the ends")
    places = np.linspace(0.0, 1.0, points)
    losses, distance, last = list[float](), list[float](), curve.start
    for t in places.tolist():
        if losses and should_stop():
            break
        here = curve.at(t)
        losses.append(objective.value(here))
        distance.append((distance[-1] if distance else 0.0) + float((here - last).norm()))
        last = here
        progress(len(losses), points)
    return Height(places[: len(losses)], np.array(distance), np.array(losses))


def _rate(share: float) -> float:
    """The learning rate's factor after this share of the steps."""
    if share <= 0.5:
        return 1.0
    return max(0.01, 1.0 - 0.99 * (share - 0.5) / 0.4)


def _check(
    objective: Objective,
    start: Tensor,
    end: Tensor,
    bends: int,
    steps: int,
    batch: int,
    learning_rate: float,
) -> None:
    if len(start) != objective.numbers or len(end) != objective.numbers:
        raise ValueError(
            f"the ends have {len(start)} and {len(end)} numbers, and the network {objective.numbers}; "
            "a curve joins two networks of one shape"
        )
    if not 1 <= bends <= MOST_BENDS:
        raise ValueError(f"bends is {bends}; it must be from 1 to {MOST_BENDS}")
    if steps < 1 or batch < 1:
        raise ValueError(f"steps is {steps} and batch {batch}; both must be at least 1")
    if not (learning_rate > 0 and math.isfinite(learning_rate)):
        raise ValueError(f"learning_rate is {learning_rate}; it must be above 0")
