"""Receptive fields, exactly: how much of the picture one unit of a layer can see.

Not by formulas about kernels and strides, which need to know the graph, but by the network itself. In a copy
of it whose weights are all equal and positive nothing can cancel, so a unit depends on a pixel exactly where
the gradient is not zero: the box around the non-zero gradients of the centre unit is its receptive field. In
that copy normalisations and activations pass their input on, maxima become sums (the gradient of a maximum
reaches one pixel only), and every layer's gradient is cut to 0 and 1 on its way back, so that depth can't
round it away. Since all channels of a layer's output are equal, one of them is computed: hundreds of times
cheaper. Where outputs are laid side by side, one of each is, and all only for what takes them apart again.

Normalisations that look at the whole picture (layer, group and instance norm) are left out: their field
would be everything. What mixes whole pictures otherwise (a global mean, squeeze-and-excite, attention) has
the whole picture as its field.

Araujo, Norris and Sim 2019 (https://distill.pub/2019/computing-receptive-fields) have the closed forms that
the tests compare with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from models.activations import ACTIVATIONS
from models.summary import skeleton, tensors_in

LARGEST = 1024  # pixels a side: a field that is larger still is said to be the whole picture

NORMALISATIONS = (
    nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.RMSNorm,
    nn.modules.dropout._DropoutNd,
)  # fmt: skip
GATES = (
    nn.Sigmoid,
    nn.Hardsigmoid,
    nn.Softmax,
)  # their output is multiplied: as identities values would explode


@dataclass(frozen=True)
class ReceptiveField:
    """Of a layer's centre unit, in pixels of the input. Boxes: top, left, bottom, right, ends excluded."""

    path: str
    unit: tuple[int, int]  # row and column of the unit
    box: tuple[int, int, int, int]  # what the unit sees of a picture of the network's own size
    size: tuple[int, int] | None  # in a picture without borders; None: all, or over LARGEST

    @property
    def visible(self) -> tuple[int, int]:
        """Height and width of the box."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


def receptive_fields(
    network: nn.Module,
    input_shape: Sequence[int],
    paths: Sequence[str] | None = None,
    unbordered: bool = True,
) -> dict[str, ReceptiveField]:
    """By path, of every module that puts out maps [batch, channels, height, width], or of those named.

    `input_shape` is that of one picture, (channels, height, width). ValueError for another shape. Without
    `unbordered`, fields that reach its border are followed no further: their `size` is None.
    """
    if len(input_shape) != 3:
        raise ValueError(f"samples of shape {tuple(input_shape)} are no pictures (channels, height, width)")
    channels, height, width = input_shape
    body = _transparent(network)
    chosen = [path for path, _ in body.named_modules() if path] if paths is None else list(paths)
    own = _boxes(body, (channels, height, width), chosen)
    sizes: dict[str, tuple[int, int] | None] = {}
    factor = 1
    pending, boxes = list(own), own
    while pending and (unbordered or factor == 1):
        tall, wide = height * factor, width * factor
        for path in list(pending):
            if path not in boxes:  # the network takes pictures of one size only, and this layer comes after
                sizes[path] = _within(own[path][1], height, width)
                pending.remove(path)
            elif (size := _within(boxes[path][1], tall, wide)) is not None:
                sizes[path] = size
                pending.remove(path)
        factor *= 2
        if max(height, width) * factor > LARGEST:
            break
        if pending:
            boxes = _boxes(body, (channels, height * factor, width * factor), pending)
    return {path: ReceptiveField(path, unit, box, sizes.get(path)) for path, (unit, box) in own.items()}


Box = tuple[int, int, int, int]


def _within(box: Box, height: int, width: int) -> tuple[int, int] | None:
    """Height and width of a box that no border cuts."""
    top, left, bottom, right = box
    if top <= 0 or left <= 0 or bottom >= height or right >= width:
        return None
    return bottom - top, right - left


class _EnoughError(Exception):
    """All wanted layers have answered."""


def _boxes(
    body: nn.Module, shape: tuple[int, int, int], paths: Sequence[str]
) -> dict[str, tuple[tuple[int, int], Box]]:
    """Unit and box by path, for the layers that a picture of this shape reaches and that have maps."""
    picture = torch.ones(1, *shape, requires_grad=True)
    found: dict[str, tuple[tuple[int, int], Box]] = {}
    known: dict[int, tuple[Tensor, tuple[tuple[int, int], Box]]] = {}  # layers that pass on share an output
    for path, output in _outputs(body, picture, paths).items():
        if id(output) not in known:
            unit = (output.shape[2] // 2, output.shape[3] // 2)
            if (box := _seen(output, unit, picture)) is None:
                continue
            known[id(output)] = (output, (unit, box))
        found[path] = known[id(output)][1]
    return found


def _outputs(body: nn.Module, picture: Tensor, paths: Sequence[str]) -> dict[str, Tensor]:
    """What each layer puts out, as far as the picture gets: not far, where it has a wrong size."""
    outputs: dict[str, Tensor] = {}
    modules = dict(body.named_modules())
    missing = set(paths)

    def keeps(path: str) -> Callable[..., None]:
        def keep(module: nn.Module, arguments: Any, output: Any) -> None:
            first = next(tensors_in(output), None)
            if first is not None and first.dim() == 4 and first.requires_grad:
                outputs[path] = first
            missing.discard(path)
            if not missing:
                raise _EnoughError

        return keep

    handles = [modules[path].register_forward_hook(keeps(path)) for path in paths]
    try:
        with _EqualWeights():
            body(picture)
    except (_EnoughError, RuntimeError, ValueError, AssertionError):
        pass  # RuntimeError and the like: a linear layer after maps of another size; what was reached counts
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def _seen(output: Tensor, unit: tuple[int, int], picture: Tensor) -> Box | None:
    """The box of the pixels that reach the unit; None where none does."""
    one = _one_of(output)
    seed = torch.zeros_like(one)
    seed[:, :, unit[0], unit[1]] = 1
    (gradient,) = torch.autograd.grad(one, picture, seed, retain_graph=True, allow_unused=True)
    if gradient is None or not gradient.any():
        return None
    pixels = gradient[0].ne(0).any(0)
    rows, columns = pixels.any(1).nonzero().flatten(), pixels.any(0).nonzero().flatten()
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _transparent(network: nn.Module) -> nn.Module:
    """A copy with equal positive weights, in which normalisations and activations pass their input on."""
    body = skeleton(network, "cpu", _equal).eval()
    ours = tuple(
        {type(row.build(**{option.name: option.default for option in row.parameters})) for row in ACTIVATIONS}
    )
    for module in body.modules():
        theirs = type(module).__module__ == "torch.nn.modules.activation"
        passes = isinstance(module, (*NORMALISATIONS, *ours)) or theirs
        if passes and not isinstance(module, (*GATES, nn.MultiheadAttention)):
            module.forward = _pass_on
    return body


def _pass_on(inputs: Tensor, *rest: Any, **options: Any) -> Tensor:
    return inputs


def _equal(tensor: Tensor) -> Tensor:
    """One number for all, without the memory of them: 1, or what gives a mean for a matrix."""
    if not tensor.is_floating_point():
        return tensor
    fan_in = max(1, tensor[0].numel()) if tensor.dim() >= 2 else 1
    return torch.full((), 1 / fan_in).expand(tensor.shape)


class _EqualWeights(TorchFunctionMode):
    """Computes one channel of what has all channels equal."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        rule, kwargs = _RULES.get(func), kwargs or {}
        result = NotImplemented if rule is None else rule(*args, **kwargs)
        if result is not NotImplemented:
            return result
        if getattr(func, "__name__", "") not in _LOOKS:
            args, kwargs = _whole(args), {name: _whole(value) for name, value in kwargs.items()}
        return func(*args, **kwargs)


# Attributes of tensors: the channel that all channels repeat, or the sum of those that were laid side by side
# (then also these, as pairs of a channel and how often it is there)
ONE, PARTS = "_descent_one_channel", "_descent_channels"
_LOOKS = ("__get__", "size", "dim", "is_floating_point", "register_hook")  # they read no number


def _one_of(maps: Tensor) -> Tensor:
    """The channel that all others repeat, or the sum of those laid side by side; else the tensor itself."""
    return getattr(maps, ONE, maps)


def _whole(value: Any) -> Any:
    """Maps laid side by side with all their channels, for what may take them apart; also inside lists."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_whole(item) for item in value)
    if not hasattr(value, PARTS):
        return value
    return torch.cat([one.expand(-1, count, -1, -1) for one, count in getattr(value, PARTS)], 1)


def _side_by_side(tensors: Sequence[Tensor], dim: int = 0, **options: Any) -> Any:
    """Not laid out in memory: what mixes all channels needs their sum only."""
    if dim not in (1, -3) or options or not all(hasattr(each, ONE) and each.dim() == 4 for each in tensors):
        return NotImplemented
    parts = [part for each in tensors for part in getattr(each, PARTS, [(_one_of(each), each.shape[1])])]
    maps = _repeated(sum(one for one, _ in parts), sum(count for _, count in parts))
    setattr(maps, PARTS, parts)
    return maps


def _of_each(rule: Callable[[Tensor], Tensor], maps: Tensor) -> Tensor:
    """The rule's outcome for maps of few different channels."""
    parts = getattr(maps, PARTS, [(_one_of(maps), maps.shape[1])])
    found = [_repeated(rule(one), count) for one, count in parts]
    return found[0] if len(found) == 1 else _side_by_side(found, 1)


def _repeated(one: Tensor, channels: int) -> Tensor:
    """Maps of so many channels, all `one`, whose gradient is cut to 0 and 1; their size means nothing."""
    one = one / one.detach().abs().amax().clamp(min=1e-30)
    if one.requires_grad:
        one.register_hook(lambda gradient: gradient.ne(0).to(gradient.dtype))
    maps = one.expand(-1, channels, *one.shape[2:])
    setattr(maps, ONE, one)
    return maps


def _linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    inputs = _whole(inputs)
    if inputs.stride(-1) == 0:  # one number, repeated
        inputs = inputs[..., :1]
    return inputs.mean(-1, keepdim=True).expand(*inputs.shape[:-1], weight.shape[0])


def _convolution(
    inputs: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """A kernel of ones over the mean of each group's channels."""
    convolve = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}[weight.dim()]
    kernel = torch.ones(1, 1, *weight.shape[2:])
    if groups > 1:
        inputs = _whole(inputs)
    if hasattr(inputs, ONE) or groups == 1:
        one = _one_of(inputs).mean(1, keepdim=True)
        return _repeated(convolve(one, kernel, None, stride, padding, dilation), weight.shape[0])
    batch, channels = inputs.shape[:2]
    means = inputs.reshape(batch, groups, channels // groups, *inputs.shape[2:]).mean(2)
    maps = convolve(
        means, kernel.expand(groups, 1, *kernel.shape[2:]), None, stride, padding, dilation, groups
    )
    return maps.repeat_interleave(weight.shape[0] // groups, 1)


def _maximum(
    inputs: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor:  # fmt: skip
    """The sum over each window in place of its maximum."""
    if hasattr(inputs, ONE):
        return _of_each(lambda one: _maximum(one, kernel_size, stride, padding, dilation, ceil_mode), inputs)
    one = inputs
    kernel, step, border, spread = (
        (value, value) if isinstance(value, int) else tuple(value)
        for value in (kernel_size, stride or kernel_size, padding, dilation)
    )
    shape = functional.max_pool2d(one.detach(), kernel, step, border, spread, ceil_mode).shape[-2:]
    after = [  # with ceil_mode the last window reaches over the border
        max(0, (shape[i] - 1) * step[i] + spread[i] * (kernel[i] - 1) + 1 - one.shape[i - 2] - border[i])
        for i in (0, 1)
    ]
    padded = functional.pad(one, (border[1], after[1], border[0], after[0]))
    flat = padded.reshape(-1, 1, *padded.shape[-2:])
    maps = functional.conv2d(flat, torch.ones(1, 1, *kernel), None, step, 0, spread)[
        ..., : shape[0], : shape[1]
    ]
    return maps.reshape(*one.shape[:-2], *maps.shape[-2:])


def _averaged(rule: Callable[..., Tensor]) -> Callable[..., Any]:
    def average(inputs: Tensor, *rest: Any, **options: Any) -> Any:
        if not hasattr(inputs, ONE):
            return NotImplemented
        return _of_each(lambda one: rule(one, *rest, **options), inputs)

    return average


def _alike(maps: Tensor) -> Tensor | None:
    """The channel that all repeat: also of a view that repeats it, and of one number a channel, as
    squeeze-and-excite scales maps by; None where they differ, or there are none.
    """
    if hasattr(maps, ONE) or maps.dim() not in (3, 4):
        return getattr(maps, ONE, None)
    one = maps.narrow(-3, 0, 1)
    small = maps.shape[-2:] == (1, 1)
    single = maps.shape[-3] == 1 or maps.stride(-3) == 0
    return one if single or (small and bool((maps == one).all())) else None


def _joined(rule: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """Sums and products of maps; also in place of those written over an operand, which has no memory here."""

    def join(first: Any, second: Any, *rest: Any, **options: Any) -> Any:
        first, second = _whole(first), _whole(second)
        if not isinstance(first, Tensor) or not isinstance(second, Tensor):
            return NotImplemented if not hasattr(first, ONE) else rule(first, second)
        one, other = _alike(first), _alike(second)
        if one is None or other is None:
            return rule(first, second)
        fewer, channels = sorted((first.shape[-3], second.shape[-3]))
        return _repeated(rule(one, other), channels) if fewer in (1, channels) else rule(first, second)

    return join


_RULES: dict[Any, Callable[..., Any]] = {
    torch.conv1d: _convolution, torch.conv2d: _convolution, torch.conv3d: _convolution,
    functional.linear: _linear,
    torch.cat: _side_by_side, torch.concat: _side_by_side,
    torch.max_pool2d: _maximum, functional.max_pool2d: _maximum,
    functional.avg_pool2d: _averaged(functional.avg_pool2d),
    functional.adaptive_avg_pool2d: _averaged(functional.adaptive_avg_pool2d),
    functional.adaptive_max_pool2d: lambda inputs, size, *rest: functional.adaptive_avg_pool2d(inputs, size),
}  # fmt: skip
_SUMS = (torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__iadd__, Tensor.__radd__)
_PRODUCTS = (torch.mul, Tensor.mul, Tensor.mul_, Tensor.__mul__, Tensor.__imul__, Tensor.__rmul__)
_RULES |= dict.fromkeys(_SUMS, _joined(lambda first, second: first + second))
_RULES |= dict.fromkeys(_PRODUCTS, _joined(lambda first, second: first * second))
_RULES |= dict.fromkeys(
    (
        functional.batch_norm, functional.layer_norm, functional.group_norm, functional.instance_norm,
        functional.relu, functional.relu_, functional.relu6, functional.hardtanh, functional.leaky_relu,
        functional.dropout, functional.dropout2d, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_,
        functional.gelu, functional.silu, functional.hardswish, functional.elu, torch.tanh,
    ),
    _pass_on,
)  # fmt: skip
