"""What a stack of convolutions and poolings costs and sees, by formula: sizes, parameters, multiply-adds and
the receptive field (Araujo, Norris and Sim 2019, https://distill.pub/2019/computing-receptive-fields).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.sliding import Slide, common_divisors, output_size

MOST_LAYERS = 20
_LAYER = re.compile(
    r"(?P<kind>[cdmax])(?P<channels>\d*)(?:k(?P<k>\d+))?(?:s(?P<s>\d+))?(?:p(?P<p>\d+))?(?:d(?P<d>\d+))?"
    r"(?:g(?P<g>\d+))?"
)
KINDS = {"c": "convolution", "d": "depthwise", "m": "maximum", "a": "average", "x": "transposed"}


@dataclass(frozen=True)
class StackLayer:
    """One layer: its kind (of KINDS), the channels it puts out (0: as many as it gets), its window, and into
    how many groups its channels are cut, each of which sees its own alone.
    """

    kind: str
    channels: int
    kernel: int
    stride: int
    padding: int
    dilation: int = 1
    groups: int = 1


@dataclass(frozen=True)
class StackRow:
    """A layer and what follows for it; `field` is the side of what one of its units sees, in input pixels."""

    layer: StackLayer
    channels: int
    size: int
    parameters: int
    multiply_adds: int
    field: int
    groups: int


def parsed_stack(text: str) -> list[StackLayer]:
    """Layers of a text like "c16k3p1, m2, d, c32k1": c convolves to 16 channels, d convolves each channel by
    itself, m and a pool, x convolves transposed; then kernel k, stride s, padding p, dilation d, groups g
    as numbers.

    Left out: a kernel of 3 and stride 1, of poolings 2 and as far as the kernel; padding 0, of d half the
    kernel. ValueError names the layer that can't be read.
    """
    words = [word for word in re.split(r"[\s,]+", text.strip()) if word]
    if not 0 < len(words) <= MOST_LAYERS:
        raise ValueError(
            f"there are {len(words)} layers; write 1 to {MOST_LAYERS}, as in c16k3p1, m2, c32k3p1"
        )
    return [_layer(word) for word in words]


def _layer(word: str) -> StackLayer:
    found = _LAYER.fullmatch(word)
    if found is None:
        raise ValueError(
            f"{word!r} is no layer; write c, d, m, a or x with channels, then k, s, p, d and g with numbers, "
            "as in c16k3s2p1"
        )
    kind = KINDS[found["kind"]]
    pools = kind in ("maximum", "average")
    first = int(found["channels"] or 0)
    kernel = int(found["k"] or ((first or 2) if pools else 3))
    stride = int(found["s"] or (kernel if pools else 1))
    padding = int(found["p"] or ((kernel // 2) if kind == "depthwise" else 0))
    channels = 0 if pools or kind == "depthwise" else first
    if kind in ("convolution", "transposed") and not channels:
        raise ValueError(f"{word!r} does not say how many channels come out; write them, as in c16k3")
    groups = int(found["g"] or 1)
    if found["g"] and kind not in ("convolution", "transposed"):
        raise ValueError(
            f"{word!r} has groups, and {kind} layers have none to choose; leave g out, or write c with "
            "channels"
        )
    if groups < 1 or channels % groups:
        raise ValueError(
            f"{word!r} has {groups} groups for {channels} channels, which must divide evenly; "
            f"{_dividing(channels)}"
        )
    layer = StackLayer(kind, channels, kernel, stride, padding, int(found["d"] or 1), groups)
    if (
        not (0 < kernel <= 31 and 0 < stride <= 16 and padding <= 31 and 0 < layer.dilation <= 16)
        or channels > 4096
    ):
        raise ValueError(
            f"{word!r} is out of range: kernels to 31, strides and dilations to 16, channels to 4096"
        )
    return layer


def _dividing(channels: int) -> str:
    """The way out: the groups that channels can be cut into."""
    found = common_divisors(channels)
    return "write g with one of " + ", ".join(map(str, found[:8])) + (" ..." if len(found) > 8 else "")


def stack_rows(layers: Sequence[StackLayer], channels: int, size: int) -> list[StackRow]:
    """A row for each layer over a picture of `channels` x `size` x `size`; convolutions have a bias.

    ValueError where a window no longer fits, or where groups don't divide the channels that go in.
    """
    rows, field, jump = [], 1.0, 1.0
    for number, layer in enumerate(layers, start=1):
        kind = layer.kind if layer.kind in ("transposed", "maximum", "average") else "convolution"
        after = output_size(size, layer.kernel, Slide(kind, layer.stride, layer.padding, layer.dilation))
        if after < 1:
            raise ValueError(
                f"layer {number}: a window of {layer.dilation * (layer.kernel - 1) + 1} does not fit into "
                f"{size} pixels with padding {layer.padding}; leave a layer out, or pad"
            )
        out = layer.channels or channels
        if channels % layer.groups:
            raise ValueError(
                f"layer {number}: {layer.groups} groups do not divide the {channels} channels that go in; "
                f"{_dividing(math.gcd(channels, out))}"
            )
        full = channels // layer.groups * out
        weights = layer.kernel**2 * {"convolution": full, "transposed": full, "depthwise": channels}.get(
            layer.kind, 0
        )
        bias, groups = out if weights else 0, channels if layer.kind == "depthwise" else layer.groups
        places = size**2 if layer.kind == "transposed" else after**2
        field, jump = _seen(layer, field, jump)
        rows.append(StackRow(layer, out, after, weights + bias, weights * places, int(field), groups))
        channels, size = out, after
    return rows


def _seen(layer: StackLayer, field: float, jump: float) -> tuple[float, float]:
    """The receptive field's side and the distance of neighbours, in input pixels, after the layer."""
    reach = layer.dilation * (layer.kernel - 1)
    if layer.kind == "transposed":  # a unit sees every place whose kernel reaches it
        return field + (reach // layer.stride) * jump, jump / layer.stride
    return field + reach * jump, jump * layer.stride
