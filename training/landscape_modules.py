"""The loss of any network at points of a line or plane: weights are written into a copy of it, point by
point.

`FoldedLosses` does the same for networks whose convolutions stand before a batch norm, as one layer each:
in evaluation a batch norm is a scale and a shift, which the convolution before it can take over. They are
computed for each point in float32. Pictures lie channels-last, in small blocks, and ReLUs and sums are done
by the convolutions before them (training/landscape_fusion.py).
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from training.landscape_fusion import fuse_rectifiers
from training.landscape_scores import Samples, Score

Plane = Sequence[Mapping[str, Tensor]]  # the point and, where it moves, one or two directions
BLOCK = 250  # samples at a time on a processor
PICTURES = (
    50  # ... of a convolutional network, twice as many in bfloat16: what it passes on stays in the cache
)
DEVICE_BLOCK = 2000  # ... on an accelerator
FOLDED = "batch norm is folded into the convolutions, point by point"
UNFOLDED = "pictures go through a copy of the network in small blocks, point by point"


class PointLosses(ABC):
    """Losses at points that are taken one by one: `move` puts the network to a point, `blocks` are samples
    of each split.
    """

    network: nn.Module
    blocks: Mapping[str, Sequence[Samples]]

    def __init__(self, plane: Plane, score: Score, device: torch.device) -> None:
        self.plane = [{name: own.to(device) for name, own in part.items()} for part in plane]
        self.score = score
        self.measured: Tensor | None = None  # what batch norm's statistics are recomputed from, at each point

    def another(self) -> PointLosses:
        """For another thread: a network of its own, the same plane and samples."""
        shared = (self.plane, self.blocks, self.measured)
        return copy.deepcopy(self, {id(each): each for each in shared})

    @abstractmethod
    def move(self, a: float, b: float) -> None:
        """Puts the network to the point (a, b)."""

    def outputs(self, inputs: Tensor) -> Tensor:
        """What the network says at this point."""
        return self.network(inputs)

    @torch.no_grad()
    def row(self, a: float, b: Sequence[float]) -> dict[str, Float64[Tensor, "points 2"]]:
        """Sums of losses and of right answers for each split at the points (a, b) of one row."""
        found = {split: torch.zeros(len(b), 2, dtype=torch.float64) for split in self.blocks}
        for place, second in enumerate(b):
            self.move(a, second)
            for split, blocks in self.blocks.items():
                for block in blocks:
                    outputs = self.outputs(block.inputs).float()
                    found[split][place] += self.score.of(outputs, block.targets).cpu()
        return found


class ModuleLosses(PointLosses):
    """Losses of any network, in evaluation mode. With `recompute`, batch norm's statistics are those of the
    training samples at each point, which take one more pass over them all at once.
    """

    title = "the weights of every point are written into a copy of the network"

    def __init__(
        self,
        network: nn.Module,
        plane: Plane,
        samples: Mapping[str, Samples],
        score: Score,
        recompute: bool = False,
    ) -> None:
        device = next(network.parameters()).device
        super().__init__(plane, score, device)
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.norms = [module for module in self.network.modules() if isinstance(module, _BatchNorm)]
        if recompute:
            self.measured = samples["train"].inputs
        size = BLOCK if device.type == "cpu" else DEVICE_BLOCK
        self.blocks = {split: own.blocks(size) for split, own in samples.items()}

    def move(self, a: float, b: float) -> None:
        for name, own in self.network.named_parameters():
            own.copy_(at_point(self.plane, name, a, b))
        if self.measured is not None:
            self._measure_norms(self.measured)

    def _measure_norms(self, inputs: Tensor) -> None:
        """Batch norm's statistics at this point, of all training samples as one batch."""
        momenta = [norm.momentum for norm in self.norms]
        for norm in self.norms:
            norm.train()
            norm.momentum = 1.0
        try:
            self.network(inputs)
        finally:
            for norm, momentum in zip(self.norms, momenta, strict=True):
                norm.eval()
                norm.momentum = momentum


class FoldedLosses(PointLosses):
    """Losses of a convolutional network, each batch norm folded into the layer before it, at each point."""

    pictures = PICTURES

    def __init__(
        self,
        network: nn.Module,
        plane: Plane,
        samples: Mapping[str, Samples],
        score: Score,
    ) -> None:
        device = next(network.parameters()).device
        super().__init__(plane, score, device)
        pairs = norms_to_fold(network, example_of(samples))
        self.network = _without_norms(network, pairs).to(memory_format=torch.channels_last)
        self.network.eval().requires_grad_(False)
        self.fused = [Fused(network, self.network, layer, norm) for layer, norm in pairs]
        self.title = FOLDED if pairs else UNFOLDED
        taken = {name for fused in self.fused for name in fused.names}
        self.others = [(n, own) for n, own in self.network.named_parameters() if n not in taken]
        size = self.pictures if device.type == "cpu" else DEVICE_BLOCK
        self.blocks = {
            split: [Samples(laid(block.inputs), block.targets) for block in every.blocks(size)]
            for split, every in samples.items()
        }
        self.run = fuse_rectifiers(self.network, laid(example_of(samples)))

    def outputs(self, inputs: Tensor) -> Tensor:
        return self.run(inputs)

    def move(self, a: float, b: float) -> None:
        for fused in self.fused:
            fused.move(self.plane, a, b)
        for name, own in self.others:
            own.copy_(at_point(self.plane, name, a, b))


class Fused:
    """A layer that takes over the batch norm after it."""

    def __init__(self, network: nn.Module, folded: nn.Module, layer: str, norm: str) -> None:
        own, other = folded.get_submodule(layer), network.get_submodule(norm)
        assert isinstance(own, nn.Conv2d | nn.Linear)
        assert isinstance(other, _BatchNorm)
        assert own.bias is not None
        assert other.running_mean is not None
        assert other.running_var is not None
        self.weight, self.bias = own.weight, own.bias
        self.names = {f"{layer}.weight", f"{layer}.bias", f"{norm}.weight", f"{norm}.bias"}
        self.layer, self.norm, self.affine = layer, norm, other.affine
        self.has_bias = network.get_submodule(layer).bias is not None
        self.mean = other.running_mean.detach().clone()
        # in float64, and then as the mean is
        self.inverse = (other.running_var.detach().double() + other.eps).rsqrt().to(self.mean.dtype)

    def move(self, plane: Plane, a: float, b: float) -> None:
        weight = at_point(plane, f"{self.layer}.weight", a, b)
        scale, shift = self.inverse, -self.mean
        if self.has_bias:
            shift = shift + at_point(plane, f"{self.layer}.bias", a, b)
        if self.affine:
            scale = scale * at_point(plane, f"{self.norm}.weight", a, b)
        shift = shift * scale
        if self.affine:
            shift = shift + at_point(plane, f"{self.norm}.bias", a, b)
        self.weight.copy_(weight * scale.view(-1, *(1 for _ in weight.shape[1:])))
        self.bias.copy_(shift)


def at_point(plane: Plane, name: str, a: float, b: float) -> Tensor:
    """A parameter at the point (a, b); `plane` has as many directions as there are."""
    centre, *directions = (part[name] for part in plane)
    for share, direction in zip((a, b), directions, strict=False):
        centre = torch.add(centre, direction, alpha=share)
    return centre


def example_of(samples: Mapping[str, Samples]) -> Tensor:
    """A few inputs, to see which layer feeds which."""
    return next(iter(samples.values())).inputs[:2]


@torch.no_grad()
def norms_to_fold(network: nn.Module, example: Tensor) -> list[tuple[str, str]]:
    """Each convolution or linear layer, and the batch norm that takes its output and can be folded into it.

    Which layer feeds which is seen in a pass over `example`. Whether anything else takes the same output is
    found out by folding them with random statistics and computing both: where that differs, none is folded.
    """
    trial = copy.deepcopy(network).double().eval()
    random = torch.Generator().manual_seed(0)
    for module in trial.modules():
        if isinstance(module, _BatchNorm):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                if tensor is not None:
                    tensor.copy_(0.5 + torch.rand(tensor.shape, generator=random))
    pairs = list(_fed(trial, example.double()))
    point = {name: own.detach() for name, own in trial.named_parameters()}
    folded = _without_norms(trial, pairs).double().eval()
    for layer, norm in pairs:
        Fused(trial, folded, layer, norm).move((point,), 0.0, 0.0)
    same = torch.allclose(trial(example.double()), folded(example.double()), rtol=1e-4, atol=1e-6)
    return pairs if same else []


def _fed(network: nn.Module, example: Tensor) -> Iterator[tuple[str, str]]:
    """Layers whose output went as it was into a batch norm, both called once."""
    names = {module: name for name, module in network.named_modules()}
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((module, inputs[0], output))

    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d)
    handles = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, kinds)]
    network(example)
    for handle in handles:
        handle.remove()
    called = [module for module, _, _ in calls]
    for norm, taken, _ in calls:
        if not (isinstance(norm, _BatchNorm) and norm.track_running_stats):
            continue
        for layer, _, output in calls:
            fits = isinstance(layer, nn.Conv2d) == isinstance(norm, nn.BatchNorm2d)
            fits &= isinstance(layer, nn.Conv2d | nn.Linear)
            if fits and output is taken and called.count(layer) == called.count(norm) == 1:
                yield names[layer], names[norm]


def _without_norms(network: nn.Module, pairs: Sequence[tuple[str, str]]) -> nn.Module:
    """A copy whose folded batch norms do nothing, and whose layers before them have a bias."""
    folded = copy.deepcopy(network)
    for layer, norm in pairs:
        own = folded.get_submodule(layer)
        assert isinstance(own, nn.Conv2d | nn.Linear)
        if own.bias is None:
            own.bias = nn.Parameter(own.weight.new_zeros(own.weight.shape[0]))
        folded.set_submodule(norm, nn.Identity())
    return folded


def laid(inputs: Tensor) -> Tensor:
    """Pictures channels-last; anything else as it is."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.dim() == 4 else inputs


def convolves(network: nn.Module) -> bool:
    """Whether `FoldedLosses` is the faster way: its small blocks and their layout are made for pictures."""
    return any(isinstance(module, nn.Conv2d) for module in network.modules())
