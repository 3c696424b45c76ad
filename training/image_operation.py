"""An operation on pictures: the row type of OPERATIONS, and the module that does the work.

A picture is uint8 [height, width, 3], in red, green and blue. What comes out is one too, or grey [height,
width].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.catalog import Parameter

BOOK = "Gonzalez and Woods, Digital Image Processing, 4th edition"
GREY_LINE = "cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)"
Extra = tuple[str, np.ndarray]  # what a picture on the way to the answer is, and the picture


@dataclass(frozen=True)
class Operation:
    """A row of OPERATIONS. `run(cv2, picture, **settings)` gives what comes out; `line` is the same as lines
    of Python on `picture`, whose last one gives it, with the settings' names in braces. `extras`, if any,
    gives pictures on the way there.
    """

    name: str
    family: str
    title: str
    summary: str
    formula: str  # LaTeX; "" where there is none worth reading
    source: str
    line: str
    run: Callable[..., np.ndarray]
    parameters: tuple[Parameter, ...] = ()
    extras: Callable[..., list[Extra]] | None = None


def opencv() -> Any:
    """The module, imported when it is first needed, on one thread: pages are served side by side."""
    import cv2

    cv2.setNumThreads(1)
    return cv2


def in_grey(cv2: Any, picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


SIGMA = Parameter(
    "sigma", 1.5, "width of the bell", low=0.3, high=8.0, step=0.1, unit="pixels", symbol=r"\sigma"
)
