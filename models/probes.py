"""What happens inside a network on given samples: the output of every layer, its statistics, its dead units.

Read by forward hooks, so any network can be looked at as it is. Nothing is changed by looking: mode, weights
and running statistics stay what they were.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from models.catalog import UnknownNameError

# Containers that only hand their input on; what they put out is what their last layer puts out.
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
ALONG_ROWS = (nn.Conv1d, nn.BatchNorm1d, nn.MaxPool1d, nn.AvgPool1d)  # [samples, units, length]


class NoUnitsError(ValueError):
    """A network that has no layer of the kind asked for; the text says which kind."""


@dataclass(frozen=True)
class LayerOutput:
    """What one layer put out: the output itself [samples, ...], on the device it was computed on."""

    name: str  # the module's dotted name; its second use is "name (2)"
    kind: str  # its class
    values: Tensor


@dataclass(frozen=True)
class LayerStatistics:
    """Of one layer over all samples and positions. A unit is a channel of pictures, else a feature."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of one sample's output
    mean: float
    deviation: float  # of the population, as numpy's std
    smallest: float
    largest: float
    zeros: float  # the share of numbers that are exactly 0
    units: int
    dead: tuple[int, ...]  # units that put out one and the same number everywhere


def class_logits(outputs: Tensor) -> Tensor:
    """[batch, classes] from [batch, outputs]: one logit z of two classes becomes -z/2 and z/2, whose softmax
    is the sigmoid of z.
    """
    return outputs if outputs.shape[1] > 1 else torch.cat([-outputs / 2, outputs / 2], dim=1)


def layers_of(network: nn.Module) -> dict[str, nn.Module]:
    """The modules that compute something of their own, by dotted name: no mere containers, not the root."""
    named = network.named_modules()
    return {name: module for name, module in named if name and not isinstance(module, CONTAINERS)}


def layer_outputs(
    network: nn.Module, inputs: Tensor, names: Collection[str] | None = None
) -> list[LayerOutput]:
    """What each layer puts out for `inputs` [batch, *shape], in the order in which they were used.

    `names` limits them; a name that no module has is an UnknownNameError. In evaluation mode, without
    gradients. A module that gives no single tensor (attention, LSTM) is told by its first one.
    """
    found: list[LayerOutput] = []
    uses: dict[str, int] = {}
    keep: Callable[[Tensor], Tensor] = Tensor.clone if _overwrites(network) else Tensor.detach

    def heard(name: str, module: nn.Module, output: object) -> None:
        tensor = first_tensor(output)
        if tensor is None:
            return
        uses[name] = uses.get(name, 0) + 1
        title = name if uses[name] == 1 else f"{name} ({uses[name]})"
        found.append(LayerOutput(title, type(module).__name__, keep(tensor)))

    with evaluated(network), torch.no_grad(), listening(network, heard, names):
        network(inputs)
    return found


def layer_statistics(network: nn.Module, batches: Iterable[Tensor]) -> list[LayerStatistics]:
    """Of every layer over all batches [batch, *shape], in the order in which they were used.

    ValueError where there is no sample.
    """
    sums: dict[str, _Sums] = {}
    for inputs in batches:
        for layer in layer_outputs(network, inputs):
            if layer.name not in sums:
                sums[layer.name] = _Sums(layer.kind, unit_axis(layer.kind, layer.values.ndim))
            sums[layer.name].add(layer.values)
    if not sums:
        raise ValueError("there are no samples to measure on; give at least one batch")
    return [each.told(name) for name, each in sums.items()]


def unit_axis(kind: str, dimensions: int) -> int:
    """Where the units of an output [samples, ...] are counted: channels of pictures, else the last axis."""
    if dimensions >= 4 or (dimensions == 3 and kind in {row.__name__ for row in ALONG_ROWS}):
        return 1
    return dimensions - 1


def last_convolution(network: nn.Module, inputs: Tensor) -> str:
    """The name of the convolution that is used last, and whose output still has an extent.

    NoUnitsError for a network without one.
    """
    kinds = {"Conv2d", "Conv3d", "Conv1d"}
    with_extent = [
        layer.name
        for layer in layer_outputs(network, inputs[:1])
        if layer.kind in kinds and math.prod(layer.values.shape[2:]) > 1
    ]
    if not with_extent:
        raise NoUnitsError(
            "this network has no convolution whose output has an extent; Grad-CAM needs one, the other "
            "methods don't"
        )
    return with_extent[-1].split(" (")[0]


def penultimate(network: nn.Module, inputs: Tensor) -> Tensor:
    """[batch, features]: what the last linear layer is given, laid flat. Evaluation mode, no gradients.

    NoUnitsError for a network without a linear layer.
    """
    taken: list[Tensor] = []

    mine = threading.get_ident()

    def heard(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if threading.get_ident() == mine:
            taken[:] = [given[0].detach()]

    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise NoUnitsError("this network has no linear layer, so it has no layer before the last one")
    handles = [module.register_forward_pre_hook(heard) for module in linear]
    try:
        with evaluated(network), torch.no_grad():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return taken[0].reshape(len(inputs), -1).clone()


@contextlib.contextmanager
def listening(
    network: nn.Module,
    heard: Callable[[str, nn.Module, object], None],
    names: Collection[str] | None = None,
) -> Iterator[None]:
    """While it lasts, `heard(name, module, output)` is called for every use of the named layers (all)."""
    known = layers_of(network) if names is None else dict(network.named_modules())
    for name in names or ():
        if name not in known:
            raise UnknownNameError("layer", name, list(layers_of(network)))
    chosen = list(known) if names is None else list(names)

    mine = threading.get_ident()  # a server's sessions share a network: what others ask of it is not ours

    def hook(name: str) -> Callable[[nn.Module, object, object], None]:
        def told(module: nn.Module, given: object, output: object) -> None:
            if threading.get_ident() == mine:
                heard(name, module, output)

        return told

    handles = [known[name].register_forward_hook(hook(name)) for name in chosen]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def evaluated(network: nn.Module) -> Iterator[None]:
    """While it lasts, every module is in evaluation mode; afterwards each is in the mode it was in."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True  # not module.train(): that would reach its children too


def first_tensor(output: object) -> Tensor | None:
    """The output itself, or the first tensor of a tuple, list or mapping; None where there is none."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, list | tuple):
        return next((found for item in output if (found := first_tensor(item)) is not None), None)
    return None


def _overwrites(network: nn.Module) -> bool:
    """Whether a layer writes into the output of the one before, as ReLU(inplace=True) does."""
    return any(getattr(module, "inplace", False) for module in network.modules())


@dataclass
class _Sums:
    """Sums over batches, in float64: a mean over a million numbers in float32 would lose digits."""

    kind: str
    axis: int
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    zeros: int = 0
    lowest: Tensor = field(default_factory=lambda: torch.tensor([]))  # [units]
    highest: Tensor = field(default_factory=lambda: torch.tensor([]))
    shape: tuple[int, ...] = ()

    def add(self, values: Tensor) -> None:
        self.shape = tuple(values.shape[1:])
        units = values.movedim(self.axis, -1).reshape(-1, values.shape[self.axis]).float()
        if not units.numel():
            return
        self.count += units.numel()
        self.total += float(units.sum(dtype=torch.float64))
        self.squares += float(units.square().sum(dtype=torch.float64))
        self.zeros += int((units == 0).sum())
        low, high = units.aminmax(dim=0)
        self.lowest = torch.minimum(self.lowest, low) if len(self.lowest) else low
        self.highest = torch.maximum(self.highest, high) if len(self.highest) else high

    def told(self, name: str) -> LayerStatistics:
        mean = self.total / self.count if self.count else math.nan
        variance = self.squares / self.count - mean**2 if self.count else math.nan
        return LayerStatistics(
            name=name,
            kind=self.kind,
            shape=self.shape,
            mean=mean,
            deviation=math.sqrt(max(0.0, variance)) if math.isfinite(variance) else math.nan,
            smallest=float(self.lowest.min()) if len(self.lowest) else math.nan,
            largest=float(self.highest.max()) if len(self.highest) else math.nan,
            zeros=self.zeros / self.count if self.count else math.nan,
            units=len(self.lowest),
            dead=tuple((self.lowest == self.highest).nonzero().flatten().tolist()),
        )
