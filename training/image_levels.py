"""Colours and brightness: operations that look at each pixel by itself, or at how often each level occurs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.catalog import Parameter
from training.image_operation import BOOK, GREY_LINE, Extra, Operation, in_grey

SPACES = ("RGB", "HSV", "HLS", "Lab", "Luv", "YCrCb", "XYZ")
CHANNELS = {
    "RGB": ("red", "green", "blue"), "HSV": ("hue", "saturation", "value"),
    "HLS": ("hue", "lightness", "saturation"), "Lab": ("lightness", "green to red", "blue to yellow"),
    "Luv": ("lightness", "u", "v"), "YCrCb": ("luma", "red difference", "blue difference"),
    "XYZ": ("X", "Y", "Z"),
}  # fmt: skip
YCRCB = (
    "space = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)\n"
    "space[..., 0] = {change}\n"
    "cv2.cvtColor(space, cv2.COLOR_YCrCb2RGB)"
)


def _in_space(cv2: Any, picture: np.ndarray, space: str) -> np.ndarray:
    return picture if space == "RGB" else cv2.cvtColor(picture, getattr(cv2, f"COLOR_RGB2{space}"))


def _channel(cv2: Any, picture: np.ndarray, space: str, channel: int) -> np.ndarray:
    return _in_space(cv2, picture, space)[..., channel - 1]


def _channels(cv2: Any, picture: np.ndarray, space: str, channel: int) -> list[Extra]:
    found = _in_space(cv2, picture, space)
    return [(name, found[..., place]) for place, name in enumerate(CHANNELS[space])]


def _coloured(cv2: Any, picture: np.ndarray, turn: int, saturation: float) -> np.ndarray:
    found = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    hue = (found[..., 0].astype(int) + turn // 2) % 180  # OpenCV counts hues in steps of two degrees
    found[..., 0] = hue
    found[..., 1] = np.clip(saturation * found[..., 1], 0, 255)
    return cv2.cvtColor(found, cv2.COLOR_HSV2RGB)


def _of_luma(cv2: Any, picture: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Colours stay: only the luma of YCrCb is changed."""
    found = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
    found[..., 0] = change(found[..., 0])
    return cv2.cvtColor(found, cv2.COLOR_YCrCb2RGB)


def _equalised(cv2: Any, picture: np.ndarray) -> np.ndarray:
    return _of_luma(cv2, picture, cv2.equalizeHist)


def _adaptive(cv2: Any, picture: np.ndarray, clip: float, tiles: int) -> np.ndarray:
    return _of_luma(cv2, picture, cv2.createCLAHE(clip, (tiles, tiles)).apply)


def _stretched(cv2: Any, picture: np.ndarray, cut: float) -> np.ndarray:
    low, high = np.percentile(picture, (cut, 100 - cut))
    return np.clip((picture - low) * (255 / max(1.0, high - low)), 0, 255).astype(np.uint8)


def _gamma(cv2: Any, picture: np.ndarray, gamma: float) -> np.ndarray:
    table = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)
    return cv2.LUT(picture, table)


def _threshold(cv2: Any, picture: np.ndarray, threshold: int) -> np.ndarray:
    return cv2.threshold(in_grey(cv2, picture), threshold, 255, cv2.THRESH_BINARY)[1]


def _otsu(cv2: Any, picture: np.ndarray) -> np.ndarray:
    return cv2.threshold(in_grey(cv2, picture), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]


OPERATIONS = (
    Operation(
        "grey",
        "Colours",
        "Grey",
        "The luma: green counts most, as it does for the eye.",
        r"Y = 0.299 R + 0.587 G + 0.114 B",
        "ITU-R BT.601",
        GREY_LINE,
        in_grey,
    ),
    Operation(
        "channel",
        "Colours",
        "One channel",
        "A colour has three numbers in every space; which three decides what is easy to tell apart.",
        "",
        "https://docs.opencv.org/5.x/de/d25/imgproc_color_conversions.html",
        "space = picture if '{space}' == 'RGB' else cv2.cvtColor(picture, getattr(cv2, "
        "'COLOR_RGB2{space}'))\n"
        "space[..., {channel} - 1]",
        _channel,
        (
            Parameter("space", "HSV", "colour space", kind="choice", choices=SPACES),
            Parameter("channel", 1, "channel", kind="integer", low=1, high=3),
        ),
        _channels,
    ),
    Operation(
        "colours",
        "Colours",
        "Hue and saturation",
        "Turns every hue on its circle and stretches colours away from grey.",
        "",
        "Smith 1978, doi:10.1145/965139.807361 (HSV)",
        "space = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)\n"
        "space[..., 0] = (space[..., 0].astype(int) + {turn} // 2) % 180\n"
        "space[..., 1] = np.clip({saturation} * space[..., 1], 0, 255)\n"
        "cv2.cvtColor(space, cv2.COLOR_HSV2RGB)",
        _coloured,
        (
            Parameter("turn", 60, "turn of the hue", kind="integer", low=0, high=358, step=2, unit="degrees"),
            Parameter("saturation", 1.0, "saturation, times", low=0.0, high=3.0, step=0.1),
        ),
    ),
    Operation(
        "equalise",
        "Histogram",
        "Equalise",
        "Moves brightness so that every level is about as frequent: the cumulative "
        "histogram becomes a straight line.",
        r"T(v) = 255 \cdot \frac{c(v) - c_{min}}{n - c_{min}}",
        f"{BOOK}, section 3.3",
        YCRCB.format(change="cv2.equalizeHist(space[..., 0])"),
        _equalised,
    ),
    Operation(
        "adaptive",
        "Histogram",
        "Equalise in tiles (CLAHE)",
        "Each tile by its own histogram; a limit keeps noise in flat tiles from being blown up.",
        "",
        "Zuiderveld 1994, Contrast limited adaptive histogram equalization, Graphics Gems IV",
        YCRCB.format(change="cv2.createCLAHE({clip}, ({tiles}, {tiles})).apply(space[..., 0])"),
        _adaptive,
        (
            Parameter("clip", 2.0, "limit", low=1.0, high=20.0, step=0.5),
            Parameter("tiles", 8, "tiles a side", kind="integer", low=1, high=16),
        ),
    ),
    Operation(
        "stretch",
        "Histogram",
        "Stretch",
        "A straight line from the darkest to the brightest; what is cut off at both ends "
        "becomes black or white.",
        r"T(v) = 255 \cdot \frac{v - v_{low}}{v_{high} - v_{low}}",
        f"{BOOK}, section 3.2",
        "low, high = np.percentile(picture, ({cut}, 100 - {cut}))\n"
        "np.clip((picture - low) * (255 / max(1.0, high - low)), 0, 255).astype(np.uint8)",
        _stretched,
        (Parameter("cut", 1.0, "cut off at each end", low=0.0, high=20.0, step=0.5, unit="percent"),),
    ),
    Operation(
        "gamma",
        "Histogram",
        "Gamma",
        "A power: below 1 the dark is opened, above 1 the bright.",
        r"T(v) = 255 \, (v / 255)^\gamma",
        f"{BOOK}, section 3.2",
        "cv2.LUT(picture, (255 * (np.arange(256) / 255) ** {gamma}).round().astype(np.uint8))",
        _gamma,
        (Parameter("gamma", 0.5, "exponent", low=0.1, high=4.0, step=0.1, symbol=r"\gamma"),),
    ),
    Operation(
        "threshold",
        "Histogram",
        "Threshold",
        "White above, black below.",
        "",
        f"{BOOK}, section 10.3",
        f"cv2.threshold({GREY_LINE}, {{threshold}}, 255, cv2.THRESH_BINARY)[1]",
        _threshold,
        (Parameter("threshold", 127, "threshold", kind="integer", low=0, high=255, unit="levels"),),
    ),
    Operation(
        "otsu",
        "Histogram",
        "Threshold of Otsu",
        "The threshold that parts the levels into two groups of the least variance within.",
        r"\min_t \; p_0 \sigma_0^2 + p_1 \sigma_1^2",
        "Otsu 1979, doi:10.1109/TSMC.1979.4310076",
        f"cv2.threshold({GREY_LINE}, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]",
        _otsu,
    ),
)
