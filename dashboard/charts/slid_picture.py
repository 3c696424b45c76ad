"""A whole picture that a window slid over: made small and grey before, its numbers as colours after."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dashboard.charts.feature_maps import colored

LONGEST = 160  # pixels of the longer side: sliding over it takes a few milliseconds
SHOWN = 480  # pixels about as wide as a picture is drawn


def small_grey(picture: np.ndarray) -> np.ndarray:
    """A picture uint8 [height, width, 3] as float32 [h, w] from 0 (black) to 1, LONGEST pixels at most."""
    grey = Image.fromarray(picture).convert("L")
    grey.thumbnail((LONGEST, LONGEST))
    return np.asarray(grey, np.float32) / 255


def drawn(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Numbers [h, w] as uint8 pixels [H, W, 3], each a whole number of pixels large. Where both signs occur
    blue is below 0, pale 0 and orange above; else from black (`low`; left out: 0, or what is less) to
    white (`high`; 0, or what is more).
    """
    if low is not None and high is not None and high > low >= 0:
        grey = np.clip((values - low) / (high - low), 0, 1) * 255
        pixels = np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)
    else:
        pixels = colored(values[None])[0].transpose(1, 2, 0)
    factor = max(1, round(SHOWN / values.shape[1]))
    return np.ascontiguousarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))
