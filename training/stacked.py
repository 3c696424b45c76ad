"""Many networks of one shape as one: their weights as the rows of a tensor [members, numbers].

Networks that are a chain of layers run through `training.stacked_layers`, three products a layer for all of
them. Any other (convolutions, shortcuts) runs through torch.func, which maps the network's own code over the
members.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.func import functional_call, vmap

from training.stacked_layers import chain, forward_and_back, through

Backward = Callable[[Tensor], Tensor]  # slope [members, outputs, samples] -> gradient [members, numbers]
Masks = Mapping[str, Tensor]  # "<dropout module>.mask": [members, *shape, samples], 0 or 1 / (1 - p)


class Place(NamedTuple):
    """Where a parameter lies in a row of weights."""

    name: str
    shape: tuple[int, ...]
    begin: int
    end: int


class MaskedDropout(nn.Module):
    """Dropout whose mask is given, so that every member can have its own stream of random numbers."""

    mask: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(1), persistent=False)

    def forward(self, inputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return inputs * self.mask if self.training else inputs


class StackedNetworks:
    """The networks' weights and buffers, and computing with all of them at once."""

    def __init__(
        self, networks: Sequence[nn.Module], input_shape: tuple[int, ...], device: torch.device
    ) -> None:
        """`networks` differ in their numbers only, and one may come several times; they are copied. Dropout
        may be missing in some.
        """
        pattern = max(networks, key=lambda network: len(list(network.modules())))
        self.sites = dropout_sites(pattern, input_shape)
        self.masks = {f"{name}.mask" for name in self.sites}
        self.layers = chain(pattern, input_shape)
        norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
        self.counts_batches = any(isinstance(module, norms) for module in pattern.modules())
        self.whole = None if self.layers is not None else _mapped(pattern, device)
        self.places = _places(pattern)
        distinct = {id(network): network for network in networks}  # members may begin with the same weights
        rows = {key: self._row(network) for key, network in distinct.items()}
        self.weights = torch.stack([rows[id(network)] for network in networks]).to(device)
        states = {key: dict(network.named_buffers()) for key, network in distinct.items()}
        self.buffers = {
            name: torch.stack([states[id(network)][name] for network in networks]).to(device)
            for name in states[id(pattern)]
        }
        self._views: dict[str, Tensor] = {}
        self._gradients: tuple[Tensor, dict[str, Tensor]] | None = None

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The parameters by name, [members, *shape]: views of `weights`."""
        if not self._views:
            self._views = self._named(self.weights)
        return self._views

    def __call__(
        self, inputs: Float[Tensor, "members samples *shape"], masks: Masks, training: bool
    ) -> Float[Tensor, "members outputs samples"]:
        """Every member's outputs for its own samples; in training, batch norm's statistics move."""
        state = {**self.parameters, **self.buffers, **masks}
        if self.layers is not None:
            return through(self.layers, inputs, state, training)
        return self._through_whole(inputs, state, training)

    @torch.no_grad()
    def outputs(
        self, inputs: Float[Tensor, "members samples *shape"]
    ) -> Float[Tensor, "members samples outputs"]:
        """What the networks say, without dropout and with batch norm's running statistics."""
        return self(inputs, {}, training=False).transpose(1, 2).contiguous()

    def forward_and_back(
        self, inputs: Float[Tensor, "members samples *shape"], masks: Masks
    ) -> tuple[Float[Tensor, "members outputs samples"], Backward]:
        """The outputs in training, and what turns a slope there into the gradient, a row for each member: of
        the sum of its outputs times the slope. The gradient's memory is used again by the next call.
        """
        if self.layers is None:
            return self._whole_forward_and_back(inputs, masks)
        if self._gradients is None:
            rows = torch.empty_like(self.weights)
            self._gradients = rows, self._named(rows)
        gradients, named = self._gradients
        state = {**self.parameters, **self.buffers, **masks}
        outputs, backward = forward_and_back(self.layers, inputs, state, named)
        return outputs, partial(_written, backward, gradients)

    def _whole_forward_and_back(self, inputs: Tensor, masks: Masks) -> tuple[Tensor, Backward]:
        leaves = {name: view.detach().requires_grad_() for name, view in self.parameters.items()}
        with torch.enable_grad():
            outputs = self._through_whole(inputs, {**leaves, **self.buffers, **masks}, training=True)

        def back(slope: Tensor) -> Tensor:
            found = torch.autograd.grad(outputs, list(leaves.values()), slope)
            return torch.cat([each.reshape(len(self), -1) for each in found], dim=1)

        return outputs.detach(), back

    def _through_whole(self, inputs: Tensor, state: Masks, training: bool) -> Tensor:
        assert self.whole is not None
        placed = {name: each.movedim(-1, 1) if name in self.masks else each for name, each in state.items()}
        return self.whole(placed, inputs, training).transpose(1, 2)

    def _row(self, network: nn.Module) -> Float[Tensor, "numbers"]:
        own = dict(network.named_parameters())
        return torch.cat([own[place.name].detach().flatten() for place in self.places])

    def _named(self, rows: Float[Tensor, "members numbers"]) -> dict[str, Tensor]:
        """Each parameter's part of such rows."""
        return {name: rows[:, begin:end].view(len(rows), *shape) for name, shape, begin, end in self.places}

    def is_matrix(self) -> Float[Tensor, "1 numbers"]:
        """1 for the numbers that L1 pulls on: those of tensors with more than one dimension."""
        kinds = [torch.full((1, p.end - p.begin), float(len(p.shape) > 1)) for p in self.places]
        return torch.cat(kinds, dim=1).to(self.weights.device)

    def select(self, rows: Tensor) -> StackedNetworks:
        """A copy of these members."""
        part = copy.copy(self)
        part.weights = self.weights.index_select(0, rows)
        part.buffers = {name: buffer.index_select(0, rows) for name, buffer in self.buffers.items()}
        part._views, part._gradients = {}, None
        return part

    def assign(self, rows: Tensor, part: StackedNetworks) -> None:
        """Puts members back, or other members' numbers into their place."""
        self.weights.index_copy_(0, rows, part.weights)
        for name, buffer in self.buffers.items():
            buffer.index_copy_(0, rows, part.buffers[name])

    def state_dict(self, member: int) -> dict[str, Tensor]:
        """A copy of one member's weights and buffers, as `load_state_dict` of its network takes them."""
        row = self.weights[member]
        state = {name: row[begin:end].view(shape).clone() for name, shape, begin, end in self.places}
        return state | {name: buffer[member].clone() for name, buffer in self.buffers.items()}


def _written(backward: Callable[[Tensor], object], gradients: Tensor, slope: Tensor) -> Tensor:
    """The gradient, once `backward` has written it."""
    backward(slope)
    return gradients


def dropout_sites(network: nn.Module, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The shape of one sample where each dropout of the network stands, by the module's name."""
    sites: dict[str, tuple[int, ...]] = {}
    found = {name: module for name, module in network.named_modules() if isinstance(module, nn.Dropout)}
    if not found:
        return sites

    def note(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda module, inputs, output: sites.update({name: tuple(output.shape[1:])})

    handles = [module.register_forward_hook(note(name)) for name, module in found.items()]
    mode = network.training
    with torch.no_grad():
        network.eval()(torch.zeros(2, *input_shape, device=next(network.parameters()).device))
    network.train(mode)
    for handle in handles:
        handle.remove()
    return sites


def _places(network: nn.Module) -> list[Place]:
    places: list[Place] = []
    begin = 0
    for name, parameter in network.named_parameters():
        places.append(Place(name, tuple(parameter.shape), begin, begin + parameter.numel()))
        begin += parameter.numel()
    return places


def _mapped(
    pattern: nn.Module, device: torch.device
) -> Callable[[Mapping[str, Tensor], Shaped[Tensor, "members samples *shape"], bool], Tensor]:
    """The network's own code over the first dimension of its weights, its buffers and its inputs."""
    network = copy.deepcopy(pattern).to(device)
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Dropout):
            network.set_submodule(name, MaskedDropout())

    def one(state: dict[str, Tensor], inputs: Tensor) -> Tensor:
        return functional_call(network, state, (inputs,))

    def every(state: Mapping[str, Tensor], inputs: Tensor, training: bool) -> Tensor:
        network.train(training)
        return vmap(one, in_dims=(0, 0))(dict(state), inputs)

    return every
