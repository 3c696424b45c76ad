"""What a comparison of landscapes has come to: a sentence, pictures on one scale, numbers with spreads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.charts.landscape import OF, Picture, common_limits, contour_chart, picture_of, surface_chart
from dashboard.charts.landscape_compare import (
    board_columns,
    board_rows,
    network_frame,
    scale_chart,
    side_frame,
)
from dashboard.charts.remedy_board import board_chart, board_height
from dashboard.language import _
from dashboard.navigation import page_file
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.landscape_form import CHOSEN
from dashboard.panels.landscape_table import table_of
from dashboard.panels.plot import plot
from dashboard.theme import STATES
from logs.errors import LogsError
from training.comparison_results import MEASURES, Network, SideResult, finding
from training.landscape_comparisons import ComparisonOptions

TAB = "landscape_tab"  # in the address: one landscape, or comparisons
VIEWS = ("contours", "surface")
HEIGHT = 250
COLUMNS = {1: 2, 2: 2, 4: 4}  # of pictures: else three
SMALL_SCENE = {  # a small picture has no room for numbers
    "xaxis_showticklabels": False, "yaxis_showticklabels": False, "zaxis_showticklabels": False,
    "zaxis_title": "", "camera_eye": {"x": 1.75, "y": -1.65, "z": 1.15},
}  # fmt: skip
LOOKS = {
    "expected": ("success", ":material/check_circle:"),
    "opposite": ("warning", ":material/swap_vert:"),
    "unclear": ("info", ":material/help:"),
    "open": ("info", ":material/visibility:"),
    "waiting": ("info", ":material/hourglass_top:"),
}


def compared(results: Sequence[SideResult], options: ComparisonOptions, words: Mapping[str, str]) -> None:
    """All of it; parts whose first network is not measured yet say so."""
    found = finding(results, options.row)
    kind, icon = LOOKS[found.verdict]
    getattr(st, kind)(plain(found.sentence), icon=icon)
    row = options.row
    if found.verdict == "waiting" and row.expected:
        st.caption(_("Literature: {what} ({source})").format(what=_(row.expected), source=row.source))
    _pictures(results, options.seeds, words)
    if any(result.values("eigenvalue") for result in results):
        st.markdown(f"**{_('Numbers')}**")
        rows = board_rows(results)
        figure = board_chart(rows, board_columns(), options.row.less or rows[0].key)
        plot(
            figure, "landscape_compare_board", board_height(len(rows)), description=_("Numbers of each side")
        )
        st.caption(words["compare_board"])
    _tables(results)


def _pictures(results: Sequence[SideResult], seeds: int, words: Mapping[str, str]) -> None:
    """Every side's plane of one seed, on one scale."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        view = bounded_choice(_("Picture"), VIEWS, VIEWS[0], "landscape_compare_view", _)
        of = bounded_choice(_("Of"), OF[:2], "train", "landscape_compare_of", _)
        seed = 1
        if seeds > 1:
            seed = bounded_choice(_("Seed"), range(1, seeds + 1), 1, "landscape_compare_seed")
    shown = [
        (result.side.title, picture)
        for result in results
        for one in result.networks
        if one.seed == seed - 1 and (picture := _picture(one, of)) is not None
    ]
    if not shown:
        st.caption(words["compare_no_picture"])
        return
    limits = common_limits([picture for _title, picture in shown])
    with st.grid(COLUMNS.get(len(shown), 3), min_column_width=180 if view == "contours" else 250):
        for place, (title, picture) in enumerate(shown):
            with st.container():
                st.markdown(f"**{plain(title)}**")
                if view == "surface":
                    chart = surface_chart(picture, limits)
                    chart.update_scenes(**SMALL_SCENE)
                else:
                    chart = contour_chart(picture, limits)
                    chart.update_traces(showscale=False, selector={"type": "contour"})
                    chart.update_xaxes(title=None).update_yaxes(title=None)
                    chart.update_layout(margin={"l": 36, "r": 4, "t": 4, "b": 28})
                plot(
                    chart, f"landscape_compare_{view}_{place}", HEIGHT,
                    description=_("Landscape: {side}").format(side=title),
                )  # fmt: skip
    plot(
        scale_chart(limits, shown[0][1]), "landscape_compare_scale", 64,
        description=_("The scale of all pictures"),
    )  # fmt: skip


def _picture(network: Network, of: str) -> Picture | None:
    """The plane by now; None before its first level."""
    if network.landscape is None:
        return None
    try:
        found = table_of(network.landscape, "points")
    except LogsError:
        return None
    return None if found is None else picture_of(found[0], found[1], "loss", of)


def _tables(results: Sequence[SideResult]) -> None:
    config = st.column_config
    titles: dict[str, Any] = {
        measure.name: config.TextColumn(_(measure.title).capitalize(), help=_(measure.meaning))
        for measure in MEASURES
    }
    st.dataframe(
        side_frame(results),
        key="landscape_compare_sides",
        hide_index=True,
        height="content",
        column_config={
            "side": config.TextColumn(_("Side"), pinned=True), **titles,
            "seeds": config.NumberColumn(_("Seeds"), width=60),
        },
        placeholder="",
        alt=_("Means over seeds, and their standard deviation"),
    )  # fmt: skip
    networks = [one for result in results for one in result.networks]
    if not networks:
        return

    def open_network() -> None:
        row = st.session_state["landscape_compare_open"]["row"]
        if row is None or row >= len(networks):
            return
        one = networks[row]
        if one.landscape is not None:
            st.session_state[CHOSEN], st.session_state[TAB] = one.landscape.id, _("One landscape")
            return
        st.switch_page(page_file("run"), query_params={"run": one.training.id})

    frame = network_frame(results)
    frame.insert(1, "open", _("Open"))
    numbers: dict[str, Any] = {
        measure.name: config.NumberColumn(
            _(measure.title).capitalize(), format="percent" if "%" in measure.format else "%.4g"
        )
        for measure in MEASURES
    }
    with st.expander(_("Every network"), key="landscape_compare_networks"):
        st.dataframe(
            frame,
            key="landscape_compare_each",
            hide_index=True,
            column_config={
                "side": config.TextColumn(_("Side"), pinned=True),
                "open": config.ButtonColumn(
                    "", key="landscape_compare_open", on_click=open_network, type="tertiary", width=64
                ),
                "seed": config.NumberColumn(_("Seed"), width=60),
                "state": config.MultiselectColumn(
                    _("State"), options=list(STATES), color=[STATES[name][0] for name in STATES], width=108,
                    format_func=lambda name: f"{STATES[name][1]} {_(name)}" if name in STATES else _(name),
                ),
                **numbers,
            },
            alt=_("Every network; a button opens its landscape"),
        )  # fmt: skip
