"""What nn.Module is, shown on one network: each way to ask it, what it answers, and what modes change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.summary import skeleton, tensors_in

# Modules that do something else while a network trains.
BY_MODE = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm, nn.MultiheadAttention)


@dataclass(frozen=True)
class Answer:
    """One line of Python, and what it gives for this network."""

    code: str
    gives: str
    meaning: str


def anatomy(network: nn.Module) -> list[Answer]:
    """What the network answers. Nothing is run."""
    children = [f"{name} ({type(child).__name__})" for name, child in network.named_children()]
    kinds = Counter(type(module).__name__ for module in network.modules())
    parameters = dict(network.named_parameters())
    buffers = dict(network.named_buffers())
    state = network.state_dict()
    frozen = [name for name, tensor in parameters.items() if not tensor.requires_grad]
    extra = [name for name in buffers if name not in state]
    return [
        Answer("network.children()", _listed(children), "its modules, one level down"),
        Answer(
            "network.modules()",
            f"{sum(kinds.values())}: " + ", ".join(f"{often} {kind}" for kind, often in kinds.most_common(6)),
            "itself and every module below, each once, however often it is used",
        ),
        Answer(
            "network.parameters()",
            f"{len(parameters)} tensors, {sum(tensor.numel() for tensor in parameters.values()):,} numbers",
            "what an optimizer moves",
        ),
        Answer(
            "[p for p in network.parameters() if not p.requires_grad]",
            f"{len(frozen)} frozen" + (f": {_listed(frozen)}" if frozen else ""),
            "what it leaves alone",
        ),
        Answer(
            "network.buffers()",
            f"{len(buffers)} tensors" + (f": {_listed(list(buffers))}" if buffers else ""),
            "numbers that belong to the network and no gradient reaches, such as running means",
        ),
        Answer(
            "network.state_dict()",
            f"{len(state)} names, from {next(iter(state), 'none')!r}",
            "parameters and buffers by name: what a checkpoint holds"
            + (f" (not {_listed(extra)})" if extra else ""),
        ),
        Answer(
            "network.training",
            str(network.training),
            "train() and eval() set it, here and in every module below",
        ),
        Answer(
            "network.train(); network.eval()",
            _listed(
                [f"{count} {kind}" for kind, count in Counter(
                    type(module).__name__ for module in network.modules() if isinstance(module, BY_MODE)
                ).items()]
            ),
            "the modules that the mode changes: dropout draws, batch norm uses the batch and remembers it",
        ),
    ]  # fmt: skip


@dataclass(frozen=True)
class Modes:
    """Largest differences between outputs for one batch of random inputs; `scale` is the largest output."""

    train_twice: float
    eval_twice: float
    train_against_eval: float
    moved_buffers: tuple[str, ...]  # by one pass in training mode
    scale: float


def modes(network: nn.Module, inputs: Tensor) -> Modes:
    """Two passes in each mode, on a copy with numbers of its own. `inputs`: at least 2 samples."""
    body = skeleton(network, "cpu", torch.clone)
    with torch.no_grad():
        body.eval()
        first, second = (_output(body, inputs) for _ in range(2))
        before = {name: buffer.clone() for name, buffer in body.named_buffers()}
        body.train()
        third, fourth = (_output(body, inputs) for _ in range(2))
    moved = tuple(name for name, buffer in body.named_buffers() if not torch.equal(before[name], buffer))
    return Modes(
        train_twice=_apart(third, fourth),
        eval_twice=_apart(first, second),
        train_against_eval=_apart(first, third),
        moved_buffers=moved,
        scale=float(first.abs().max()),
    )


def _output(network: nn.Module, inputs: Tensor) -> Tensor:
    return next(tensors_in(network(inputs)))


def _apart(first: Tensor, second: Tensor) -> float:
    return float((first - second).abs().max())


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) if names else "none"
