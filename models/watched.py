"""A network together with what a reader wants to see while it answers: probabilities, what its layers say,
and which places of the picture spoke for a class. One forward function of pictures, so that it can be
exported and run where there is no PyTorch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.model import InputShape
from models.receptive_field import receptive_fields

MOST_LAYERS = 6  # shown of one network
MOST_MAPS = 32  # of one layer; the first ones
MOST_UNITS = 256  # of a layer without maps
FEWEST_UNITS = 8  # a layer of fewer says little as a picture
PASSIVE = (nn.Flatten, nn.Identity, nn.ZeroPad2d, nn.Dropout, nn.Dropout2d)  # they say what came in


@dataclass(frozen=True)
class Layer:
    """A layer that is shown: its dotted name in the network, and the shape of its output without the batch:
    (maps, height, width) or (units,).
    """

    name: str
    shape: InputShape


class WatchedNetwork(nn.Module):
    """Takes pictures with values from 0 to 1 and `chosen` [batch, classes], a 1 at the class to be explained
    in each row (or a row of zeros: the class that the network says). Returns logits as the network gives
    them, probabilities, `contributions`, and of each of `layers` the first maps or units.

    Contributions are the gradient of the class's logit by the last maps, times the maps, summed over them:
    positive where a place speaks for the class. With a linear head on averaged maps that is the class
    activation map (Zhou et al. 2016, arXiv:1512.04150) over the number of places; for heads of more layers
    see HiResCAM (Draelos and Carin 2020, arXiv:2011.08891). A network without maps gives the gradient times
    the normalised picture.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        input_shape: InputShape,
        mean: Sequence[float],
        std: Sequence[float],
        stages: Sequence[str] = (),
    ) -> None:
        """`mean` and `std` normalise each channel of a picture; `stages` are names of layers that tell most,
        where they are known.
        """
        super().__init__()
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        outputs = _outputs(self.network, input_shape)
        self.layers = _shown_layers(self.network, outputs, stages)
        self.last = _last_maps(outputs)  # "": the picture itself
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(-1, 1, 1))

    def output_names(self) -> list[str]:
        """What `forward` returns, in order: a layer is `layer0`, `layer1` and so on."""
        return [
            "logits",
            "probabilities",
            "contributions",
            *(f"layer{place}" for place in range(len(self.layers))),
        ]

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"], chosen: Float[Tensor, "batch classes"]
    ) -> tuple[Tensor, ...]:
        normalised = (pictures - self.mean) / self.std
        with torch.enable_grad(), self._kept() as kept:
            if not self.last:
                normalised = kept[""] = normalised.detach().requires_grad_()
            logits = self.network(normalised)
            scores = class_scores(logits)
            ordinals = torch.arange(scores.shape[1], device=scores.device)
            said = (scores.argmax(dim=1, keepdim=True) == ordinals).to(scores.dtype)
            explained = torch.where(chosen.sum(dim=1, keepdim=True) > 0, chosen, said)
            (gradient,) = torch.autograd.grad((scores * explained.detach()).sum(), kept[self.last])
        contributions = (gradient * kept[self.last]).sum(dim=1)
        shown = [kept[layer.name].detach()[:, : most(layer.shape)] for layer in self.layers]
        return logits.detach(), scores.softmax(dim=1).detach(), contributions.detach(), *shown

    @contextmanager
    def _kept(self) -> Iterator[dict[str, Tensor]]:
        """Every output that is asked for, by the layer's name; the gradient begins at the last maps."""
        kept: dict[str, Tensor] = {}

        def keep(name: str, output: Tensor) -> Tensor | None:
            if name == self.last:
                output = output.detach().requires_grad_()
            kept[name] = output if name == self.last else output.clone()  # the next layer may work in place
            return output.clone() if name == self.last else None

        names = dict.fromkeys([*(layer.name for layer in self.layers), self.last])
        hooks = [
            self.network.get_submodule(name).register_forward_hook(
                lambda _module, _inputs, output, name=name: keep(name, output)
            )
            for name in names
            if name
        ]
        try:
            yield kept
        finally:
            for hook in hooks:
                hook.remove()


@dataclass(frozen=True)
class Places:
    """Where maps lie in the picture, along one axis, in pixels from its edge: how many places they have, the
    centre of the first one, and how far the next one is.
    """

    count: int
    first: float
    step: float


def placed_maps(network: WatchedNetwork, input_shape: InputShape) -> tuple[Places, Places]:
    """Down and across: where the contributions of a network lie in a picture of that shape."""
    modules = dict(network.network.named_modules())
    pads = [module for module in modules.values() if isinstance(module, nn.ZeroPad2d)]
    left, right, top, bottom = (int(side) for side in pads[0].padding) if pads else (0, 0, 0, 0)
    seen: tuple[int, int] | None = None
    maps = tuple(input_shape[1:])
    if network.last:
        maps = tuple(_outputs(network.network, input_shape)[network.last][1:])
        seen = receptive_fields(network.network, input_shape, [network.last])[network.last].size
    sides = ((top, input_shape[1], bottom), (left, input_shape[2], right))
    down, across = (
        _places(before, before + size + after, maps[axis], seen[axis] if seen else 0)
        for axis, (before, size, after) in enumerate(sides)
    )
    return down, across


def _places(before: int, field: int, count: int, seen: int) -> Places:
    """`count` places over `field` pixels that begin `before` pixels ahead of the picture.

    Padded convolutions and poolings halve a field evenly, and each place has an equal share of it. Without
    padding the first place sees the first `seen` pixels and the last one the last.
    """
    step = field / count
    if field % count and count > 1 and 0 < seen < field and (field - seen) % (count - 1) == 0:
        step = (field - seen) / (count - 1)
        return Places(count, seen / 2 - before, step)
    return Places(count, step / 2 - before, step)


def class_scores(logits: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch classes"]:
    """A score for each class whose softmax is the probability: one logit stands for two classes."""
    return torch.cat([-logits / 2, logits / 2], dim=1) if logits.shape[1] == 1 else logits


def most(shape: InputShape) -> int:
    """How many maps or units of a layer of this shape are shown."""
    return min(shape[0], MOST_MAPS if len(shape) == 3 else MOST_UNITS)


def _outputs(network: nn.Module, input_shape: InputShape) -> dict[str, InputShape]:
    """The shape of what each layer puts out, in the order in which they end."""
    found: dict[str, InputShape] = {}
    hooks = [
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: (
                found.update({name: tuple(output.shape[1:])}) if isinstance(output, Tensor) else None
            )
        )
        for name, module in network.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            network(torch.zeros(2, *input_shape, device=next(network.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _last_maps(outputs: dict[str, InputShape]) -> str:
    """The layer whose maps are the last with more than one place; "" where no layer has any."""
    maps = [name for name, shape in outputs.items() if len(shape) == 3 and shape[1] * shape[2] > 1]
    return maps[-1] if maps else ""


def _shown_layers(
    network: nn.Module, outputs: dict[str, InputShape], stages: Sequence[str]
) -> tuple[Layer, ...]:
    """The stages that say something, or where none is known the first layers after the input."""
    modules = dict(network.named_modules())

    def tells(name: str) -> bool:
        shape = outputs.get(name, ())
        is_picture = len(shape) == 3 and shape[1] * shape[2] > 1
        is_row = len(shape) == 1 and shape[0] >= FEWEST_UNITS and name != list(outputs)[-1]
        return (is_picture or is_row) and not isinstance(modules[name], PASSIVE)

    known = [name for name in stages if name in modules and tells(name)]
    leaves = [name for name, module in modules.items() if not list(module.children()) and name in outputs]
    chosen = known or [name for name in outputs if name in leaves and tells(name)]
    return tuple(Layer(name, outputs[name]) for name in chosen[:MOST_LAYERS])
