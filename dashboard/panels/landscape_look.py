"""A landscape as it is: state, surface and contour on one scale, a cut, numbers, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.landscape import (
    OF,
    SHOWN,
    Picture,
    common_limits,
    contour_chart,
    picture_of,
    surface_chart,
)
from dashboard.charts.landscape_lines import slice_chart
from dashboard.charts.tables import shown_state
from dashboard.language import _
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.landscape_card import drawn_how, landscape_card, picture_title, plane_downloads, special
from dashboard.panels.landscape_form import start_again
from dashboard.panels.landscape_line import line_picture
from dashboard.panels.landscape_numbers import landscape_numbers
from dashboard.panels.landscape_table import Found, called, table_of
from dashboard.panels.plot import plot
from dashboard.panels.run_actions import stop_run
from dashboard.panels.run_card import state_badge
from dashboard.panels.run_store import run_catalog
from dashboard.settings import Settings
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.requests import waiting_requests
from logs.status import duration_text

POINTS, PATH = "points", "path"
HEIGHT = 440


@dataclass(frozen=True)
class Shown:
    """What of a landscape is drawn, and how."""

    what: str  # loss or accuracy
    of: str  # test, train, or difference
    log: bool
    share: float  # the lowest share of all points is kept, the rest are holes
    path: bool


@dataclass(frozen=True)
class Plane:
    """A landscape of two directions that is on the page."""

    run: RunSummary
    found: Found
    path: Found | None
    names: Mapping[str, str]  # what runs are called, by their ids

    @property
    def heading(self) -> str:
        """Whose it is and what is special about it, above one of two."""
        about = self.found[1]
        parts = [called(str(about["title"]), self.names), drawn_how(about, self.run.config), *special(about)]
        return " · ".join(part for part in parts if part)

    def title(self, shown: str) -> str:
        """What stands above it when it is saved."""
        about = self.found[1]
        return picture_title(about, shown, drawn_how(about, self.run.config), self.names)

    @property
    def frame(self) -> pd.DataFrame | None:
        return None if self.path is None else self.path[0]

    @property
    def of(self) -> str:
        """What its path is: of the training, or a trained curve between two networks."""
        return "curve" if self.found[1]["kind"] == "connection" else "training"


def landscape_look(
    run_id: str, other_id: str, names: Mapping[str, str], settings: Settings, words: Mapping[str, str]
) -> bool:
    """Draws the landscape, and another one beside it on the same scale; whether it still computes. `names`:
    what runs are called, by their ids.
    """
    try:
        run = run_catalog(settings.runs).find(run_id)
        found = table_of(run, POINTS)
        path = table_of(run, PATH)
    except LogsError as problem:
        st.error(plain(str(problem)))
        return False
    _state(run, names, settings)
    if found is None or not int(found[1]["level"]):
        st.caption(words["no_level"] if run.state == "running" else words["nothing"])
        return run.state == "running"
    marks = special(found[1])
    if marks:
        st.caption(f":material/info: {'; '.join(marks)}")
    line = found[1]["b_range"] is None
    shown = _settings(bool(found[1]["accuracy"]), path is not None, line)
    drawn = drawn_how(found[1], run.config)
    if line:
        line_picture(found, path, shown.what, shown.log, drawn, names)
    else:
        _planes(Plane(run, found, path, names), _other(other_id, names, settings), shown, words)
    landscape_numbers(run)
    landscape_card(found, path, words, drawn, names, shown.what)
    return run.state == "running"


def _settings(classes: bool, has_path: bool, line: bool) -> Shown:
    """The controls of a picture; a line shows train and test at once, and nothing of it is in the way."""
    of, path, share = "test", False, 1.0
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        what = "loss"
        if classes:
            what = bounded_choice(_("Height"), SHOWN, "loss", "landscape_what", _)
        if not line:
            of = bounded_choice(_("Of"), OF, "test", "landscape_whose", _)
        log = st.toggle(
            _("Logarithmic"), value=True, key="landscape_log", bind="query-params",
            disabled=what != "loss" or of == "difference",  # neither has a logarithm
        )  # fmt: skip
        if has_path and not line:
            path = st.toggle(_("Path"), value=True, key="landscape_path", bind="query-params")
        if not line:
            share = st.slider(
                _("Keep the lowest"), 0.5, 1.0, 1.0, 0.01, format="percent", key="landscape_clip",
                bind="query-params", width=160, help=_("Of all points; what is higher becomes a hole."),
            )  # fmt: skip
    return Shown(what, of, log, share, path)


def _planes(first: Plane, second: Plane | None, shown: Shown, words: Mapping[str, str]) -> None:
    planes = [plane for plane in (first, second) if plane is not None]
    pictures = [picture for plane in planes if (picture := _picture(plane, shown)) is not None]
    if len(pictures) < len(planes):
        return
    limits = common_limits(pictures)
    key = f"landscape_at_{first.run.id}"
    at = st.session_state.get(key)  # a place that was clicked
    surfaces, contours = [], []
    for number, (plane, picture) in enumerate(zip(planes, pictures, strict=True)):
        if len(planes) > 1:
            about = plane.found[1]
            st.markdown(f"**{number + 1}. {_(str(about['kind']))}**: {plain(plane.heading)}")
        beside = _(", beside") if number else ""
        surfaces.append(_("Surface of the landscape") + beside)
        contours.append(_("Contours of the landscape") + beside)
        frame = plane.frame if shown.path else None
        with st.grid(2, min_column_width=300):  # one below the other in a narrow window
            clicked = plot(
                contour_chart(picture, limits, frame, at, plane.of), f"landscape_contour_{number}", HEIGHT,
                on_click=True, description=contours[-1], first=True,  # a surface takes the browser longer
            )  # fmt: skip
            plot(
                surface_chart(picture, limits, frame, plane.of), f"landscape_surface_{number}", HEIGHT,
                description=surfaces[-1],
            )  # fmt: skip
        if clicked and clicked.get("x") is not None:
            st.session_state[key] = float(clicked["x"]), float(clicked["y"])
            st.rerun(scope="fragment")
    st.markdown(f"**{_('Cut through the plane')}**")
    st.caption(words["slice"])
    cut = _("Cut of the landscape")
    at = at or (0.0, 0.0)
    plot(slice_chart(pictures, at, limits), "landscape_slice", 260, description=cut)
    frame = first.frame if shown.path else None
    title = first.title(pictures[0].title)
    if len(planes) > 1:  # each is said to be what it is
        title = "\n".join(f"{number}. {plane.heading}" for number, plane in enumerate(planes, 1))
    plane_downloads(first.found, frame, pictures, limits, at, (surfaces, contours, cut), title)


def _picture(plane: Plane, shown: Shown) -> Picture | None:
    points, about = plane.found
    picture = picture_of(points, about, shown.what, shown.of, shown.log)
    if picture is None or shown.share >= 1:
        return picture
    finite = picture.values[np.isfinite(picture.values)]
    return picture.clipped(float(np.quantile(finite, shown.share))) if len(finite) else picture


def _other(other_id: str, names: Mapping[str, str], settings: Settings) -> Plane | None:
    if not other_id:
        return None
    try:
        run = run_catalog(settings.runs).find(other_id)
        found = table_of(run, POINTS)
        path = table_of(run, PATH)
    except LogsError:
        return None
    if found is None or not int(found[1]["level"]) or found[1]["b_range"] is None:
        return None
    return Plane(run, found, path, names)


def _state(run: RunSummary, names: Mapping[str, str], settings: Settings) -> None:
    status = run.status
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(shown_state(run))
        if status is not None and status.steps:
            done = _("{done:,} of {all:,} points").format(done=status.step, all=status.steps)
            if status.eta_seconds and run.state == "running":
                done += _(", about {time} more").format(time=duration_text(status.eta_seconds))
            st.caption(done, width="content")
        if run.state in ("stopped", "lost", "failed"):
            pressed = st.button(
                _("Try again") if run.state == "failed" else _("Go on"), icon=":material/resume:",
                key="landscape_resume", on_click=start_again, args=(run, settings),
                help=_("Points that were computed are kept: another run takes them."),
            )  # fmt: skip
            if pressed:
                st.rerun()  # the whole page: it is another landscape that is looked at now
        if run.state == "running":
            asked = bool(waiting_requests(run.directory))
            st.button(
                _("Stopping ...") if asked else _("Stop"), icon=":material/stop_circle:",
                key="landscape_stop", disabled=asked, on_click=_stop, args=(run,),
            )  # fmt: skip
    if run.state == "running" and status is not None:
        st.progress(min(1.0, max(0.0, status.progress or 0.0)))
    if status is not None and status.error:
        st.error(plain(called(status.error, names)))


def _stop(run: RunSummary) -> None:
    try:
        st.toast(stop_run(run))
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
