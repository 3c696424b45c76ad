"""A table that a person brings, CSV or Parquet: predict one of its columns from others, chosen by name."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.catalog import Parameter, Value
from training.datasets.columns import as_numbers, as_texts, encode, refuse_left_out
from training.datasets.dataset import Dataset, Samples, found_path
from training.datasets.errors import DataError
from training.datasets.table_files import read_table

if TYPE_CHECKING:
    import pandas

MOST_CLASSES = 1000
FEW_VALUES = 20  # whole numbers with no more different values than that are taken for classes


@dataclass(frozen=True)
class Target:
    """`values`: int64 classes, -1 where there is none, or float64 numbers, NaN where there is none."""

    values: np.ndarray
    present: np.ndarray  # bool [N]
    class_names: tuple[str, ...]  # empty in regression
    notes: tuple[str, ...] = ()


def load(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    """Samples are the table's rows, counted from 0; rows without a target are in no part."""
    path = found_path(str(settings["path"]), root, "table")
    frame, notes = read_table(path)
    name = _known(str(settings["target"]).strip(), frame, "target")
    grouped = str(settings["group_column"]).strip() and _known(
        str(settings["group_column"]).strip(), frame, "group_column"
    )
    asked = _asked(str(settings["features"]), frame, name, grouped)
    target = read_target(frame[name], name, task)
    features = asked or [column for column in frame.columns if column not in (name, grouped)]
    encoded = encode(frame[features], int(settings["category_limit"]))
    refuse_left_out(encoded, asked)
    if not encoded.columns:
        raise DataError(f"{path} has no usable feature: {_reasons(encoded.left_out)}")
    usable = target.present.copy()
    notes += [*target.notes, *encoded.notes]
    notes += [f"{column}: left out, as {why}" for column, why in encoded.left_out.items()]
    if settings["missing_values"] == "drop" and encoded.holes[usable].any():
        lacking = int(encoded.holes[usable].sum())
        notes.append(f"{lacking:,} of {int(usable.sum()):,} rows lack a value, and are left out")
        usable &= ~encoded.holes
    groups = None
    if grouped:
        groups = _groups(frame[grouped])
        lacking = int((usable & (groups < 0)).sum())
        if lacking:
            notes.append(f"{lacking:,} rows lack their {grouped}, and are left out")
        usable &= groups >= 0
    if not usable.any():
        raise DataError(f"{path} has no row with {name!r} and all features; use --missing-values median")
    return Samples(
        inputs=np.column_stack(list(encoded.columns.values())).astype(np.float64),
        targets=target.values,
        task="classification" if target.class_names else "regression",
        class_names=target.class_names,
        feature_names=tuple(encoded.columns),
        target_name=name,
        notes=tuple(notes),
        predefined={"train": np.flatnonzero(usable)},
        groups=groups,
    )


def read_target(column: pandas.Series, name: str, task: str) -> Target:
    """The column as classes or numbers, as `task` asks; with "auto", as its values look."""
    numbers, note = as_numbers(column)
    if task == "auto":
        task, reason = _looks_like(column, numbers)
        notes = [f"{name} is taken for {reason}; --task says otherwise"]
    else:
        notes = []
    target = _numbers(column, numbers, name) if task == "regression" else _classes(column, numbers, name)
    if note and task == "regression":
        notes.append(f"{name}: {note}")
    absent = int((~target.present).sum())
    if absent == len(column):
        raise DataError(f"the target {name!r} has no value in any row; choose another column")
    if absent:
        notes.append(f"{absent:,} of {len(column):,} rows have no {name}, and are left out")
    return Target(target.values, target.present, target.class_names, tuple(notes))


def _looks_like(column: pandas.Series, numbers: np.ndarray | None) -> tuple[str, str]:
    """The task that the target's values suggest, and why."""
    if numbers is None:
        return "classification", "classes: it holds texts"
    if column.dtype == bool:
        return "classification", "classes: it is true or false"
    known = numbers[np.isfinite(numbers)]
    different = len(np.unique(known))
    if different <= FEW_VALUES and np.array_equal(known, np.rint(known)) and different * 3 <= len(known):
        return "classification", f"classes: it has {different} different whole numbers"
    return "regression", f"a number to predict: it has {different:,} different values"


def _numbers(column: pandas.Series, numbers: np.ndarray | None, name: str) -> Target:
    if numbers is None:
        example = column.dropna().iloc[0]
        raise DataError(
            f"the target {name!r} holds texts, such as {str(example)!r}, and regression needs numbers; use "
            "--task classification"
        )
    present = np.isfinite(numbers)
    return Target(np.where(present, numbers, np.nan), present, ())


def _classes(column: pandas.Series, numbers: np.ndarray | None, name: str) -> Target:
    """Classes in the order of their numbers, else of the alphabet."""
    if numbers is not None and column.dtype != bool:
        present = np.isfinite(numbers)
        levels = np.unique(numbers[present])
        values = np.searchsorted(levels, numbers)
        names = tuple(str(int(level)) if level.is_integer() else repr(float(level)) for level in levels)
    else:
        texts = as_texts(column)
        if texts is None:
            raise DataError(f"the target {name!r} holds neither numbers nor texts; choose another column")
        present = np.array([text is not None for text in texts])
        names = tuple(sorted({text for text in texts if text is not None}))
        places = {text: place for place, text in enumerate(names)}
        values = np.array([-1 if text is None else places[text] for text in texts])
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"the target {name!r} has {len(names):,} different values, more than {MOST_CLASSES} classes; use "
            "--task regression, or choose another column"
        )
    if len(names) == 1:
        raise DataError(f"the target {name!r} is {names[0]!r} in every row: there is nothing to learn")
    return Target(np.where(present, values, -1).astype(np.int64), present, names)


def _known(name: str, frame: pandas.DataFrame, role: str) -> str:
    columns = [str(column) for column in frame.columns]
    if name in columns:
        return name
    shown = ", ".join(columns[:40]) + (", ..." if len(columns) > 40 else "")
    if not name:
        raise DataError(f"{role} of table is empty; name the column to predict: {shown}")
    near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    raise DataError(f"the table has no column {name!r} ({role}){hint} it has: {shown}")


def _groups(column: pandas.Series) -> np.ndarray:
    """A number for each different value, int64 [N], in the order in which they come; -1: none."""
    import pandas

    return np.asarray(pandas.factorize(column)[0], np.int64)


def _asked(features: str, frame: pandas.DataFrame, target: str, grouped: str) -> list[str]:
    """The columns named in a setting such as `width, height, "weight, kg"`; none: all are meant."""
    names = next(csv.reader([features], skipinitialspace=True), [])
    asked = list(dict.fromkeys(_known(name.strip(), frame, "features") for name in names if name.strip()))
    if target in asked:
        raise DataError(f"{target!r} is the target and can't be a feature too: it would be its own answer")
    if grouped == target:
        raise DataError(f"{target!r} is the target and can't be the group_column too; name another column")
    if grouped in asked:
        raise DataError(
            f"{grouped!r} is the group_column and can't be a feature too: new groups would be unknown to the "
            "network; take it out of one of them"
        )
    return asked


def _reasons(left_out: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "it has no other column"


SPECS = (
    Dataset(
        name="table",
        title="Table (CSV or Parquet)",
        summary="A table of your own: one column to predict, from all others or those you name.",
        source="a file of yours",
        licence="yours",
        tasks=("classification", "binary", "regression"),
        load=load,
        parameters=(
            Parameter("path", "", "where your data lies, in full or below the data folder", kind="path"),
            Parameter("target", "", "column to predict", kind="text"),
            Parameter(
                "features", "", "columns to predict from, separated by commas; empty: all", kind="text"
            ),
            Parameter(
                "group_column",
                "",
                "column that says which rows belong together, to share them out whole to folds; empty: none",
                kind="text",
            ),
            Parameter(
                "missing_values",
                "median",
                "gaps: fill with the training median and mark them, or drop their rows",
                kind="choice",
                choices=("median", "drop"),
            ),
            Parameter(
                "category_limit",
                32,
                "different texts a column may have to become columns of zeros and ones",
                kind="integer",
                low=2,
                high=1000,
                log=True,
            ),
        ),
    ),
)
