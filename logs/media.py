"""Images, histograms, texts and matrices: checked when they are logged, stored as rows of media/*.parquet."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from logs.vocabulary import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa

PNG = b"\x89PNG\r\n\x1a\n"
NAME_BYTES = 200  # of a medium's name: "gradients/" and a parameter's name


@dataclass(frozen=True)
class Medium:
    """One row of media/*.parquet. Which of the last fields is given depends on `kind`."""

    kind: str  # image, histogram, text, matrix
    name: str
    step: int
    epoch: float = math.nan
    split: str | None = None
    caption: str = ""
    wall_time: np.datetime64 = field(default_factory=lambda: np.datetime64(time.time_ns() // 1000, "us"))
    pixels: np.ndarray | None = None  # an image that is not compressed yet
    png: bytes = b""
    text: str = ""
    counts: np.ndarray | None = None  # float64[bins]
    edges: np.ndarray | None = None  # float64[bins + 1], ascending
    values: np.ndarray | None = None  # float64[rows, columns]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or not self.name.isprintable():
            raise ValueError(
                f"the {self.kind} is named {self.name!r}; a name is a text without control signs"
            )
        if len(self.name.encode()) > NAME_BYTES:
            raise ValueError(
                f"the {self.kind} {self.name[:20]!r}... has a name of more than {NAME_BYTES} bytes"
            )
        if self.split is not None and self.split not in SPLITS:
            raise ValueError(f"the split is {self.split!r}; it must be one of {', '.join(SPLITS)}, or None")
        object.__setattr__(self, "step", int(self.step))
        object.__setattr__(self, "epoch", float(self.epoch))

    @property
    def bytes(self) -> int:
        """Roughly what it takes while it waits to be written."""
        arrays = (self.pixels, self.counts, self.edges, self.values)
        return (
            len(self.png) + len(self.text) + sum(array.nbytes for array in arrays if array is not None) + 500
        )


def image(step: int, name: str, picture: Any, caption: str = "", **more: Any) -> Medium:
    """A picture: the bytes of a PNG file, or uint8[height, width], [height, width, 3 or 4].

    The array is copied here and compressed later, off the training thread.
    """
    if isinstance(picture, bytes | bytearray | memoryview):
        png = bytes(picture)
        if not png.startswith(PNG):
            raise ValueError(f"the image {name!r} is {png[:8]!r}...; bytes must be those of a PNG file")
        return Medium("image", name, step, caption=caption, png=png, **more)
    pixels = np.array(picture)
    known = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4))
    if not known or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(
            f"the image {name!r} is an array of {pixels.dtype} and shape {pixels.shape}; it must be uint8 "
            "and (height, width) or (height, width, 1, 3 or 4)"
        )
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return Medium("image", name, step, caption=caption, pixels=pixels, **more)


def histogram(step: int, name: str, counts: Any, edges: Any, **more: Any) -> Medium:
    """How many values lie between each two neighbours of `edges`."""
    counts, edges = _checked_bins(name, counts, edges, 1)
    return Medium("histogram", name, step, counts=counts, edges=edges, **more)


def histograms(
    steps: Any, name: str, counts: Any, edges: Any, epochs: Any = None, **more: Any
) -> list[Medium]:
    """One for each row of `counts`[n, bins] and `edges`[n, bins + 1]; steps[n], and epochs[n] or None."""
    counts, edges = _checked_bins(name, counts, edges, 2)
    moments = np.asarray(steps).tolist()
    passes = [math.nan] * len(moments) if epochs is None else np.asarray(epochs).tolist()
    if not len(moments) == len(passes) == len(counts):
        raise ValueError(
            f"{len(counts)} histograms {name!r} have {len(moments)} steps and {len(passes)} epochs; one each"
        )
    return [
        Medium("histogram", name, step, epoch, counts=own, edges=ends, **more)
        for step, epoch, own, ends in zip(moments, passes, counts, edges, strict=True)
    ]


def _checked_bins(name: str, counts: Any, edges: Any, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Copies of both, bins along the last axis."""
    counts, edges = np.array(counts, np.float64), np.array(edges, np.float64)
    bins = counts.shape[-1] if counts.ndim == axes else 0
    if not bins or edges.shape != (*counts.shape[:-1], bins + 1):
        raise ValueError(
            f"the histogram {name!r} has {counts.size} counts and {edges.size} edges; edges are one more"
        )
    ascend = edges[..., 1:] >= edges[..., :-1]  # a third of np.diff's time; a NaN doesn't ascend either
    if not ascend.all():
        raise ValueError(f"the edges of the histogram {name!r} don't ascend, or are not numbers")
    return counts, edges


def text(step: int, name: str, content: str, **more: Any) -> Medium:
    """A text, plain or Markdown."""
    if not isinstance(content, str):
        raise TypeError(f"the text {name!r} is {content!r}; it must be a text")
    return Medium("text", name, step, text=content.encode(errors="replace").decode(), **more)


def matrix(step: int, name: str, values: Any, labels: Sequence[str] = (), **more: Any) -> Medium:
    """Numbers in rows and columns, such as how often a class was taken for another."""
    values = np.array(values, np.float64)
    if values.ndim != 2:
        raise ValueError(f"the matrix {name!r} has shape {values.shape}; it must have rows and columns")
    if labels and len(labels) not in values.shape:
        raise ValueError(f"the matrix {name!r} has shape {values.shape} and {len(labels)} labels")
    return Medium("matrix", name, step, values=values, labels=tuple(str(label) for label in labels), **more)


def as_png(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def write_media(path: Path, media: Sequence[Medium]) -> None:
    """A part with these rows."""
    from logs.columns import open_writer
    from logs.schema import MEDIA

    with open_writer(path, MEDIA) as writer:
        writer.write_table(media_table(media))


def media_table(media: Sequence[Medium]) -> pa.Table:
    """These rows as a part has them; pictures are compressed here."""
    import pyarrow as pa

    from logs.columns import blobs, lists, numbers, text_lists, texts, words_of
    from logs.schema import MEDIA, TIME

    shapes = [None if item.values is None else np.array(item.values.shape, np.int64) for item in media]
    values = [None if item.values is None else item.values.ravel() for item in media]
    pictures = [as_png(item.pixels) if item.pixels is not None else item.png or None for item in media]
    columns = [
        numbers(np.array([item.step for item in media], np.int64), pa.int64()),
        numbers(np.array([item.epoch for item in media], np.float64), pa.float64()),
        words_of([item.split for item in media]),
        words_of([item.kind for item in media]),
        words_of([item.name for item in media]),
        numbers(np.array([item.wall_time for item in media], "datetime64[us]"), TIME),
        texts([item.caption or None for item in media]),
        blobs(pictures),
        texts([item.text if item.kind == "text" else None for item in media]),
        lists([item.counts for item in media], pa.float64()),
        lists([item.edges for item in media], pa.float64()),
        lists(shapes, pa.int64()),
        lists(values, pa.float64()),
        text_lists([item.labels if item.kind == "matrix" else None for item in media]),
    ]
    return pa.Table.from_arrays(columns, schema=MEDIA)
