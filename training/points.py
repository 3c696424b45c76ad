"""Labelled points in the plane: drawn from a data set, read from a CSV file, or painted by hand (which is a
CSV file too); and which of them train.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64

from logs.directory import RunDirectory
from logs.tables import read_table, write_table
from models.catalog import Catalog, Value
from training.datasets.dataset import Dataset
from training.datasets.planar import SPECS

PLANE: Catalog[Dataset] = Catalog("data set", SPECS)
OWN = "points"  # in place of a row: the reader's own
MOST_POINTS = 5000
MOST_CLASSES = 8
TABLE = "points"  # in the run's tables


class PointsError(ValueError):
    """A file that holds no such points: its text names the line, the column, the rule and the way out."""


@dataclass(frozen=True)
class Points:
    """At least two points of at least two classes."""

    places: Float[np.ndarray, "points 2"]  # in their own units
    classes: Int64[np.ndarray, "points"]  # places in `class_names`
    class_names: tuple[str, ...]
    names: tuple[str, str] = ("x", "y")  # of the two columns

    def __len__(self) -> int:
        return len(self.places)


def drawn_points(dataset: str, settings: Mapping[str, Value], count: int, seed: int) -> Points:
    """So many points of a row of PLANE."""
    row = PLANE[dataset]
    samples = row.load(Path(), {**settings, "sample_count": count}, seed, "auto")
    names = samples.class_names
    return Points(np.asarray(samples.inputs, np.float64), samples.targets.astype(np.int64), names)


def read_points(path: Path) -> Points:
    """The points of a CSV file, or of a run's tables/points.parquet. PointsError says what is wrong."""
    if path.suffix == ".parquet":
        return _from_table(path)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise PointsError(f"{path} can't be read ({reason}); give a CSV file of x, y and a label") from None
    return parse_points(text)


def parse_points(text: str) -> Points:
    """Points from CSV: two columns of numbers and one of labels, with or without a heading, separated by
    commas, semicolons or tabs. PointsError names the line and the column.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    sign = max(",;\t", key=first.count)
    rows = [
        (number, [cell.strip() for cell in row])
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=sign), start=1)
        if any(cell.strip() for cell in row)
    ]
    names = ("x", "y")
    if rows and len(rows[0][1]) == 3 and not any(_is_number(cell) for cell in rows[0][1][:2]):
        heading = rows.pop(0)[1]
        names = (heading[0], heading[1])
    if len(rows) > MOST_POINTS:
        raise PointsError(f"there are {len(rows):,} points; the playground takes {MOST_POINTS:,} at most")
    places = np.zeros((len(rows), 2))
    labels = []
    for place, (number, cells) in enumerate(rows):
        if len(cells) != 3:
            raise PointsError(
                f"line {number} has {len(cells)} columns; each line is two numbers and a label, such as "
                "0.5,1.2,red"
            )
        for column in (0, 1):
            if not _is_number(cells[column]):
                raise PointsError(
                    f"column {names[column]!r} in line {number} is {cells[column][:40]!r}; it must be a "
                    "finite number"
                )
            places[place, column] = float(cells[column])
        if not cells[2]:
            raise PointsError(f"line {number} has no label; write its class into the third column")
        labels.append(cells[2])
    return _checked(places, labels, names)


def split_points(classes: np.ndarray, train_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted places of the points that train, and of those that don't; each class in proportion.

    Of a class with two points or more there is one at least on each side; a single one trains.
    """
    random = np.random.default_rng(seed)
    train, rest = [], []
    for number in np.unique(classes):
        own = random.permutation(np.flatnonzero(classes == number))
        count = min(max(1, round(train_share * len(own))), max(1, len(own) - 1))
        train.append(own[:count])
        rest.append(own[count:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(rest))


def write_points(directory: RunDirectory, points: Points, validation: np.ndarray) -> None:
    """The run's tables/points.parquet: where each point is, its class, and whether it trains."""
    judged = np.isin(np.arange(len(points)), validation)
    columns = {
        "x": points.places[:, 0],
        "y": points.places[:, 1],
        "label": points.classes,
        "split": ["validation" if each else "train" for each in judged.tolist()],
    }
    write_table(directory, TABLE, columns, {"classes": points.class_names, "columns": points.names})


def _from_table(path: Path) -> Points:
    table = read_table(path.parent.parent, path.stem) if path.parent.name == "tables" else None
    if table is None or not {"x", "y", "label"} <= set(table.rows.column_names):
        raise PointsError(f"{path} is no table of points; give a run's tables/points.parquet, or a CSV file")
    frame = table.frame
    names = [str(name) for name in table.about.get("classes", [])]
    numbers = frame["label"].to_numpy()
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise PointsError(f"{path} has labels that it does not name; use another run's points")
    labels = [names[number] for number in numbers.tolist()]
    columns = table.about.get("columns", ["x", "y"])
    return _checked(frame[["x", "y"]].to_numpy(np.float64), labels, (str(columns[0]), str(columns[1])))


def _checked(places: np.ndarray, labels: Sequence[str], names: tuple[str, str]) -> Points:
    known = sorted(set(labels), key=lambda label: (not _is_number(label), _size(label), label))
    if len(known) < 2:
        found = f"all are {known[0]!r}" if known else "there are none"
        raise PointsError(f"of the points, {found}; give points of two classes at least")
    if len(known) > MOST_CLASSES:
        raise PointsError(
            f"there are {len(known)} labels ({', '.join(known[:4])}, ...); the playground takes "
            f"{MOST_CLASSES} classes at most"
        )
    if len(known) == len(labels):
        raise PointsError(
            "each class has one point only, and nothing is left to check on; give two of one class at least"
        )
    codes = {label: code for code, label in enumerate(known)}
    return Points(places, np.array([codes[label] for label in labels], np.int64), tuple(known), names)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _size(label: str) -> float:
    return float(label) if _is_number(label) else 0.0
