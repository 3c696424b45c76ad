"""What each layer of a network makes of one sample: maps, statistics, dead units, the path as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from torch import Tensor

from dashboard.charts.feature_maps import map_sheet, strongest
from dashboard.charts.probabilities import probability_chart
from dashboard.charts.samples import data_url
from dashboard.language import _, texts
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.inspect_data import PIXELS, Picked, pick_sample, probabilities_of, thumbnail
from dashboard.panels.inspect_look import look_of
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from models.probes import LayerOutput, LayerStatistics, layer_outputs, layer_statistics
from training.inspected import Inspected, batches_of, chosen_rows, part_of
from training.tasks import TASKS

if TYPE_CHECKING:
    from dashboard.inspect_subject import Subject

STRIP = 5  # maps of a layer in the table; a wider strip would be cut off there
MOST_MAPS = 64
MEASURED = 200  # samples over which statistics are taken
AT_ONCE = 40
SHOWN_NUMBERS = 8  # of an embedding
MOST_CELLS = 4_000_000  # numbers of one layer for one sample, above which it is left out


def activations_tab(subject: Subject) -> None:
    """A sample, the network's answer, one layer close up, and all layers in a table."""
    words = texts("inspect_model")
    look = look_of(subject)
    if look is None:
        return
    picked = pick_sample(look)
    if picked is None:
        return
    layers = _layers(look.fingerprint, picked.key, look, picked)
    if not layers:
        st.info(words["no_layers"])
        return
    left, right = st.columns([2, 5], gap="medium")
    with left:
        answer(look, picked)
    with right:
        _close_up(layers)
    st.subheader(_("The way through the layers"))
    st.caption(words["path"])
    measured: Mapping[str, LayerStatistics] = {}
    if st.toggle(
        _("statistics over {n} samples").format(n=MEASURED), key="inspect_statistics", bind="query-params"
    ):
        measured = _statistics(look)
    _table(layers, measured)


def answer(look: Inspected, picked: Picked, before: np.ndarray | None = None) -> None:
    """The sample as a picture, and what the network says of it."""
    if picked.picture is not None:
        st.image(thumbnail(picked.picture, PIXELS), caption=picked.title, width=PIXELS)
    else:
        st.caption(picked.title)
    shares = probabilities_of(look, picked.inputs)
    if shares is None:
        outputs = look.network(picked.inputs).detach()
        if TASKS[look.data.task].by_neighbours:
            coordinates = ", ".join(f"{number:.3g}" for number in outputs[0, :SHOWN_NUMBERS].tolist())
            more = ", …" if outputs.shape[1] > SHOWN_NUMBERS else ""
            st.text(_("its point: {numbers}").format(numbers=coordinates + more))
            return
        value = float(look.data.in_units(outputs)[0, 0])
        st.metric(_("Prediction ({name})").format(name=look.data.target_name), f"{value:.4g}")
        return
    names = look.data.class_names
    if picked.target is not None:
        said = names[int(shares[0].argmax())]
        right = int(shares[0].argmax()) == picked.target
        st.markdown(
            (":material/check: " if right else ":material/close: ")
            + (_("told right") if right else _("taken for another class"))
        )
        st.text(_("it is {name}, taken for {said}").format(name=names[picked.target], said=said))
    plot(
        probability_chart(shares[0], names, picked.target),
        "inspect_probabilities",
        height=60 + 26 * min(10, len(names)),
        description=_("Class probabilities"),
    )


def _close_up(layers: list[LayerOutput]) -> None:
    """The chosen layer's maps, or its units as bars of grey."""
    by_name = {layer.name: layer for layer in layers}
    kinds = [layer.name for layer in layers if layer.kind == "Conv2d"]
    first = kinds[0] if kinds else layers[0].name
    name = named_choice(
        _("Layer"),
        list(by_name),
        first,
        "inspect_layer",
        lambda text: f"{text} · {by_name[text].kind} · {_shape(by_name[text])}" if text in by_name else text,
    )
    values = by_name[name].values[0].float().numpy()
    if values.ndim == 3:
        count = len(values)
        shown = np.arange(count)
        if count > MOST_MAPS:
            shown = strongest(values, MOST_MAPS)
            st.caption(_("The {n} strongest of {all:,} channels.").format(n=MOST_MAPS, all=count))
        columns = 8 if len(shown) > 6 else max(1, len(shown))
        st.image(
            data_url(map_sheet(values[shown], columns, 720 if count > 1 else 360)),
            alt=_("Feature maps of {name}").format(name=name),
        )
        if count > 1:
            one = bound_slider(_("Channel close up"), 0, count - 1, int(shown[0]), "inspect_channel")
            one = min(int(one), count - 1)
            st.image(
                data_url(map_sheet(values[one : one + 1], 1, 320)),
                caption=_("channel {n}: {low:.3g} to {high:.3g}").format(
                    n=one, low=values[one].min(), high=values[one].max()
                ),
                width=320,
            )
    else:
        st.image(
            data_url(map_sheet(_as_map(values)[None], 1, 720)), alt=_("Outputs of {name}").format(name=name)
        )
    st.caption(
        _(
            "blue below 0, orange above; from black to white where there is one sign. {low:.4g} to {high:.4g}"
        ).format(low=values.min(), high=values.max())
    )


def _table(layers: list[LayerOutput], measured: Mapping[str, LayerStatistics]) -> None:
    rows = []
    for layer in layers:
        values = layer.values[0].float().numpy()
        told = measured.get(layer.name)
        row = {
            "layer": layer.name,
            "kind": layer.kind,
            "output": _shape(layer),
            "pictures": data_url(_strip(values)),
            "mean": float(values.mean()),
            "deviation": float(values.std()),
            "zeros": float((values == 0).mean()),
        }
        if told is not None:
            row |= {"mean": told.mean, "deviation": told.deviation, "zeros": told.zeros}
            dead = {"dead units": f"{len(told.dead):,} of {told.units:,}"}
            row = {**dict(list(row.items())[:4]), **dead, **dict(list(row.items())[4:])}
        rows.append(row)
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        row_height=56,
        height=min(620, 40 + 56 * len(rows)),
        column_config={
            "pictures": st.column_config.ImageColumn(_("strongest maps"), width="large"),
            "mean": st.column_config.NumberColumn(format="%.3g"),
            "deviation": st.column_config.NumberColumn(format="%.3g"),
            "zeros": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
        alt=_("Layers"),
    )


def _strip(values: np.ndarray) -> np.ndarray:
    """The strongest maps of a layer in a row; of units, all of them as one line of cells."""
    if values.ndim == 3:
        return map_sheet(values[strongest(values, STRIP)], STRIP, 400)
    return map_sheet(_as_map(values)[None], 1, 400)


def _as_map(values: np.ndarray) -> np.ndarray:
    """Numbers as a map about five times as wide as high, row by row; what is left of the last row is 0."""
    if values.ndim == 2:
        return values
    flat = values.ravel()
    rows = math.ceil(math.sqrt(len(flat) / STRIP))
    across = -(-len(flat) // rows)
    return np.pad(flat, (0, rows * across - len(flat))).reshape(rows, across)


def _shape(layer: LayerOutput) -> str:
    return " x ".join(str(size) for size in layer.values.shape[1:]) or "1"


@st.cache_resource(max_entries=12, show_spinner=False)
def _layers(fingerprint: str, sample: str, _look: Inspected, _picked: Picked) -> list[LayerOutput]:
    """Every layer's output; the fingerprint and the sample's key stand for the network and the inputs."""
    return [
        layer
        for layer in layer_outputs(_look.network, _picked.inputs)
        if 0 < layer.values.numel() <= MOST_CELLS and layer.values.shape[0] == 1
    ]


def _statistics(look: Inspected) -> dict[str, LayerStatistics]:
    kept = st.session_state.setdefault("inspect_measured", {})
    if look.fingerprint not in kept:
        bar = st.progress(0.0, _("Measuring the layers"))
        split = next(name for name in ("test", "validation", "train") if len(getattr(look.data, name)))
        rows = chosen_rows(part_of(look.data, split), MEASURED, seed=0)

        def batches() -> Iterator[Tensor]:
            done = 0
            for inputs, _targets in batches_of(part_of(look.data, split), rows, AT_ONCE):
                yield inputs
                done += len(inputs)
                bar.progress(min(1.0, done / len(rows)))

        kept.clear()
        kept[look.fingerprint] = {row.name: row for row in layer_statistics(look.network, batches())}
        bar.empty()
    return dict(kept[look.fingerprint])
