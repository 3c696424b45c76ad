"""Every colour of the dashboard, for light and dark pages, in one place.

Charts name the light colours; where a chart is drawn on a dark page, `DARK_FOR` says what each one becomes
(panels/plot.js does so in the browser, so that switching the theme needs no rerun). Streamlit's own settings,
dashboard/.streamlit/config.toml, repeat what it must know at start; a test holds them to this file.

The ten categorical colours start from the set of Okabe and Ito (Color Universal Design, 2008); their
lightness and hue were then moved until every colour has a contrast of at least 3 to its page (WCAG 2.2,
1.4.11) and any two differ clearly in normal, protan, deutan and tritan vision (Machado et al. 2009).
Fewer than ten would make Plotly fall back to colours of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Palette:
    """The colours of one appearance, as #RRGGBB."""

    background: str
    surface: str  # cards, the sidebar, code
    text: str
    quiet: str  # axis labels, captions
    border: str
    primary: str  # buttons, sliders: dark enough for white letters
    link: str
    categorical: tuple[str, ...]
    sequential: tuple[str, ...]  # low to high: near the page's own colour first
    diverging: tuple[str, ...]  # negative, nothing (near the page's own colour), positive


LIGHT = Palette(
    background="#FFFFFF",
    surface="#F4F6F9",
    text="#1B2430",
    quiet="#566273",
    border="#D5DBE3",
    primary="#1F5FA8",
    link="#1B5699",
    categorical=(
        "#216EBA", "#EA5400", "#009A50", "#B67DA9", "#A04300",
        "#7884FF", "#801D72", "#492BCB", "#4A6A59", "#3C3E04",
    ),
    sequential=(
        "#F1F6FB", "#DBE8F5", "#C2D9EE", "#A3C6E6", "#7FB0DC",
        "#5B98CF", "#3C7FBF", "#2467A8", "#15508B", "#0A396B",
    ),
    diverging=(
        "#0F4C8A", "#3172B4", "#6A9DD1", "#A6C6E6", "#E3EDF6",
        "#FBEBE0", "#F6C4A3", "#EB9560", "#CF6524", "#963F06",
    ),
)  # fmt: skip

DARK = Palette(
    background="#10151D",
    surface="#1A212C",
    text="#E8ECF2",
    quiet="#A3AEBD",
    border="#333D4B",
    primary="#2F74C4",
    link="#7DB0F0",
    categorical=(
        "#7DA0FF", "#D76A52", "#1AD69C", "#BE81B1", "#FADE39",
        "#B0C6FF", "#B53B90", "#756FEF", "#CFEAE4", "#DAAF24",
    ),
    sequential=(
        "#17212E", "#1B2F47", "#1F3F63", "#245280", "#2B679E",
        "#3B7FBA", "#5798CF", "#7BB2E0", "#A5CCEE", "#D3E6F8",
    ),
    diverging=(
        "#9CC8F7", "#6BA5E3", "#447FBD", "#2B5685", "#1D3147",
        "#382A20", "#6B4127", "#A86334", "#E08B4E", "#FFBD8A",
    ),
)  # fmt: skip

SPLITS = {"train": LIGHT.categorical[0], "validation": LIGHT.categorical[1], "test": LIGHT.categorical[2]}
DASHES = {"train": "solid", "validation": "dash", "test": "dot"}  # a second cue beside the colour

# What a run's state looks like: Streamlit's name of a badge colour, and a mark that reads without colour.
BadgeColor = Literal["blue", "green", "gray", "red", "orange"]
STATES: dict[str, tuple[BadgeColor, str]] = {
    "running": ("blue", "▶"),
    "finished": ("green", "✔"),
    "stopped": ("gray", "■"),
    "failed": ("red", "✖"),
    "lost": ("orange", "?"),
    "broken": ("red", "!"),
}

DARK_FOR = {
    **dict(zip(LIGHT.categorical, DARK.categorical, strict=True)),
    **dict(zip(LIGHT.sequential, DARK.sequential, strict=True)),
    **dict(zip(LIGHT.diverging, DARK.diverging, strict=True)),
    LIGHT.background: DARK.background,
    LIGHT.surface: DARK.surface,
    LIGHT.text: DARK.text,
    LIGHT.quiet: DARK.quiet,
    LIGHT.border: DARK.border,
    LIGHT.primary: DARK.primary,
    LIGHT.link: DARK.link,
}


def color_scale(colors: tuple[str, ...]) -> list[list[float | str]]:
    """The colours as Plotly's colorscale: evenly spaced stops from 0 to 1."""
    return [[index / (len(colors) - 1), color] for index, color in enumerate(colors)]


def run_colors(runs: Iterable[str]) -> dict[str, str]:
    """A colour (of the light page) for each run id.

    A run's first choice follows from its id, so it looks the same on every page and every day; where two
    want the same colour, the one named first keeps it and the other takes the next free one.
    """
    chosen: dict[str, str] = {}
    taken: set[int] = set()
    size = len(LIGHT.categorical)
    for run in runs:
        if len(taken) == size:
            taken = set()  # more runs than colours: they begin again
        index = zlib.crc32(run.encode()) % size
        while index in taken:
            index = (index + 1) % size
        taken.add(index)
        chosen[run] = LIGHT.categorical[index]
    return chosen


def relative_luminance(color: str) -> float:
    """Of a colour #RRGGBB, from 0 (black) to 1 (white); WCAG 2.2, "relative luminance"."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """The contrast of two colours, from 1 to 21; WCAG 2.2, "contrast ratio"."""
    brighter, darker = sorted((relative_luminance(first), relative_luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)
