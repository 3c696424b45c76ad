"""Random changes of the training images: the table of transforms, each for a whole batch at once.

Every sample gets its own draw. Draws come from the generator given (they are small: one on the CPU gives
the same augmentation on every device), never from torch's global one, so that a run repeats bit for bit.
Where an image moves, its edge pixels fill the gap: that is black around a digit and sky above a landscape,
without knowing how the pixels were normalised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from models.catalog import Catalog, Parameter, checked_settings

Images = Float[Tensor, "batch channels height width"]


@dataclass(frozen=True)
class Transform:
    """A row of TRANSFORMS. `apply(images, targets, generator, **settings)` gives new images and targets.

    One with `changes_targets` needs targets that can be mixed, as `augment` prepares them.
    """

    name: str
    title: str
    summary: str
    source: str
    apply: Callable[..., tuple[Tensor, Tensor]]
    parameters: tuple[Parameter, ...] = ()
    changes_targets: bool = False
    inputs: Literal["any", "image"] = "image"


def _draws(samples: Tensor, count: int, generator: torch.Generator) -> Float[Tensor, "count batch"]:
    """Uniform numbers in [0, 1), `count` for each sample, on the samples' device."""
    draws = torch.rand(count, len(samples), generator=generator, device=generator.device)
    return draws.to(samples.device, non_blocking=True)


def _centres(size: int, position: Tensor) -> Tensor:
    """[batch] positions in [0, 1) as whole pixels of a side of `size`."""
    return (position * size).long().clamp_(max=size - 1)  # rounding may lift 0.99999999 to 1


def _flip(
    images: Images, targets: Tensor, generator: torch.Generator, flip_share: float
) -> tuple[Images, Tensor]:
    chosen = _draws(images, 1, generator)[0] < flip_share
    return torch.where(chosen[:, None, None, None], images.flip(3), images), targets


def shifted(images: Images, down: Tensor, right: Tensor) -> Images:
    """Each image moved by its own whole number of pixels ([batch], int64); its edge pixels fill the gap."""
    _, channels, height, width = images.shape
    rows = (torch.arange(height, device=images.device) - down[:, None]).clamp_(0, height - 1)
    columns = (torch.arange(width, device=images.device) - right[:, None]).clamp_(0, width - 1)
    moved = images.gather(2, rows[:, None, :, None].expand(-1, channels, -1, width))
    return moved.gather(3, columns[:, None, None, :].expand(-1, channels, height, -1))


def _crop(
    images: Images, targets: Tensor, generator: torch.Generator, crop_share: float
) -> tuple[Images, Tensor]:
    # A window of the image's own size out of the padded image is the image, moved
    height, width = images.shape[2:]
    places = _draws(images, 2, generator)
    most_down, most_right = round(crop_share * height), round(crop_share * width)
    down = _centres(2 * most_down + 1, places[0]) - most_down
    right = _centres(2 * most_right + 1, places[1]) - most_right
    return shifted(images, down, right), targets


def rotated(images: Images, degrees: Float[Tensor, "batch"]) -> Images:
    """Each image turned about its centre by its own angle, counter-clockwise, bilinear between pixels."""
    height, width = images.shape[2:]
    cosine, sine = torch.cos(degrees * (math.pi / 180)), torch.sin(degrees * (math.pi / 180))
    zero = torch.zeros_like(cosine)
    # Where each output pixel comes from, in coordinates from -1 to 1 on both sides, whatever the shape
    rows = [
        torch.stack([cosine, -sine * (height / width), zero], dim=1),
        torch.stack([sine * (width / height), cosine, zero], dim=1),
    ]
    matrices = torch.stack(rows, dim=1).to(images.dtype)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    # Not past the outermost pixels' centres. grid_sample's "border" does that too, but not on every device
    limits = torch.tensor([1 - 1 / width, 1 - 1 / height], dtype=grid.dtype, device=grid.device)
    return functional.grid_sample(images, torch.clamp(grid, -limits, limits), align_corners=False)


def _rotation(
    images: Images, targets: Tensor, generator: torch.Generator, rotation_degrees: float
) -> tuple[Images, Tensor]:
    degrees = rotation_degrees * (2 * _draws(images, 1, generator)[0] - 1)
    return rotated(images, degrees), targets


def _cutout(
    images: Images, targets: Tensor, generator: torch.Generator, cutout_share: float
) -> tuple[Images, Tensor]:
    height, width = images.shape[2:]
    side = max(1, round(cutout_share * min(height, width)))
    down, right = _draws(images, 2, generator)
    top = _centres(height, down)[:, None] - side // 2
    left = _centres(width, right)[:, None] - side // 2
    rows = torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    in_rows = (rows >= top) & (rows < top + side)
    in_columns = (columns >= left) & (columns < left + side)
    hole = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return images.masked_fill(hole, 0.0), targets


def _soft(name: str, targets: Tensor) -> None:
    if not targets.is_floating_point():
        raise ValueError(
            f"{name} mixes targets, and these are class indices; pass the batch through augment()"
        )


def _mixup(
    images: Float[Tensor, "batch *shape"],
    targets: Tensor,
    generator: torch.Generator,
    mixup_alpha: float,
) -> tuple[Float[Tensor, "batch *shape"], Tensor]:
    _soft("mixup", targets)
    # torch draws no Beta numbers from a generator of one's own, numpy does: seeded from ours, it repeats
    seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
    draws = numpy.random.default_rng(seed)
    shares = torch.from_numpy(draws.beta(mixup_alpha, mixup_alpha, size=len(images)))
    partners = torch.from_numpy(draws.permutation(len(images))).to(images.device)

    def mixed(values: Tensor) -> Tensor:
        share = shares.to(values.device, values.dtype).reshape(-1, *[1] * (values.ndim - 1))
        return share * values + (1 - share) * values[partners]

    return mixed(images), mixed(targets)


def _cutmix(
    images: Images, targets: Tensor, generator: torch.Generator, cutmix_alpha: float
) -> tuple[Images, Tensor]:
    _soft("cutmix", targets)
    seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
    draws = numpy.random.default_rng(seed)  # as for mixup
    count, (height, width) = len(images), images.shape[2:]
    sides = numpy.sqrt(1 - draws.beta(cutmix_alpha, cutmix_alpha, size=count))
    partners = torch.from_numpy(draws.permutation(count)).to(images.device)

    def ends(side: int) -> tuple[Tensor, Tensor]:
        """First pixel of the window and the one after its last, cut off at the image's edge."""
        centre, half = draws.integers(0, side, size=count), numpy.rint(sides * side / 2)
        edges = numpy.stack([centre - half, centre + half]).clip(0, side)
        first, last = torch.from_numpy(edges).to(images.device)
        return first[:, None], last[:, None]

    (top, bottom), (left, right) = ends(height), ends(width)
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    window = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    # By the pixels that were taken: the edge may have cut the window
    share = 1 - (bottom - top) * (right - left) / (height * width)
    share = share[:, 0].to(targets.dtype).reshape(-1, *[1] * (targets.ndim - 1)).to(targets.device)
    others = partners.to(targets.device)
    return torch.where(window, images[partners], images), share * targets + (1 - share) * targets[others]


TRANSFORMS: Catalog[Transform] = Catalog(
    "transform",
    [
        Transform(
            name="flip",
            title="Flip",
            summary="Left and right swapped. Good for photographs, not for digits.",
            source="Krizhevsky, Sutskever and Hinton 2012, section 4.1",
            apply=_flip,
            parameters=(
                Parameter("flip_share", 0.5, "share of the images flipped", low=0.0, high=1.0, step=0.05),
            ),
        ),
        Transform(
            name="crop",
            title="Crop",
            summary="The image padded on all sides, and a window of its own size at a random place.",
            source="He et al. 2015, arXiv:1512.03385, section 4.2 (4 of 32 pixels)",
            apply=_crop,
            parameters=(
                # A share, not pixels: 4 are an eighth of a CIFAR image and half of an 8 x 8 digit
                Parameter(
                    "crop_share",
                    0.125,
                    "padding on each side, as a share of the image's side",
                    low=0.0,
                    high=0.5,
                    step=0.025,
                ),
            ),
        ),
        Transform(
            name="rotation",
            title="Rotation",
            summary="Turned about the centre by a random angle to either side.",
            source="Simard, Steinkraus and Platt 2003, doi:10.1109/ICDAR.2003.1227801",
            apply=_rotation,
            parameters=(
                Parameter(
                    "rotation_degrees", 15.0, "largest angle", low=0.0, high=180.0, step=1.0, unit="degrees"
                ),
            ),
        ),
        Transform(
            name="cutout",
            title="Cutout",
            summary="A square around a random pixel set to the mean (0 after normalisation).",
            source="DeVries and Taylor 2017, arXiv:1708.04552 (16 of 32 pixels for CIFAR-10)",
            apply=_cutout,
            parameters=(
                Parameter(
                    "cutout_share",
                    0.3,
                    "side of the square, as a share of the image's shorter side",
                    low=0.05,
                    high=1.0,
                    step=0.05,
                ),
            ),
        ),
        Transform(
            name="mixup",
            title="Mixup",
            summary="Each sample blended with another of the batch, and so are their targets.",
            source="Zhang et al. 2017, arXiv:1710.09412",
            apply=_mixup,
            parameters=(
                Parameter(
                    "mixup_alpha",
                    0.2,
                    "how even the blends are: 1 for any share equally often, near 0 for hardly any blending",
                    low=0.05,
                    high=10.0,
                    log=True,
                    symbol=r"\alpha",
                ),
            ),
            changes_targets=True,
            inputs="any",
        ),
        Transform(
            name="cutmix",
            title="CutMix",
            summary="A window of each image taken from another of the batch, and its share of the target.",
            source="Yun et al. 2019, arXiv:1905.04899",
            apply=_cutmix,
            parameters=(
                Parameter(
                    "cutmix_alpha",
                    1.0,
                    "how even the shares are: 1 for windows of any area equally often",
                    low=0.05,
                    high=10.0,
                    log=True,
                    symbol=r"\alpha",
                ),
            ),
            changes_targets=True,
        ),
    ],
)


def check_transforms(names: Iterable[str], input_shape: tuple[int, ...]) -> None:
    """ValueError when a transform needs images and the samples are none; UnknownNameError for a name."""
    for name in names:
        if TRANSFORMS[name].inputs == "image" and len(input_shape) != 3:
            usable = ", ".join(row.name for row in TRANSFORMS if row.inputs == "any")
            raise ValueError(
                f"{name} needs images (channels, height, width), and these samples have shape {input_shape}; "
                f"leave it out, or use one of {usable}"
            )


def augment(
    inputs: Tensor,
    targets: Tensor,
    names: Iterable[str],
    settings: Mapping[str, Any],
    generator: torch.Generator,
    outputs: int,
) -> tuple[Tensor, Tensor]:
    """The batch after the named transforms, in their order; a setting left out takes its default.

    When one of them changes targets, class indices become shares that can be mixed: [batch, outputs] with a
    one for the class, or with a single output the 0 and 1 as numbers. Losses and metrics take both forms.
    """
    rows = [TRANSFORMS[name] for name in names]
    if any(row.changes_targets for row in rows) and not targets.is_floating_point():
        targets = functional.one_hot(targets, outputs) if outputs > 1 else targets
        targets = targets.to(inputs.dtype)
    for row in rows:
        own = {key: value for key, value in settings.items() if key in {p.name for p in row.parameters}}
        inputs, targets = row.apply(
            inputs, targets, generator, **checked_settings(row.name, row.parameters, own)
        )
    return inputs, targets
