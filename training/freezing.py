"""Layers that stay as they are while the others learn: what a pretrained network is mostly used with."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from torch import nn

from training.config import ConfigError

NORMS = nn.modules.batchnorm._NormBase


def freeze(network: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Takes every parameter whose name a pattern matches out of the training, and names them.

    Patterns are a shell's: `*` stands for any characters, dots too. ConfigError for a pattern that matches
    nothing, and where nothing would be left to learn.
    """
    named = dict(network.named_parameters())
    frozen: list[str] = []
    for pattern in patterns:
        matched = fnmatch.filter(named, pattern)
        if not matched:
            tops = dict.fromkeys(name.partition(".")[0] for name in named)
            raise ConfigError(
                f"freeze has {pattern!r}, and no weights are named so; try {next(iter(tops))}.*; the network "
                f"has {', '.join(f'{top}.*' for top in tops)}"
            )
        frozen += matched
    for name in frozen:
        named[name].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in named.values()):
        raise ConfigError(
            f"freeze is {', '.join(patterns)}, which is every weight of the network: nothing would learn; "
            "leave out the pattern of the last layer"
        )
    return list(dict.fromkeys(frozen))


def training_mode(network: nn.Module) -> None:
    """The network in training mode, but frozen normalisations: their statistics must not move either."""
    network.train()
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, NORMS) and own and not any(weight.requires_grad for weight in own):
            module.eval()
