"""Round numbers at a scale: on a logarithmic one Plotly itself writes 2 where 0.2 is meant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

MOST = 6  # ticks of a small picture
POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def log_ticks(low: float, high: float, most: int = MOST) -> tuple[list[float], list[str]]:
    """Places (as log10) of at most `most` round numbers from 10**low to 10**high, and what stands there.

    1, 2 and 5 of every decade, else 1 and 3, else every power of ten, every second one and so on; a range
    that has fewer than two of them gets evenly spaced numbers.
    """
    decades = range(math.floor(low), math.ceil(high) + 1)
    for digits in ((1, 2, 5), (1, 3)):
        places = [ten + math.log10(digit) for ten in decades for digit in digits]
        inside = [place for place in places if low - 1e-9 <= place <= high + 1e-9]
        if 2 <= len(inside) <= most:
            return inside, [number_words(10**place) for place in inside]
        if len(inside) < 2:
            even = np.log10(np.linspace(10**low, 10**high, 4)).tolist()
            return even, [f"{10**place:.3g}" for place in even]
    tens = [ten for ten in decades if low - 1e-9 <= ten <= high + 1e-9]
    step = math.ceil(len(tens) / most)
    shown = [float(ten) for ten in tens if ten % step == 0]
    return shown, [number_words(10**place) for place in shown]


def log_axis(low: float, high: float, most: int = MOST) -> dict[str, Any]:
    """A logarithmic axis with these ticks, for data from 10**low to 10**high."""
    places, words = log_ticks(low, high, most)
    return {"type": "log", "tickvals": [10**place for place in places], "ticktext": words}


def round_ticks(low: float, high: float, most: int = MOST) -> list[float]:
    """At most `most` multiples of 1, 2 or 5 times a power of ten, from `low` to `high`, which is above it."""
    ten = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(ten * digit for digit in (1, 2, 5, 10) if (high - low) / (ten * digit) <= most - 1)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def number_words(value: float) -> str:
    """0.02, 500, 2·10⁴, 10⁻⁷."""
    if 1e-3 <= value < 10_000 * (1 - 1e-9):
        return f"{value:.3g}" if value < 1000 * (1 - 1e-9) else f"{value:.0f}"
    power = math.floor(math.log10(value) + 1e-9)
    front = f"{value / 10**power:.2g}"
    ten = "10" + str(power).translate(POWERS)
    return ten if front == "1" else f"{front}·{ten}"
