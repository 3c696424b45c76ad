"""The loss of any network at many points at once, for accelerators: a row of points is one pass.

What a point costs on a graphics card is not its arithmetic but the hundreds of small calls that ask for it.
Here the weights of all points of a row lie in one tensor each, [points, ...], and `torch.vmap` turns the
network into one that computes with them side by side (a convolution becomes a grouped one). No turn of a loop
is for a point alone. On a processor this is slower than one after the other: the blocks no longer stay in the
cache.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from training.landscape_modules import Plane, example_of
from training.landscape_scores import Samples, Score

IN_FLIGHT = 8192  # samples times points in one pass: pictures of 32 x 32 then take about 2 GB in a ResNet-20
SMALLEST_BLOCK = 16


class BatchedLosses:
    """Losses of any network that `vmap` can take apart. With `recompute`, batch norm's statistics are those
    of the training samples at each point.
    """

    title = "all points of a row are computed at once"

    def __init__(
        self,
        network: nn.Module,
        plane: Plane,
        samples: Mapping[str, Samples],
        score: Score,
        recompute: bool = False,
    ) -> None:
        """ValueError where the network can't be taken apart: one that chooses its way by the numbers."""
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        device = next(self.network.parameters()).device
        self.plane = [{name: own.to(device) for name, own in part.items()} for part in plane]
        self.samples, self.score, self.recompute = samples, score, recompute
        self.norms = [module for module in self.network.modules() if isinstance(module, _BatchNorm)]
        self.points = IN_FLIGHT // SMALLEST_BLOCK
        self._refuse_what_can_not_be(example_of(samples))

    @torch.no_grad()
    def row(self, a: float, b: Sequence[float]) -> dict[str, Float64[Tensor, "points 2"]]:
        """Sums of losses and of right answers for each split at the points (a, b) of one row."""
        found: dict[str, list[Tensor]] = {split: [] for split in self.samples}
        for start in range(0, len(b), self.points):
            for split, sums in self._together(a, b[start : start + self.points]).items():
                found[split].append(sums)
        return {split: torch.cat(parts).cpu() for split, parts in found.items()}

    def _together(self, a: float, b: Sequence[float]) -> dict[str, Tensor]:
        weights = self._weights(a, b)
        buffers = self._measured(weights, len(b)) if self.recompute and self.norms else {}
        block = max(SMALLEST_BLOCK, IN_FLIGHT // len(b))
        found = {}
        for split, own in self.samples.items():
            sums = torch.zeros(len(b), 2, dtype=torch.float64, device=own.inputs.device)
            for piece in own.blocks(block):
                outputs = self._outputs(weights, buffers, piece.inputs)
                sums += self.score.of_many(outputs.transpose(1, 2), piece.targets)
            found[split] = sums
        return found

    def _weights(self, a: float, b: Sequence[float]) -> dict[str, Tensor]:
        """Every parameter at all points, [points, ...]."""
        centre, *directions = self.plane
        shares = torch.tensor(b, dtype=torch.float32, device=next(iter(centre.values())).device)
        found = {}
        for name, own in centre.items():
            start = own if not directions else torch.add(own, directions[0][name], alpha=a)
            if len(directions) > 1:
                across = shares.to(own.dtype).view(-1, *(1 for _ in own.shape))
                found[name] = start + across * directions[1][name]
            else:
                found[name] = start.expand(len(b), *own.shape)
        return found

    def _outputs(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """[points, samples, outputs]."""

        def one(own: dict[str, Tensor], statistics: dict[str, Tensor]) -> Tensor:
            return functional_call(self.network, (own, statistics), (inputs,)).float()

        result: Tensor = (
            vmap(one, randomness="error")(weights, buffers)
            if buffers
            else vmap(lambda own: one(own, {}), randomness="error")(weights)
        )
        return result

    def _measured(self, weights: dict[str, Tensor], points: int) -> dict[str, Tensor]:
        """Batch norm's statistics at every point, of all training samples as one batch."""
        names = [name for name, module in self.network.named_modules() if isinstance(module, _BatchNorm)]
        wanted = [f"{name}.{kind}" for name in names for kind in ("running_mean", "running_var")]
        own = dict(self.network.named_buffers())
        buffers = {name: own[name].expand(points, *own[name].shape).clone() for name in wanted if name in own}
        momenta = [norm.momentum for norm in self.norms]
        for norm in self.norms:
            norm.train()
            norm.momentum = 1.0
        try:
            # A network's few samples more than fit: point by point would fit, and be what is avoided here
            for start in range(0, points, self._measured_at_once()):
                some = slice(start, start + self._measured_at_once())
                pieces = {name: each[some] for name, each in buffers.items()}
                self._outputs({n: w[some] for n, w in weights.items()}, pieces, self.samples["train"].inputs)
        finally:
            for norm, momentum in zip(self.norms, momenta, strict=True):
                norm.eval()
                norm.momentum = momentum
        return buffers

    def _measured_at_once(self) -> int:
        return max(1, IN_FLIGHT // len(self.samples["train"]))

    def _refuse_what_can_not_be(self, example: Tensor) -> None:
        few = {name: torch.stack([own, own]) for name, own in self.plane[0].items()}
        try:
            with torch.no_grad():
                together = self._outputs(few, {}, example)
                alone = self.network(example).float()
        except RuntimeError as error:
            first = str(error).strip().splitlines()[0]
            raise ValueError(f"this network can't be computed at many points at once: {first}") from None
        if together.dim() != 3 or not torch.allclose(together[0], alone, rtol=1e-3, atol=1e-4):
            raise ValueError("this network's outputs are not the same when many points are computed at once")
