"""What was removed and can be brought back, and the button that deletes it for good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.language import _, count
from dashboard.panels.escape import plain
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.removal import empty_trash, list_trash, remove, restore


def trash(runs: Path) -> None:
    """A closed box with the removed runs; nothing where there are none."""
    removed = list_trash(runs)
    if not removed:
        return
    with st.expander(count(len(removed), "Trash: {n} run", "Trash: {n} runs"), icon=":material/delete:"):
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


def remove_button(runs: Sequence[RunSummary]) -> None:
    """Moves the runs to the trash, after asking."""
    with st.popover(_("Remove"), icon=":material/delete:"):
        st.markdown(count(len(runs), "Move {n} run to the trash?", "Move {n} runs to the trash?"))
        st.button(
            _("Move to the trash"), type="primary", key="runs_remove", on_click=_remove, args=(tuple(runs),)
        )


def _remove(runs: Sequence[RunSummary]) -> None:
    for run in runs:
        try:
            remove(run.directory)
        except LogsError as problem:
            st.toast(plain(str(problem)), icon=":material/warning:")


def _restore(runs: Path, run: str) -> None:
    try:
        restore(runs, run)
    except LogsError as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")


def _empty(runs: Path) -> None:
    try:
        number = empty_trash(runs)
    except LogsError as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
    else:
        st.toast(count(number, "{n} run deleted", "{n} runs deleted"))
