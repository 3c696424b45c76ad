"""What is done to pictures before, or in place of, a network: the table of operations, all by OpenCV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.catalog import Catalog, checked_settings
from training import image_filters, image_levels, image_shapes
from training.image_operation import Extra, Operation, opencv

OPERATIONS: Catalog[Operation] = Catalog(
    "operation", [*image_levels.OPERATIONS, *image_filters.OPERATIONS, *image_shapes.OPERATIONS]
)


def operated(picture: np.ndarray, name: str, settings: Mapping[str, Any] | None = None) -> np.ndarray:
    """What the named operation makes of a picture. UnknownNameError for a name, ValueError for a setting out
    of its range or an array that is no picture.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(
            f"a picture is uint8 [height, width, 3], and not {picture.dtype} {list(picture.shape)}"
        )
    row = OPERATIONS[name]
    return np.asarray(row.run(opencv(), picture, **checked_settings(name, row.parameters, settings or {})))


def shown_extras(picture: np.ndarray, name: str, settings: Mapping[str, Any] | None = None) -> list[Extra]:
    """Pictures on the way to what comes out, with what they are; none for most operations."""
    row = OPERATIONS[name]
    if row.extras is None:
        return []
    return row.extras(opencv(), picture, **checked_settings(name, row.parameters, settings or {}))


def code_of(name: str, settings: Mapping[str, Any] | None = None) -> str:
    """The lines of Python that do the same."""
    row = OPERATIONS[name]
    checked = checked_settings(name, row.parameters, settings or {})
    return row.line.format(
        **{key: repr(value) if isinstance(value, float) else value for key, value in checked.items()}
    )


def families() -> list[str]:
    """In the order of the table."""
    return list(dict.fromkeys(row.family for row in OPERATIONS))
