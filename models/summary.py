"""What a network is made of: its layers as a tree, their shapes, parameters, multiply-adds and memory.

One pass over tensors of the device "meta", which have shapes and no numbers, tells it all: a network of a
billion parameters takes a fraction of a second and no memory. The network itself is not touched, so that
several readers may look at it at once.

A multiply-add is one product added to a sum; PyTorch's own `torch.utils.flop_counter` counts two for it. Its
formulas are used here (convolutions, matrix products, attention), and rules of our own for recurrent layers,
for which it counts nothing. Whatever else computes is listed with how often it was called, not passed over.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# What moves or makes numbers and computes none, by the name of PyTorch's operation.
MOVES = frozenset(
    (
        "arange", "cat", "clone", "constant_pad_nd", "contiguous", "copy", "copy_", "detach", "embedding",
        "empty", "empty_like", "fill_", "flip", "full", "full_like", "gather", "index", "index_select",
        "lift_fresh", "native_dropout", "new_empty", "new_full", "new_ones", "new_zeros", "ones",
        "ones_like", "repeat", "roll", "scalar_tensor", "stack", "_to_copy", "_unsafe_view", "zero_",
        "zeros", "zeros_like",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A module at its place in the network. Numbers "below" include those of the modules in it."""

    path: str  # dotted, as in the state dict; "" is the whole network
    kind: str  # its class
    settings: str  # as PyTorch prints them, such as "3, 16, kernel_size=(3, 3)"
    children: int
    calls: int  # how often one pass calls it; 0: not at all
    input_shape: tuple[int, ...] | None  # of its first tensor in its last call, with the batch
    output_shape: tuple[int, ...] | None
    parameters: int  # numbers of its own, shared ones where they come first
    parameters_below: int
    trainable_below: int
    buffers_below: int
    multiply_adds: int  # of this and all below, for the whole batch
    output_bytes: int  # of its output in all calls, where no module lies below it; else the sum of those

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def depth(self) -> int:
        return self.path.count(".") + 1 if self.path else 0

    @property
    def is_leaf(self) -> bool:
        return self.children == 0


@dataclass(frozen=True)
class Summary:
    """All modules in the order in which they were registered, the whole network first."""

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]  # with the batch
    uncounted: dict[str, int]  # operations that compute and count nothing: how often each was called
    parameter_bytes: int  # of parameters and buffers
    on_meta: bool  # False: the pass had to be taken with numbers

    @property
    def whole(self) -> Layer:
        return self.layers[0]

    @property
    def leaves(self) -> list[Layer]:
        """The modules that hold no others, and are called."""
        return [layer for layer in self.layers if layer.is_leaf and layer.calls]

    def layer(self, path: str) -> Layer:
        """KeyError for a path the network doesn't have."""
        for layer in self.layers:
            if layer.path == path:
                return layer
        raise KeyError(f"the network has no module {path!r}; known: {', '.join(x.path for x in self.layers)}")


def summarize(network: nn.Module, input_shape: Sequence[int]) -> Summary:
    """The network as it answers inputs of `input_shape` (batch first), in the mode it is in.

    Where its code cannot run on tensors without numbers, a pass over zeros on the CPU takes their place.
    ValueError, with PyTorch's reason, where it takes no such input at all.
    """
    shape = tuple(int(size) for size in input_shape)
    try:
        return _passed(skeleton(network, "meta"), network, torch.zeros(shape, device="meta"), on_meta=True)
    except Exception:
        # whatever a stranger's forward does with a tensor that has no numbers
        try:
            return _passed(skeleton(network, "cpu"), network, torch.zeros(shape), on_meta=False)
        except Exception as error:
            raise ValueError(
                f"the network takes no input of shape {shape}: {error}; give the shape it was made for"
            ) from error


def skeleton(network: nn.Module, device: str, fill: Callable[[Tensor], Tensor] | None = None) -> nn.Module:
    """A copy of the modules for hooks of one's own, its tensors replaced: by ones without numbers (device
    "meta"), by the very same ones ("cpu"), or by what `fill` makes of each.
    """
    replaced: dict[int, Any] = {}
    for tensor in (*network.parameters(), *network.buffers()):
        if fill is not None:
            other = fill(tensor.detach())
        else:
            other = torch.empty_like(tensor, device=device) if device == "meta" else tensor
        if isinstance(tensor, nn.Parameter):
            other = nn.Parameter(other, requires_grad=tensor.requires_grad and fill is None)
        replaced[id(tensor)] = other
    return copy.deepcopy(network, replaced)


def _passed(body: nn.Module, network: nn.Module, inputs: Tensor, on_meta: bool) -> Summary:
    watch = _Watch(body)
    try:
        with torch.no_grad(), torch.device(inputs.device), _plain_attention(), watch.counter:
            body(inputs)
    finally:
        watch.leave()
    return Summary(
        layers=tuple(_layers(network, watch)),
        input_shape=tuple(inputs.shape),
        uncounted=dict(watch.counter.uncounted.most_common()),
        parameter_bytes=sum(
            t.numel() * t.element_size() for t in (*network.parameters(), *network.buffers())
        ),
        on_meta=on_meta,
    )


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention as matrix products: fused kernels hide theirs, and a fused layer is one unknown operation."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class _Watch:
    """Hooks on every module: which one is at work, and what it put out."""

    def __init__(self, body: nn.Module) -> None:
        self.calls: Counter[str] = Counter()
        self.inputs: dict[str, tuple[int, ...] | None] = {}
        self.outputs: dict[str, tuple[int, ...] | None] = {}
        self.bytes: Counter[str] = Counter()
        self.working: list[str] = []
        self.counter = _MultiplyAdds(self.working)
        self.handles = []
        self.recurrent = 0
        for path, module in body.named_modules():
            self.handles.append(module.register_forward_pre_hook(partial(self._begins, path)))
            self.handles.append(module.register_forward_hook(partial(self._ends, path)))

    def leave(self) -> None:
        for handle in self.handles:
            handle.remove()

    def _begins(self, path: str, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        self.working.append(path)
        self.counter.silent += isinstance(module, nn.RNNBase)

    def _ends(self, path: str, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        if isinstance(module, nn.RNNBase):
            self.counter.silent -= 1
            self.counter.count(_recurrent(module, arguments[0]))
        self.working.pop()
        self.calls[path] += 1
        self.inputs[path] = next((tuple(tensor.shape) for tensor in tensors_in(arguments)), None)
        tensors = list(tensors_in(output))
        self.outputs[path] = tuple(tensors[0].shape) if tensors else None
        self.bytes[path] += sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class _MultiplyAdds(TorchDispatchMode):
    """Counts for the modules at work; `silent` while a rule of our own stands for what is called."""

    def __init__(self, working: list[str]) -> None:
        super().__init__()
        self.working = working
        self.silent = 0
        self.counts: Counter[str] = Counter()
        self.uncounted: Counter[str] = Counter()

    def count(self, multiply_adds: int) -> None:
        for path in set(self.working):
            self.counts[path] += multiply_adds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = getattr(func, "_overloadpacket", func)
        if packet not in flop_registry and hasattr(func, "decompose"):
            with self:  # composed of operations that may have a formula
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if self.silent:
            return result
        if packet in flop_registry:
            self.count(flop_registry[packet](*args, **kwargs, out_val=result) // 2)
        elif not getattr(func, "is_view", False):
            name = str(getattr(packet, "__name__", packet))
            if name not in MOVES:
                self.uncounted[name] += 1
        return result


def _recurrent(module: nn.RNNBase, inputs: Any) -> int:
    """Multiply-adds of an RNN, GRU or LSTM: each step multiplies its input and its last state by one matrix a
    gate (Hochreiter and Schmidhuber 1997; Cho et al. 2014), and an LSTM with a projection that by one more.
    """
    data = inputs.data if isinstance(inputs, nn.utils.rnn.PackedSequence) else inputs
    steps = data.numel() // data.shape[-1]  # of all samples together
    directions = 2 if module.bidirectional else 1
    gates = {"LSTM": 4, "GRU": 3}.get(module.mode, 1)
    state = module.proj_size or module.hidden_size
    total = 0
    for layer in range(module.num_layers):
        width = module.input_size if layer == 0 else state * directions
        total += directions * gates * module.hidden_size * (width + state)
        total += directions * module.proj_size * module.hidden_size
    return steps * total


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor of what a module takes or gives: tuples, lists, mappings, packed sequences."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)


def _layers(network: nn.Module, watch: _Watch) -> Iterator[Layer]:
    seen: set[int] = set()
    for path, module in network.named_modules():
        own = [tensor for tensor in module.parameters(recurse=False) if id(tensor) not in seen]
        seen.update(id(tensor) for tensor in own)
        below = list(module.parameters())
        leaves = [x for x, part in module.named_modules(prefix=path) if not any(part.children())]
        yield Layer(
            path=path,
            kind=type(module).__name__,
            settings=module.extra_repr(),
            children=sum(1 for _ in module.children()),
            calls=watch.calls[path],
            input_shape=watch.inputs.get(path),
            output_shape=watch.outputs.get(path),
            parameters=sum(tensor.numel() for tensor in own),
            parameters_below=sum(tensor.numel() for tensor in below),
            trainable_below=sum(tensor.numel() for tensor in below if tensor.requires_grad),
            buffers_below=sum(tensor.numel() for tensor in module.buffers()),
            multiply_adds=watch.counter.counts[path],
            output_bytes=sum(watch.bytes[leaf] for leaf in leaves),
        )
