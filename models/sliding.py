"""Windows that slide over a grid of numbers: convolution, transposed convolution and pooling, by PyTorch, and
the size of what comes out by formula (Dumoulin and Visin 2016, arXiv:1603.07285).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from models.catalog import Catalog

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class SlideKind:
    """A row of SLIDES. `size` is the formula of what comes out, in LaTeX, for n numbers and a kernel of k."""

    name: str
    title: str
    summary: str
    source: str
    size: str
    has_weights: bool  # else the kernel's size alone counts


_DOWN = r"\left\lfloor \frac{n + 2p - d(k-1) - 1}{s} \right\rfloor + 1"
SLIDES = Catalog(
    "kind of window",
    [
        SlideKind(
            "convolution",
            "Convolution",
            "Each place: the window's numbers times the kernel's, added up (a cross-correlation).",
            "torch.nn.functional.conv2d",
            _DOWN,
            True,
        ),
        SlideKind(
            "transposed",
            "Transposed",
            "Each input number lays the kernel, times itself, onto the output; what overlaps is added up.",
            "torch.nn.functional.conv_transpose2d",
            r"(n-1)s - 2p + d(k-1) + 1",
            True,
        ),
        SlideKind(
            "maximum",
            "Max pooling",
            "The largest number of each window.",
            "torch.nn.functional.max_pool2d",
            _DOWN,
            False,
        ),
        SlideKind(
            "average",
            "Average pooling",
            "The mean of each window, zeros of the padding included.",
            "torch.nn.functional.avg_pool2d",
            _DOWN.replace("d(k-1) - 1", "k"),
            False,
        ),
    ],
)  # fmt: skip


@dataclass(frozen=True)
class Slide:
    """How a window moves: its kind (of SLIDES), and for both axes alike how far it steps, how much is put
    around the numbers and of what, and how far the kernel's own places are apart.
    """

    kind: str = "convolution"
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    mode: str = "zeros"


def output_size(length: int, kernel: int, slide: Slide) -> int:
    """How many numbers come out of `length` with a kernel of `kernel`; 0 or less: the window doesn't fit."""
    reach = slide.dilation * (kernel - 1)
    if slide.kind == "transposed":
        return (length - 1) * slide.stride - 2 * slide.padding + reach + 1
    return (length + 2 * slide.padding - reach - 1) // slide.stride + 1


def check_slide(shape: Sequence[int], kernel: Sequence[int], slide: Slide) -> None:
    """ValueError, with the way out, for a window that PyTorch could not slide over numbers of this shape."""
    SLIDES[slide.kind]
    if slide.mode not in PADDING_MODES:
        raise ValueError(f"padding is of {slide.mode!r}; it can be of {', '.join(PADDING_MODES)}")
    if slide.kind != "convolution" and slide.mode != "zeros":
        raise ValueError(f"{SLIDES[slide.kind].title} pads with zeros alone, not {slide.mode}; choose zeros")
    if slide.kind == "average" and slide.dilation > 1:
        raise ValueError(f"dilation is {slide.dilation}, and average pooling has none; make it 1")
    if not SLIDES[slide.kind].has_weights and 2 * slide.padding > min(kernel):
        raise ValueError(
            f"padding is {slide.padding}; a pooling window of {min(kernel)} may have half of that at most"
        )
    limits = {"reflect": min(shape) - 1, "circular": min(shape)}
    if slide.padding > limits.get(slide.mode, slide.padding):
        raise ValueError(
            f"padding is {slide.padding}, and {slide.mode} has {limits[slide.mode]} numbers to repeat; make "
            "it smaller"
        )
    for length, size in zip(shape, kernel, strict=True):
        if output_size(length, size, slide) < 1:
            reach = slide.dilation * (size - 1) + 1
            raise ValueError(
                f"a window of {reach} does not fit into {length} numbers with padding {slide.padding}: use a "
                "smaller kernel or dilation, or more padding"
            )


def slid(
    numbers: Float[Tensor, "height width"], kernel: Float[Tensor, "rows columns"], slide: Slide
) -> Float[Tensor, "out_height out_width"]:
    """What comes out, by torch.nn.functional. Of a pooling the kernel's size alone counts. ValueError as
    `check_slide` has it.
    """
    check_slide(tuple(numbers.shape), tuple(kernel.shape), slide)
    picture, weight = numbers[None, None], kernel[None, None]
    size = tuple(kernel.shape)
    if slide.kind == "transposed":
        found = functional.conv_transpose2d(
            picture, weight, stride=slide.stride, padding=slide.padding, dilation=slide.dilation
        )
    elif slide.kind == "maximum":
        found = functional.max_pool2d(picture, size, slide.stride, slide.padding, slide.dilation)
    elif slide.kind == "average":
        found = functional.avg_pool2d(picture, size, slide.stride, slide.padding)
    else:
        mode = "constant" if slide.mode == "zeros" else slide.mode
        padded = functional.pad(picture, (slide.padding,) * 4, mode=mode)
        found = functional.conv2d(padded, weight, stride=slide.stride, dilation=slide.dilation)
    return found[0, 0]
