"""The columns of a run's Parquet files (logs/FORMAT.md states them; a test holds the two together)."""

from __future__ import annotations

import pyarrow as pa

from logs.vocabulary import FINAL_STATES, MEDIA_KINDS, SCHEMA_VERSION, SPLITS, STATES

__all__ = [
    "FINAL_STATES",
    "MEDIA",
    "MEDIA_KINDS",
    "PREDICTIONS",
    "SCALARS",
    "SCHEMA_VERSION",
    "SPLITS",
    "STATES",
    "VERSION_KEY",
]

VERSION_KEY = b"descent.schema_version"  # in the metadata of every Parquet file

WORD = pa.dictionary(pa.int32(), pa.string())  # few different texts, each stored once
TIME = pa.timestamp("us", tz="UTC")

_METADATA = {VERSION_KEY: str(SCHEMA_VERSION).encode()}

# Tidy: one row is one value. A metric's name never carries the split.
SCALARS = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),  # optimizer updates since the start
        pa.field("epoch", pa.float64()),  # passes over the training data; NaN where there is none
        pa.field("split", WORD),  # train, validation, test, or null
        pa.field("metric", WORD, nullable=False),
        pa.field("value", pa.float64(), nullable=False),  # NaN and infinities survive
        pa.field("wall_time", TIME, nullable=False),
    ],
    metadata=_METADATA,
)

# One row is one picture, histogram, text or matrix; `kind` says which of the last columns hold it, the others
# are null. Typed columns rather than one packed payload: any reader of Parquet can draw a histogram.
MEDIA = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("epoch", pa.float64()),
        pa.field("split", WORD),
        pa.field("kind", WORD, nullable=False),  # image, histogram, text, matrix
        pa.field("name", WORD, nullable=False),  # "predictions", "weights/layer1.weight", "confusion"
        pa.field("wall_time", TIME, nullable=False),
        pa.field("caption", pa.string()),
        pa.field("image", pa.binary()),  # image: a whole PNG file
        pa.field("text", pa.string()),  # text: Markdown or plain
        pa.field("counts", pa.list_(pa.float64())),  # histogram: one per bin
        pa.field("edges", pa.list_(pa.float64())),  # histogram: one more than counts, ascending
        pa.field("shape", pa.list_(pa.int64())),  # matrix: rows, columns
        pa.field("values", pa.list_(pa.float64())),  # matrix: row after row
        pa.field("labels", pa.list_(pa.string())),  # matrix: names of its rows and columns (class names)
    ],
    metadata=_METADATA,
)

# One row is one sample. Class numbers are whole float64 (exact to 2**53), so that classification and
# regression share one column; `probabilities` is null for regression.
PREDICTIONS = pa.schema(
    [
        pa.field("index", pa.int64(), nullable=False),  # the sample's place in its data set
        pa.field("split", WORD),
        pa.field("target", pa.float64(), nullable=False),
        pa.field("prediction", pa.float64(), nullable=False),
        pa.field("probabilities", pa.list_(pa.float32())),  # one per class
        pa.field("step", pa.int64(), nullable=False),
        pa.field("epoch", pa.float64()),
    ],
    metadata=_METADATA,
)
