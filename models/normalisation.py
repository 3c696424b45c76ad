"""Which numbers share a mean: the table of normalisations, and what each makes of a tensor.

Of activations [samples, channels, places] every normalisation subtracts a mean and divides by a standard
deviation; they differ in the set of numbers that both are taken over (Wu and He 2018, arXiv:1803.08494,
figure 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.catalog import Catalog, Parameter, checked_settings

EPSILON = 1e-5  # PyTorch's own, of all of them


@dataclass(frozen=True)
class Cells:
    """Where each number of a tensor lies, counted from 0, and how many channels there are."""

    sample: Int[Tensor, "samples channels places"]
    channel: Int[Tensor, "samples channels places"]
    place: Int[Tensor, "samples channels places"]
    channels: int


@dataclass(frozen=True)
class Normalisation:
    """A row of NORMALISATIONS.

    `keys(cells, **settings)` gives whole numbers for every cell: cells that have the same ones are averaged
    over together. `build(shape, epsilon, **settings)` makes PyTorch's module of it, without a learned scale
    and shift, for samples of that shape (channels first). `centred`: the mean is subtracted; else it stays,
    and in place of the variance stands the mean square. `over_samples`: a sample's numbers depend on the
    others of its batch.
    """

    name: str
    title: str
    formula: str  # LaTeX of the set S_i that the mean of the number i is taken over
    summary: str
    source: str
    keys: Callable[..., tuple[Tensor, ...]]
    build: Callable[..., nn.Module]
    parameters: tuple[Parameter, ...] = ()
    centred: bool = True
    over_samples: bool = False


def _batch(shape: Sequence[int], epsilon: float) -> nn.Module:
    kinds: list[type[nn.Module]] = [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d]
    return kinds[len(shape) - 1](shape[0], eps=epsilon, affine=False)


def _instance(shape: Sequence[int], epsilon: float) -> nn.Module:
    kinds: list[type[nn.Module]] = [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d]
    return kinds[len(shape) - 2](shape[0], eps=epsilon, affine=False)


def _groups(cells: Cells, groups: int) -> tuple[Tensor, ...]:
    if cells.channels % groups:
        fits = [count for count in range(1, cells.channels + 1) if cells.channels % count == 0]
        raise ValueError(
            f"{cells.channels} channels can't be cut into {groups} groups of one size; groups can be "
            f"{', '.join(map(str, fits))}"
        )
    return cells.sample, cells.channel // (cells.channels // groups)


NORMALISATIONS: Catalog[Normalisation] = Catalog(
    "normalisation",
    [
        Normalisation(
            name="batch",
            title="Batch norm",
            formula=r"S_i = \{k : k_C = i_C\}",
            summary="Each channel over all samples and places. What a sample becomes depends on its batch.",
            source="Ioffe and Szegedy 2015, arXiv:1502.03167",
            keys=lambda cells: (cells.channel,),
            build=_batch,
            over_samples=True,
        ),
        Normalisation(
            name="layer",
            title="Layer norm",
            formula=r"S_i = \{k : k_N = i_N\}",
            summary="Each sample by itself, over all its channels and places.",
            source="Ba, Kiros and Hinton 2016, arXiv:1607.06450",
            keys=lambda cells: (cells.sample,),
            build=lambda shape, epsilon: nn.LayerNorm(list(shape), eps=epsilon, elementwise_affine=False),
        ),
        Normalisation(
            name="instance",
            title="Instance norm",
            formula=r"S_i = \{k : k_N = i_N,\ k_C = i_C\}",
            summary="Each channel of each sample over its places: a picture's contrast goes.",
            source="Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022",
            keys=lambda cells: (cells.sample, cells.channel),
            build=_instance,
        ),
        Normalisation(
            name="group",
            title="Group norm",
            formula=r"S_i = \{k : k_N = i_N,\ \lfloor k_C G / C \rfloor = \lfloor i_C G / C \rfloor\}",
            summary="Each sample by itself, over groups of channels: between layer norm (one group) and "
            "instance norm (as many groups as channels).",
            source="Wu and He 2018, arXiv:1803.08494",
            keys=_groups,
            build=lambda shape, epsilon, groups: nn.GroupNorm(groups, shape[0], eps=epsilon, affine=False),
            parameters=(
                Parameter("groups", 2, "groups of channels", kind="integer", low=1, high=64, symbol="G"),
            ),
        ),
        Normalisation(
            name="rms",
            title="RMS norm",
            formula=r"S_i = \{k : k_N = i_N\}, \quad \mu = 0",
            summary="Layer norm that leaves the mean: it divides by the root mean square, as in most "
            "language models.",
            source="Zhang and Sennrich 2019, arXiv:1910.07467",
            keys=lambda cells: (cells.sample,),
            build=lambda shape, epsilon: nn.RMSNorm(list(shape), eps=epsilon, elementwise_affine=False),
            centred=False,
        ),
    ],
)  # fmt: skip


@dataclass(frozen=True)
class Normalised:
    """What a normalisation made of a tensor. `sets`: for every number the one of the averages it takes part
    in; `means` and `variances` (biased, as they are divided by) of each set.
    """

    values: Float[Tensor, "samples channels *places"]
    sets: Int[Tensor, "samples channels *places"]
    means: Float[Tensor, "sets"]
    variances: Float[Tensor, "sets"]


def averaged_sets(
    shape: Sequence[int], name: str, settings: Mapping[str, Any] | None = None
) -> Int[Tensor, "samples channels *places"]:
    """For every number of a tensor of this shape [samples, channels, *places], which average it belongs to,
    counted from 0. UnknownNameError for a name, ValueError for a setting that does not fit.
    """
    row = NORMALISATIONS[name]
    checked = checked_settings(name, row.parameters, settings or {})
    samples, channels, places = shape[0], shape[1], math.prod(shape[2:])
    axes = [torch.arange(size) for size in (samples, channels, places)]
    sample, channel, place = torch.meshgrid(*axes, indexing="ij")
    keys = row.keys(Cells(sample, channel, place, channels), **checked)
    flat = torch.stack([key.flatten() for key in keys])
    return torch.unique(flat, dim=1, return_inverse=True)[1].reshape(tuple(shape))


def normalised(
    values: Float[Tensor, "samples channels *places"],
    name: str,
    settings: Mapping[str, Any] | None = None,
    scale: float = 1.0,
    shift: float = 0.0,
    epsilon: float = EPSILON,
) -> Normalised:
    """scale * (x - mean) / sqrt(variance + epsilon) + shift, with mean and variance of the number's set.

    ValueError where every set has one number only: it would become 0, and PyTorch refuses most of these.
    """
    row = NORMALISATIONS[name]
    sets = averaged_sets(tuple(values.shape), name, settings)
    members, flat = sets.flatten(), values.flatten()
    counts = torch.bincount(members)
    if row.centred and int(counts.max()) == 1:
        raise ValueError(
            f"{row.title} of {tuple(values.shape)} takes each mean over one number, and leaves 0 of all; it "
            "needs more samples, channels or places"
        )
    totals = flat.new_zeros(len(counts)).index_add(0, members, flat)
    means = totals / counts if row.centred else torch.zeros_like(totals)
    squares = (flat - means[members]).square()
    variances = flat.new_zeros(len(counts)).index_add(0, members, squares) / counts
    found = (flat - means[members]) / (variances[members] + epsilon).sqrt()
    return Normalised((scale * found + shift).reshape(values.shape), sets, means, variances)


def build_normalisation(
    shape: Sequence[int], name: str, settings: Mapping[str, Any] | None = None, epsilon: float = EPSILON
) -> nn.Module:
    """PyTorch's module for samples of this shape (channels, *places), without a learned scale and shift.

    ValueError for a setting that does not fit, and for a normalisation that would see single numbers.
    """
    row = NORMALISATIONS[name]
    checked = checked_settings(name, row.parameters, settings or {})
    sets = averaged_sets((2, *shape), name, settings)
    if row.centred and int(torch.bincount(sets.flatten()).max()) == 1:
        raise ValueError(f"{row.title} of samples of {tuple(shape)} sees single numbers; it needs places")
    return row.build(tuple(shape), epsilon, **checked)


def example_tensor(
    samples: int, channels: int, side: int, sample_spread: float, channel_spread: float, seed: int
) -> Float[Tensor, "samples channels side side"]:
    """Numbers with two decimals, in float64. The spreads say how far samples (as pictures of different light
    and contrast) and channels (as filters of different strength) differ in mean and in width; 0: not at all.
    """
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    of_channels = (
        channel_spread * drawn(1, channels, 1, 1),
        torch.exp(0.4 * channel_spread * drawn(1, channels, 1, 1)),
    )
    of_samples = (
        sample_spread * drawn(samples, 1, 1, 1),
        torch.exp(0.4 * sample_spread * drawn(samples, 1, 1, 1)),
    )
    values = (
        of_samples[1] * (of_channels[0] + of_channels[1] * drawn(samples, channels, side, side))
        + of_samples[0]
    )
    return values.round(decimals=2)
