"""A landscape as it is: state, surface and contour on one scale, a slice, and how the picture was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.landscape import (
    OF,
    SHOWN,
    Line,
    common_limits,
    contour_chart,
    line_chart,
    picture_of,
    slice_chart,
    surface_chart,
)
from dashboard.charts.tables import shown_state
from dashboard.landscape_files import points_file, surface_file
from dashboard.language import _
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.landscape_numbers import landscape_numbers
from dashboard.panels.landscape_table import Found, table_of
from dashboard.panels.plot import plot
from dashboard.panels.run_actions import stop_run
from dashboard.panels.run_card import state_badge
from dashboard.panels.run_store import run_catalog
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.requests import waiting_requests

POINTS, PATH = "points", "path"
HEIGHT = 440


def landscape_look(run_id: str, other_id: str, settings: Settings, words: Mapping[str, str]) -> bool:
    """Draws the landscape, and another one beside it on the same scale; whether it still computes."""
    try:
        run = run_catalog(settings.runs).find(run_id)
        found = table_of(run, POINTS)
    except LogsError as problem:
        st.error(plain(str(problem)))
        return False
    _state(run)
    if found is None or not int(found[1]["level"]):
        st.caption(words["no_level"] if run.state == "running" else words["nothing"])
        return run.state == "running"
    what, of, log, share = _settings(bool(found[1]["accuracy"]))
    if found[1]["b_range"] is None:
        plot(
            line_chart(Line(*found), what, log), "landscape_line", HEIGHT, description=_("Loss along a line")
        )
    else:
        _planes(run, found, other_id, settings, words, (what, of, log, share))
    landscape_numbers(run)
    _card(found, words)
    return run.state == "running"


def _settings(classes: bool) -> tuple[str, str, bool, float]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        what = "loss"
        if classes:
            what = bounded_choice(_("Height"), SHOWN, "loss", "landscape_what", _)
        of = bounded_choice(_("Of"), OF, "test", "landscape_whose", _)
        log = st.toggle(_("Logarithmic"), value=True, key="landscape_log", bind="query-params")
        share = st.slider(
            _("Keep the lowest"), 0.5, 1.0, 1.0, 0.01, format="percent", key="landscape_clip",
            bind="query-params", width=160, help=_("Of all points; what is higher becomes a hole."),
        )  # fmt: skip
    return what, of, log, share


def _planes(
    run: RunSummary,
    found: Found,
    other_id: str,
    settings: Settings,
    words: Mapping[str, str],
    asked: tuple[str, str, bool, float],
) -> None:
    what, of, log, share = asked
    shown = [(run, found, table_of(run, PATH))]
    second = _other(other_id, settings)
    if second is not None:
        shown.append(second)
    pictures = []
    for _run, (points, about), _path in shown:
        picture = picture_of(points, about, what, of, log)
        if picture is not None:
            finite = picture.values[np.isfinite(picture.values)]
            if share < 1 and len(finite):
                picture = picture.clipped(float(np.quantile(finite, share)))
        pictures.append(picture)
    if any(picture is None for picture in pictures):
        return
    whole = [picture for picture in pictures if picture is not None]
    limits = common_limits(whole)
    for number, (picture, (own, (_points, about), path)) in enumerate(zip(whole, shown, strict=True)):
        if len(whole) > 1:
            st.markdown(f"**{_(str(about['kind']))}**: {plain(str(about['title']))}")
        frame = None if path is None else path[0]
        beside = _(", beside") if number else ""
        with st.grid(2, min_column_width=300):  # one below the other in a narrow window
            chart = surface_chart(picture, limits, frame)
            plot(
                chart,
                f"landscape_surface_{number}",
                HEIGHT,
                description=_("Surface of the landscape") + beside,
            )
            at = st.session_state.get(f"landscape_at_{own.id}", (0.0, 0.0))
            clicked = plot(
                contour_chart(picture, limits, frame, at),
                f"landscape_contour_{number}", HEIGHT, on_click=True,
                description=_("Contours of the landscape") + beside,
            )  # fmt: skip
            if clicked and clicked.get("x") is not None:
                at = float(clicked["x"]), float(clicked["y"])
                st.session_state[f"landscape_at_{own.id}"] = at
        if number == 0:
            st.markdown(f"**{_('Cut through the plane')}**")
            st.caption(words["slice"])
            plot(
                slice_chart(picture, at, limits),
                "landscape_slice",
                260,
                description=_("Cut of the landscape"),
            )


def _other(other_id: str, settings: Settings) -> tuple[RunSummary, Found, Found | None] | None:
    if not other_id:
        return None
    try:
        run = run_catalog(settings.runs).find(other_id)
        found = table_of(run, POINTS)
    except LogsError:
        return None
    if found is None or not int(found[1]["level"]) or found[1]["b_range"] is None:
        return None
    return run, found, table_of(run, PATH)


def _state(run: RunSummary) -> None:
    status = run.status
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(shown_state(run))
        if status is not None and status.steps:
            done = _("{done:,} of {all:,} points").format(done=status.step, all=status.steps)
            if status.eta_seconds and run.state == "running":
                done += _(", about {seconds:.0f} s more").format(seconds=status.eta_seconds)
            st.caption(done, width="content")
        if run.state == "running":
            asked = bool(waiting_requests(run.directory))
            st.button(
                _("Stopping ...") if asked else _("Stop"), icon=":material/stop_circle:",
                key="landscape_stop", disabled=asked, on_click=_stop, args=(run,),
            )  # fmt: skip
    if run.state == "running" and status is not None:
        st.progress(min(1.0, max(0.0, status.progress or 0.0)))
    if status is not None and status.error:
        st.error(plain(status.error))


def _stop(run: RunSummary) -> None:
    try:
        st.toast(stop_run(run))
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")


def _card(found: Found, words: Mapping[str, str]) -> None:
    """How the picture was made, how to read it, and what it can't show."""
    points, about = found
    with st.container(border=True):
        st.markdown(f"**{_('How this picture was made')}**")
        made = [
            plain(str(about["title"])),
            "; ".join(map(str, about["axes"])),
            _("{count:,} points, {train:,} training and {test:,} test samples").format(
                count=len(points), train=about["samples"]["train"], test=about["samples"]["test"]
            ),
            str(about["method"]),
            _("batch norm's statistics: {which}").format(which=about["statistics"]),
        ]
        holes = int((~np.isfinite(points["test_loss"])).sum())
        if holes:
            made.append(_("{holes:,} points have no number: they are holes").format(holes=holes))
        error = about["refinement"].get(str(about["level"]))
        if error:
            made.append(
                _(
                    "between points a spline of the log loss is drawn; from the level before, it was off by "
                    "{rms:.1%} (at most {largest:.1%}) at the points computed since"
                ).format(rms=np.expm1(error["test"]["rms"]), largest=np.expm1(error["test"]["largest"]))
            )
        st.markdown("\n".join(f"- {line}" for line in made))
        left, right = st.columns(2)
        left.markdown(words["read"])
        right.markdown(words["limits"])
        _downloads(points, about)


def _downloads(points: pd.DataFrame, about: Mapping[str, Any]) -> None:
    name = f"{about['run']}-landscape"
    with st.container(horizontal=True):
        st.download_button(
            _("Points (Parquet)"), lambda: points_file(points, about), f"{name}.parquet",
            icon=":material/download:", key="landscape_parquet", on_click="ignore",
        )  # fmt: skip
        picture = picture_of(points, about)
        if picture is None:
            return
        limits = common_limits([picture])
        st.download_button(
            _("Surface as a page (HTML)"),
            lambda: surface_chart(picture, limits).to_html(include_plotlyjs=True),
            f"{name}.html", "text/html", icon=":material/download:", key="landscape_html", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            _("Surface as a mesh (PLY)"), lambda: surface_file(picture, limits), f"{name}.ply",
            icon=":material/download:", key="landscape_ply", on_click="ignore",
        )  # fmt: skip
