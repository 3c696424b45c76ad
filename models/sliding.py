"""Windows that slide over a grid of numbers: convolution, transposed convolution, pooling and upsampling, by
PyTorch, and the size of what comes out by formula (Dumoulin and Visin 2016, arXiv:1603.07285).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from models.catalog import Catalog

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


LARGEST_SIDE = 12  # of what an adaptive pooling puts out


@dataclass(frozen=True)
class Slide:
    """How a window moves: its kind (of SLIDES), and for both axes alike how far it steps (of an upsampling:
    how many numbers come out of one), how much is put around the numbers and of what, how far the kernel's
    own places are apart, how many numbers an adaptive pooling puts out a side, and into how many groups the
    channels are cut, each of which sees its own alone.
    """

    kind: str = "convolution"
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    mode: str = "zeros"
    side: int = 3
    groups: int = 1


Picture = Float[Tensor, "1 channels height width"]
Weights = Float[Tensor, "filters group_channels rows columns"]  # transposed: channels and group_filters
Found = Float[Tensor, "1 out_channels out_height out_width"]


@dataclass(frozen=True)
class SlideKind:
    """A row of SLIDES. `size` is the formula of what comes out, in LaTeX, for n numbers and a kernel of k;
    `settings` are the fields of Slide that the kind has; `code` is the line of PyTorch, with `picture` and
    `kernel` of four axes, {stride} ... for the settings, {kernel} for the kernel's size and {grouped} for
    the groups where there are several.
    """

    name: str
    title: str
    summary: str
    source: str
    size: str
    has_weights: bool  # else the kernel's size alone counts
    settings: tuple[str, ...]
    slide: Callable[[Picture, Weights, Slide], Found]
    code: str
    has_kernel: bool = True  # else nothing of the kernel counts


def _convolved(picture: Picture, kernel: Weights, slide: Slide) -> Found:
    mode = "constant" if slide.mode == "zeros" else slide.mode
    padded = functional.pad(picture, (slide.padding,) * 4, mode=mode)
    return functional.conv2d(
        padded, kernel, stride=slide.stride, dilation=slide.dilation, groups=slide.groups
    )


def _transposed(picture: Picture, kernel: Weights, slide: Slide) -> Found:
    return functional.conv_transpose2d(
        picture, kernel, stride=slide.stride, padding=slide.padding, dilation=slide.dilation,
        groups=slide.groups,
    )  # fmt: skip


def _largest(picture: Picture, kernel: Weights, slide: Slide) -> Found:
    size = tuple(kernel.shape[2:])
    return functional.max_pool2d(picture, size, slide.stride, slide.padding, slide.dilation)


def _mean(picture: Picture, kernel: Weights, slide: Slide) -> Found:
    return functional.avg_pool2d(picture, tuple(kernel.shape[2:]), slide.stride, slide.padding)


_DOWN = r"\left\lfloor \frac{n + 2p - d(k-1) - 1}{s} \right\rfloor + 1"
_ADAPTS = "window i begins at floor(i n / m) and ends before ceil((i + 1) n / m)."
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
            ("stride", "padding", "dilation", "mode", "groups"),
            _convolved,
            "functional.conv2d({picture}, kernel, stride={stride}, padding={padding}, dilation={dilation}"
            "{grouped})",
        ),
        SlideKind(
            "transposed",
            "Transposed",
            "Each input number lays the kernel, times itself, onto the output; what overlaps is added up.",
            "torch.nn.functional.conv_transpose2d",
            r"(n-1)s - 2p + d(k-1) + 1",
            True,
            ("stride", "padding", "dilation", "groups"),
            _transposed,
            "functional.conv_transpose2d(picture, kernel, stride={stride}, padding={padding}, "
            "dilation={dilation}{grouped})",
        ),
        SlideKind(
            "maximum",
            "Max pooling",
            "The largest number of each window.",
            "torch.nn.functional.max_pool2d",
            _DOWN,
            False,
            ("stride", "padding", "dilation"),
            _largest,
            "functional.max_pool2d(picture, {kernel}, stride={stride}, padding={padding}, "
            "dilation={dilation})",
        ),
        SlideKind(
            "average",
            "Average pooling",
            "The mean of each window, zeros of the padding included.",
            "torch.nn.functional.avg_pool2d",
            _DOWN.replace("d(k-1) - 1", "k"),
            False,
            ("stride", "padding"),
            _mean,
            "functional.avg_pool2d(picture, {kernel}, stride={stride}, padding={padding})",
        ),
        SlideKind(
            "adaptive_maximum",
            "Adaptive max pooling",
            f"The largest number of each of m windows a side: {_ADAPTS}",
            "torch.nn.functional.adaptive_max_pool2d",
            "m",
            False,
            ("side",),
            lambda picture, kernel, slide: functional.adaptive_max_pool2d(picture, slide.side),
            "functional.adaptive_max_pool2d(picture, {side})",
            False,
        ),
        SlideKind(
            "adaptive_average",
            "Adaptive average pooling",
            f"The mean of each of m windows a side: {_ADAPTS}",
            "torch.nn.functional.adaptive_avg_pool2d",
            "m",
            False,
            ("side",),
            lambda picture, kernel, slide: functional.adaptive_avg_pool2d(picture, slide.side),
            "functional.adaptive_avg_pool2d(picture, {side})",
            False,
        ),
        SlideKind(
            "nearest",
            "Upsampling, nearest",
            "Each number fills a square of s x s.",
            "torch.nn.functional.interpolate",
            "n s",
            False,
            ("stride",),
            lambda picture, kernel, slide: functional.interpolate(
                picture, scale_factor=slide.stride, mode="nearest"
            ),
            'functional.interpolate(picture, scale_factor={stride}, mode="nearest")',
            False,
        ),
        SlideKind(
            "bilinear",
            "Upsampling, bilinear",
            "Place i lies at (i + 1/2) / s - 1/2 between the numbers: the nearer has the larger share.",
            "torch.nn.functional.interpolate",
            "n s",
            False,
            ("stride",),
            lambda picture, kernel, slide: functional.interpolate(
                picture, scale_factor=slide.stride, mode="bilinear", align_corners=False
            ),
            'functional.interpolate(picture, scale_factor={stride}, mode="bilinear", align_corners=False)',
            False,
        ),
    ],
)  # fmt: skip


def fitting(slide: Slide) -> Slide:
    """The slide with what its kind does not have as it usually is."""
    usual = Slide()
    has = ("kind", *SLIDES[slide.kind].settings)
    return replace(
        slide, **{each.name: getattr(usual, each.name) for each in fields(slide) if each.name not in has}
    )


def code_of(slide: Slide, kernel: Sequence[int]) -> str:
    """The line of PyTorch, for `picture` and `kernel` of four axes; `kernel` is how many rows and columns."""
    settings = {each.name: getattr(slide, each.name) for each in fields(slide)}
    given = "picture"
    if slide.kind == "convolution" and slide.mode != "zeros" and slide.padding:
        given = f'functional.pad(picture, ({slide.padding},) * 4, mode="{slide.mode}")'
        settings["padding"] = 0
    grouped = f", groups={slide.groups}" if slide.groups > 1 else ""
    return SLIDES[slide.kind].code.format(**settings, kernel=tuple(kernel), picture=given, grouped=grouped)


def output_size(length: int, kernel: int, slide: Slide) -> int:
    """How many numbers come out of `length` with a kernel of `kernel`; 0 or less: the window doesn't fit."""
    if slide.kind.startswith("adaptive"):
        return slide.side
    if slide.kind in ("nearest", "bilinear"):
        return length * slide.stride
    reach = slide.dilation * (kernel - 1)
    if slide.kind == "transposed":
        return (length - 1) * slide.stride - 2 * slide.padding + reach + 1
    return (length + 2 * slide.padding - reach - 1) // slide.stride + 1


def check_slide(shape: Sequence[int], kernel: Sequence[int], slide: Slide) -> None:
    """ValueError, with the way out, for a window that PyTorch could not slide over numbers of this shape."""
    row, usual = SLIDES[slide.kind], fitting(slide)
    if slide.mode not in PADDING_MODES:
        raise ValueError(f"padding is of {slide.mode!r}; it can be of {', '.join(PADDING_MODES)}")
    if slide.mode != usual.mode:
        raise ValueError(f"{row.title} pads with zeros alone, not {slide.mode}; choose zeros")
    for each in ("stride", "padding", "dilation", "groups"):
        value, wanted = getattr(slide, each), getattr(usual, each)
        if value != wanted:
            raise ValueError(f"{each} is {value}, and {row.title.lower()} has none; make it {wanted}")
    if "side" in row.settings and not 1 <= slide.side <= LARGEST_SIDE:
        raise ValueError(f"{slide.side} numbers a side shall come out; choose 1 to {LARGEST_SIDE}")
    if not row.has_kernel:
        return
    if not row.has_weights and 2 * slide.padding > min(kernel):
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


def common_divisors(*numbers: int) -> list[int]:
    """What divides all of them evenly, from 1 up: the groups that channels can be cut into."""
    return [each for each in range(1, min(numbers) + 1) if all(number % each == 0 for number in numbers)]


def slid(
    numbers: Float[Tensor, "height width"], kernel: Float[Tensor, "rows columns"], slide: Slide
) -> Float[Tensor, "out_height out_width"]:
    """What comes out of one channel, by torch.nn.functional. Of a pooling the kernel's size alone counts, of
    adaptive ones and of upsampling not even that. ValueError as `check_slide` has it.
    """
    return slid_channels(numbers[None], kernel[None, None], slide)[0]


def slid_channels(
    numbers: Float[Tensor, "channels height width"],
    weights: Float[Tensor, "filters group_channels rows columns"],
    slide: Slide,
) -> Float[Tensor, "out_channels out_height out_width"]:
    """The same over several channels. Each filter has a kernel for each channel of its group: with as many
    groups as channels it sees one alone (depthwise). ValueError as `check_slide` has it, and for channels or
    filters that don't fit the groups.
    """
    check_slide(tuple(numbers.shape[1:]), tuple(weights.shape[2:]), slide)
    if SLIDES[slide.kind].has_weights:
        _check_groups(numbers.shape[0], weights.shape[0], weights.shape[1], slide.groups)
    return SLIDES[slide.kind].slide(numbers[None], torch_weights(weights, slide), slide)[0]


def _check_groups(channels: int, filters: int, seen: int, groups: int) -> None:
    if groups not in (fit := common_divisors(channels, filters)):
        raise ValueError(
            f"{groups} groups for {channels} channels and {filters} filters; they must divide both evenly, "
            f"as {', '.join(map(str, fit))} would"
        )
    if seen != channels // groups:
        raise ValueError(
            f"each filter has {seen} kernels; with {groups} groups it sees {channels // groups} of "
            f"{channels} channels, so give it as many"
        )


def torch_weights(weights: Float[Tensor, "filters seen rows columns"], slide: Slide) -> Float[Tensor, "..."]:
    """The filters as PyTorch wants them: for a transposed convolution channels come before filters."""
    if slide.kind != "transposed":
        return weights
    return weights.unflatten(0, (slide.groups, -1)).transpose(1, 2).flatten(0, 1)


def weights_and_work(
    channels: int, size: tuple[int, int], weights: tuple[int, int, int, int], slide: Slide
) -> tuple[int, int]:
    """How many weights a convolution over `channels` of `size` has, and how many multiply-adds it takes,
    those with padding included; `weights` are [filters, channels of a group, rows, columns].
    """
    filters, seen, rows, columns = weights
    count = filters * seen * rows * columns
    if slide.kind == "transposed":  # each input number lays each kernel of its channel down once
        return count, count * size[0] * size[1]
    places = output_size(size[0], rows, slide) * output_size(size[1], columns, slide)
    return count, count * places
