"""Morphology: operations by the least and the largest value under an element of some shape."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from models.catalog import Parameter
from training.image_operation import BOOK, GREY_LINE, Operation, in_grey

SHAPES = ("square", "disc", "cross")


def _element(cv2: Any, shape: str, size: int) -> np.ndarray:
    kinds = {"square": cv2.MORPH_RECT, "disc": cv2.MORPH_ELLIPSE, "cross": cv2.MORPH_CROSS}
    return cv2.getStructuringElement(kinds[shape], (size, size))


def _morphology(kind: str, cv2: Any, picture: np.ndarray, shape: str, size: int) -> np.ndarray:
    return cv2.morphologyEx(in_grey(cv2, picture), getattr(cv2, f"MORPH_{kind}"), _element(cv2, shape, size))


def _shape_row(name: str, kind: str, title: str, formula: str, summary: str) -> Operation:
    named = "{{'square': cv2.MORPH_RECT, 'disc': cv2.MORPH_ELLIPSE, 'cross': cv2.MORPH_CROSS}}['{shape}']"
    return Operation(
        name,
        "Shapes",
        title,
        summary,
        formula,
        f"{BOOK}, chapter 9",
        f"element = cv2.getStructuringElement({named}, ({{size}}, {{size}}))\n"
        f"cv2.morphologyEx({GREY_LINE}, cv2.MORPH_{kind}, element)",
        partial(_morphology, kind),
        (
            Parameter("shape", "square", "shape of the element", kind="choice", choices=SHAPES),
            Parameter("size", 5, "size of the element", kind="integer", low=1, high=25, unit="pixels"),
        ),
    )


OPERATIONS = (
    _shape_row(
        "erode",
        "ERODE",
        "Erode",
        r"\min_{j \in B} x_{i + j}",
        "The darkest under the element: bright parts shrink.",
    ),
    _shape_row(
        "dilate",
        "DILATE",
        "Dilate",
        r"\max_{j \in B} x_{i - j}",
        "The brightest under the element: bright parts grow.",
    ),
    _shape_row(
        "open",
        "OPEN",
        "Open",
        r"(x \ominus B) \oplus B",
        "Erode, then dilate: bright specks go, the rest keeps its size.",
    ),
    _shape_row(
        "close", "CLOSE", "Close", r"(x \oplus B) \ominus B", "Dilate, then erode: dark holes are filled."
    ),
    _shape_row(
        "shape_gradient",
        "GRADIENT",
        "Gradient",
        r"(x \oplus B) - (x \ominus B)",
        "Dilated less eroded: outlines.",
    ),
    _shape_row(
        "top_hat",
        "TOPHAT",
        "Top hat",
        r"x - (x \ominus B) \oplus B",
        "What opening took away: bright details, on whatever ground.",
    ),
    _shape_row(
        "black_hat",
        "BLACKHAT",
        "Black hat",
        r"(x \oplus B) \ominus B - x",
        "What closing has filled: dark details, such as letters.",
    ),
)
