"""Layers of many networks computed at once: [members, features, samples] in, the same out.

Samples lie last: a layer is then W @ x for every member, its gradients are plain products too, and a softmax
over the classes runs along memory. At the size of small networks that is 1.7 times faster than samples first.

Backpropagation is written out, layer by layer: autograd takes as long for its graph of a small network as the
processor takes for the products in it. A layer without a rule of its own here is differentiated by autograd,
by itself.

What goes back is a `partial` of a function, or a lambda: a function made anew in each step would be compiled
anew where tests check the shapes of what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from models.activations import ACTIVATIONS, build_activation
from models.perceptron import Association
from models.playground import PlaneFeatures, Shortcut

SELU = (1.6732632423543772, 1.0507009873554805)  # alpha and scale (Klambauer et al. 2017, arXiv:1706.02515)
State = Mapping[str, Tensor]  # parameters, buffers and dropout masks by name, each with the members first
Back = Callable[[Tensor, bool], Tensor | None]  # slope at the output, is that at the input wanted? -> it
Function = Callable[[Tensor, State, bool], Tensor]  # (hidden, state, training) -> hidden


class Layer:
    """A layer that autograd differentiates: `function` with parameters of these names."""

    def __init__(self, function: Function, parameters: Sequence[str] = ()) -> None:
        self.function, self.parameters = function, parameters

    def __call__(self, hidden: Tensor, state: State, training: bool) -> Tensor:
        return self.function(hidden, state, training)

    def forward(self, hidden: Tensor, state: State, gradients: State) -> tuple[Tensor, Back]:
        """The output in training, and what writes the parameters' gradients into `gradients`."""
        leaf = hidden.detach().requires_grad_()
        own = {name: state[name].detach().requires_grad_() for name in self.parameters}
        with torch.enable_grad():
            output = self.function(leaf, {**state, **own}, True)
        return output.detach(), partial(_differentiated, output, leaf, own, gradients)


def _differentiated(
    output: Tensor,
    leaf: Tensor,
    own: Mapping[str, Tensor],
    gradients: State,
    slope: Tensor,
    wanted: bool,
) -> Tensor | None:
    """The way back through what autograd has recorded, from `leaf` and the parameters `own` to `output`."""
    if not output.requires_grad:  # a threshold: flat wherever it has a slope
        for name in own:
            gradients[name].zero_()
        return torch.zeros_like(leaf) if wanted else None
    found = torch.autograd.grad(
        output, [leaf, *own.values()], slope, allow_unused=True, materialize_grads=True
    )
    for name, gradient in zip(own, found[1:], strict=True):
        gradients[name].copy_(gradient)
    return found[0]


class Linear(Layer):
    """Y = W X + b: the gradients are dY X^T and the sum of dY over the samples; what goes on is W^T dY."""

    def __init__(self, name: str, module: nn.Module) -> None:
        self.weight = f"{name}.weight"
        self.bias = None if module.bias is None else f"{name}.bias"

    def __call__(self, hidden: Tensor, state: State, training: bool) -> Tensor:
        if self.bias is None:
            return torch.bmm(state[self.weight], hidden)
        return torch.baddbmm(state[self.bias].unsqueeze(2), state[self.weight], hidden)

    def forward(self, hidden: Tensor, state: State, gradients: State) -> tuple[Tensor, Back]:
        return self(hidden, state, True), partial(self._back, hidden, state, gradients)

    def _back(
        self, hidden: Tensor, state: State, gradients: State, slope: Tensor, wanted: bool
    ) -> Tensor | None:
        torch.bmm(slope, hidden.transpose(1, 2), out=gradients[self.weight])
        if self.bias is not None:
            # Not with `out`: it would add up in another order among ten than alone, and where a
            # normalisation follows, this sum is nothing but rounding, which Adam makes large
            gradients[self.bias].copy_(slope.sum(2))
        return torch.bmm(state[self.weight].transpose(1, 2), slope) if wanted else None


class Rectifier(Layer):
    """ReLU: the slope goes on where the output is positive. `in_place` where what comes in is nobody else's,
    nor needed for a gradient.
    """

    def __init__(self, in_place: bool) -> None:
        self.rectify = torch.relu_ if in_place else torch.relu

    def __call__(self, hidden: Tensor, state: State, training: bool) -> Tensor:
        return self.rectify(hidden)

    def forward(self, hidden: Tensor, state: State, gradients: State) -> tuple[Tensor, Back]:
        output = self.rectify(hidden)
        return output, lambda slope, wanted: torch.ops.aten.threshold_backward(slope, output, 0)


class Elementwise(Layer):
    """An activation whose slope torch computes by one call; `slope_of` has it from the slope above, what came
    in and what went out.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module, self.slope_of = module, SLOPES[type(module)](module)

    def __call__(self, hidden: Tensor, state: State, training: bool) -> Tensor:
        return self.module(hidden)

    def forward(self, hidden: Tensor, state: State, gradients: State) -> tuple[Tensor, Back]:
        output = self.module(hidden)
        return output, lambda slope, wanted: self.slope_of(slope, hidden, output)


class Dropout(Layer):
    """The mask, forward and back."""

    def __init__(self, name: str, module: nn.Module) -> None:
        self.mask = f"{name}.mask"

    def __call__(self, hidden: Tensor, state: State, training: bool) -> Tensor:
        return hidden * state[self.mask] if training else hidden

    def forward(self, hidden: Tensor, state: State, gradients: State) -> tuple[Tensor, Back]:
        mask = state[self.mask]
        return hidden * mask, lambda slope, wanted: slope * mask


class Features(Layer):
    """What the playground makes of points. Nothing below it learns, so no slope is wanted there."""

    def __init__(self, name: str, module: nn.Module) -> None:
        assert isinstance(module, PlaneFeatures)
        self.rows = module.rows

    def __call__(self, hidden: Tensor, state: State, training: bool) -> Tensor:
        x, y = hidden[:, 0], hidden[:, 1]
        return torch.stack([row.compute(x, y) for row in self.rows], dim=1)

    def forward(self, hidden: Tensor, state: State, gradients: State) -> tuple[Tensor, Back]:
        return self(hidden, state, True), lambda slope, wanted: None


def _both_ways(steps: list[Back], slope: Tensor, wanted: bool) -> Tensor | None:
    found = _backward(steps, slope, wanted)
    return None if found is None or not wanted else slope + found


class Addition(Layer):
    """Y = X + f(X), where f is a chain of layers: the slope goes both ways."""

    def __init__(self, name: str, module: nn.Module) -> None:
        found = _chained(_leaves(module, f"{name}."))
        if found is None:
            raise ValueError(f"the shortcut {name} is around a layer that is unknown here")
        self.layers = found

    def __call__(self, hidden: Tensor, state: State, training: bool) -> Tensor:
        inner = hidden
        for layer in self.layers:
            inner = layer(inner, state, training)
        return hidden + inner

    def forward(self, hidden: Tensor, state: State, gradients: State) -> tuple[Tensor, Back]:
        inner, steps = _forward(self.layers, hidden, state, gradients)
        return hidden + inner, partial(_both_ways, steps)


def _association(name: str, module: nn.Module) -> Layer:
    connections, thresholds = f"{name}.connections", f"{name}.thresholds"

    def fire(hidden: Tensor, state: State, training: bool) -> Tensor:
        sums = torch.bmm(state[connections], hidden)
        return module.get_submodule("step")(sums - state[thresholds].unsqueeze(2))

    return Layer(fire)


def _batch_norm(name: str, module: nn.Module) -> Layer:
    """Every unit of every member is a channel of its own, with statistics over its samples."""
    mean, variance, seen = f"{name}.running_mean", f"{name}.running_var", f"{name}.num_batches_tracked"
    weight, bias = f"{name}.weight", f"{name}.bias"
    assert isinstance(module, nn.BatchNorm1d)
    momentum, epsilon = module.momentum or 0.0, module.eps

    def normalise(hidden: Tensor, state: State, training: bool) -> Tensor:
        if training:
            state[seen].add_(1)
        channels = functional.batch_norm(
            hidden.reshape(1, -1, hidden.shape[2]),
            state[mean].view(-1),
            state[variance].view(-1),
            state[weight].reshape(-1),
            state[bias].reshape(-1),
            training,
            momentum,
            epsilon,
        )
        return channels.view(hidden.shape)

    return Layer(normalise, (weight, bias))


def _prelu(name: str, module: nn.Module) -> Layer:
    weight = f"{name}.weight"  # [members, 1]: one slope a member
    return Layer(
        lambda hidden, state, training: torch.where(hidden > 0, hidden, hidden * state[weight].unsqueeze(2)),
        (weight,),
    )


SlopeOf = Callable[[Tensor, Tensor, Tensor], Tensor]  # (slope above, input, output) -> slope below
aten = torch.ops.aten
# What autograd would call for each of these, without its graph. An activation that is not here is autograd's.
SLOPES: dict[type[nn.Module], Callable[[Any], SlopeOf]] = {
    nn.Identity: lambda module: lambda slope, x, y: slope,
    nn.Sigmoid: lambda module: lambda slope, x, y: aten.sigmoid_backward(slope, y),
    nn.Tanh: lambda module: lambda slope, x, y: aten.tanh_backward(slope, y),
    nn.LeakyReLU: lambda module: (
        lambda slope, x, y: aten.leaky_relu_backward(slope, x, module.negative_slope, False)
    ),
    nn.ELU: lambda module: lambda slope, x, y: aten.elu_backward(slope, module.alpha, 1, 1, False, x),
    nn.SELU: lambda module: lambda slope, x, y: aten.elu_backward(slope, *SELU, 1, False, x),
    nn.GELU: lambda module: lambda slope, x, y: aten.gelu_backward(slope, x, approximate=module.approximate),
    nn.SiLU: lambda module: lambda slope, x, y: aten.silu_backward(slope, x),
    nn.Mish: lambda module: lambda slope, x, y: aten.mish_backward(slope, x),
    nn.Softplus: lambda module: (
        lambda slope, x, y: aten.softplus_backward(slope, x, module.beta, module.threshold)
    ),
    nn.Hardswish: lambda module: lambda slope, x, y: aten.hardswish_backward(slope, x),
}

LAYERS: dict[type[nn.Module], Callable[[str, nn.Module], Layer]] = {
    nn.Linear: Linear,
    nn.BatchNorm1d: _batch_norm,
    nn.Dropout: Dropout,
    nn.PReLU: _prelu,
    Association: _association,
    PlaneFeatures: Features,
    Shortcut: Addition,
}
# Activations work on each number by itself, so those without parameters serve as they are.
ELEMENTWISE = tuple({type(build_activation(row.name)) for row in ACTIVATIONS} - {*LAYERS, nn.ReLU})


def chain(network: nn.Module, input_shape: tuple[int, ...]) -> list[Layer] | None:
    """The network as layers for many members, or None where it is no plain chain of layers known here.

    Whether the modules really are called in the order they were written, and once each, is found out by
    computing both.
    """
    modules = list(_leaves(network))
    if not modules or not isinstance(modules[0][1], nn.Flatten):
        return None
    layers = _chained(modules[1:])
    return layers if layers is not None and _agree(network, layers, input_shape) else None


def _chained(modules: Sequence[tuple[str, nn.Module]]) -> list[Layer] | None:
    """Modules that follow each other as layers; None where one is unknown here."""
    layers: list[Layer] = []
    for name, module in modules:
        if isinstance(module, nn.ReLU):
            layers.append(Rectifier(in_place=bool(layers) and isinstance(layers[-1], Linear)))
        elif type(module) in LAYERS:
            layers.append(LAYERS[type(module)](name, module))
        elif type(module) in SLOPES:
            layers.append(Elementwise(module))
        elif isinstance(module, ELEMENTWISE):
            layers.append(Layer(lambda hidden, state, training, module=module: module(hidden)))
        else:
            return None
    return layers


def through(
    layers: list[Layer], inputs: Float[Tensor, "members samples *shape"], state: State, training: bool
) -> Float[Tensor, "members outputs samples"]:
    """What the chain puts out."""
    hidden = inputs.flatten(2).transpose(1, 2)
    for layer in layers:
        hidden = layer(hidden, state, training)
    return hidden


def forward_and_back(
    layers: list[Layer], inputs: Float[Tensor, "members samples *shape"], state: State, gradients: State
) -> tuple[Float[Tensor, "members outputs samples"], Callable[[Tensor], object]]:
    """What the chain puts out in training, and what turns the slope there into gradients: it writes them into
    `gradients`, for every parameter of a layer.
    """
    outputs, steps = _forward(layers, inputs.flatten(2).transpose(1, 2), state, gradients)
    return outputs, lambda slope: _backward(steps, slope, wanted=False)


def _forward(
    layers: list[Layer], hidden: Tensor, state: State, gradients: State
) -> tuple[Tensor, list[Back]]:
    steps: list[Back] = []
    for layer in layers:
        hidden, back = layer.forward(hidden, state, gradients)
        steps.append(back)
    return hidden, steps


def _backward(steps: list[Back], slope: Tensor, wanted: bool) -> Tensor | None:
    """The slope at what came into the first of them, where that is wanted."""
    found: Tensor | None = slope
    for place in range(len(steps) - 1, -1, -1):
        assert found is not None  # only the last step may be without
        found = steps[place](found, place > 0 or wanted)
    return found


def _leaves(network: nn.Module, prefix: str = "") -> list[tuple[str, nn.Module]]:
    """Layers in the order they were written: modules known here, and those without children."""
    found: list[tuple[str, nn.Module]] = []
    for name, module in network.named_children():
        full = f"{prefix}{name}"
        whole = type(module) in LAYERS or not list(module.children())
        if not (whole and isinstance(module, nn.Sequential)):  # an empty Sequential is no layer
            found += [(full, module)] if whole else _leaves(module, f"{full}.")
    return found


@torch.no_grad()
def _agree(network: nn.Module, layers: list[Layer], input_shape: tuple[int, ...]) -> bool:
    # In float64 no unit of a threshold falls otherwise
    samples = torch.randn(3, *input_shape, generator=torch.Generator().manual_seed(0)).double()
    own = {
        name: tensor.double() if tensor.is_floating_point() else tensor
        for name, tensor in (*network.named_parameters(), *network.named_buffers())
    }
    state = {name: tensor.unsqueeze(0) for name, tensor in own.items()}
    together = through(layers, samples.unsqueeze(0), state, training=False)
    mode = network.training
    alone = functional_call(network.eval(), own, (samples,))
    network.train(mode)
    return alone.shape == together[0].T.shape and torch.allclose(alone, together[0].T)
