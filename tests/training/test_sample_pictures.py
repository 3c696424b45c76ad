"""A reader's own picture: read and made small, or refused in a sentence, whatever its bytes are."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from training import sample_pictures
from training.sample_pictures import LONGEST, MOST_BYTES, PictureError, read_picture


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises a picture of that size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_pictures_of_every_kind_are_read_and_made_small(kind: str) -> None:
    found = read_picture(saved(Image.new("RGB", (1000, 500), (200, 40, 60)), kind))
    assert found.shape == (160, LONGEST, 3)
    np.testing.assert_allclose(found[80, 160], (200, 40, 60), atol=4)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK", "I;16"])
def test_pictures_of_every_mode_are_read(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert read_picture(saved(Image.new(mode, (40, 30)), kind)).shape == (30, 40, 3)


def test_what_is_transparent_is_white_and_a_turned_one_is_turned_back() -> None:
    assert (read_picture(saved(Image.new("RGBA", (20, 20), (0, 0, 0, 0)))) == 255).all()
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    assert read_picture(saved(Image.new("RGB", (60, 40)), "JPEG", exif=turned)).shape == (60, 40, 3)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "no picture of the kinds PNG, JPEG"),
        (b"GIF89a", "no picture|can't be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (saved(Image.new("RGB", (50, 50)), "TIFF"), "no picture"),
        (saved(Image.new("RGB", (50, 50)), "PDF"), "no picture"),
        (saved(Image.new("RGB", (8, 300))), "each side needs 16"),
        (saved(Image.new("1", (20, 30_000))), "too narrow"),
        (bytes(MOST_BYTES + 1), "8 MB is the most"),
        (bomb(7_000, 6_000), "7,000 x 6,000; 40 million"),
        (bomb(12_000, 12_000), "40 million"),
        (bomb(60_000, 60_000), "40 million"),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_large_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(PictureError, match=rule):
        read_picture(data)


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(Image.Image, "load", never)
    monkeypatch.setattr(Image.Image, "thumbnail", never)
    with pytest.raises(PictureError, match="says it is"):
        read_picture(bomb(7_000, 6_000))


@settings(max_examples=60)
@given(
    st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF"]),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
)
def test_broken_files_get_a_picture_or_a_sentence(
    kind: str, cut: float, changes: list[tuple[float, int]]
) -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    data = bytearray(saved(Image.fromarray(values), kind))
    for place, value in changes:
        data[min(len(data) - 1, int(place * len(data)))] = value
    data = data[: max(1, int(len(data) * (1 - cut / 2)))]
    try:
        found = read_picture(bytes(data))
    except PictureError:
        return
    assert found.dtype == np.uint8
    assert max(found.shape) <= LONGEST


def test_a_truncated_file_says_so() -> None:
    values = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    with pytest.raises(PictureError, match="can't be read to its end"):
        read_picture(saved(Image.fromarray(values))[:30_000])
    assert (Image.MAX_IMAGE_PIXELS or 0) > sample_pictures.MOST_PIXELS  # ours speaks before Pillow's warning
