"""The samples that a study was made of, read once for all who look at it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.data_look import is_here
from training.config import ConfigError, RunConfig
from training.data import task_of
from training.datasets import DATASETS, DataError
from training.jobs import samples_of


@st.cache_resource(max_entries=4, show_spinner=False)
def study_samples(config_text: str, data: str) -> Any:
    """training.datasets.Samples of a configuration (RunConfig.to_dict() as JSON) with its `task` settled.

    None where they can't be read now, as where the files are no longer here: nothing is downloaded.
    """
    from dataclasses import replace

    try:
        config = RunConfig.from_dict(json.loads(config_text))
        if not is_here(DATASETS[config.dataset], Path(data)):
            return None
        samples = samples_of(config, Path(data))
        return replace(samples, task=task_of(config, samples))
    except (ConfigError, DataError, OSError, ValueError):
        return None


def classes_of(samples: Any) -> np.ndarray | None:
    """The class of every sample; None in a regression, and where there are no samples."""
    return None if samples is None or samples.task == "regression" else np.asarray(samples.targets)


def names_of(samples: Any) -> tuple[str, ...]:
    return () if samples is None else tuple(samples.class_names)
