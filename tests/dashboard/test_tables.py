"""What the pages list: filters, order, metric columns, and how configurations differ."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from dashboard.charts.tables import (
    BROKEN,
    MetricColumn,
    RunFilter,
    default_columns,
    difference_table,
    metric_columns,
    run_table,
    short_name,
    sort_runs,
)
from logs.catalog import RunSummary
from logs.info import RunInfo
from logs.labels import Labels
from logs.status import Status


def run(name: str = "", model: str = "mlp", dataset: str = "digits", **more: Any) -> RunSummary:
    number = more.pop("number", 1)
    run_id = f"20260101T00000{number}Z-{model}-{dataset}-000{number}"
    info = RunInfo(
        run_id,
        model,
        dataset,
        name,
        tags=more.pop("tags", ()),
        created=1.7e9 + number,
        config=more.pop("config", {}),
    )
    status = Status(
        more.pop("status", "finished"), last=more.pop("last", {}), best=more.pop("best", {}), **more
    )
    return RunSummary(Path("runs") / run_id, info, status, Labels(note="a note"), status.state)


def broken() -> RunSummary:
    return RunSummary(Path("runs/odd"), None, None, Labels(), "lost", "runs/odd/run.json is torn")


def names(runs: list[RunSummary]) -> list[str]:
    return [item.name for item in runs]


ALL = [
    run("alpha", number=1, tags=("small", "base")),
    run("beta", "lenet5", "fashion_mnist", number=2, tags=("base",), status="failed"),
    run("gamma", "mlp", "two_moons", number=3, status="running"),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), ["alpha", "beta", "gamma"]),
        (RunFilter(text="ALPHA"), ["alpha"]),
        (RunFilter(text="mlp moons"), ["gamma"]),
        (RunFilter(text="note"), ["alpha", "beta", "gamma"]),
        (RunFilter(text="nothing has this"), []),
        (RunFilter(states=("failed", "running")), ["beta", "gamma"]),
        (RunFilter(models=("mlp",), datasets=("digits",)), ["alpha"]),
        (RunFilter(tags=("base",)), ["alpha", "beta"]),
        (RunFilter(tags=("base", "small")), ["alpha"]),
    ],
)
def test_a_filter_keeps_what_it_names(wanted: RunFilter, found: list[str]) -> None:
    assert [item.name for item in ALL if wanted.matches(item)] == found


def test_a_broken_run_is_found_by_its_state() -> None:
    assert RunFilter(states=(BROKEN,)).matches(broken())
    assert not RunFilter(states=("lost",)).matches(broken())


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ("newest", ["gamma", "beta", "alpha"]),
        ("oldest", ["alpha", "beta", "gamma"]),
        ("name", ["alpha", "beta", "gamma"]),
        ("model", ["beta", "gamma", "alpha"]),
        ("an address somebody mistyped", ["alpha", "beta", "gamma"]),
    ],
)
def test_runs_are_sorted_by_what_they_are(by: str, found: list[str]) -> None:
    assert names(sort_runs(ALL, by)) == found


def test_losses_rise_accuracies_fall_and_missing_ones_come_last() -> None:
    def with_figures(name: str, number: int, value: float) -> RunSummary:
        last = {"validation": {"loss": value, "accuracy": value}} if value == value else {}
        return run(name, number=number, last=last)

    runs = [with_figures("none", 1, math.nan), with_figures("high", 2, 0.9), with_figures("low", 3, 0.1)]
    columns = metric_columns(runs)
    assert names(sort_runs(runs, "validation loss", columns)) == ["low", "high", "none"]
    assert names(sort_runs(runs, "validation accuracy", columns)) == ["high", "low", "none"]


def test_columns_are_what_some_run_has_and_the_usual_ones_come_first() -> None:
    runs = [
        run(last={"train": {"loss": 1.0}, "": {"learning_rate": 0.1}}),
        run(
            number=2,
            last={"validation": {"accuracy": 0.5}},
            best={"validation": {"accuracy": {"value": 0.7}}},
        ),
        broken(),
    ]
    columns = metric_columns(runs)
    assert [column.title for column in columns] == [
        "train loss",
        "best validation accuracy",
        "validation accuracy",
        "learning rate",
    ]
    assert [column.title for column in default_columns(columns)] == ["train loss", "best validation accuracy"]
    assert columns[1].value(runs[1]) == 0.7
    assert math.isnan(columns[1].value(runs[0]))


def test_the_table_has_a_row_for_every_run_also_for_broken_ones() -> None:
    column = MetricColumn("last", "train", "loss")
    table = run_table([run("one", epoch=3.0, epochs=6.0, last={"train": {"loss": 0.25}}), broken()], [column])
    assert list(table["state"]) == [["finished"], [BROKEN]]
    assert table["progress"][0] == 50
    assert table["train loss"][0] == 0.25
    assert table["created"].isna().tolist() == [False, True]


def test_the_table_of_no_runs_has_its_columns() -> None:
    assert list(run_table([])) == list(run_table([run()]))


def test_a_run_without_a_name_is_called_by_its_id_without_the_time() -> None:
    assert short_name(run()) == "mlp-digits-0001"
    assert short_name(run("20260101T000000Z-mine")) == "20260101T000000Z-mine"


def test_only_differing_settings_are_listed_nested_ones_by_their_path() -> None:
    table = difference_table(
        {
            "a": {"model": "mlp", "seed": 0, "optimizer_settings": {"momentum": 0.9}, "tags": ["x"]},
            "b": {"model": "mlp", "seed": 1, "optimizer_settings": {}, "tags": ["x"]},
        }
    )
    assert table.to_dict("index") == {
        "seed": {"a": "0", "b": "1"},
        "optimizer_settings.momentum": {"a": "0.9", "b": "—"},
    }


def test_equal_configurations_do_not_differ() -> None:
    assert difference_table({"a": {"x": 1}, "b": {"x": 1}}).empty
    assert difference_table({}).empty


def test_how_long_a_run_took_is_said_in_two_units_and_not_for_a_broken_one() -> None:
    table = run_table([run(heartbeat=1.7e9 + 1 + 250), broken()], [])
    assert table["duration"].tolist() == ["4 min 10 s", ""]
