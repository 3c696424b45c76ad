"""What a network is made of: layers as a tree, what each costs, the graph, and the anatomy of nn.Module."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st
import torch

from dashboard.charts.layers import layer_bars_chart, layer_table
from dashboard.charts.network_graph import graph_dot
from dashboard.inspect_subject import Subject
from dashboard.language import _, count, mark, texts
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_switch
from dashboard.panels.plot import plot
from models.anatomy import Modes, anatomy, modes
from models.graph import layer_graph
from models.receptive_field import ReceptiveField, receptive_fields
from models.summary import Layer, Summary, summarize
from models.timing import layer_times

MEASURES: dict[str, tuple[str, str, Callable[[Layer], float]]] = {
    "parameters": (mark("Parameters"), mark("numbers"), lambda layer: layer.parameters_below),
    "compute": (mark("Multiply-adds"), mark("multiply-adds a sample"), lambda layer: layer.multiply_adds),
    "memory": (mark("Memory of outputs"), mark("kB a sample"), lambda layer: layer.output_bytes / 1000),
    "time": (mark("Measured time"), mark("ms a sample"), lambda layer: 0.0),
}
COLUMNS = (
    "layer", "kind", "output", "field", "parameters", "multiply_adds", "kilobytes", "milliseconds", "frozen",
    "buffers", "calls", "settings",
)  # fmt: skip
GRAPH_HEIGHT = 620


def structure_tab(subject: Subject) -> None:
    """Figures of the whole, the table of layers, what each costs, the graph, and what nn.Module answers."""
    words = texts("inspect_model")
    try:
        summary = summary_of(subject)
    except ValueError as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return
    _figures(summary)
    deepest = max(layer.depth for layer in summary.layers)
    with_fields = _layers(subject, summary, deepest)
    _costs(subject, summary)
    with_fields()
    st.subheader(_("Graph"))
    _graph(subject, deepest)
    st.subheader(_("Anatomy of nn.Module"))
    st.caption(words["anatomy"])
    _anatomy(subject)


def _figures(summary: Summary) -> None:
    whole = summary.whole
    weighted = sum(1 for layer in summary.leaves if layer.parameters and not _is_norm(layer))
    with st.container(horizontal=True, gap="large"):
        st.metric(_("Parameters"), f"{whole.parameters_below:,}", width="content")
        st.metric(
            _("Frozen"), f"{whole.parameters_below - whole.trainable_below:,}", width="content",
            help=_("Parameters that training leaves alone."),
        )  # fmt: skip
        st.metric(
            _("Buffers"), f"{whole.buffers_below:,}", width="content",
            help=_("Numbers that no gradient reaches, such as running means of batch norm."),
        )  # fmt: skip
        st.metric(
            _("Multiply-adds"), _short(whole.multiply_adds), width="content",
            help=_("For one sample: products added to a sum. PyTorch's flop counter says twice this."),
        )  # fmt: skip
        st.metric(_("Weights"), f"{summary.parameter_bytes / 1e6:,.2f} MB", width="content")
        st.metric(
            _("Outputs"), f"{whole.output_bytes / 1e6:,.2f} MB", width="content",
            help=_("Of all layers together, for one sample: what training keeps for the way back."),
        )  # fmt: skip
        st.metric(
            _("Depth"), count(weighted, "{n} layer", "{n} layers"), width="content",
            help=_("Layers with weights, normalisations left out."),
        )  # fmt: skip


def _layers(subject: Subject, summary: Summary, deepest: int) -> Callable[[], None]:
    """The table of layers. What is returned draws it again with receptive fields, which take longer."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        depth = deepest
        if deepest > 1:
            with st.container(width=240):
                depth = bound_slider(_("Levels of modules"), 1, deepest, deepest, "inspect_depth")
        timed = st.toggle(
            _("Measure times"), key="inspect_times", bind="query-params",
            help=_("The median of several passes of one sample, on this machine, as busy as it is."),
        )  # fmt: skip
    times = times_of(subject) if timed else None
    place = st.empty()

    def draw(fields: Mapping[str, ReceptiveField]) -> None:
        with place:
            _table(layer_table(summary, fields, min(depth, deepest), times))

    draw({})
    if summary.uncounted:
        listed = ", ".join(f"{name} ({often})" for name, often in summary.uncounted.items())
        st.caption(plain(_("Computed, and not counted as multiply-adds: {listed}").format(listed=listed)))
    return lambda: draw(fields_of(subject))


def _table(table: pd.DataFrame) -> None:
    st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) <= 16 else 600,
        column_order=[name for name in COLUMNS if name in table],
        column_config={
            "layer": st.column_config.TextColumn(_("Layer"), pinned=True, width="medium"),
            "kind": _("Class"),
            "settings": st.column_config.TextColumn(_("Settings"), width="medium"),
            "output": st.column_config.TextColumn(_("Output"), help=_("Shape, without the batch.")),
            "field": st.column_config.TextColumn(
                _("Sees"),
                help=_("Receptive field of one unit in pixels, height x width, as the gradient measures it."),
            ),
            "parameters": st.column_config.NumberColumn(_("Parameters"), format="localized"),
            "frozen": st.column_config.NumberColumn(_("Frozen"), format="localized"),
            "buffers": st.column_config.NumberColumn(_("Buffers"), format="localized"),
            "multiply_adds": st.column_config.NumberColumn(_("Multiply-adds"), format="compact"),
            "kilobytes": st.column_config.NumberColumn(_("Output kB"), format="%.1f"),
            "milliseconds": st.column_config.NumberColumn(_("ms"), format="%.3f"),
            "calls": st.column_config.NumberColumn(_("Calls"), help=_("How often one pass calls it.")),
        },
        alt=_("Layers"),
    )


def _costs(subject: Subject, summary: Summary) -> None:
    leaves = summary.leaves
    if len(leaves) < 2:
        return
    names = list(MEASURES)
    measure = named_switch(
        _("Cost of each layer"), names, names[0], "inspect_measure", lambda name: _(MEASURES[name][0])
    )
    title, unit, value_of = MEASURES[measure]
    if measure == "time":
        times = times_of(subject)
        values = [1000 * times.get(layer.path, 0.0) for layer in leaves]
    else:
        values = [float(value_of(layer)) for layer in leaves]
    pairs = [(layer.path, value) for layer, value in zip(leaves, values, strict=True) if value > 0]
    figure = layer_bars_chart(
        [path for path, _value in pairs], [value for _path, value in pairs], _(title), _(unit)
    )
    plot(figure, "inspect_costs", height=min(900, 130 + 18 * min(len(pairs), 60)))


def _graph(subject: Subject, deepest: int) -> None:
    depth = min(2, deepest)
    if deepest > 1:
        with st.container(width=240):
            depth = bound_slider(
                _("Levels in the graph"), 1, deepest, depth, "inspect_graph_depth",
                about=_("Modules further down are drawn as one box."),
            )  # fmt: skip
    try:
        dot = _dot(subject.sha256, subject.model, depth, subject)
    except ValueError as problem:
        st.info(plain(str(problem)), icon=":material/info:")
        return
    with st.container(height=GRAPH_HEIGHT, border=True, horizontal_alignment="center"):
        st.graphviz_chart(dot, width="content")


def _anatomy(subject: Subject) -> None:
    assert subject.network is not None
    rows = anatomy(subject.network)
    st.table(
        {
            _("Ask"): [f"`{row.code}`" for row in rows],
            _("Answer"): [plain(row.gives) for row in rows],
            _("Which is"): [row.meaning for row in rows],
        },
        hide_index=True,
        alt=_("Anatomy of nn.Module"),
    )
    found = _modes(subject.sha256, subject.model, subject)
    if found is None:
        return
    said = _(
        "Four random samples, twice in each mode: outputs differ by {eval:.2g} in evaluation, by {train:.2g} "
        "in training mode, and the two modes by {both:.2g}. The largest output is {scale:.2g}."
    )
    moved = len(found.moved_buffers)
    st.caption(
        said.format(
            eval=found.eval_twice, train=found.train_twice, both=found.train_against_eval, scale=found.scale
        )
        + (
            " " + count(moved, "Training mode moved {n} buffer.", "Training mode moved {n} buffers.")
            if moved
            else ""
        )
    )


def summary_of(subject: Subject) -> Summary:
    """For one sample; computed once for each file. ValueError where the network can't be run."""
    return _summary(subject.sha256, subject.model, subject)


@st.cache_resource(max_entries=16, show_spinner=False)
def _summary(sha256: str, model: str, _subject: Subject) -> Summary:
    assert _subject.network is not None
    assert _subject.input_shape is not None
    return summarize(_subject.network, (1, *_subject.input_shape))


def fields_of(subject: Subject) -> dict[str, ReceptiveField]:
    """By path; empty where the network takes no pictures."""
    if subject.input_shape is None or len(subject.input_shape) != 3:
        return {}
    return _fields(subject.sha256, subject.model, subject)


@st.cache_resource(max_entries=16, show_spinner=False)
def _fields(sha256: str, model: str, _subject: Subject) -> dict[str, ReceptiveField]:
    assert _subject.network is not None
    assert _subject.input_shape is not None
    return receptive_fields(_subject.network, _subject.input_shape)


def times_of(subject: Subject) -> dict[str, float]:
    """Seconds by path, measured once for each file."""
    with st.spinner(_("Measuring")):
        return _times(subject.sha256, subject.model, subject)


@st.cache_resource(max_entries=16, show_spinner=False)
def _times(sha256: str, model: str, _subject: Subject) -> dict[str, float]:
    assert _subject.network is not None
    assert _subject.input_shape is not None
    return layer_times(_subject.network, torch.zeros(1, *_subject.input_shape))


@st.cache_data(max_entries=32, show_spinner=False)
def _dot(sha256: str, model: str, depth: int, _subject: Subject) -> str:
    assert _subject.network is not None
    assert _subject.input_shape is not None
    return graph_dot(layer_graph(_subject.network, (1, *_subject.input_shape), depth))


@st.cache_resource(max_entries=16, show_spinner=False)
def _modes(sha256: str, model: str, _subject: Subject) -> Modes | None:
    assert _subject.network is not None
    assert _subject.input_shape is not None
    try:
        return modes(_subject.network, torch.randn(4, *_subject.input_shape))
    except (RuntimeError, ValueError):
        return None  # a network that takes one sample at a time, say


def _is_norm(layer: Layer) -> bool:
    return "Norm" in layer.kind


def _short(number: float) -> str:
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {sign}"
    return f"{number:,.0f}"
