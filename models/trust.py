"""How far to trust an attribution: does it depend on what the network learned?

Adebayo et al. 2018 (arXiv:1810.03292): a picture that looks the same for a network with random weights says
something about the input, not about the network. Weights are drawn anew in all layers, or from the output
downwards one layer after the other, and the pictures are compared by rank correlation.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from models.attribution import ATTRIBUTIONS, Explanation, attribute

SIMILAR = 0.5  # rank correlation from which a picture depends little on what was learned
RELATED = 0.25
# Added to a seed: a training with that seed began with the very weights that would be drawn here
SALT = 0xADEBA70
INCOMPLETE = 0.1  # share of the difference that a sum may miss

Verdict = Literal["good", "caution", "poor"]


@dataclass(frozen=True)
class Trust:
    """What the badge says. `agreements`: rank correlation with the picture of each randomised network."""

    verdict: Verdict
    completeness_error: float | None  # as in Explanation
    agreements: tuple[float, ...]
    reading: str

    @property
    def agreement(self) -> float:
        return float(np.mean(self.agreements))


def trust(
    explanation: Explanation,
    network: nn.Module,
    sample: Tensor,
    baseline: Tensor | None = None,
    draws: int = 3,
    watch: Callable[[float], None] = lambda share: None,
    **settings: object,
) -> Trust:
    """Compares the explanation with those that networks of random weights give, `draws` times, for the same
    sample [1, *shape], class and settings. `watch` is told the share that is done. ValueError for fewer than
    one draw.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}; at least one network with random weights is needed")
    agreements = []
    for seed in range(draws):
        other = attribute(
            explanation.method, randomised(network, seed), sample, explanation.target, baseline, **settings
        )
        agreements.append(rank_agreement(explanation.values, other.values))
        watch(len(agreements) / draws)
    return _told(explanation, tuple(agreements))


def cascade(
    explanation: Explanation,
    network: nn.Module,
    sample: Tensor,
    baseline: Tensor | None = None,
    seed: int = 0,
    most: int = 12,
    **settings: object,
) -> Iterator[tuple[str, int, Tensor, float]]:
    """From the output downwards: the layer up to which weights are random, how many layers that are, the
    values, and their rank agreement with those of the trained network. At most about `most` stages.
    """
    layers = _weighted_layers(network)[::-1]
    changed = copy.deepcopy(network)
    chosen = {round(place) for place in np.linspace(1, len(layers), min(most, len(layers)))}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SALT + seed)
        draws = torch.get_rng_state()
        for number, name in enumerate(layers, start=1):
            torch.set_rng_state(draws)  # what lies between the draws takes none from their stream
            _draw_anew(changed.get_submodule(name))
            draws = torch.get_rng_state()
            if number in chosen:
                other = attribute(
                    explanation.method, changed, sample, explanation.target, baseline, **settings
                )
                yield name, number, other.values, rank_agreement(explanation.values, other.values)


def randomised(network: nn.Module, seed: int) -> nn.Module:
    """A copy of the network that has learned nothing: weights drawn anew in every layer."""
    changed = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SALT + seed)
        for name in _weighted_layers(changed):
            _draw_anew(changed.get_submodule(name))
    return changed


def rank_agreement(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of the absolute values, ties sharing their mean rank; 0 where either
    picture is the same everywhere, and so says nothing.
    """
    a, b = (_ranks(values.detach().abs().flatten().double().numpy()) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ends = sizes.cumsum()
    return (ends - (sizes - 1) / 2)[group]


def _weighted_layers(network: nn.Module) -> list[str]:
    """Modules that hold parameters of their own, in the order of the network's definition."""
    return [name for name, module in network.named_modules() if module._parameters]


def _draw_anew(module: nn.Module) -> None:
    """PyTorch's own initialisation; a parameter of a module that has none gets its own numbers, shuffled."""
    reset: Callable[[], None] | None = getattr(module, "reset_parameters", None)
    with torch.no_grad():
        if callable(reset):
            reset()
            return
        for parameter in module.parameters(recurse=False):
            flat = parameter.flatten()
            parameter.copy_(flat[torch.randperm(len(flat))].reshape(parameter.shape))


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "0.1%"


def _told(explanation: Explanation, agreements: tuple[float, ...]) -> Trust:
    agreement, error = float(np.mean(agreements)), explanation.completeness_error
    verdict: Verdict = "good"
    if agreement >= RELATED or (error is not None and error > INCOMPLETE):
        verdict = "caution"
    if agreement >= SIMILAR:
        verdict = "poor"
    depends = (
        "looks much the same when nothing was learned: it shows the input more than the network"
        if agreement >= SIMILAR
        else "shares some of its shape with networks that learned nothing"
        if agreement >= RELATED
        else "changes when the weights are random: it depends on what was learned"
    )
    reading = f"The picture {depends} (rank correlation {agreement:.2f} over {len(agreements)} draws)."
    if error is not None:
        reading += (
            f" Its values add up to {explanation.total:.3g}, and the logit moved by "
            f"{explanation.difference:.3g}: {100 * error:.1f}% are missing."
            if error > INCOMPLETE
            else f" Its values add up to the logit's move within {_percent(error)}."
        )
    else:
        title = ATTRIBUTIONS[explanation.method].title
        reading += f" {title} does not claim to add up to anything."
    return Trust(verdict, error, agreements, reading)
