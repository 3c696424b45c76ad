"""The way between a run's own page and the page of the study it is or belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.escape import plain
from dashboard.panels.run_picker import run_words
from dashboard.study_runs import PAGES, is_member, is_study, kind_words, members_of, page_of, without_members
from logs.catalog import RunSummary


def study_link(run: RunSummary, known: Sequence[RunSummary]) -> None:
    """A line under the run's title: to the study's page, and for a member which one of how many it is."""
    if is_study(run):
        page, query = page_of(run)
        if page != "run":
            words = _("{study}: all {n} trainings and what they say together")
            shown = words.format(study=_(PAGES[run.kind]), n=len(members_of(run.id, known)))
            link(page, shown, icon=":material/hub:", **query)
        return
    study = next((other for other in known if is_member(run) and other.id == run.group), None)
    if study is None:
        if is_member(run):
            st.caption(f"{plain(kind_words(run))} · " + _("its study is no longer here"))
        return
    page, query = page_of(study)
    words = _("{member} of {study}").format(member=kind_words(run), study=run_words(study))
    link(page, plain(words[:1].upper() + words[1:]), icon=":material/hub:", **query)


def pickable(known: Sequence[RunSummary], run: RunSummary | None = None) -> list[RunSummary]:
    """What a box of runs offers: no members, but those of the study that the shown run belongs to."""
    listed = {other.id for other in without_members(known)}
    group = "" if run is None else run.group or run.id
    return [other for other in known if other.id in listed or (group and other.group == group)]
