"""The loss of a chain of layers at many points of a line or plane, fast.

Between W_0 + a W_1 + b W_2 and the samples X lie, in the first layer, the same three products for every
point: X W_0^T, X W_1^T and X W_2^T. They are computed once, the sum of the first two once for every row of
the grid, and a point costs one addition in place of the largest product of the network. Where ReLU and
another linear layer follow, longer rows do without that one's products too (training/landscape_flips.py).
Samples lie last, [features, samples], as in training/stacked_layers.py, in blocks large enough for the
products' full rate.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from training.landscape_flips import FASTER, Lines, flips_of
from training.landscape_modules import Plane, at_point
from training.landscape_scores import Samples, Score
from training.stacked_layers import Layer, Linear, chain

BLOCK = 2000  # samples that are computed at a time


class ChainLosses:
    """Losses of a chain at points of a line or a plane, its batch norm with the saved statistics."""

    title = "the first layer's products are shared by the whole grid"

    def __init__(
        self,
        network: nn.Module,
        plane: Plane,
        samples: Mapping[str, Samples],
        score: Score,
        together: bool = False,
        points: float = math.inf,
    ) -> None:
        """`together`: all points of a row are computed at once, as an accelerator wants it. `points`: how
        many there will be; for a few no compiler is started. ValueError where the network is no such chain.
        """
        layers = chain_of(network, samples)
        if layers is None:
            raise ValueError("this network is no plain chain of layers that begins with a linear one")
        first, *self.rest = layers
        assert isinstance(first, Linear)
        self.device = device = next(network.parameters()).device
        self.score, self.together = score, together
        if together:
            self.title = f"{self.title}, and all points of a row are computed at once"
        own = {first.weight, first.bias}
        self.plane = [
            {name: part[name].to(device).unsqueeze(0) for name in part if name not in own} for part in plane
        ]
        passes = points * sum(map(len, samples.values()))
        self.flips = None if together else flips_of(self.rest, self.plane, passes)
        if self.flips is not None:
            self.title = f"{self.title}, and {FASTER}"
        self.buffers = {name: each.detach().clone().unsqueeze(0) for name, each in network.named_buffers()}
        self.targets = {split: every.targets for split, every in samples.items()}
        self.products: dict[str, list[list[Tensor]]] = {}  # of each block with the centre and each direction
        with torch.no_grad():
            for split, every in samples.items():
                self.products[split] = []
                for block in every.blocks(BLOCK):
                    columns = block.inputs.flatten(1).T
                    products = [self._product(part[first.weight].to(device), columns) for part in plane]
                    if first.bias is not None:
                        for product, part in zip(products, plane, strict=True):
                            product.add_(part[first.bias].to(device).unsqueeze(1))
                    self.products[split].append(products)

        if self.flips is not None:
            self.lines = {
                split: [Lines([product.T for product in products]) for products in blocks]
                for split, blocks in self.products.items()
            }

    @torch.no_grad()
    def row(self, a: float, b: Sequence[float]) -> dict[str, Float64[Tensor, "points 2"]]:
        """Sums of losses and of right answers for each split at the points (a, b) of one row."""
        if self.together:
            return self._together(a, b)
        if self.flips is not None and self.flips.pays(len(b)):
            found = self._by_flips(a, b)
            if found is not None:
                return found
        return self._by_points(a, b)

    def _by_points(self, a: float, b: Sequence[float]) -> dict[str, Tensor]:
        found = {split: torch.zeros(len(b), 2, dtype=torch.float64) for split in self.products}
        row = {name: at_point(self.plane[:2], name, a, 0.0) for name in self.plane[0]}
        starts = {split: [_start(block, a) for block in blocks] for split, blocks in self.products.items()}
        # Each point writes where the one before it wrote, which the processor still has at hand
        room = {each.shape: torch.empty_like(each) for blocks in starts.values() for each in blocks}
        for place, share in enumerate(b):
            point = {**self.buffers, **row}
            for direction in self.plane[2:]:
                point |= {name: torch.add(row[name], direction[name], alpha=share) for name in row}
            for split, blocks in self.products.items():
                parts = []
                for (_, _, *second), start in zip(blocks, starts[split], strict=True):
                    hidden = room[start.shape]
                    if second:
                        torch.add(start, second[0], alpha=share, out=hidden)
                    else:
                        hidden.copy_(start)
                    parts.append(self._outputs(hidden, point)[0])
                # All samples at once: of so few numbers a call costs more than they do
                outputs = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
                found[split][place] = self.score.across(outputs, self.targets[split]).cpu()
        return found

    def _by_flips(self, a: float, b: Sequence[float]) -> dict[str, Tensor] | None:
        """None where a number might overflow: each point then by itself."""
        assert self.flips is not None
        order = sorted(range(len(b)), key=b.__getitem__)
        rising = [b[place] for place in order]
        point = self._stacked(a, rising, self.flips.parameters)
        found = {split: torch.empty(len(b), 2, dtype=torch.float64) for split in self.products}
        for split in self.products:
            outputs = []
            for block in self.lines[split]:
                pieces = self.flips.row(block, a, rising)
                if pieces is None:
                    return None
                outputs += [self._outputs(hidden, point, self.flips.layers) for hidden in pieces]
            for place, each in zip(order, torch.cat(outputs, dim=2), strict=True):
                found[split][place] = self.score.across(each, self.targets[split])
        return found

    def _together(self, a: float, b: Sequence[float]) -> dict[str, Tensor]:
        point = self._stacked(a, b)
        across = torch.tensor(b, dtype=torch.float32, device=self.device).view(-1, 1, 1)
        found = {}
        for split, blocks in self.products.items():
            outputs = []
            for middle, *along in blocks:
                hidden = (torch.add(middle, along[0], alpha=a) if along else middle).unsqueeze(0)
                hidden = hidden + across * along[1] if len(along) > 1 else hidden.repeat(len(b), 1, 1)
                outputs.append(self._outputs(hidden, point))
            found[split] = self.score.of_many(torch.cat(outputs, dim=2), self.targets[split]).cpu()
        return found

    def _stacked(self, a: float, b: Sequence[float], without: Collection[str] = ()) -> dict[str, Tensor]:
        """Parameters and buffers at all points of a row, the points first."""
        centre, *directions = self.plane
        shares = torch.tensor(b, dtype=torch.float32, device=self.device)
        point: dict[str, Tensor] = {
            name: own.expand(len(b), *own.shape[1:]).contiguous() for name, own in self.buffers.items()
        }
        for name, own in centre.items():
            if name in without:
                continue
            moved = torch.add(own, directions[0][name], alpha=a) if directions else own
            if len(directions) > 1:
                moved = moved + shares.view(-1, *(1 for _ in own.shape[1:])) * directions[1][name]
            point[name] = moved.expand(len(b), *own.shape[1:]).contiguous()
        return point

    def _product(self, weight: Tensor, columns: Tensor) -> Tensor:
        """[features, samples]; the features of a sample lie side by side where rows need it so."""
        return weight @ columns if self.flips is None else (columns.T @ weight.T).T

    def _outputs(self, hidden: Tensor, point: Mapping[str, Tensor], done: int = 0) -> Tensor:
        """What the network makes of its first layer's sums, or of what `done` more layers made of them."""
        for layer in self.rest[done:]:
            hidden = layer(hidden, point, False)
        return hidden


def _start(block: Sequence[Tensor], a: float) -> Tensor:
    """What all points of a row share: the first layer's sums before the second direction is added."""
    return torch.add(block[0], block[1], alpha=a).unsqueeze(0)


def chain_of(network: nn.Module, samples: Mapping[str, Samples]) -> list[Layer] | None:
    """The network's layers where it is a chain that begins with a linear one, else None."""
    shape = tuple(next(iter(samples.values())).inputs.shape[1:])
    layers = chain(network, shape)
    return layers if layers and isinstance(layers[0], Linear) else None
