"""What a sweep's settings ask of the data: the trial that would fail is found before any is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.config import ConfigError, RunConfig
from training.data import split_of
from training.datasets import DataError
from training.jobs import samples_of
from training.search_space import SearchSpace
from training.sweep_data import refuse_data

IRIS = RunConfig(dataset="iris", model="linear", batch_size=16)


@pytest.mark.parametrize(
    ("rows", "start", "sentence"),
    [
        (["batch_size=8,500"], IRIS, "--set allows batch_size=500, and then batch_size is 500, more than"),
        (["batch_size=int:8:400"], IRIS, "batch_size=400"),
        (["validation_share=0.1,0.8"], IRIS.replace(batch_size=64), "validation_share=0.8"),
        (["learning_rate=0.1,0.2"], IRIS.replace(batch_size=149), "^batch_size is 149"),
    ],
)
def test_batches_that_a_trial_could_not_fill_are_refused(
    rows: list[str], start: RunConfig, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        refuse_data(SearchSpace.parse(rows, start), start, tmp_path)


def test_the_largest_batch_that_can_be_filled_is_allowed(tmp_path: Path) -> None:
    most = len(split_of(IRIS, samples_of(IRIS, tmp_path)).train)
    refuse_data(SearchSpace.parse([f"batch_size=8,{most}"], IRIS), IRIS, tmp_path)
    with pytest.raises(ConfigError, match=f"more than the {most} samples"):
        refuse_data(SearchSpace.parse([f"batch_size=8,{most + 1}"], IRIS), IRIS, tmp_path)


def test_a_data_set_of_one_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("x,y\n" + "".join(f"{x},same\n" for x in range(30)))
    settings = {"path": "one.csv", "target": "y"}
    start = RunConfig(dataset="table", dataset_settings=settings, model="linear", batch_size=8)
    with pytest.raises(DataError, match="nothing to learn"):
        refuse_data(SearchSpace.parse(["learning_rate=0.1,0.2"], start), start, tmp_path)
