"""How a layer's weights or gradients are spread, over the course of a run."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.charts.histograms import Histograms, histogram_chart
from dashboard.language import _
from dashboard.panels.plot import plot
from logs.reader import RunReader

SHAPES = {"heatmap": "Heatmap", "ridges": "Ridges", "percentiles": "Percentiles"}


def run_weights(reader: RunReader, nothing: str) -> None:
    """Chooses a kind (weights, gradients), a layer and a shape, and draws the histograms over time."""
    reader.refresh()
    kinds = histogram_names([entry.name for entry in reader.media("histogram")])
    if not kinds:
        st.info(nothing)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = _one(_("Of"), list(kinds), "run_histogram_kind")
        layer = st.selectbox(_("Layer"), kinds[kind], key="run_layer", bind="query-params", width=260)
        shape = _one(_("As"), list(SHAPES), "run_histogram_shape", SHAPES)
        axis = _one(_("Along"), ["step", "epoch"], "run_histogram_axis")
    name = f"{kind}/{layer}" if kind else str(layer)
    newest = reader.media("histogram", name)[-1].number
    histograms = _histograms(reader, str(reader.directory.path), name, newest)
    figure = histogram_chart(histograms, shape, axis, value_title=kind.removesuffix("s") or _("value"))  # type: ignore[arg-type]
    plot(figure, "run_histogram", height=460, description=_("{name} over time").format(name=name))


@st.cache_data(max_entries=32, show_spinner=False)
def _histograms(_reader: RunReader, run: str, name: str, newest: int) -> Histograms:
    """All of one name, in order; read again when a newer one is there, not at each look."""
    rows = sorted(_reader.histograms(name), key=lambda item: item.step)
    return Histograms(
        step=np.array([item.step for item in rows]),
        epoch=np.array([item.epoch for item in rows], dtype=np.float64),
        counts=[item.counts for item in rows],
        edges=[item.edges for item in rows],
    )


def histogram_names(names: list[str]) -> dict[str, list[str]]:
    """Layers by kind ("" for a name without one), in the order in which they were logged; weights first."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        kind, slash, layer = name.partition("/")
        found.setdefault(kind if slash else "", []).append(layer if slash else name)
    return dict(sorted(found.items(), key=lambda item: item[0] != "weights"))


def _one(label: str, options: list[str], key: str, titles: dict[str, str] | None = None) -> str:
    """One of a few, all visible."""
    chosen = st.segmented_control(
        label, options, default=options[0], required=True, key=key, bind="query-params",
        format_func=lambda option: _((titles or {}).get(option, option) or "other"),
    )  # fmt: skip
    return chosen if chosen in options else options[0]
