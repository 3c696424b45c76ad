"""Picture files as tensors of one size: upright, RGB or grey, scaled to cover a square and cut to it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from training.datasets.errors import PictureError

SUFFIXES = frozenset([".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])


@dataclass(frozen=True)
class PictureFiles:
    """Pictures that stay in their files until they are needed. `files[i]` is uint8 [C, H, W]."""

    paths: Sequence[Path]
    image_size: int  # pixels: height and width
    grayscale: bool = False

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return read_picture(self.paths[index], self.image_size, self.grayscale)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one picture."""
        return (1 if self.grayscale else 3, self.image_size, self.image_size)


def read_picture(path: Path, image_size: int, grayscale: bool) -> np.ndarray:
    """uint8 [C, image_size, image_size]; PictureError names a file that can't be read.

    The camera's orientation mark (EXIF) is obeyed, transparency becomes white, the shorter side is scaled to
    `image_size` and the longer one cut at both ends. Of an animation the first picture is taken.
    """
    with _opened(path) as opened:
        # JPEG can be decoded at 1/2, 1/4, 1/8 of its size: photographs load several times faster
        opened.draft("L" if grayscale else "RGB", (2 * image_size, 2 * image_size))
        upright = ImageOps.exif_transpose(opened)
        square = _square(_plain(upright, "L" if grayscale else "RGB"), image_size)
    pixels = np.array(square, dtype=np.uint8)  # [H, W] or [H, W, C]
    return pixels[None] if grayscale else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def check_picture(path: Path) -> None:
    """PictureError for a file that is not even begun like a picture. Its pixels are not decoded."""
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture in a file. Whatever goes wrong with it before the block ends is a PictureError."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of 90 million pixels, and refuses twice as many: an attack or a mistake
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                yield opened
    except (OSError, SyntaxError, ValueError, EOFError, Warning, Image.DecompressionBombError) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise PictureError(f"{path} can't be read as a picture ({reason})") from error


def _plain(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits a pixel; Pillow's own conversion would cut off all above 255
        levels = np.asarray(picture).astype(np.float64)
        return Image.fromarray((levels / 257).clip(0, 255).round().astype(np.uint8)).convert(mode)
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        paper = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(paper, seen).convert(mode)
    return picture.convert(mode)


def _square(picture: Image.Image, size: int) -> Image.Image:
    if picture.size == (size, size):
        return picture
    return ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
