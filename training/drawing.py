"""How the pictures of a data set lie in their frame, measured: whoever draws a new one by hand needs it to be
as large, as thick and as centred as those a network has learned from.

MNIST's makers say what they did (a box of 20 pixels, the centre of mass in the middle of 28 x 28: LeCun,
Bottou, Bengio and Haffner 1998, section III.A); most data sets don't, so it is read off the pictures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

PLAIN = 0.25  # share of pixels that have one value, from which on pictures are something on a plain ground
SAME = 8  # levels of 255 by which pixels of the ground may differ
FAINT = 0.15  # of the ink: what is less does not count as drawn


@dataclass(frozen=True)
class Preparation:
    """What is usual in a data set. Lengths are pixels; x to the right and y down, from the frame's corner.

    `drawn` is False for photographs, which fill their frame: then a new picture is only scaled to it, and
    the rest says nothing.
    """

    drawn: bool
    background: float  # value of the ground, from 0 to 1
    ink: float  # value of the strongest line
    box: float  # the longer side of what is drawn
    centre: str  # what stays in one place from picture to picture: "mass" or the middle of the "box"
    x: float  # where that place is
    y: float
    stroke: float  # width of a line

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preparation:
        return cls(**{item.name: values[item.name] for item in dataclasses.fields(cls)})


def measured_preparation(pictures: UInt8[np.ndarray, "samples channels height width"]) -> Preparation:
    """The medians over the pictures. Of two centres the steadier one counts; a tie is for the box."""
    grey = np.rint(pictures.astype(np.float64).mean(axis=1)).astype(np.int64)
    height, width = grey.shape[1:]
    background = int(np.bincount(grey.reshape(-1), minlength=256).argmax())
    away = np.abs(grey - background)
    plain = float((away <= SAME).mean())
    whole = Preparation(
        plain >= PLAIN, background / 255, 1.0, float(max(height, width)), "box", width / 2, height / 2,
        max(height, width) / 12,
    )  # fmt: skip
    if not whole.drawn or not (away > SAME).any():
        return whole
    brightest, darkest = grey.max(axis=(1, 2)) - background, background - grey.min(axis=(1, 2))
    is_bright = np.median(brightest) >= np.median(darkest)
    ink = background + (np.median(brightest) if is_bright else -np.median(darkest))
    amount = np.clip((grey - background) / (ink - background or 1.0), 0.0, 1.0)
    amount = amount[(amount > FAINT).any(axis=(1, 2))]
    top, bottom = _ends((amount > FAINT).any(axis=2))
    left, right = _ends((amount > FAINT).any(axis=1))
    box = np.stack([(left + right) / 2, (top + bottom) / 2])
    mass = _mass(amount)
    steadier = "mass" if mass.std(axis=1).sum() < box.std(axis=1).sum() else "box"
    x, y = np.median(mass if steadier == "mass" else box, axis=1)
    return Preparation(
        drawn=True,
        background=background / 255,
        ink=float(ink) / 255,
        box=float(np.median(np.maximum(bottom - top, right - left))),
        centre=steadier,
        x=float(x),
        y=float(y),
        stroke=float(np.median(_strokes(amount))),
    )


def _ends(
    filled: np.ndarray,
) -> tuple[Float[np.ndarray, "samples"], Float[np.ndarray, "samples"]]:
    """Where the first and behind the last True of each row [samples, places] is."""
    return filled.argmax(axis=1).astype(float), filled.shape[1] - filled[:, ::-1].argmax(axis=1).astype(float)


def _mass(amount: Float[np.ndarray, "samples height width"]) -> Float[np.ndarray, "2 samples"]:
    """x and y of the centre of mass; a pixel's own centre lies half a pixel from its corner."""
    total = amount.sum(axis=(1, 2))
    x = amount.sum(axis=1) @ (np.arange(amount.shape[2]) + 0.5) / total
    y = amount.sum(axis=2) @ (np.arange(amount.shape[1]) + 0.5) / total
    return np.stack([x, y])


def _strokes(amount: Float[np.ndarray, "samples height width"]) -> Float[np.ndarray, "samples"]:
    """A line of width w and length l has area wl and a border of 2l: w is twice the area over the border.

    The border of grey pictures is their total variation, which is that of all level sets together.
    """
    framed = np.pad(amount, ((0, 0), (1, 1), (1, 1)))
    down, across = np.diff(framed, axis=1)[:, :, :-1], np.diff(framed, axis=2)[:, :-1, :]
    border = np.hypot(down, across).sum(axis=(1, 2))
    return 2 * amount.sum(axis=(1, 2)) / np.maximum(border, 1e-9)
