"""Every transform on real pictures, each with its strength; mixed ones with their labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.charts.gallery import gallery_chart
from dashboard.data_look import is_here
from dashboard.language import _
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.control import label_of, scale_of, step_of
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from models.catalog import Parameter
from training.augmentation_gallery import label_words, transformed
from training.datasets import DATASETS, DataError
from training.transforms import TRANSFORMS, Transform

PICTURES = 6
HEIGHT = 118  # pixels of a strip


def regular_gallery(words: Mapping[str, str], data: Path) -> None:
    """`words` are the page's passages, `data` the folder of data sets."""
    rows = [row.name for row in DATASETS if row.input_shape and len(row.input_shape) == 3]
    here = [name for name in rows if is_here(DATASETS[name], data)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = named_choice(
            _("Pictures"), here, "digits", "regular_pictures", lambda name: _(DATASETS[name].title), width=260
        )
        with st.container(width=260):
            chosen = bound_slider(_("Other pictures"), 0, 30, 0, "regular_choice")
        with st.container(width=260):
            seed = bound_slider(_("Other draws"), 0, 30, 0, "regular_draws", about=words["draws"])
    try:
        pictures, classes, names = _pictures(dataset, chosen, str(data))
    except (DataError, OSError) as problem:
        st.error(plain(str(problem)))
        return
    if len(here) < len(rows):
        st.caption(words["elsewhere"])
    st.markdown(f"**{_('As they are')}**")
    _strip(pictures, [names[number] for number in classes], "regular_originals", _("The pictures"))
    with st.grid(2, min_column_width=420, gap="small"):
        for row in TRANSFORMS:
            with st.container(border=True):
                _card(row, pictures, classes, names, seed)


@st.fragment  # a slider redraws its own card alone
def _card(
    row: Transform, pictures: np.ndarray, classes: np.ndarray, names: tuple[str, ...], seed: int
) -> None:
    """A transform's strength, and what it makes of the pictures."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{_(row.title)}**")
            st.caption(_(row.summary))
        with st.container(width=190):
            settings = {parameter.name: _strength(parameter) for parameter in row.parameters}
    changed, shares = transformed(pictures, classes, len(names), row.name, settings, seed)
    labels = [label_words(share, names) for share in shares]
    if row.changes_targets:
        labels = [label.replace(", ", "<br>") for label in labels]
    _strip(changed, labels, f"regular_{row.name}", _(row.title), row.changes_targets)
    st.caption(plain(row.source))


def _strength(parameter: Parameter) -> float:
    """The parameter's slider, over the range that its row states."""
    label, key, default = label_of(parameter), f"regular_{parameter.name}", float(parameter.default)
    if parameter.log:
        stops = [float(stop) for stop in scale_of(parameter, default)]
        return bound_scale(label, stops, default, key, about=_(parameter.description))
    assert parameter.low is not None
    assert parameter.high is not None
    step = float(step_of(parameter))
    digits = len(f"{step:g}".partition(".")[2])
    low, high = float(parameter.low), float(parameter.high)
    about = _(parameter.description)
    return bound_slider(label, low, high, default, key, step, about, format=f"%.{digits}f")


def _strip(pictures: np.ndarray, labels: list[str], key: str, description: str, mixed: bool = False) -> None:
    """Pictures side by side; `mixed`: a label has two lines."""
    hovers = [label.replace("<br>", ", ") for label in labels]
    chart = gallery_chart(pictures, labels, hovers, range(len(pictures)), PICTURES)
    if mixed:
        chart.data[0].y = chart.data[0].y + 0.16
    chart.update_yaxes(range=[0.86 if mixed else 0.62, -0.46])
    plot(chart, key, height=HEIGHT + 22 * mixed, description=description)


@st.cache_data(max_entries=64, show_spinner=False)
def _pictures(dataset: str, chosen: int, data: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Some pictures [PICTURES, C, H, W] (uint8) of as many classes, their classes, and the names of all."""
    samples = DATASETS[dataset].load(Path(data), {}, 0, "classification")
    random = np.random.default_rng(chosen)
    order = random.permutation(len(samples.targets))
    _first, places = np.unique(samples.targets[order], return_index=True)
    places = order[random.permutation(places)[:PICTURES]]
    pictures = np.stack([np.asarray(samples.inputs[int(place)]) for place in places])
    return pictures, samples.targets[places], samples.class_names
