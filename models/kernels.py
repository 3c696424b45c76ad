"""Kernels that everybody knows, as numbers: what slides over a picture before a network learns its own."""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog import Catalog

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Kernel:
    """A row of KERNELS; `rows` is square, from top to bottom."""

    name: str
    title: str
    summary: str
    source: str
    rows: Rows


def _scaled(rows: Rows, factor: float) -> Rows:
    return tuple(tuple(value * factor for value in row) for row in rows)


def _turned(rows: Rows) -> Rows:
    """Columns for rows."""
    return tuple(zip(*rows, strict=True))


BOOK = "Gonzalez and Woods, Digital Image Processing, 4th edition, chapters 3 and 10"
SOBEL: Rows = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
PREWITT: Rows = ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1))
GAUSSIAN: Rows = ((1, 2, 1), (2, 4, 2), (1, 2, 1))

KERNELS = Catalog(
    "kernel",
    [
        Kernel(
            "example",
            "Worked example",
            "Small whole numbers, to be added up by hand.",
            "the opening example of many courses on PyTorch",
            ((1, 2, 1), (0, 1, 0), (2, 1, 0)),
        ),
        Kernel("identity", "Identity", "Gives the picture back.", BOOK, ((0, 0, 0), (0, 1, 0), (0, 0, 0))),
        Kernel(
            "mean", "Mean", "The average of nine neighbours: blurs.", BOOK, _scaled(((1, 1, 1),) * 3, 1 / 9)
        ),
        Kernel(
            "gaussian",
            "Gaussian",
            "A weighted average: blurs without boxes.",
            BOOK,
            _scaled(GAUSSIAN, 1 / 16),
        ),
        Kernel(
            "sharpen",
            "Sharpen",
            "The picture minus its Laplacian.",
            BOOK,
            ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
        ),
        Kernel(
            "laplacian",
            "Laplacian",
            "The sum of both second derivatives: answers at edges and spots, whatever their direction.",
            BOOK,
            ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
        ),
        Kernel("sobel_x", "Sobel, across", "The slope from left to right, smoothed down.", BOOK, SOBEL),
        Kernel(
            "sobel_y", "Sobel, down", "The slope from top to bottom, smoothed across.", BOOK, _turned(SOBEL)
        ),
        Kernel("prewitt_x", "Prewitt, across", "The slope from left to right, averaged down.", BOOK, PREWITT),
        Kernel(
            "prewitt_y",
            "Prewitt, down",
            "The slope from top to bottom, averaged across.",
            BOOK,
            _turned(PREWITT),
        ),
        Kernel(
            "roberts",
            "Roberts cross",
            "The slope along one diagonal, from four pixels.",
            "Roberts 1963, Machine Perception of Three-Dimensional Solids",
            ((1, 0), (0, -1)),
        ),
        Kernel(
            "emboss",
            "Emboss",
            "Light from the upper left: slopes towards it are bright.",
            BOOK,
            ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
        ),
    ],
)
