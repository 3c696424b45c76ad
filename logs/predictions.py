"""What a network said of each sample: rows of predictions/*.parquet, one part per call."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from logs.vocabulary import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Predictions:
    """One call's samples; checked and copied when it exists."""

    split: str | None
    index: np.ndarray  # int64[samples], the sample's place in its data set
    target: np.ndarray  # float64[samples]; class numbers are whole
    prediction: np.ndarray  # float64[samples]
    probabilities: np.ndarray | None  # float32[samples, classes]; None for regression
    step: int
    epoch: float

    @classmethod
    def checked(
        cls,
        split: str | None,
        index: Any,
        target: Any,
        prediction: Any,
        probabilities: Any = None,
        step: int = 0,
        epoch: float = math.nan,
    ) -> Predictions:
        """ValueError names the array that doesn't fit."""
        if split is not None and split not in SPLITS:
            raise ValueError(f"the split is {split!r}; it must be one of {', '.join(SPLITS)}, or None")
        places = np.array(index, np.int64)
        if places.ndim != 1:
            raise ValueError(f"index has shape {places.shape}; it must be one number per sample")
        given = {"target": np.array(target, np.float64), "prediction": np.array(prediction, np.float64)}
        for name, values in given.items():
            if values.shape != places.shape:
                raise ValueError(
                    f"{name} has shape {values.shape} for {len(places)} samples; one number each"
                )
        chances = None if probabilities is None else np.array(probabilities, np.float32)
        if chances is not None and (chances.ndim != 2 or len(chances) != len(places)):
            raise ValueError(
                f"probabilities have shape {chances.shape} for {len(places)} samples; (samples, classes)"
            )
        return cls(split, places, given["target"], given["prediction"], chances, int(step), float(epoch))


def write_predictions(path: Path, rows: Predictions) -> None:
    """A part with these rows."""
    from logs.columns import open_writer
    from logs.schema import PREDICTIONS

    with open_writer(path, PREDICTIONS) as writer:
        writer.write_table(predictions_table(rows))


def predictions_table(rows: Predictions) -> pa.Table:
    """These rows as a part has them."""
    import pyarrow as pa

    from logs.columns import equal_lists, numbers, words
    from logs.schema import PREDICTIONS

    count = len(rows.index)
    known = [] if rows.split is None else [rows.split]
    if rows.probabilities is None:
        chances = pa.nulls(count, pa.list_(pa.float32()))
    else:
        chances = equal_lists(rows.probabilities, pa.float32())
    columns = [
        numbers(rows.index, pa.int64()),
        words(np.full(count, len(known) - 1), known),
        numbers(rows.target, pa.float64()),
        numbers(rows.prediction, pa.float64()),
        chances,
        numbers(np.full(count, rows.step, np.int64), pa.int64()),
        numbers(np.full(count, rows.epoch, np.float64), pa.float64()),
    ]
    return pa.Table.from_arrays(columns, schema=PREDICTIONS)
