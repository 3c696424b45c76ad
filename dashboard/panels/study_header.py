"""What a study is and how far: its name, state, progress, how it is trained, and its buttons."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import streamlit as st

from dashboard.charts.tables import shown_state
from dashboard.language import _, count
from dashboard.navigation import link, page_file
from dashboard.panels.escape import plain
from dashboard.panels.run_actions import resume_run, stop_run
from dashboard.panels.run_card import state_badge
from dashboard.panels.run_picker import run_words
from dashboard.panels.study_picker import STUDY
from dashboard.study_runs import kind_words
from logs.catalog import RunSummary
from logs.directory import read_json
from logs.errors import LogsError
from logs.requests import waiting_requests
from logs.status import duration_text

EARLY = 0.05  # of the work; before, the start alone would be extrapolated
RESUMED = 5.0  # seconds after the study was made; a process that began later goes on with it
PLAN = "plan.json"  # in the study's folder: which way of training was chosen, and why


def study_title(study: RunSummary) -> None:
    """The name and what the study is made of."""
    st.title(plain(run_words(study)))
    parts = [kind_words(study), study.model, study.dataset]
    if study.created:
        parts.append(datetime.fromtimestamp(study.created).strftime("%d %B %Y, %H:%M"))
    words = [plain(part) for part in parts if part]
    st.caption(" · ".join([*words, f"`{study.id.replace('`', '')}`"]))


def study_progress(
    study: RunSummary, members: int, failed: int, share: float | None = None, several: bool = False
) -> None:
    """State, how many trainings have ended, the time left, and why the study failed where it did.

    `failed`: trainings, or trials of `several` trainings each.
    `share`: how much of the work is done, 0 to 1, where that is known better than by whole trainings.
    """
    status = study.status
    done, wanted = (status.step, status.steps) if status is not None else (0, 0)
    whole = share if share is not None else done / wanted if wanted else 0.0
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(shown_state(study))
        words = [count(wanted or members, "{n} training", "{n} trainings")]
        if study.state == "running":  # its steps count half a training as half of one that is done
            starts = not (wanted or members)
            words = [_("starting ...")] if starts else [*words, _("{share:.0%} done").format(share=whole)]
        elif done < wanted:
            words = [_("{done:,} of {all:,} trainings done").format(done=done, all=wanted)]
        if failed:
            one, many = ("{n} trial failed", "{n} trials failed") if several else ("{n} failed", "{n} failed")
            words.append(count(failed, one, many))
        took = duration_text(study.duration)
        if took and study.state != "running":
            words.append(_("took {time}").format(time=took))
        left = duration_text(seconds_left(study, share))
        if left and study.state == "running":
            words.append(_("{time} left").format(time=left))
        st.caption(" · ".join(words), width="content")
    if study.state == "running":
        st.progress(min(1.0, max(0.0, whole)))
    if status is not None and study.state == "failed" and status.error.strip():
        st.error(plain(status.error.strip().splitlines()[-1]), title=_("The study failed"))


def seconds_left(study: RunSummary, share: float | None = None) -> float:
    """As the study says itself, else as long as its work so far lets expect; NaN where it is too early."""
    status = study.status
    if status is None:
        return math.nan
    done = share if share is not None else status.progress
    if not done >= EARLY:
        return math.nan
    if math.isfinite(status.eta_seconds) or not study.created:
        return status.eta_seconds
    if status.process_started > study.created + RESUMED:
        return math.nan  # the time between was no work, and counted as such it would make hours of minutes
    return (time.time() - study.created) * (1 - done) / done


def study_way(study: RunSummary) -> None:
    """Which way of training was chosen, together or one at a time, and why; of several groups of trainings,
    how many went which way, and why the largest did.
    """
    plan = read_plan(study)
    if not plan:
        if study.state == "running":
            st.caption(_("A few steps of each way of training are timed; the faster one is then taken."))
        return
    together = plan.get("way") == "together"
    way = _("Trained together, as one network") if together else _("Trained one by one")
    groups, ways = plan.get("groups"), plan.get("ways")
    several = isinstance(groups, int) and groups > 1
    if several and isinstance(ways, dict) and len(ways) > 1:
        way = _("{n} trained together, {alone} one by one").format(
            n=ways.get("together", 0), alone=ways.get("alone", 0)
        )
    elif several and together:
        way = _("Trained together, as {n} networks").format(n=groups)
    asked = str(plan.get("asked", "auto"))
    chosen = "" if asked == "auto" else " " + _("(as asked)")
    icon = ":material/stacks:" if together else ":material/splitscreen:"
    reason = plain(str(plan.get("reason", "")))
    if several and reason and asked == "auto":  # a group of one shape is measured for itself
        reason = _("of the largest of {n} groups, {reason}").format(n=groups, reason=reason)
    st.caption(f"{icon} **{way}**{chosen}: {reason}" if reason else f"{icon} **{way}**{chosen}")


def study_actions(study: RunSummary, new_page: str, missing: int = 0, hopeless: bool = False) -> None:
    """Stop or go on, start another from this one's settings, the study's own run.

    `missing`: trainings that have no run, which a study that has finished trains again when it goes on.
    `hopeless`: every training has failed, and would fail again.
    """
    running = study.state == "running"
    asked = running and bool(waiting_requests(study.directory))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Stopping ...") if asked else _("Stop"),
            icon=":material/stop_circle:",
            key=f"{study.kind}_stop",
            disabled=not running or asked,
            help=_("Every training ends after its current step.") if running else _("It isn't running."),
            on_click=_attempt,
            args=(stop_run, study),
        )
        unfinished = study.state in ("stopped", "failed", "lost") or (not running and missing > 0)
        unfinished &= not hopeless
        if hopeless:
            why_not = _("Every training failed, and would fail again: start another with other settings.")
        else:
            why_not = _("Nothing is missing, or it is still running.")
        st.button(
            _("Go on"),
            icon=":material/resume:",
            key=f"{study.kind}_resume",
            disabled=not unfinished,
            help=_("Trains what is missing; what has finished stays.") if unfinished else why_not,
            on_click=_attempt,
            args=(resume_run, study),
        )
        if st.button(
            _("Start another like it"),
            icon=":material/content_copy:",
            key=f"{study.kind}_again",
            help=_("Opens the form with this study's settings."),
        ):
            st.switch_page(page_file(new_page), query_params={STUDY: "new", f"{study.kind}_from": study.id})
        link("run", _("Command and output"), icon=":material/terminal:", run=study.id)


def read_plan(study: RunSummary) -> dict[str, Any]:
    """The content of plan.json; empty where there is none yet, or none that can be read."""
    try:
        plan = read_json(study.path / PLAN)
    except (LogsError, OSError):
        return {}
    return plan if isinstance(plan, dict) else {}


def _attempt(action: Callable[[RunSummary], str], study: RunSummary) -> None:
    try:
        said = action(study)
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
    else:
        st.toast(said)
