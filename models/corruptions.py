"""Pictures made worse on purpose, in five steps each: does a network's score hold?

After Hendrycks and Dietterich 2019 (arXiv:1903.12261), whose severities are for photographs of 224 pixels;
here they are relative to the picture's side, so that they mean the same at 28 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from models.catalog import Catalog

Pictures = Float[Tensor, "batch channels height width"]
SEVERITIES = 5


@dataclass(frozen=True)
class Corruption:
    """A row of CORRUPTIONS. `apply(pictures, amount, generator)` takes and gives values from 0 to 1."""

    name: str
    title: str
    unit: str
    amounts: tuple[float, float, float, float, float]  # of severities 1 to 5
    apply: Callable[[Tensor, float, torch.Generator], Tensor]


def corrupted(name: str, pictures: Pictures, severity: int, seed: int = 0) -> Pictures:
    """`pictures` with values from 0 to 1, corrupted; severity 0 leaves them. The same for the same seed.

    UnknownNameError for a corruption that there is none of, ValueError for a severity that there is none of.
    """
    row = CORRUPTIONS[name]
    if not 0 <= severity <= SEVERITIES:
        raise ValueError(f"severity is {severity}; it must be between 0 (none) and {SEVERITIES}")
    if severity == 0:
        return pictures
    generator = torch.Generator().manual_seed(seed)
    return row.apply(pictures, row.amounts[severity - 1], generator).clamp(0, 1)


def rotated(pictures: Pictures, degrees: float) -> Pictures:
    """Each picture turned counter-clockwise about its middle; what lay outside continues the edge."""
    angle = math.radians(degrees)
    height, width = pictures.shape[2:]
    ratio = height / width  # the grid's axes both run from -1 to 1, whatever the sides
    turn = torch.tensor(
        [
            [math.cos(angle), -math.sin(angle) * ratio, 0.0],
            [math.sin(angle) / ratio, math.cos(angle), 0.0],
        ]
    )
    grid = functional.affine_grid(turn.expand(len(pictures), 2, 3), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def blurred(pictures: Pictures, deviation: float) -> Pictures:
    """Convolved with a Gaussian of that deviation in pixels, cut off at three deviations; edges repeated."""
    radius = max(1, math.ceil(3 * deviation))
    places = torch.arange(-radius, radius + 1, dtype=torch.float32)
    bell = torch.exp(-(places**2) / (2 * deviation**2))
    bell = bell / bell.sum()
    channels = pictures.shape[1]
    padded = functional.pad(pictures, (radius, radius, radius, radius), mode="replicate")
    across = functional.conv2d(padded, bell.expand(channels, 1, 1, -1), groups=channels)
    return functional.conv2d(across, bell[:, None].expand(channels, 1, -1, 1), groups=channels)


def _noise(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    return pictures + amount * torch.randn(pictures.shape, generator=generator)


def _flecks(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    draws = torch.rand(pictures[:, :1].shape, generator=generator)
    black, white = draws < amount / 2, draws > 1 - amount / 2
    return torch.where(white, 1.0, torch.where(black, 0.0, pictures))


def _blur(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    return blurred(pictures, amount * min(pictures.shape[2:]))


def _rotation(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    ways = torch.rand(len(pictures), generator=generator) < 0.5  # half of them the other way
    return torch.where(ways[:, None, None, None], rotated(pictures, amount), rotated(pictures, -amount))


def _contrast(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return (pictures - mean) * amount + mean


def _coarse(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    height, width = pictures.shape[2:]
    smaller = [max(1, round(size * amount)) for size in (height, width)]
    few = functional.interpolate(pictures, size=smaller, mode="area")
    return functional.interpolate(few, size=(height, width), mode="nearest")


CORRUPTIONS = Catalog(
    "corruption",
    [
        Corruption("noise", "Noise", "deviation, of black to white", (0.05, 0.1, 0.18, 0.28, 0.4), _noise),
        Corruption("flecks", "Salt and pepper", "share of pixels", (0.01, 0.03, 0.07, 0.14, 0.25), _flecks),
        Corruption("blur", "Blur", "deviation, of the side", (0.01, 0.02, 0.035, 0.055, 0.08), _blur),
        Corruption("rotation", "Rotation", "degrees, either way", (5.0, 10.0, 20.0, 35.0, 60.0), _rotation),
        Corruption("contrast", "Low contrast", "share kept", (0.75, 0.5, 0.35, 0.2, 0.1), _contrast),
        Corruption("coarse", "Coarse pixels", "share of the side kept", (0.8, 0.6, 0.45, 0.3, 0.2), _coarse),
    ],
)
