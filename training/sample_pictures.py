"""Pictures to work on: two photographs that come with scikit-learn, some that are computed, or a reader's
own."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.catalog import Catalog
from training.image_operation import opencv

LONGEST = 320  # pixels of the longer side: small pictures are sent and drawn at once
MOST_BYTES = 8 * 2**20
MOST_PIXELS = 40_000_000
LEAST = 16  # pixels of the shorter side
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


@dataclass(frozen=True)
class SamplePicture:
    """A row of PICTURES; `make()` gives uint8 [height, width, 3]."""

    name: str
    title: str
    source: str
    make: Callable[[], np.ndarray]


class PictureError(ValueError):
    """A file that is no picture, or one that is too large; its text is a sentence for the reader."""


def read_picture(data: bytes) -> np.ndarray:
    """The picture of a file, made small: uint8 [height, width, 3], the longer side LONGEST at most. Its first
    frame, turned as its camera held it, transparent parts white.

    PictureError says what is wrong. A picture that would be huge is refused by its header, before it is
    decoded.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(data) > MOST_BYTES:
        raise PictureError(f"the file has {len(data) / 2**20:.0f} MB; {MOST_BYTES // 2**20} MB is the most")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise PictureError(f"the picture says it is {width:,} x {height:,}; {_MOST}")
            if min(width, height) < LEAST:
                raise PictureError(f"the picture is {width} x {height}; each side needs {LEAST} pixels")
            # Colours by number can't be averaged; a JPEG is decoded small right away.
            whole = opened.convert("RGBA") if opened.mode == "P" else opened
            whole.thumbnail((LONGEST, LONGEST))
            small = ImageOps.exif_transpose(whole).convert("RGBA")
            if min(small.size) < LEAST:
                raise PictureError(f"the picture is {width} x {height}: too narrow to be made small")
            white = Image.new("RGBA", small.size, "white")
            return np.array(Image.alpha_composite(white, small).convert("RGB"))
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"this is no picture of the kinds {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"the picture is far too large; {_MOST}") from None
    except _BROKEN as problem:
        said = problem or type(problem).__name__
        raise PictureError(f"the picture can't be read to its end: {said}") from None


_MOST = f"{MOST_PIXELS // 10**6} million pixels is the most"
# What Pillow's readers raise for broken files: any of these.
_BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, MemoryError, Warning,
    AttributeError, struct.error, zlib.error,
)  # fmt: skip


def _photograph(name: str) -> np.ndarray:
    from sklearn.datasets import load_sample_image

    picture = load_sample_image(name)
    size = (LONGEST, round(picture.shape[0] * LONGEST / picture.shape[1]))
    return np.ascontiguousarray(opencv().resize(picture, size, interpolation=opencv().INTER_AREA))


def _hazy() -> np.ndarray:
    """The temple with hardly any contrast."""
    return (90 + 0.25 * _photograph("china.jpg")).astype(np.uint8)


def _chessboard() -> np.ndarray:
    """A board seen from the side, with a disc: corners of every angle, and a border without any."""
    cv2 = opencv()
    rows, columns = np.mgrid[0:240, 0:320]
    board = np.where((rows // 30 + columns // 30) % 2 == 0, 225, 45).astype(np.uint8)
    seen = np.array([[0, 0], [319, 0], [319, 239], [0, 239]], np.float32)
    leant = np.array([[62, 30], [262, 12], [312, 226], [10, 210]], np.float32)
    board = cv2.warpPerspective(board, cv2.getPerspectiveTransform(seen, leant), (320, 240), borderValue=130)
    cv2.circle(board, (160, 118), 34, 170, -1, cv2.LINE_AA)
    return cv2.cvtColor(board, cv2.COLOR_GRAY2RGB)


def _writing() -> np.ndarray:
    """Dark letters on paper that lies half in the shade: no single threshold suits it."""
    cv2 = opencv()
    columns = np.linspace(245, 95, 320)
    paper = np.broadcast_to(columns, (220, 320)).copy()
    ink = np.zeros((220, 320), np.uint8)
    for line, text in enumerate(
        (
            "Erode what is bright,",
            "dilate what is bright,",
            "open, close; and look",
            "for what is left: a b c",
        )
    ):
        cv2.putText(ink, text, (14, 48 + 46 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.78, 255, 2, cv2.LINE_AA)
    found = paper * (1 - 0.6 * ink / 255)
    return np.repeat(found.astype(np.uint8)[..., None], 3, axis=2)


def _specks() -> np.ndarray:
    """Bright blobs of many sizes, some touching, with holes and with dust between them."""
    generator = np.random.default_rng(3)
    cv2 = opencv()
    found = np.full((220, 320), 35, np.uint8)
    for _ in range(34):
        place = int(generator.integers(14, 306)), int(generator.integers(14, 206))
        radius = int(generator.integers(6, 20))
        cv2.circle(found, place, radius, int(generator.integers(150, 240)), -1, cv2.LINE_AA)
        cv2.circle(found, place, max(1, radius // 5), 40, -1, cv2.LINE_AA)
    dust = generator.random(found.shape) < 0.008
    found[dust] = 230
    return np.repeat(found[..., None], 3, axis=2)


def _chart() -> np.ndarray:
    """Bars of full colours over a ramp of every level and one of every hue."""
    cv2 = opencv()
    bars = np.array(
        [
            [255, 0, 0],
            [255, 255, 0],
            [0, 255, 0],
            [0, 255, 255],
            [0, 0, 255],
            [255, 0, 255],
            [255, 255, 255],
            [0, 0, 0],
        ],
        np.uint8,
    )
    top = np.repeat(np.repeat(bars[None], 100, axis=0), 40, axis=1)
    ramp = np.repeat(np.linspace(0, 255, 320).astype(np.uint8)[None, :, None], 3, axis=2).repeat(60, axis=0)
    hues = np.full((60, 320, 3), 255, np.uint8)
    hues[..., 0] = np.linspace(0, 179, 320).astype(np.uint8)
    return np.concatenate([top, ramp, cv2.cvtColor(hues, cv2.COLOR_HSV2RGB)])


SCIKIT = "comes with scikit-learn, photo by {}, CC BY 2.0"
PICTURES: Catalog[SamplePicture] = Catalog(
    "picture",
    [
        SamplePicture("temple", "Temple", SCIKIT.format("danielbuechele"), lambda: _photograph("china.jpg")),
        SamplePicture("flower", "Flower", SCIKIT.format("vultilion"), lambda: _photograph("flower.jpg")),
        SamplePicture("hazy", "Temple in haze", SCIKIT.format("danielbuechele"), _hazy),
        SamplePicture("chart", "Colour chart", "computed", _chart),
        SamplePicture("writing", "Writing in the shade", "computed", _writing),
        SamplePicture("specks", "Blobs and dust", "computed", _specks),
        SamplePicture("board", "Chessboard", "computed", _chessboard),
    ],
)  # fmt: skip


def sample_picture(name: str) -> np.ndarray:
    """The named picture, uint8 [height, width, 3]. UnknownNameError for a name."""
    return PICTURES[name].make()
