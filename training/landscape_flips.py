r"""A row of a plane without a product for each of its points: what its second layer adds up is a polynomial.

Along a row of the plane only b changes. Write t = b - b_m for the distance from one of its points, the
anchor. For a sample, unit j of the first layer adds up q_j + t p_j: a straight line. ReLU lets it through
where it is positive. The second layer multiplies with u_j + t v_j, weights that move along straight lines
too, so that its sums are

    z(t) = \sum_{j active} (q_j + t p_j) (u_j + t v_j) + biases = c_0 + t c_1 + t^2 c_2:

a parabola for each output, *exactly*, as long as no unit changes its mind. A straight line crosses zero at
most once, at t_j = -q_j / p_j. There unit j begins or ceases to add its own parabola

    q_j u_j + t (q_j v_j + p_j u_j) + t^2 p_j v_j.

So it is enough to know the three coefficients at the anchor, to walk from point to point in both directions,
to add or take off the parabolas of the units that flip on the way, and to evaluate a parabola at each point.
Between neighbours of 25 points some 2% of the units flip; a dense product would go through all of them.

The coefficients at the anchor take three products: the sums with the anchor's units frozen, at t = 0, h and
-h, determine the parabola. At the anchor itself z is then what a dense product gives, and since walks begin
there - where b is smallest, mostly the checkpoint - rounding grows outwards, where losses are large.

The walk is compiled by numba. Where that is missing, or can't compile or keep what it compiled, rows are
computed point by point.
"""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec

import numpy as np
import torch
from jaxtyping import Float, Float32, Int32
from torch import Tensor

from training.stacked_layers import Layer, Linear, Rectifier

FEWEST_POINTS = 10  # of a row for which this pays, and twice as many where much is left to do for each
FEWEST_OUTPUTS = 64  # of the second layer
# Multiplications of that layer's products at all points: for fewer, numba takes longer to come than it saves
LEAST_WORK = 5e10
PIECE = 2_500_000  # bytes of sums at a time: they stay in the cache until the next layer has read them
MOST_PARAMETERS = 16_000_000  # of the layers after these, at all points of a row
MOST_GAPS = 1000  # smallest distances between two points that a row may be long
LARGEST = 1e30  # sums that might become larger are computed point by point, where each overflows by itself
STEEPEST = 1e15  # sums of the first layer: a crossing beside the anchor is told from one at it
FASTER = "between the points of longer rows only the units that switch on or off are added up anew"

Walk = Callable[..., None]
_ONE_AT_A_TIME = threading.Lock()


def walk(
    sums: Float32[np.ndarray, "samples units"],
    slopes: Float32[np.ndarray, "samples units"],
    frozen: Float32[np.ndarray, "3 samples outputs"],
    biases: Float32[np.ndarray, "2 outputs"],
    weights: Float32[np.ndarray, "units outputs"],
    tilts: Float32[np.ndarray, "units outputs"],
    reach: np.float32,
    shares: Float32[np.ndarray, "points"],
    anchor: int,
    before: Int32[np.ndarray, "cells"],
    scale: np.float32,
    rectify: bool,
    out: Float32[np.ndarray, "points samples outputs"],
) -> None:
    """Writes the second layer's sums at each point into `out`, or what ReLU makes of them where `rectify`.

    sums, slopes: q and p; weights, tilts: u and v. frozen: the products with the anchor's units at t = 0,
    reach and -reach. biases: of the second layer at the anchor, and what one step of t adds to them.
    shares: t of the points in rising order, 0 at `anchor`. before: how many points lie before each of the
    cells that the row is cut into, `scale` of them to a step of t and none with two points.

    Loops are written so that the compiler makes vectors of them: no branches, one array at a time.
    """
    samples, units = sums.shape
    outputs, points = weights.shape[1], len(shares)
    zero, one, tiny = np.float32(0.0), np.float32(1.0), np.float32(1e-20)
    half, square = np.float32(0.5) / reach, np.float32(0.5) / (reach * reach)
    above = points - 1 - anchor  # the anchor is visit 0, from there points are visited up, then down
    low, high = shares[0], shares[points - 1]
    crossings, cells = np.empty(units, np.float32), np.empty(units, np.int32)
    visits = np.empty(units, np.int32)  # at which one a unit is seen flipped first; `points`: at none
    ends, order = np.empty(points + 2, np.int32), np.empty(units, np.int32)  # units, by their visits
    c0, c1, c2 = np.empty(outputs, np.float32), np.empty(outputs, np.float32), np.empty(outputs, np.float32)
    for sample in range(samples):
        for unit in range(units):
            q = sums[sample, unit]
            # A sum of 0 is taken for inactive: it becomes active beside the anchor, not at it
            t = -(max(q, tiny) if q > zero else min(q, -tiny)) / slopes[sample, unit]
            t = t if t >= low else low  # nothing flips at the lowest point, nor where the slope is 0
            t = t if t <= high else low
            crossings[unit] = t
            cells[unit] = np.int32((t - low) * scale)
        for unit in range(units):
            place = before[cells[unit]]
            visits[unit] = place + (shares[place] < crossings[unit])  # the first point after the crossing
        for unit in range(units):
            place = visits[unit]
            up = (sums[sample, unit] > zero) != (slopes[sample, unit] > zero)
            visit = place - anchor if up else above + anchor - place + 1
            visits[unit] = visit if place > 0 else points
        ends[:] = 0
        for unit in range(units):
            ends[visits[unit] + 1] += 1
        for visit in range(1, points + 2):
            ends[visit] += ends[visit - 1]
        for unit in range(units):
            visit = visits[unit]
            order[ends[visit]] = unit
            ends[visit] += 1
        for visit in range(points):
            if visit == 0 or visit == above + 1:
                for i in range(outputs):
                    middle, right, left = frozen[0, sample, i], frozen[1, sample, i], frozen[2, sample, i]
                    c0[i] = middle + biases[0, i]
                    c1[i] = (right - left) * half + biases[1, i]
                    c2[i] = ((right - middle) + (left - middle)) * square
            if visit > 0:
                last = ends[visit] - 1
                # Two units at a time: reading and writing the coefficients takes longer than the sums do
                for number in range(ends[visit - 1], last + 1, 2):
                    unit, other = order[number], order[min(number + 1, last)]
                    q, p = sums[sample, unit], slopes[sample, unit]
                    sign = -one if q > zero else one  # it was active, or was not
                    q, p = sign * q, sign * p
                    other_q, other_p = sums[sample, other], slopes[sample, other]
                    sign = zero if number == last else -one if other_q > zero else one
                    other_q, other_p = sign * other_q, sign * other_p
                    for i in range(outputs):
                        u, v = weights[unit, i], tilts[unit, i]
                        other_u, other_v = weights[other, i], tilts[other, i]
                        c0[i] += q * u + other_q * other_u
                        c1[i] += q * v + p * u + (other_q * other_v + other_p * other_u)
                        c2[i] += p * v + other_p * other_v
            place = anchor + visit if visit <= above else anchor + above - visit
            t, row = shares[place], out[place, sample]
            if rectify:
                for i in range(outputs):
                    row[i] = max(c0[i] + t * (c1[i] + t * c2[i]), zero)
            else:
                for i in range(outputs):
                    row[i] = c0[i] + t * (c1[i] + t * c2[i])


def compiled() -> Walk | None:
    """`walk` as machine code; None where there is no numba, or no folder for what it compiles."""
    with _ONE_AT_A_TIME:
        return _compiled()


@functools.cache
def _compiled() -> Walk | None:
    try:
        import numba

        compiler = numba.njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
        ready = compiler(inspect.unwrap(walk))  # without what tests put around it to check shapes
        one, none = np.ones((1, 1), np.float32), np.zeros(2, np.int32)
        three, two = np.ones((3, 1, 1), np.float32), np.ones((2, 1), np.float32)
        share, number, out = np.zeros(1, np.float32), np.float32(1.0), np.empty((1, 1, 1), np.float32)
        ready(one, one, three, two, one, one, number, share, 0, none, number, True, out)
        return ready
    except Exception:  # whatever is amiss with a compiler, there is another way
        return None


class Lines:
    """Tensors that move along straight lines over the plane: at the centre, and along both directions."""

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self.parts = parts
        self.largest = [float(part.abs().max()) for part in parts]

    def at(self, a: float, b: float) -> Tensor:
        centre, first, second = self.parts
        return torch.add(centre, first, alpha=a).add_(second, alpha=b)

    def bound(self, a: float, b: Sequence[float]) -> float:
        """No number of theirs is larger at these points, whichever way it is added up."""
        centre, first, second = self.largest
        return centre + abs(a) * first + max(map(abs, b)) * second


class Flips:
    """The second layer of a network whose first one is linear too, with ReLU between them, along rows."""

    def __init__(self, second: Linear, after: Sequence[Layer], plane: Sequence[Mapping[str, Tensor]]) -> None:
        """`after`: the layers that follow. `plane`: parameters of the centre and both directions, from the
        second layer on, one member each.
        """
        weights = [part[second.weight][0].T.contiguous() for part in plane]
        nothing = [torch.zeros_like(own[0]) for own in weights]
        self.weights = Lines(weights)  # [units, outputs]
        self.biases = Lines(nothing if second.bias is None else [part[second.bias][0] for part in plane])
        self.rectify = bool(after) and isinstance(after[0], Rectifier)
        self.layers = 2 + self.rectify  # of those after the first one, how many are done here
        self.parameters = [second.weight] if second.bias is None else [second.weight, second.bias]
        self.left = sum(own.numel() for name, own in plane[0].items() if name not in self.parameters)
        self.fewest = FEWEST_POINTS * (2 if _linears(after) > 1 else 1)

    def pays(self, points: int) -> bool:
        """Whether a row of so many points is computed sooner in this way, and can be."""
        return points >= self.fewest and points * self.left <= MOST_PARAMETERS and compiled() is not None

    def row(
        self, products: Lines, a: float, b: Sequence[float]
    ) -> Iterator[Float[Tensor, "points outputs samples"]] | None:
        """What the second layer adds up at the points (a, b), after ReLU where that follows, for one piece of
        the samples after the other: the next overwrites it. `products`: what the first layer adds up,
        [samples, units]. `b` rises. None where sums might overflow, or points lie together too closely.
        """
        anchor = min(range(len(b)), key=lambda place: abs(b[place]))
        shares = (np.array(b) - b[anchor]).astype(np.float32)
        gap, length = float(np.diff(shares).min()), float(shares[-1] - shares[0])
        if not gap > 0 or length > MOST_GAPS * gap:
            return None
        sums, units = products.bound(a, b), len(self.weights.parts[0])
        largest = sums * self.weights.bound(a, b) * units + self.biases.bound(a, b)
        if not (largest < LARGEST and sums < STEEPEST):  # nor where one of them is no number
            return None
        return self._pieces(products, a, b[anchor], shares, anchor, 2 * int(length / gap) + 2)

    def _pieces(
        self,
        products: Lines,
        a: float,
        middle: float,
        shares: np.ndarray,
        anchor: int,
        cells: int,
    ) -> Iterator[Tensor]:
        kernel = compiled()
        assert kernel is not None
        reach = float(np.abs(shares).max())
        scale = cells / float(shares[-1] - shares[0])
        edges = shares[0] + np.arange(cells + 1) / scale
        before = np.minimum(np.searchsorted(shares, edges), len(shares) - 1).astype(np.int32)
        moved, tilts = self.weights.at(a, middle), self.weights.parts[2]
        units, outputs = tilts.shape
        biases = torch.stack((self.biases.at(a, middle), self.biases.parts[2]))
        factors = torch.stack((moved, moved + reach * tilts, moved - reach * tilts))
        size = max(1, min(len(products.parts[0]), PIECE // (4 * len(shares) * outputs)))
        room = torch.empty(len(shares) * size * outputs)
        inputs, frozen = torch.empty(3 * size * units), torch.empty(3 * size * outputs)
        for middle_sums, along, slopes in zip(*(own.split(size) for own in products.parts), strict=True):
            count = len(slopes)
            sums = torch.add(middle_sums, along, alpha=a).add_(slopes, alpha=middle)
            active = inputs[: 3 * count * units].view(3, count, units)
            torch.clamp(sums, min=0.0, out=active[0])
            change = torch.mul(slopes, sums > 0)
            torch.add(active[0], change, alpha=reach, out=active[1])
            torch.sub(active[0], change, alpha=reach, out=active[2])
            own = torch.bmm(active, factors, out=frozen[: 3 * count * outputs].view(3, count, outputs))
            found = room[: len(shares) * count * outputs].view(len(shares), count, outputs)
            kernel(
                sums.numpy(), slopes.numpy(), own.numpy(), biases.numpy(), moved.numpy(), tilts.numpy(),
                np.float32(reach), shares, anchor, before, np.float32(scale), self.rectify, found.numpy(),
            )  # fmt: skip
            yield found.transpose(1, 2)


def flips_of(
    rest: Sequence[Layer], plane: Sequence[Mapping[str, Tensor]], passes: float = math.inf
) -> Flips | None:
    """For the layers after a linear one; None where they aren't ReLU, a linear layer wide enough, and others
    with a linear one among them, in float32 on the processor, or where this is no plane, or so small a one
    that it is done before numba is there. `passes`: samples times points.
    """
    if len(plane) != 3 or len(rest) < 2 or find_spec("numba") is None:
        return None
    first, second, *after = rest
    if not (isinstance(first, Rectifier) and isinstance(second, Linear)) or not _linears(after):
        return None
    weight = plane[0][second.weight]
    if weight.device.type != "cpu" or weight.dtype != torch.float32 or weight.shape[1] < FEWEST_OUTPUTS:
        return None
    return Flips(second, after, plane) if passes * weight.numel() >= LEAST_WORK else None


def _linears(layers: Sequence[Layer]) -> int:
    return sum(isinstance(layer, Linear) for layer in layers)
