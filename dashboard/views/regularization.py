"""Regularisation close up: what penalties, dropout, augmentation and early stopping do inside."""

import streamlit as st

from dashboard.language import _, texts
from dashboard.panels.bounded import said_problems
from dashboard.panels.regular_dropout import regular_dropout
from dashboard.panels.regular_gallery import regular_gallery
from dashboard.panels.regular_paths import regular_paths, regular_zeros
from dashboard.panels.regular_patience import regular_patience
from dashboard.panels.source import show_source
from dashboard.panels.try_this import try_this
from dashboard.settings import read_settings
from training.dropout_masks import ensemble
from training.patience import early_stop
from training.transforms import augment
from training.weight_paths import coordinate_descent

words = texts("regularization")
settings = read_settings()

st.title(_("Regularisation close up"))
st.caption(words["intro"])
problems = st.container()
try_this(words["try"], "regular")
contents = {
    _("L1 and L2"): lambda: regular_paths(words),
    _("Exact zeros"): lambda: regular_zeros(words),
    _("Dropout"): lambda: regular_dropout(words),
    _("Augmentation"): lambda: regular_gallery(words, settings.data),
    _("Early stopping"): lambda: regular_patience(words, settings.runs),
}


@st.fragment  # a slider redraws this part alone, a third of the work of the whole page
def laboratory() -> None:
    boxes = st.tabs(list(contents), key="regular_tab", bind="query-params", on_change="rerun")
    for draw, box in zip(contents.values(), boxes, strict=True):
        if box.open:
            with box:
                draw()


laboratory()
with problems:
    said_problems(words["bad_address"], "regular_")
show_source(__file__, coordinate_descent, ensemble, augment, early_stop)
