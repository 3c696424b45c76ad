"""Which guided set the page of real images is about: data set, training images, epochs; and the seeds."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.data_look import is_here
from dashboard.guided_look import set_config
from dashboard.language import _
from dashboard.panels.bound_control import bound_control
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.settings import Settings
from models.catalog import Parameter
from training.config import ConfigError, RunConfig
from training.datasets import DATASETS
from training.guided_set import IMAGE_SETS

SAMPLES = Parameter(
    "training_images", 0, "training images; empty: as many as suit the data", "integer", 10, 60_000
)
EPOCHS = Parameter("epochs", 0, "passes over them; empty: as many as suit the data", "integer", 2, 1000)


def asked_set(settings: Settings, words: Mapping[str, str]) -> tuple[RunConfig | None, int]:
    """The set that the settings stand for, None where they don't go together; and the number of seeds."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = bounded_choice(
            _("Images"), tuple(IMAGE_SETS.names()), "digits", "real_dataset",
            lambda name: IMAGE_SETS[name].title,
        )  # fmt: skip
        usual = IMAGE_SETS[dataset].config()
        key = "" if dataset == "digits" else f"_{dataset}"
        samples = bound_control(SAMPLES, None, f"real_samples{key}", absent=usual.train_samples, width=150)
        epochs = bound_control(EPOCHS, None, f"real_epochs{key}", absent=usual.epochs, width=150)
        seeds = bound_slider(
            _("Seeds"), 1, 10, 1, "real_seeds", width=180,
            about=_("Trainings of each variant, with other images and other first weights."),
        )  # fmt: skip
    if not is_here(DATASETS[dataset], settings.data):
        st.caption(words["download"])
    try:
        return set_config(dataset, samples, epochs), seeds
    except ConfigError as problem:
        st.error(plain(str(problem)), title=words["cannot"], icon=":material/error:")
        return None, seeds
