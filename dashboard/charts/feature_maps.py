"""Feature maps and attributions as pictures: numbers to colours, without a chart around them."""

from __future__ import annotations

import numpy as np

from dashboard.charts.samples import as_bytes, picture_grid
from dashboard.theme import LIGHT


def map_sheet(maps: np.ndarray, columns: int = 8, width: int = 640) -> np.ndarray:
    """Maps [N, H, W] side by side as uint8 [h, w, 3], all on one scale, enlarged by whole pixels.

    Numbers of both signs: blue below 0, white at 0, orange above. Of one sign: from black to white.
    """
    return picture_grid(colored(maps), columns=columns, width=width)


def colored(maps: np.ndarray) -> np.ndarray:
    """Maps [N, H, W] as uint8 pictures [N, 3, H, W]; see `map_sheet`. What is not finite is black."""
    values = np.nan_to_num(np.asarray(maps, np.float32), posinf=0, neginf=0)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if low < 0 < high:
        reach = max(-low, high)
        return _looked_up(LIGHT.diverging, (values / reach + 1) / 2).transpose(0, 3, 1, 2)
    span = high - low
    grey = ((values - low) / span if span > 0 else np.zeros_like(values)) * 255
    return np.repeat(grey.round().astype(np.uint8)[:, None], 3, axis=1)


def overlay(picture: np.ndarray, values: np.ndarray, strength: float = 0.85) -> np.ndarray:
    """An attribution [H, W] over a picture [C, H, W] (uint8) as uint8 [3, H, W]: the picture pale and grey,
    the more so the more the attribution says; orange speaks for the class, blue against it.
    """
    grey = as_bytes(picture[None])[0].astype(np.float32).mean(axis=0)
    paper = 255 - (255 - grey) * 0.45  # pale: colours are to be read on it
    reach = float(np.percentile(np.abs(values), 99.5)) or float(np.abs(values).max()) or 1.0
    share = np.clip(np.asarray(values, np.float32) / reach, -1, 1)
    color = _looked_up(LIGHT.diverging, (share + 1) / 2).astype(np.float32)
    weight = (np.sqrt(np.abs(share)) * strength)[..., None]
    mixed = paper[..., None] * (1 - weight) + color * weight
    return mixed.round().clip(0, 255).astype(np.uint8).transpose(2, 0, 1)


def strongest(maps: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` maps of [N, H, W] with the largest mean absolute value, in their own order."""
    size = np.abs(maps.reshape(len(maps), -1)).mean(axis=1)
    return np.sort(np.argsort(-size, kind="stable")[:count])


def _looked_up(colors: tuple[str, ...], shares: np.ndarray) -> np.ndarray:
    """Shares from 0 to 1 as colours uint8 [..., 3], mixed between the stops."""
    stops = np.array([[int(color[start : start + 2], 16) for start in (1, 3, 5)] for color in colors])
    places = np.linspace(0, 1, len(stops))
    return np.stack(
        [np.interp(shares, places, stops[:, channel]).round().astype(np.uint8) for channel in range(3)],
        axis=-1,
    )
