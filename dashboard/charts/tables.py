"""What the pages list, as data frames: runs and their figures, and how configurations differ."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from logs.catalog import RunSummary
from logs.status import duration_text

BROKEN = "broken"  # the state, on the page, of a run whose own files can't be read


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list. Nothing chosen in a field means that the field doesn't matter."""

    text: str = ""  # every word must occur in the name, id, model, data set, tags, group or note
    states: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()  # a run must have all of them

    def matches(self, run: RunSummary) -> bool:
        return (
            (not self.states or shown_state(run) in self.states)
            and (not self.models or run.model in self.models)
            and (not self.datasets or run.dataset in self.datasets)
            and set(self.tags) <= set(run.tags)
            and all(word in _words(run) for word in self.text.casefold().split())
        )


@dataclass(frozen=True)
class MetricColumn:
    """A column of the table of runs: the last or the best value of a metric on a split ("" = none)."""

    which: str  # last, best
    split: str
    metric: str

    @property
    def title(self) -> str:
        which = "best" if self.which == "best" else ""  # the last value needs no saying
        return " ".join(part for part in (which, self.split, self.metric.replace("_", " ")) if part)

    def value(self, run: RunSummary) -> float:
        read = run.best if self.which == "best" else run.last
        number = read(self.metric, self.split or None)
        return float(number) if isinstance(number, int | float) else math.nan


def shown_state(run: RunSummary) -> str:
    return BROKEN if run.broken is not None else run.state


def short_name(run: RunSummary) -> str:
    """The run's name; of one without, its id without the time, which stands beside it anyway."""
    return _TIME.sub("", run.name) if run.name == run.id else run.name


def metric_columns(runs: Iterable[RunSummary]) -> list[MetricColumn]:
    """Every column that some run has a value for: best before last, loss and accuracy first."""
    found: set[MetricColumn] = set()
    for run in runs:
        if run.status is None:
            continue
        for which, table in (("last", run.status.last), ("best", run.status.best)):
            found.update(MetricColumn(which, split, name) for split, names in table.items() for name in names)
    return sorted(found, key=lambda column: (_rank(column), column.title))


def default_columns(columns: Sequence[MetricColumn]) -> list[MetricColumn]:
    """What the table shows unasked: the newest losses, and the best value of the first other metric."""
    wanted = [MetricColumn("last", "train", "loss"), MetricColumn("last", "validation", "loss")]
    best = [column for column in columns if column.which == "best" and column.split == "validation"]
    wanted += [column for column in best if column.metric != "loss"][:1] or best[:1]
    return [column for column in wanted if column in columns]


def sort_runs(runs: Iterable[RunSummary], by: str, columns: Sequence[MetricColumn] = ()) -> list[RunSummary]:
    """By "newest", "oldest", "name", "model", "dataset", "duration", or a metric column's title.

    Values are sorted downwards, but those of a loss or an error upwards; runs without one come last.
    """
    listed = list(runs)
    texts = {"name": lambda run: run.name, "model": lambda run: run.model, "dataset": lambda run: run.dataset}
    if by in texts:
        return sorted(listed, key=lambda run: (texts[by](run).casefold(), -run.created))
    if by in ("newest", "oldest"):
        return sorted(listed, key=lambda run: run.created, reverse=by == "newest")
    column = next((column for column in columns if column.title == by), None)
    sign = 1.0 if column is not None and column.metric in ("loss", "mae", "rmse") else -1.0

    def key(run: RunSummary) -> tuple[bool, float]:
        value = run.duration if column is None else column.value(run)
        return (math.isnan(value), 0.0 if math.isnan(value) else sign * value)

    return sorted(listed, key=key)


def run_table(runs: Sequence[RunSummary], columns: Sequence[MetricColumn] = ()) -> pd.DataFrame:
    """One row per run, in the given order; `state` and `tags` are lists, for coloured labels."""
    return pd.DataFrame(
        {
            "id": [run.id for run in runs],
            "name": [short_name(run) for run in runs],
            "state": [[shown_state(run)] for run in runs],
            "model": [run.model for run in runs],
            "dataset": [run.dataset for run in runs],
            "progress": pd.Series([100 * run.progress for run in runs], dtype="float64"),  # per cent
            **{
                column.title: pd.Series([column.value(run) for run in runs], dtype="float64")
                for column in columns
            },
            "created": pd.to_datetime(
                pd.Series([run.created or math.nan for run in runs], dtype="float64"), unit="s", utc=True
            ),
            "duration": [duration_text(run.duration) for run in runs],
            "tags": [list(run.tags) for run in runs],
        }
    )


def difference_table(configs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The settings in which the configurations differ: a row each, a column per run, values as text.

    A setting inside another is written `optimizer_settings.momentum`; one that a run lacks is an em dash.
    """
    flat = {run: flatten(config) for run, config in configs.items()}
    fields = list(dict.fromkeys(field for settings in flat.values() for field in settings))
    rows = {field: [_text(settings.get(field, _MISSING)) for settings in flat.values()] for field in fields}
    differing = {field: values for field, values in rows.items() if len(set(values)) > 1}
    return pd.DataFrame.from_dict(differing, orient="index", columns=list(configs), dtype="object")


def flatten(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The settings by dotted name, nested ones included."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping):
            found.update(flatten(value, f"{path}."))
        else:
            found[path] = value
    return found


_MISSING = object()
_TIME = re.compile(r"^\d{8}T\d{6}Z-")


def _text(value: Any) -> str:
    if value is _MISSING:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _words(run: RunSummary) -> str:
    parts = (run.name, run.id, run.model, run.dataset, run.group, run.labels.note, *run.tags)
    return " ".join(parts).casefold()


def _rank(column: MetricColumn) -> tuple[int, int, int]:
    metrics = ("loss", "accuracy")
    splits = ("train", "validation", "test", "")
    return (
        metrics.index(column.metric) if column.metric in metrics else len(metrics),
        splits.index(column.split) if column.split in splits else len(splits),
        0 if column.which == "best" else 1,
    )
