"""Who is in which fold of a study."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.fold_split import COLUMNS, LINES, SplitPicture, split_chart, split_picture
from dashboard.kfold_study import KFoldStudy
from dashboard.language import _, count
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.plot import plot
from dashboard.panels.study_samples import classes_of, names_of, study_samples
from dashboard.settings import Settings

ORDERS = {"dealt": "by the fold that judges them", "place": "as they lie in the data"}


def kfold_split(study: KFoldStudy, settings: Settings, nothing: str, reading: str) -> None:
    """The picture of the split, and what was left out of it."""
    if not study.folds:
        st.info(nothing)
        return
    samples = study_samples(study.config_text, str(settings.data))
    classes = classes_of(samples)
    st.caption(reading)
    order = bounded_choice(
        _("Samples"), tuple(ORDERS), "dealt", "kfold_split_order", lambda name: _(ORDERS[name])
    )
    picture = _picture((study.id, len(study.folds), classes is None), order == "dealt", study, classes)
    height = 150 + min(max(16 * len(picture.folds), 120), 640)
    figure = split_chart(picture, names_of(samples))
    plot(figure, "kfold_split_picture", height=height, description=_("Who is in which fold"))
    said = []
    if picture.all_samples > COLUMNS:
        said.append(
            _("{shown:,} of {all:,} samples, evenly spaced").format(shown=COLUMNS, all=picture.all_samples)
        )
    if picture.all_folds > LINES:
        said.append(_("{shown:,} of {all:,} folds, evenly spaced").format(shown=LINES, all=picture.all_folds))
    sizes = sorted({len(fold.split.test) for fold in study.folds})
    tested = (
        count(sizes[0], "{n} sample", "{n} samples")
        if len(sizes) == 1
        else _("{low:,} to {high:,} samples").format(low=sizes[0], high=sizes[-1])
    )
    said.append(_("each fold is judged by {samples}").format(samples=tested))
    st.caption(" · ".join(said))


@st.cache_data(max_entries=30, show_spinner=False)
def _picture(
    version: tuple[Any, ...], dealt: bool, _study: KFoldStudy, _classes: np.ndarray | None
) -> SplitPicture:
    return split_picture(_study.folds, _classes, dealt=dealt)
