"""What can be done with a run: stop, resume, name, start again, show in Visdom, remove; or why it can't."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.lab_runs import is_lab, lab_page, lab_query
from dashboard.language import _
from dashboard.navigation import page_file
from dashboard.panels.escape import plain
from dashboard.panels.run_store import run_catalog
from dashboard.panels.trash import restore_with_members
from dashboard.panels.visdom import visdom_button
from dashboard.settings import Settings
from dashboard.study_runs import members_of
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.labels import change_labels
from logs.removal import remove
from logs.requests import waiting_requests


def run_actions(run: RunSummary, settings: Settings, known_tags: Sequence[str]) -> None:
    """A row of buttons; each is there in every state, and tells where it does not apply what it waits for."""
    running = run.state == "running"
    asked = running and bool(waiting_requests(run.directory))
    with st.container(horizontal=True):
        st.button(
            _("Stopping ...") if asked else _("Stop"),
            icon=":material/stop_circle:",
            key="run_stop",
            disabled=not running or asked,
            help=_("Ends after the current step, with a checkpoint.") if running else _("It isn't running."),
            on_click=_attempt,
            args=(stop_run, run),
        )
        reason = why_not_resumed(run)
        st.button(
            _("Resume"),
            icon=":material/resume:",
            key="run_resume",
            disabled=bool(reason),
            help=reason or _("Goes on from the last checkpoint, in a new process."),
            on_click=_attempt,
            args=(resume_run, run),
        )
        page, query = where_again(run)
        if st.button(
            _("Start another like it"),
            icon=":material/content_copy:",
            key="run_again",
            disabled=not page,
            help=_("Opens the form with this run's configuration.")
            if page
            else _("This run has no configuration that the form knows: another program wrote it."),
        ):
            st.switch_page(page_file(page), query_params=query)
        _labels(run, known_tags)
        visdom_button(run, settings.visdom)
        _remove(run, running)


def where_again(run: RunSummary) -> tuple[str, dict[str, str]]:
    """The page whose form takes the run's settings, and what names the run there; no page where none does."""
    if is_lab(run):
        return lab_page(run), lab_query(run)
    return ("new_run", {"from": run.id}) if run.config.get("model") else ("", {})


def why_not_resumed(run: RunSummary) -> str:
    """Empty where the run can go on from its last checkpoint."""
    if is_lab(run) and run.state != "running":
        return _("A laboratory starts anew. Start another like it.")
    if run.state == "running":
        return _("It is running.")
    if run.state == "finished":
        return _("It has finished. Start another like it to train longer.")
    if run.kind != "train" or not run.config.get("model"):
        return _("Only trainings that were started here can go on.")
    if not (run.directory.checkpoints / "last.safetensors").is_file():
        return _("It ended before its first checkpoint. Start another like it.")
    return ""


def stop_run(run: RunSummary) -> str:
    from training.launch import stop  # imports PyTorch: only whoever presses the button waits for it

    stop(run.directory)
    return _("Stopping after the current step.")


def resume_run(run: RunSummary) -> str:
    from training.launch import LaunchError, resume

    try:
        resume(run.directory)
    except LaunchError as problem:
        raise LogsError(str(problem)) from problem
    return _("Going on from the last checkpoint.")


def removed_run(run_id: str, settings: Settings) -> None:
    """For the page of a run that lies in the trash: how to bring it back."""
    st.warning(
        _("The run {run} is in the trash: its curves and checkpoints are kept there.").format(
            run=plain(run_id)
        ),
        icon=":material/delete:",
    )
    with st.container(horizontal=True):
        st.button(
            _("Undo"),
            icon=":material/undo:",
            type="primary",
            key="run_undo",
            on_click=_undo,
            args=(run_id, settings),
        )
        st.page_link(page_file("runs"), label=_("All runs"))


def _labels(run: RunSummary, known_tags: Sequence[str]) -> None:
    with st.popover(_("Name and tags"), icon=":material/label:"), st.form("run_labels", border=False):
        name = st.text_input(_("Name"), value="" if run.name == run.id else run.name, max_chars=200)
        tags = st.multiselect(
            _("Tags"),
            sorted({*known_tags, *run.tags}, key=str.casefold),
            default=list(run.tags),
            accept_new_options=True,
            placeholder=_("choose or type a new one"),
        )
        note = st.text_area(_("Note"), value=run.labels.note, placeholder=_("What is this run about?"))
        if st.form_submit_button(_("Save"), type="primary"):
            try:
                change_labels(run.directory, name=name, tags=tags, note=note)
            except (ValueError, OSError) as problem:
                st.error(plain(str(problem)))
            else:
                st.rerun()


def _remove(run: RunSummary, running: bool) -> None:
    reason = _("Stop it first.") if running else _("Moves it to the trash, after asking.")
    with st.popover(_("Delete"), icon=":material/delete:", disabled=running, help=reason):
        st.markdown(_("Move this run to the trash? It can be brought back from there."))
        st.button(
            _("Move to the trash"),
            type="primary",
            key="run_remove",
            on_click=_attempt,
            args=(remove_run, run),
        )


def remove_run(run: RunSummary) -> str:
    for each in (run, *members_of(run.id, run_catalog(run.path.parent).rows())):
        remove(each.directory)
    return ""  # the page itself says where it is now, and how to undo it


def _attempt(action: Callable[[RunSummary], str], run: RunSummary) -> None:
    try:
        said = action(run)
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
    else:
        if said:
            st.toast(said)


def _undo(run_id: str, settings: Settings) -> None:
    try:
        restore_with_members(settings.runs, run_id)
    except LogsError as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")
