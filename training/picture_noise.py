"""Noise on pictures, and how near a picture is to the one it was: PSNR and SSIM."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.catalog import Catalog, Parameter
from training.image_operation import in_grey, opencv

WINDOW, SIGMA = 11, 1.5  # of SSIM's Gaussian, as in its paper
K1, K2 = 0.01, 0.03


@dataclass(frozen=True)
class Noise:
    """A row of NOISES. `add(picture, amount, generator)` gives floats, which are rounded and cut to 0 to
    255."""

    name: str
    title: str
    summary: str
    source: str
    add: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    amount: Parameter | None  # None: there is nothing to choose


def _salt_and_pepper(picture: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    drawn = generator.random(picture.shape[:2])
    found = picture.astype(float)
    found[drawn < share / 2] = 0
    found[drawn > 1 - share / 2] = 255
    return found


def _gaussian(picture: np.ndarray, width: float, generator: np.random.Generator) -> np.ndarray:
    return picture + width * generator.standard_normal(picture.shape, np.float32)


def _photons(picture: np.ndarray, light: float, generator: np.random.Generator) -> np.ndarray:
    return generator.poisson(picture * (light / 255)) * (255 / light)


def _speckle(picture: np.ndarray, width: float, generator: np.random.Generator) -> np.ndarray:
    return picture * (1 + width * generator.standard_normal(picture.shape, np.float32))


BOOK = "Gonzalez and Woods, Digital Image Processing, 4th edition, section 5.2"
NOISES: Catalog[Noise] = Catalog(
    "noise",
    [
        Noise("none", "None", "The picture as it is.", BOOK, lambda picture, _, __: picture, None),
        Noise(
            "gaussian",
            "Gaussian",
            "A bell around every value, as a sensor's electronics make it.",
            BOOK,
            _gaussian,
            Parameter("gaussian", 25.0, "width of the bell", low=1.0, high=100.0, step=1.0, unit="levels"),
        ),
        Noise(
            "salt_and_pepper",
            "Salt and pepper",
            "Some pixels are white or black, whatever they were.",
            BOOK,
            _salt_and_pepper,
            Parameter("salt_and_pepper", 0.1, "share of wrong pixels", low=0.01, high=0.9, step=0.01),
        ),
        Noise(
            "photons",
            "Few photons",
            "Light comes in portions: the fewer, the rougher, and the bright is rougher than the dark.",
            "Schottky 1918, doi:10.1002/andp.19183622304 (shot noise)",
            _photons,
            Parameter("photons", 20.0, "photons of a white pixel", low=1.0, high=200.0, step=1.0),
        ),
        Noise(
            "speckle",
            "Speckle",
            "In proportion to the brightness, as in radar and ultrasound.",
            "Goodman 1976, doi:10.1364/JOSA.66.001145",
            _speckle,
            Parameter("speckle", 0.3, "width, times the brightness", low=0.02, high=1.0, step=0.02),
        ),
    ],
)


def with_noise(picture: np.ndarray, name: str, amount: float | None = None, seed: int = 0) -> np.ndarray:
    """A picture uint8 [height, width, 3] with the named noise; the same for the same seed. UnknownNameError
    for a name, ValueError for an amount out of its range.
    """
    row = NOISES[name]
    if row.amount is None:
        return picture
    checked = float(row.amount.check(row.amount.default if amount is None else amount, row.name))
    found = row.add(picture, checked, np.random.default_rng(seed))
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


def psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, of uint8 pictures of one shape; infinite where they are
    equal."""
    error = float(np.mean((picture.astype(np.float32) - truth) ** 2, dtype=np.float64))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ssim(picture: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity of the luma of uint8 pictures of one shape, at most 1; a Gaussian window of 11
    pixels, as in Wang, Bovik, Sheikh and Simoncelli 2004, doi:10.1109/TIP.2003.819861. Pixels whose window
    leaves the picture don't count; ValueError for a picture smaller than the window.
    """
    if min(truth.shape[:2]) < WINDOW:
        raise ValueError(f"the picture is {truth.shape[1]} x {truth.shape[0]}; SSIM's window needs {WINDOW}")
    cv2 = opencv()
    first, second = (_luma(each).astype(np.float32) for each in (picture, truth))
    margin = WINDOW // 2

    def mean(values: np.ndarray) -> np.ndarray:
        blurred = cv2.GaussianBlur(values, (WINDOW, WINDOW), SIGMA)
        return blurred[margin:-margin, margin:-margin].astype(np.float64)

    one, other = mean(first), mean(second)
    variances = mean(first**2) - one**2 + mean(second**2) - other**2
    together = mean(first * second) - one * other
    least, less = (K1 * 255) ** 2, (K2 * 255) ** 2
    found = ((2 * one * other + least) * (2 * together + less)) / (
        (one**2 + other**2 + least) * (variances + less)
    )
    return float(found.mean())


def _luma(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 2 else in_grey(opencv(), picture)
