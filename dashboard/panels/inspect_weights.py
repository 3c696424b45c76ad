"""A network's weights: how they are spread, which filters are dead, what the first layer looks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.charts.histograms import Histograms, histogram_chart
from dashboard.charts.weights import (
    MOST_FILTERS,
    change_table,
    dead_limit,
    filter_pictures,
    ordered_chart,
    spread_chart,
    weight_table,
)
from dashboard.inspect_subject import Subject, run_subject
from dashboard.language import _, count, texts
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_store import run_reader
from logs.reader import RunReader
from models.weights import (
    STATISTICS,
    Weights,
    changes,
    first_filters,
    singular_values,
    stable_rank,
    unit_norms,
    weights_of_state,
)
from training.checkpoints import CheckpointError

HEIGHT = 300


def weights_tab(subject: Subject) -> None:
    """The table of all, the first layer as pictures, one tensor close up, and what changed."""
    words = texts("inspect_model")
    rows = _rows(subject.sha256, subject)
    if not rows:
        st.info(words["no_weights"], icon=":material/data_array:")
        return
    _said(rows)
    _table(rows)
    _filters(subject, words)
    _close_up(subject, rows, words)
    _changed(subject, words)


def _said(rows: Sequence[Weights]) -> None:
    """What a reader must not miss."""
    broken = [row for row in rows if row.broken]
    if broken:
        listed = ", ".join(row.name for row in broken[:5])
        st.error(
            plain(
                _("{n} tensors hold numbers that are not finite: {listed}").format(
                    n=len(broken), listed=listed
                )
            ),
            icon=":material/error:",
        )
    dead = sum(len(row.dead) for row in rows if not row.name.endswith(STATISTICS))
    units = sum(row.units for row in rows)
    with st.container(horizontal=True, gap="large"):
        st.metric(_("Tensors"), f"{len(rows):,}", width="content")
        st.metric(
            _("Units"), f"{units:,}", width="content", help=_("Filters of convolutions, rows of matrices.")
        )
        st.metric(
            _("Dead units"), f"{dead:,}", width="content",
            help=_("Their weights are 0, or under a thousandth of the layer's median."),
        )  # fmt: skip


def _table(rows: Sequence[Weights]) -> None:
    table = weight_table(rows)
    if not table["broken"].any():
        table = table.drop(columns="broken")
    number = {
        name: st.column_config.NumberColumn(_(title), format="%.4g")
        for name, title in (("low", "Low"), ("high", "High"), ("mean", "Mean"), ("std", "Deviation"))
    }
    st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) <= 12 else 460,
        column_config={
            "name": st.column_config.TextColumn(_("Tensor"), pinned=True, width="medium"),
            "shape": _("Shape"),
            "count": st.column_config.NumberColumn(_("Numbers"), format="localized"),
            "histogram": st.column_config.BarChartColumn(
                _("Spread"), help=_("From the lowest to the highest number, in 40 bins."), y_min=0
            ),
            "norm": st.column_config.NumberColumn(_("Norm"), format="%.4g"),
            "zeros": st.column_config.NumberColumn(_("Zeros"), format="percent"),
            "dead": st.column_config.NumberColumn(_("Dead"), help=_("Units without weight to speak of.")),
            "broken": st.column_config.NumberColumn(_("Not finite")),
            **number,
        },
        alt=_("Weights"),
    )


def _filters(subject: Subject, words: Mapping[str, str]) -> None:
    found = first_filters(subject.state, subject.input_shape)
    if found is None:
        return
    name, filters = found
    st.subheader(_("What the first layer looks for"))
    many = len(filters) > MOST_FILTERS
    shown = (
        _("the first {n} of {all}").format(n=MOST_FILTERS, all=len(filters)) if many else f"{len(filters)}"
    )
    st.caption(words["filters"].format(name=name.replace("`", "'"), shown=shown))
    pictures = filter_pictures(filters.numpy())
    st.image(pictures, width=min(720, pictures.shape[1]))


def _close_up(subject: Subject, rows: Sequence[Weights], words: Mapping[str, str]) -> None:
    st.subheader(_("One tensor close up"))
    names = [row.name for row in rows]
    first = next((row.name for row in rows if row.units), names[0])
    name = named_choice(_("Tensor"), names, first, "inspect_tensor", width=420)
    row, tensor = rows[names.index(name)], subject.state[name].detach().float()
    values = tensor.flatten().numpy()
    step = max(1, values.size // 2_000_000)  # of millions of weights every so many: the picture is the same
    left, right = st.columns(2, gap="medium")
    with left:
        plot(spread_chart(values[::step], _("Spread")), "inspect_spread", height=HEIGHT)
    with right:
        if row.units:
            norms = unit_norms(tensor).numpy()
            plot(
                ordered_chart(norms, _("Norm of each unit's weights"), _("norm"), dead_limit(norms)),
                "inspect_norms", height=HEIGHT,
            )  # fmt: skip
    if row.units:
        _spectrum(subject, name, words)
    if row.dead:
        listed = ", ".join(map(str, row.dead[:40])) + (" ..." if len(row.dead) > 40 else "")
        st.caption(count(len(row.dead), "{n} dead unit: ", "{n} dead units: ") + listed)
    if subject.directory is not None:
        _over_epochs(run_reader(subject.directory.path), name, words)


def _spectrum(subject: Subject, name: str, words: Mapping[str, str]) -> None:
    found = _singular(subject.sha256, name, subject)
    if isinstance(found, str):
        st.info(plain(found), icon=":material/info:")
        return
    values, rank = found
    plot(ordered_chart(values, _("Singular values"), _("singular value")), "inspect_singular", height=HEIGHT)
    st.caption(
        words["spectrum"].format(
            rank=f"{rank:.1f}", all=len(values), largest=f"{values[0]:.4g}", smallest=f"{values[-1]:.3g}"
        )
    )


def _over_epochs(reader: RunReader, name: str, words: Mapping[str, str]) -> None:
    """Histograms that the run logged of this tensor while it trained."""
    reader.refresh()
    logged = f"weights/{name}"
    entries = reader.media("histogram", logged)
    if not entries:
        st.caption(words["no_history"])
        return
    history = _history(reader, str(reader.directory.path), logged, entries[-1].number)
    figure = histogram_chart(history, "percentiles", "epoch", _("Over the epochs"), _("weight"))
    plot(figure, "inspect_history", height=HEIGHT + 40)


def _changed(subject: Subject, words: Mapping[str, str]) -> None:
    if subject.directory is None:
        return
    others = sorted(path.stem for path in subject.directory.checkpoints.glob("*.safetensors"))
    others = [name for name in others if name != subject.checkpoint]
    st.subheader(_("What changed"))
    if not others:
        st.caption(words["one_checkpoint"])
        return
    name = named_choice(_("Between this checkpoint and"), others, others[0], "inspect_other", width=260)
    try:
        other = run_subject(subject.directory, name)
    except CheckpointError as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return
    steps = [int(one.position.get("step", 0)) for one in (subject, other)]
    before, after = (subject, other) if steps[0] <= steps[1] else (other, subject)
    found, unshared = changes(before.state, after.state)
    if not unshared and not any(row.largest for row in found):
        st.info(_("Both checkpoints hold the same weights."), icon=":material/equal:")
        return
    st.caption(
        words["changed"].format(
            before=plain(before.checkpoint),
            after=plain(after.checkpoint),
            first=f"{min(steps):,}",
            last=f"{max(steps):,}",
        )
    )
    st.dataframe(
        change_table(found),
        hide_index=True,
        height="content" if len(found) <= 12 else 420,
        column_config={
            "name": st.column_config.TextColumn(_("Tensor"), pinned=True, width="medium"),
            "shape": _("Shape"),
            "relative": st.column_config.NumberColumn(
                _("Moved"), format="percent", help=_("Norm of the difference, as a share of the norm before.")
            ),
            "cosine": st.column_config.NumberColumn(_("Cosine"), format="%.5f"),
            "largest": st.column_config.NumberColumn(_("Largest change of a number"), format="%.4g"),
        },
        alt=_("What changed"),
    )
    if unshared:
        st.caption(plain(_("Only in one of both: {listed}").format(listed=", ".join(unshared[:20]))))


@st.cache_resource(max_entries=16, show_spinner=False)
def _rows(sha256: str, _subject: Subject) -> list[Weights]:
    return weights_of_state(_subject.state)


@st.cache_data(max_entries=64, show_spinner=False)
def _singular(sha256: str, name: str, _subject: Subject) -> tuple[np.ndarray, float] | str:
    """Values and stable rank, or the sentence that says why not."""
    try:
        values = singular_values(_subject.state[name])
    except ValueError as problem:
        return str(problem)
    return values.numpy(), stable_rank(values)


@st.cache_data(max_entries=32, show_spinner=False)
def _history(_reader: RunReader, run: Path | str, name: str, newest: int) -> Histograms:
    """All of one name in order; read again when a newer one is there."""
    rows = sorted(_reader.histograms(name), key=lambda item: item.step)
    return Histograms(
        step=np.array([item.step for item in rows]),
        epoch=np.array([item.epoch for item in rows], dtype=np.float64),
        counts=[item.counts for item in rows],
        edges=[item.edges for item in rows],
    )
