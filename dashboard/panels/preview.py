"""What the form's choices amount to before anything is trained: the data, the network, the learning rate."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard.charts.samples import data_url, picture_grid, points_chart, schedule_chart, targets_chart
from dashboard.data_look import DataLook, look_at
from dashboard.language import _, count
from dashboard.network_look import network_look
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot
from training.config import RunConfig
from training.schedules import learning_rates

STEPS = 40  # of each epoch, in the picture of the schedule
EPOCHS = 200  # more are drawn as so many: the shape is the same


def look(config: RunConfig, data: Path) -> DataLook:
    """A first look at the configuration's data; read once for all who ask."""
    settings = json.dumps(dict(config.dataset_settings))
    task = json.dumps(dict(config.task_settings))
    return _looked(config.dataset, settings, config.task, task, config.seed, str(data))


def obstacle(config: RunConfig, looked: DataLook) -> str:
    """Why this configuration can't be trained on this data, or "" where nothing speaks against it."""
    if looked.problem or not looked.input_shape:
        return looked.problem
    try:
        network_look(config.model, dict(config.model_settings), looked.input_shape, looked.outputs)
    except ValueError as problem:
        return str(problem)
    return ""


def preview(config: RunConfig, looked: DataLook, no_data: str) -> None:
    """Three boxes. `no_data` is said of a data set that isn't on this machine yet."""
    with st.container(border=True):
        _data(looked, no_data)
    with st.container(border=True):
        _network(config, looked)
    with st.container(border=True):
        _schedule(config)


@st.cache_data(max_entries=50, show_spinner=False)
def _looked(dataset: str, settings: str, task: str, task_settings: str, seed: int, data: str) -> DataLook:
    return look_at(dataset, json.loads(settings), task, seed, Path(data), json.loads(task_settings))


def _data(looked: DataLook, no_data: str) -> None:
    st.markdown(f"**{_('Data')}** · {plain(looked.title)}")
    if looked.samples:
        words = [count(looked.samples, "{n} sample", "{n} samples")]
        if looked.class_names:
            words.append(count(len(looked.class_names), "{n} class", "{n} classes"))
        words.append(" × ".join(str(size) for size in looked.input_shape))
        st.caption(" · ".join(words))
    if looked.problem:
        st.caption(_("It can't be read as asked."))
    elif looked.pictures is not None:
        st.image(data_url(picture_grid(looked.pictures)), width="stretch", alt=_("The first pictures"))
    elif looked.points is not None and looked.targets is not None:
        chart = points_chart(looked.points, looked.targets, looked.class_names)
        plot(chart, "new_run_points", height=300, description=_("Samples"))
    elif looked.targets is not None:
        plot(targets_chart(looked.targets), "new_run_targets", height=220, description=_("Targets"))
    else:
        st.caption(no_data)


def _network(config: RunConfig, looked: DataLook) -> None:
    st.markdown(f"**{_('Network')}**")
    if not looked.input_shape:
        st.caption(_("Its size depends on the data, which can't be looked at yet."))
        return
    if obstacle(config, looked):  # said where the button is
        return
    layers = network_look(config.model, dict(config.model_settings), looked.input_shape, looked.outputs)
    total = sum(layer.parameters for layer in layers)
    shape = " × ".join(str(size) for size in looked.input_shape)
    st.markdown(
        _("{parameters:,} parameters, from {inputs} to {outputs}").format(
            parameters=total, inputs=shape, outputs=looked.outputs
        )
    )
    with st.expander(count(len(layers), "{n} layer with weights", "{n} layers with weights")):
        frame = pd.DataFrame(
            {
                _("layer"): [layer.name for layer in layers],
                _("kind"): [layer.kind for layer in layers],
                _("shape"): [layer.shape for layer in layers],
                _("parameters"): [layer.parameters for layer in layers],
            }
        )
        st.dataframe(frame, hide_index=True, alt=_("Layers"))


def _schedule(config: RunConfig) -> None:
    epochs = min(config.epochs, EPOCHS)
    rates = learning_rates(
        config.schedule,
        _scaled(config, epochs),
        config.learning_rate,
        epochs,
        max(1, STEPS // max(1, epochs // 10)),
    )
    st.markdown(f"**{_('Learning rate')}**")
    chart = schedule_chart(rates, config.epochs)
    plot(chart, "new_run_schedule", height=200, description=_("Learning rate over the epochs"))


def _scaled(config: RunConfig, epochs: int) -> dict:
    """The schedule's settings; a very long run is drawn shorter, and its periods with it."""
    return dict(config.schedule_settings)
