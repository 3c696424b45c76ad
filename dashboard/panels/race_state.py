"""How far a race is and what became of it, in sentences; and the button that stops it, or goes on with it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.language import _, count
from dashboard.panels.escape import plain
from dashboard.panels.run_actions import stop_run
from dashboard.panels.study_header import study_progress
from logs.catalog import RunSummary
from logs.errors import LogsError
from logs.requests import waiting_requests
from training.sweep_results import SweepResults, Trial

CAN_GO_ON = ("stopped", "failed", "lost")


def race_state(study: RunSummary, results: SweepResults, racers: Mapping[str, Trial | None]) -> None:
    """`racers`: the trial of each by its title, None before it has begun."""
    failed = {
        title: trial for title, trial in racers.items() if trial is not None and trial.state == "failed"
    }
    study_progress(study, results.count * results.seeds, len(failed), _share(results))
    done = study.status.step if study.status is not None else 0
    for sentence in said(study.state, done, results, racers):
        st.caption(sentence)
    if failed:
        lines = [f"**{plain(title)}**: {plain(_last_line(trial.error))}" for title, trial in failed.items()]
        st.warning("\n\n".join(lines), title=_("Trainings that failed"))


def said(state: str, done: int, results: SweepResults, racers: Mapping[str, Trial | None]) -> list[str]:
    """What is to be told beside the numbers, as Markdown; `done` trainings have come to their end."""
    wanted = results.count * results.seeds
    here = sum(len(trial.runs) for trial in racers.values() if trial is not None)
    waiting = [plain(title) for title, trial in racers.items() if trial is None]
    if state == "running":
        lost = [
            plain(title) for title, trial in racers.items() if trial is not None and trial.state == "lost"
        ]
        told = {
            _("A process has died under {names}: begun trainings are trained anew."): lost,
            _("Still to begin: {names}."): waiting,
        }
        return [sentence.format(names=", ".join(names)) for sentence, names in told.items() if names]
    ended = _("{done} of {all} trainings had finished.").format(done=done, all=wanted)
    rest = _("*Go on* keeps them and trains the others anew.") if done else _("*Go on* trains them anew.")
    if state == "stopped":
        return [" ".join((_("It was stopped, and its curves end there."), ended, rest))]
    if state == "lost":
        why = _("Its process ended without a word, as when it is killed or the machine is switched off.")
        return [" ".join((why, ended, rest))]
    if state == "finished" and here < wanted:
        return [
            count(
                wanted - here,
                "{n} training of this race is no longer here: the curves are those of the others.",
                "{n} trainings of this race are no longer here: the curves are those of the others.",
            )
        ]
    return []


def _share(results: SweepResults) -> float:
    """How much of the work is done, by epochs: whole trainings end all at once where they train together."""
    epochs = sum(len(trial.runs) * trial.epochs for trial in results.trials if trial.epochs == trial.epochs)
    return min(1.0, epochs / max(1, results.count * results.seeds * results.config.epochs))


def race_buttons(study: RunSummary) -> None:
    """*Stop* while it runs, *Go on* where something is missing; nothing after its end."""
    if study.state == "running":
        asked = bool(waiting_requests(study.directory))
        st.button(
            _("Stopping ...") if asked else _("Stop"), icon=":material/stop_circle:", key="race_stop",
            disabled=asked, help=_("Every training ends after its current step."),
            on_click=_stop, args=(study,),
        )  # fmt: skip
    elif study.state in CAN_GO_ON and st.button(_("Go on"), icon=":material/resume:", key="race_go_on"):
        _go_on(study)


def _stop(study: RunSummary) -> None:
    try:
        stop_run(study)
    except (LogsError, OSError) as problem:
        st.toast(plain(str(problem)), icon=":material/warning:")


def _go_on(study: RunSummary) -> None:
    from training.launch import LaunchError, resume

    try:
        with st.spinner(_("Starting: importing PyTorch, loading the data ...")):
            resume(study.directory)
    except (LaunchError, LogsError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The race does not go on"), icon=":material/error:")
        return
    st.rerun()


def _last_line(error: str) -> str:
    return error.strip().splitlines()[-1] if error.strip() else _("it says nothing of why")
