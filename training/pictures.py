"""Pure functions from tensors to what can be looked at: histograms, grids of images, counts of confusions."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

BINS = 64
RIGHT, WRONG = (
    (0, 114, 178),
    (213, 94, 0),
)  # blue and vermilion of Okabe and Ito: apart for the colour-blind too
FRAME = 2  # pixels around each image


def histogram(values: Tensor, bins: int = BINS) -> tuple[np.ndarray, np.ndarray]:
    """Counts per bin and the `bins` + 1 edges, over the finite values, counted where the tensor is.

    A tensor of one value gets bins around it; one without finite values zero counts.
    """
    flat = values.detach().flatten().float()
    if flat.device.type == "mps":  # has no float64 for the extreme ranges below
        flat = flat.cpu()
    low, high = (float(end) for end in torch.aminmax(flat)) if len(flat) else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        flat = flat[torch.isfinite(flat)]
        low, high = (float(end) for end in torch.aminmax(flat)) if len(flat) else (0.0, 0.0)
    if low == high:
        margin = abs(low) / 2 or 0.5
        low, high = low - margin, high + margin
    if not 1e-30 < high - low < 1e30:
        flat = flat.double()  # the range or the scale would be no float32
    small = torch.uint8 if bins <= 256 else torch.int32  # a quarter of the bytes to count
    places = flat.sub(low).mul_(bins / (high - low)).clamp_(0, bins - 1).to(small)
    counts = torch.bincount(places, minlength=bins)  # a fifth of torch.histc's time on the CPU
    return counts.double().cpu().numpy(), np.linspace(low, high, bins + 1)


def confusion_counts(targets: Tensor, predictions: Tensor, num_classes: int) -> np.ndarray:
    """float64 [num_classes, num_classes]: rows are what it is, columns what it was taken for."""
    pairs = targets.long().flatten() * num_classes + predictions.long().flatten()
    counts = torch.bincount(pairs.cpu(), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).double().numpy()


def prediction_grid(images: Tensor, right: Tensor, columns: int = 8) -> np.ndarray:
    """uint8 [height, width, 3]: images [B, C, H, W] in [0, 1], framed blue where right and vermilion where
    wrong.
    """
    pixels = (images.detach().float().clamp(0, 1) * 255).round().byte().cpu().numpy()
    pixels = pixels[:, :3] if pixels.shape[1] >= 3 else np.repeat(pixels[:, :1], 3, axis=1)
    count, _, height, width = pixels.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    tile_height, tile_width = height + 2 * FRAME, width + 2 * FRAME
    grid = np.full((rows * tile_height, columns * tile_width, 3), 255, np.uint8)
    for place, (image, good) in enumerate(zip(pixels, right.tolist(), strict=True)):
        top, left = place // columns * tile_height, place % columns * tile_width
        grid[top : top + tile_height, left : left + tile_width] = RIGHT if good else WRONG
        inside = np.s_[top + FRAME : top + FRAME + height, left + FRAME : left + FRAME + width]
        grid[inside] = image.transpose(1, 2, 0)
    return grid
