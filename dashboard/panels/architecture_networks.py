"""Networks as points: which ones, what is on the axes, and the table of their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from dashboard.architecture_look import (
    PICTURES,
    Point,
    Subject,
    every_network,
    known_points,
    trained_networks,
)
from dashboard.charts.architectures import AXES, facts_frame, size_chart
from dashboard.language import _, mark
from dashboard.panels.named_choice import named_choice, named_switch
from dashboard.panels.plot import plot
from dashboard.panels.run_store import listed_runs

WHICH = {"zoo": mark("Every network"), "runs": mark("Runs made")}


def networks_part(words: Mapping[str, str], runs: Path) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = named_switch(_("Networks"), tuple(WHICH), "zoo", "arch_of", lambda name: _(WHICH[name]))
        names = [name for name in AXES.names() if name != "accuracy" or which == "runs"]
        x = named_choice(_("Across"), names, "multiply_adds", "arch_x", _axis_title, width=280)
        usual = "accuracy" if which == "runs" else "parameters"
        y = named_choice(_("Up"), names, usual, f"arch_y_{which}", _axis_title, width=280)
        size = "28"
        if which == "zoo":
            size = named_choice(
                _("Pictures"), list(PICTURES), "28", "arch_pictures", _picture_title, width=180
            )
    subjects = trained_networks(listed_runs(runs)) if which == "runs" else every_network(PICTURES[size])
    if not subjects:
        st.info(words["no_runs"], icon=":material/stacked_line_chart:")
        return
    points = _computed(subjects, "time" in (x, y))
    label = f"{_(AXES[y].title)} / {_(AXES[x].title)}"
    plot(size_chart(points, AXES[x], AXES[y]), "arch_chart", height=520, description=label)
    st.caption(words["reading"])
    _table(points, which)


def _computed(subjects: Sequence[Subject], measured: bool) -> list[Point]:
    """The points, with a bar while what is not known yet is computed."""
    bar = st.empty()
    points = []
    found = iter(known_points(subjects, measured))
    for number, subject in enumerate(subjects):
        words = _("Looking at {name}").format(name=subject.model)
        bar.progress(number / len(subjects), text=words)
        point = next(found)
        if point is not None:
            points.append(point)
    bar.empty()
    return points


def _table(points: Sequence[Point], which: str) -> None:
    frame = facts_frame(points)
    empty = [name for name in ("time", "accuracy", "run") if frame[name].isna().all()]
    st.dataframe(
        frame.drop(columns=empty),
        hide_index=True,
        key=f"arch_table_{which}",
        column_config={
            "network": st.column_config.TextColumn(_("Network")),
            "family": st.column_config.TextColumn(_("Family")),
            "pictures": st.column_config.TextColumn(_("Pictures (pixels × channels)")),
            "parameters": st.column_config.NumberColumn(_("Parameters"), format="localized"),
            "multiply_adds": st.column_config.NumberColumn(_("Multiply-adds (millions)"), format="%.1f"),
            "depth": st.column_config.NumberColumn(_("Depth (layers)")),
            "field": st.column_config.NumberColumn(_("Receptive field (pixels)")),
            "time": st.column_config.NumberColumn(_("Time for a picture (ms)"), format="%.2f"),
            "accuracy": st.column_config.NumberColumn(_("Test accuracy (%)"), format="%.1f"),
            "run": st.column_config.LinkColumn(_("Run"), display_text=_("open")),
        },
    )


def _axis_title(name: str) -> str:
    return _(AXES[name].title)


def _picture_title(name: str) -> str:
    channels, height, width = PICTURES[name]
    return f"{height} × {width}, " + (_("grey") if channels == 1 else _("colour"))
