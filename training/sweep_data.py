"""What a sweep asks of its data: refused before anything is trained, and before there is a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config import ConfigError, RunConfig
from training.data import split_of
from training.jobs import samples_of
from training.search_space import SearchSpace

MOST = ("batch_size", "validation_share", "test_share")  # the larger, the less there is to train on
LEAST = ("train_samples",)


def refuse_data(space: SearchSpace, config: RunConfig, data_root: Path) -> None:
    """DataError for samples that can't be used, ConfigError for batches that some trial could not fill.

    Of what varies, the ends are looked at that leave the fewest samples for the largest batch.
    """
    worst: dict[str, Any] = {}
    for dimension in space.dimensions:
        if dimension.name in MOST + LEAST:
            ends = [value for value in dimension.extremes() if value is not None]
            worst[dimension.name] = max(ends) if dimension.name in MOST else min(ends)
    asked = config.replace(**worst)
    count = len(split_of(asked, samples_of(asked, data_root)).train)
    if asked.batch_size > count:
        allows = ", ".join(f"{name}={value}" for name, value in worst.items())
        because = f"--set allows {allows}, and then " if worst else ""
        raise ConfigError(
            f"{because}batch_size is {asked.batch_size:,}, more than the {count:,} samples to train on; make "
            "it smaller"
        )
