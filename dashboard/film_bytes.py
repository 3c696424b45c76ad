"""A playground's film as the bytes that the browser takes: weights, not pictures, which it makes itself.

The bytes are the length of a JSON text (little-endian uint32), that text, and the arrays it lists, each
beginning at a multiple of four bytes after the text (panels/film_store.js reads them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from logs.directory import RunDirectory
from logs.tables import Table, read_table
from training.film import Film
from training.points import TABLE

NAMES = {"<f4": "f4", "<i4": "i4", "|u1": "u1"}


def film_bytes(run: str, film: Film, points: Table | None, state: str) -> bytes:
    """The film of a run so far, with its points (none yet: without), and the run's state."""
    arrays = {
        "epochs": film.epochs.astype("<i4"),
        "weights": film.weights.astype("<f4"),
        "loss": film.loss.astype("<f4"),
        "accuracy": film.accuracy.astype("<f4"),
        **point_arrays(points),
    }
    places: dict[str, dict[str, object]] = {}
    parts: list[bytes] = []
    first = 0
    for name, array in arrays.items():
        places[name] = {"dtype": NAMES[array.dtype.str], "first": first, "count": int(array.size)}
        content = array.tobytes()
        content += b"\0" * (-len(content) % 4)
        parts.append(content)
        first += len(content)
    header = {
        "id": run,
        "state": state,
        "about": dict(film.about),
        "endings": {str(seed): said for seed, said in film.endings.items()},
        "arrays": places,
    }
    text = json.dumps(header).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def point_arrays(points: Table | None) -> Mapping[str, np.ndarray]:
    """points_x and points_y in their own units, points_label (the class's place), points_split (1: of the
    validation part).
    """
    if points is None:
        nothing = np.zeros(0)
        x, y, label, judged = nothing, nothing, nothing, nothing
    else:
        frame = points.frame
        x, y, label = (frame[name].to_numpy() for name in ("x", "y", "label"))
        judged = frame["split"].to_numpy() == "validation"
    return {
        "points_x": x.astype("<f4"),
        "points_y": y.astype("<f4"),
        "points_label": label.astype("u1"),
        "points_split": judged.astype("u1"),
    }


def read_plane(directory: RunDirectory) -> Table | None:
    """The points of a run; None where they have not been written yet. LogsError for a damaged file."""
    return read_table(directory, TABLE)
