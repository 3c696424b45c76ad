"""Columns of a table as numbers: numbers stay, dates become days, texts a column for each different text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from training.datasets.errors import DataError

if TYPE_CHECKING:
    import pandas

NUMBERS_SHARE = 0.9  # of a text column's values must be numbers for the others to count as mistakes
MISSING = "(missing)"  # the level of a text that is not there


@dataclass
class Encoded:
    """`columns`: float64 [N] each, by name, NaN where a number is missing. `holes`: bool [N], True for a row
    that lacks any value. `left_out`: why, by column.
    """

    holes: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def encode(frame: pandas.DataFrame, category_limit: int) -> Encoded:
    """Every column of the frame as one or more columns of numbers, where it can be."""
    encoded = Encoded(np.zeros(len(frame), bool))
    for name in frame.columns:
        _encode_column(frame[name], str(name), category_limit, encoded)
    return encoded


def _encode_column(column: pandas.Series, name: str, category_limit: int, encoded: Encoded) -> None:
    missing = column.isna().to_numpy()
    if missing.all():
        encoded.left_out[name] = "it has no value at all"
        return
    values, note = as_numbers(column)
    if values is not None:
        encoded.columns[name] = values
        encoded.holes |= ~np.isfinite(values)
        if note:
            encoded.notes.append(f"{name}: {note}")
        return
    texts = as_texts(column)
    if texts is None:
        encoded.left_out[name] = f"its values are neither numbers nor texts ({column.dtype})"
        return
    levels = sorted({text for text in texts if text is not None})
    if len(levels) > category_limit:
        encoded.left_out[name] = (
            f"it has {len(levels):,} different texts, more than category_limit ({category_limit})"
        )
        return
    shown = [*levels, *([MISSING] if missing.any() else [])]
    words = np.array([MISSING if text is None else text for text in texts], dtype=object)
    for level in shown:
        encoded.columns[f"{name}={level}"] = (words == level).astype(np.float64)
    encoded.holes |= missing
    encoded.notes.append(f"{name}: {len(shown)} different texts, each a column of zeros and ones")


def as_numbers(column: pandas.Series) -> tuple[np.ndarray | None, str]:
    """float64 [N], NaN where there is none, and a sentence where that needs one; None for texts."""
    from pandas import Timestamp, to_numeric
    from pandas.api import types

    if types.is_bool_dtype(column) or (types.is_numeric_dtype(column) and not types.is_complex_dtype(column)):
        return column.to_numpy(np.float64, na_value=np.nan), ""
    if types.is_datetime64_any_dtype(column):
        start = Timestamp("1970-01-01", tz=column.dt.tz)
        return ((column - start).dt.total_seconds() / 86_400).to_numpy(
            np.float64
        ), "dates became days since 1970"
    if isinstance(column.dtype, np.dtype | types.CategoricalDtype) and column.dtype not in (object,):
        return None, ""
    numbers = to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    present, read = column.notna().to_numpy(), ~np.isnan(numbers)
    if not read.any() or read.sum() < NUMBERS_SHARE * present.sum():
        return None, ""
    wrong = column[present & ~read]
    if not len(wrong):
        return numbers, ""
    example = str(wrong.iloc[0])
    example = str(wrong.iloc[0])
    return numbers, f"values that are no numbers count as missing: {len(wrong):,}, such as {example!r}"


def as_texts(column: pandas.Series) -> list[str | None] | None:
    """Each value as text, None where it is missing; None for values that are lists, bytes or the like."""
    values = [None if absent else value for value, absent in zip(column, column.isna(), strict=True)]
    if not all(value is None or isinstance(value, str | bool | int | float | np.generic) for value in values):
        return None
    return [None if value is None else str(value).strip() for value in values]


def refuse_left_out(encoded: Encoded, asked: list[str]) -> None:
    """DataError for a column that was asked for by name and can't be used."""
    for name in asked:
        if name in encoded.left_out:
            raise DataError(
                f"the feature {name!r} can't be used: {encoded.left_out[name]}; leave it away, or change "
                "category_limit"
            )
