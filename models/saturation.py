"""Where an activation has gone flat, and how much of a trained network lies there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.activations import ACTIVATIONS, ActivationPoints, activation_points, build_activation
from models.probes import evaluated, unit_axis

FLAT = 0.05  # of the largest slope: below it a unit hardly learns
_BINS = 61


def flat_spans(points: ActivationPoints) -> list[tuple[float, float]]:
    """Where the slope is below 5% of the curve's largest one, as intervals of x from left to right."""
    steep = points.derivative.abs().max()
    flat = (points.derivative.abs() < FLAT * steep).tolist() if steep > 0 else [True] * len(points.x)
    x, spans, begin = points.x.tolist(), [], None
    for place, is_flat in enumerate([*flat, False]):
        if is_flat and begin is None:
            begin = place
        elif not is_flat and begin is not None:
            if place - 1 > begin:
                spans.append((x[begin], x[place - 1]))
            begin = None
    return spans


@dataclass(frozen=True)
class Sums:
    """What went into one activation of a network: a histogram over samples, places and units."""

    name: str  # the module's dotted name
    activation: str  # a name of ACTIVATIONS
    settings: Mapping[str, Any]  # of that row
    counts: np.ndarray  # int64 [bins]
    edges: np.ndarray  # float64 [bins + 1]
    units: int
    dead: int  # units with a slope of 0 at every sample and place: nothing below them learns
    saturated: float  # the share of all numbers that lie where the slope is below 5% of the largest

    @property
    def curve(self) -> ActivationPoints:
        """The activation over the histogram's extent."""
        return activation_points(self.activation, self.edges[0], self.edges[-1], 301, self.settings)


def activation_sums(network: nn.Module, inputs: Float[Tensor, "batch *shape"]) -> list[Sums]:
    """Of every activation of the network, in the order in which they are used; evaluation mode, nothing is
    changed. ValueError where it has no activation that ACTIVATIONS knows.
    """
    rows = _rows()
    found = {name: rows.get(type(module)) for name, module in network.named_modules()}
    known = {name: row for name, row in found.items() if row is not None and row != "identity"}
    if not known:
        raise ValueError(
            f"this network has no activation of the table ({', '.join(ACTIVATIONS.names())}); choose another"
        )
    heard: dict[str, Tensor] = {}
    handles = []
    for name in known:
        module = network.get_submodule(name)
        handles.append(
            module.register_forward_pre_hook(
                lambda _module, given, name=name: heard.setdefault(name, given[0].detach().clone())
            )
        )
    try:
        with evaluated(network), torch.no_grad():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return [_sums(name, network.get_submodule(name), known[name], sums) for name, sums in heard.items()]


def row_of(module: nn.Module) -> str | None:
    """The name in ACTIVATIONS of what a module computes; None where no row makes modules of its class."""
    return _rows().get(type(module))


def _rows() -> dict[type[nn.Module], str]:
    """Which row makes modules of which class; the first one, where several do."""
    return {type(build_activation(name)): name for name in reversed(ACTIVATIONS.names())}


def _sums(name: str, module: nn.Module, row: str, sums: Tensor) -> Sums:
    axis = unit_axis("", sums.ndim)
    units = sums.movedim(axis, -1).reshape(-1, sums.shape[axis]).double()
    points = units.clone().requires_grad_()
    with torch.enable_grad():
        (slopes,) = torch.autograd.grad(_alone(module, row, points).sum(), points)
    low, high = units.min().item(), units.max().item()
    margin = 0.02 * (high - low) or 1.0
    counts, edges = np.histogram(units.numpy(), _BINS, (low - margin, high + margin))
    settings = _settings(module, row)
    steepest = activation_points(row, min(low, -6.0), max(high, 6.0), 2001, settings).derivative.abs().max()
    return Sums(
        name=name,
        activation=row,
        settings=settings,
        counts=counts,
        edges=edges,
        units=units.shape[1],
        dead=int((slopes == 0).all(dim=0).sum()),
        saturated=float((slopes.abs() < FLAT * steepest).double().mean()) if steepest > 0 else 1.0,
    )


def _alone(module: nn.Module, row: str, points: Tensor) -> Tensor:
    """The activation of one column a unit, in float64, without touching the network's own module."""
    if isinstance(module, nn.PReLU):
        slope = module.weight.detach().double()
        return torch.where(points > 0, points, slope * points)
    return build_activation(row, _settings(module, row)).double()(points)


def _settings(module: nn.Module, row: str) -> dict[str, Any]:
    """The row's parameters as this module has them; a learned slope is told by its mean."""
    if isinstance(module, nn.PReLU):
        return {"initial_slope": min(max(float(module.weight.detach().mean()), 0.0), 1.0)}
    return {each.name: getattr(module, each.name) for each in ACTIVATIONS[row].parameters}


def summed_up(rows: Iterable[Sums]) -> tuple[int, int]:
    """Dead units and units of all activations together."""
    every = list(rows)
    return sum(row.dead for row in every), sum(row.units for row in every)
