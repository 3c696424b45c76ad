"""Convolutions that add what stands beside them and rectify, while their output is still in registers.

torch has such convolutions for its compiler (`torch.ops.mkldnn`, of oneDNN). Compiling needs a C++ compiler,
which not every machine has; the operators can be called without. torch.fx records what the network does.
Where it can't, where there are no such operators, or where the outcome differs, the network stays as it is.
"""

from __future__ import annotations

import operator

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional

RECTIFIERS = (functional.relu, torch.relu, torch.relu_, "relu", "relu_")
SUMS = (operator.add, operator.iadd, torch.add, "add", "add_")
NOTHING = (nn.Identity, nn.Dropout, nn.Dropout2d)  # in evaluation
# Whose output is nobody else's; a ReLU's may be its input
FRESH = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d)
# How far outputs may be apart, of the largest: sums in another order, and fewer roundings in between
CLOSE = {torch.float32: 1e-4, torch.bfloat16: 0.1}


class RectifiedConvolution(nn.Module):
    """relu(convolution(images)) or, where it adds, relu(convolution(images) + beside). `onto`: the outcome is
    written over `beside`, which saves a pass over it.
    """

    def __init__(self, convolution: nn.Conv2d, adds: bool, onto: bool) -> None:
        super().__init__()
        self.convolution, self.adds, self.onto = convolution, adds, onto
        own = convolution
        self.numbers = (list(own.padding), list(own.stride), list(own.dilation), own.groups)

    def keep_bias(self) -> None:
        """Weights may be of bfloat16: from now on the bias is of float32 where the operator takes one."""
        bias = self.convolution.bias
        if not self.adds and bias is not None:
            self.convolution.bias = nn.Parameter(bias.float(), requires_grad=False)

    def forward(
        self, images: Float[Tensor, "batch channels height width"], beside: Tensor | None = None
    ) -> Float[Tensor, "batch channels_out height_out width_out"]:
        operators, given = torch.ops.mkldnn, (self.convolution.weight, self.convolution.bias, *self.numbers)
        if beside is None:
            return operators._convolution_pointwise(images, *given, "relu", [], "")
        add = operators._convolution_pointwise_ if self.onto else operators._convolution_pointwise
        first, second = (beside, images) if self.onto else (images, beside)
        return add.binary(first, second, *given, "add", 1.0, "relu", [], "")


@torch.no_grad()
def fuse_rectifiers(network: nn.Module, example: Float[Tensor, "batch *shape"]) -> nn.Module:
    """What computes the network's outputs in evaluation, with its own parameters: it follows where these are
    changed in place. The network itself where nothing can be fused. While torch.fx records, no other thread
    may call a module.
    """
    if not _offered(example):
        return network
    try:
        recorded = fx.GraphModule(network, fx.Tracer().trace(network))
        ShapeProp(recorded).propagate(example)
        if not sum(_fuse(node, recorded) for node in list(recorded.graph.nodes)):
            return network
        recorded.recompile()
        expected, found = network(example), recorded(example)
    except Exception:  # whatever a forward does that torch.fx can't follow: it is then not recorded
        return network
    off, scale = (found - expected).abs().amax(), expected.abs().amax()
    return recorded if float(off) <= CLOSE[example.dtype] * float(scale) else network


def _offered(example: Tensor) -> bool:
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    return there and example.device.type == "cpu" and example.dtype in CLOSE


def _fuse(node: fx.Node, recorded: fx.GraphModule) -> bool:
    """Puts a fused layer in the place of a ReLU and what is before it, where that is a convolution."""
    if not _does(node, recorded, nn.ReLU, RECTIFIERS):
        return False
    replaced = [node, *_before(node, 0, recorded)]
    beside = None
    if _does(replaced[-1], recorded, (), SUMS):
        total = replaced[-1]
        if len(total.args) != 2 or total.kwargs or _shape(total.args[0]) != _shape(total.args[1]):
            return False
        for place in (1, 0):
            found = _before(total, place, recorded)
            if found and _convolves(found[-1], recorded):
                replaced, beside = [*replaced, *found], total.args[1 - place]
                break
    last = replaced[-1]
    if not _convolves(last, recorded):
        return False
    own = recorded.get_submodule(str(last.target))
    assert isinstance(own, nn.Conv2d)
    name = f"rectified_{node.name}"
    onto = isinstance(beside, fx.Node) and _free(beside, last, node, recorded)
    recorded.add_submodule(name, RectifiedConvolution(own, beside is not None, onto))
    with recorded.graph.inserting_before(node):
        given = last.args if beside is None else (*last.args, beside)
        node.replace_all_uses_with(recorded.graph.call_module(name, given))
    for old in replaced:
        recorded.graph.erase_node(old)
    return True


def _before(node: fx.Node, place: int, recorded: fx.GraphModule) -> list[fx.Node]:
    """What the argument at a place comes from, through layers that do nothing; none where any of it is used
    elsewhere too.
    """
    found: list[fx.Node] = []
    source = node.args[place]
    while isinstance(source, fx.Node) and len(source.users) == 1:
        found.append(source)
        if not _does(source, recorded, NOTHING, ()):
            return found
        source = source.args[0]
    return []


def _free(beside: fx.Node, convolution: fx.Node, node: fx.Node, recorded: fx.GraphModule) -> bool:
    """Whether `beside` may be written over where `node` stands: it is a tensor of its own, which nothing
    later takes, nor the convolution itself.
    """
    same = [beside]
    while _does(same[-1], recorded, NOTHING, ()):
        same.append(same[-1].all_input_nodes[0])
    order = list(recorded.graph.nodes)
    later = {convolution, *order[order.index(node) :]}
    used = {user for each in same for user in each.users}
    return _does(same[-1], recorded, (RectifiedConvolution, *FRESH), (functional.pad,)) and not used & later


def _does(
    node: fx.Node,
    recorded: fx.GraphModule,
    modules: type[nn.Module] | tuple[type[nn.Module], ...],
    functions: tuple[object, ...],
) -> bool:
    if node.op == "call_module":
        return isinstance(recorded.get_submodule(str(node.target)), modules)
    return node.op in ("call_function", "call_method") and node.target in functions


def _convolves(node: fx.Node, recorded: fx.GraphModule) -> bool:
    """Whether it is a plain convolution of one input, padded with zeros."""
    own = recorded.get_submodule(str(node.target)) if node.op == "call_module" else None
    plain = type(own) is nn.Conv2d and own.padding_mode == "zeros" and not isinstance(own.padding, str)
    return plain and len(node.args) == 1 and not node.kwargs


def _shape(argument: object) -> object:
    """Of a tensor in the recording; a number has none, and equals nothing."""
    return argument.meta["tensor_meta"].shape if isinstance(argument, fx.Node) else object()
