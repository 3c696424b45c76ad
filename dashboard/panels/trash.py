"""What was removed and can be brought back, and the button that deletes it for good."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.language import _, count
from dashboard.panels.escape import plain
from dashboard.panels.run_store import run_catalog
from dashboard.study_runs import members_of
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.info import read_info
from logs.removal import empty_trash, list_trash, remove, restore


def trash(runs: Path) -> None:
    """A closed box with the removed runs; nothing where there are none."""
    removed = list_trash(runs)
    if not removed:
        return
    every, ids = len(removed), {directory.id for directory in removed}
    along = {member for member, study in removed_members(runs).items() if study in ids}
    removed = [directory for directory in removed if directory.id not in along]  # come back with their study
    with st.expander(count(every, "Trash: {n} run", "Trash: {n} runs"), icon=":material/delete:"):
        for directory in removed[:50]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(directory.id, width="stretch")
                st.button(
                    _("Restore"), key=f"restore_{directory.id}", on_click=_restore, args=(runs, directory.id)
                )
        if len(removed) > 50:
            st.caption(_("The newest 50 are shown."))
        with st.popover(_("Empty the trash"), icon=":material/warning:"):
            st.markdown(_("This deletes these runs for good: logs, checkpoints and images."))
            st.button(_("Delete for good"), type="primary", key="trash_empty", on_click=_empty, args=(runs,))


def removed_members(runs: Path) -> dict[str, str]:
    """The study of each removed run that was a member of one."""
    found = {}
    for directory in list_trash(runs):
        with contextlib.suppress(LogsError, OSError):
            info = read_info(directory)
            if info.member and info.group:
                found[directory.id] = info.group
    return found


def restore_with_members(runs: Path, run: str) -> None:
    """Brings a run back; of a study also its members. LogsError where one can't be."""
    for each in (run, *(member for member, study in removed_members(runs).items() if study == run)):
        restore(runs, each)


def remove_button(runs: Sequence[RunSummary]) -> None:
    """Moves the runs to the trash, after asking."""
    with st.popover(_("Remove"), icon=":material/delete:"):
        st.markdown(count(len(runs), "Move {n} run to the trash?", "Move {n} runs to the trash?"))
        st.button(
            _("Move to the trash"), type="primary", key="runs_remove", on_click=_remove, args=(tuple(runs),)
        )


def _remove(runs: Sequence[RunSummary]) -> None:
    """A study takes its folds or trials along: without it they would fill the list one by one."""
    known = run_catalog(runs[0].path.parent).rows() if runs else []
    every = {run.id: run for study in runs for run in (study, *members_of(study.id, known))}
    for run in every.values():
        try:
            remove(run.directory)
        except LogsError as problem:
            st.toast(plain(str(problem)), icon=":material/warning:")


def _restore(runs: Path, run: str) -> None:
    try:
        restore_with_members(runs, run)
    except LogsError as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")


def _empty(runs: Path) -> None:
    try:
        number = empty_trash(runs)
    except LogsError as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
    else:
        st.toast(count(number, "{n} run deleted", "{n} runs deleted"))
