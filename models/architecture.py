"""What one can say of a network before it has learned anything: size, work, depth, and time for a picture."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from models.model import InputShape
from models.receptive_field import ReceptiveField, receptive_fields
from models.summary import Summary, summarize
from models.zoo import MODELS, build_model

# Nodes of PyTorch's graph that multiply by weights
WEIGHTED = ("ConvolutionBackward0", "AddmmBackward0", "MmBackward0", "LinearBackward0")


@dataclass(frozen=True)
class Architecture:
    """Facts about a network built for samples of `input_shape`."""

    model: str  # name in MODELS
    parameters: int  # trainable numbers
    multiply_adds: int  # of one sample
    depth: int  # layers with weights on the longest way from input to output
    field: ReceptiveField | None  # of the last layer that puts out more than one pixel; None without pictures


def without_numbers(
    model: str, input_shape: InputShape, outputs: int, settings: Mapping[str, Any] | None = None
) -> nn.Module:
    """The network on the device "meta": shapes, no memory, no random numbers. Errors as build_model's."""
    given = dict(settings or {})
    if any(parameter.name == "initializer" for parameter in MODELS[model].parameters):
        given["initializer"] = "default"  # others compute with the weights, of which there are none
    try:
        with torch.device("meta"):
            return build_model(model, input_shape, outputs, given)
    except NotImplementedError:  # a few of torchvision's compute their sizes with tensors
        return build_model(model, input_shape, outputs, given)


def architecture_of(
    model: str, input_shape: InputShape, outputs: int, settings: Mapping[str, Any] | None = None
) -> Architecture:
    """The facts. ValueError and UnknownNameError as build_model raises them."""
    network = without_numbers(model, input_shape, outputs, settings)
    summary = summarize(network.eval(), (1, *input_shape))
    return Architecture(
        model=model,
        parameters=summary.layer("").trainable_below,
        multiply_adds=summary.layer("").multiply_adds,
        depth=weighted_depth(network, input_shape),
        field=_last_field(network, summary, input_shape),
    )


def _last_field(network: nn.Module, summary: Summary, input_shape: InputShape) -> ReceptiveField | None:
    if len(input_shape) != 3:
        return None
    maps = [
        layer
        for layer in summary.leaves
        if layer.output_shape is not None and len(layer.output_shape) == 4 and layer.output_shape[-1] > 1
    ]
    if not any(layer.multiply_adds for layer in maps):
        return None
    return receptive_fields(network, input_shape, [maps[-1].path], unbordered=False).get(maps[-1].path)


def weighted_depth(network: nn.Module, input_shape: InputShape) -> int:
    """Layers with weights on the longest way from input to output, as papers count them in a name: 18 for
    ResNet-18. Small layers that weigh channels (squeeze-and-excitation) count, too.

    Read off the graph that PyTorch keeps for the gradient: each of its nodes is as deep as the deepest node
    that it was computed from, and one more if it multiplies by weights.
    """
    device = next(network.parameters()).device
    output = network(torch.zeros(1, *input_shape, device=device, requires_grad=True))
    depths: dict[Any, int] = {}
    waiting = [output.grad_fn]
    while waiting:
        node = waiting[-1]
        before = [one for one, _ in node.next_functions if one is not None]
        unknown = [one for one in before if one not in depths]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        depths[node] = max((depths[one] for one in before), default=0) + (node.name() in WEIGHTED)
    return depths[output.grad_fn]


@torch.inference_mode()
def seconds_per_sample(
    network: nn.Module, input_shape: InputShape, batch: int = 32, rounds: int = 5
) -> float:
    """Processor time of this thread for one sample, from batches of `batch` on the CPU: the median of
    `rounds`, after one to warm up. Other work on the machine does not count, but it cools the caches.
    """
    inputs = torch.randn(batch, *input_shape)
    network.eval()
    took = []
    for _ in range(rounds + 1):
        start = time.thread_time()
        network(inputs)
        took.append((time.thread_time() - start) / batch)
    return statistics.median(took[1:])
