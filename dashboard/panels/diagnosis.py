"""A diagnosis in words: what ails a training, the rule that decided with its numbers, and what to try."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.charts.configuration import is_ours
from dashboard.charts.fit_gap import Mark, gap_chart
from dashboard.charts.fold_curves import FoldCurve
from dashboard.form_state import given_of, query_of
from dashboard.guided_look import verdict_of
from dashboard.language import _, mark
from dashboard.navigation import link, page_file
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_card import state_badge
from dashboard.panels.run_picker import run_labels, run_words
from dashboard.settings import Settings
from dashboard.study_runs import is_study
from dashboard.theme import BadgeColor
from logs.catalog import RunSummary
from training.config import ConfigError, RunConfig
from training.diagnosis import Verdict
from training.remedies import Remedy, remedies_against

RUN = "real_run"  # in the address: the run that is diagnosed
HEIGHT = 340

# A colour and a symbol for each diagnosis; the words say the same.
LOOKS: dict[str, tuple[BadgeColor, str]] = {
    "diverging": ("red", ":material/trending_up:"),
    "too_early": ("gray", ":material/hourglass_empty:"),
    "overfitting": ("orange", ":material/call_split:"),
    "plateau": ("orange", ":material/trending_flat:"),
    "underfitting": ("orange", ":material/vertical_align_top:"),
    "good_fit": ("green", ":material/check_circle:"),
}
NO_VERDICT = mark("no curve yet")


def diagnosis_word(verdict: Verdict | None) -> str:
    """For a table's cell."""
    return _(NO_VERDICT) if verdict is None else _(verdict.row.title)


def verdict_line(verdict: Verdict, lead: str = "") -> None:
    """The diagnosis as a badge, and the rule that decided beside it."""
    color, icon = LOOKS[verdict.row.name]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if lead:
            st.caption(lead, width="content")
        st.badge(_(verdict.row.title), icon=icon, color=color)
        says = verdict.decided.says
        st.markdown(f"{plain(says[:1].upper() + says[1:])}.", width="stretch")


def diagnosis_tab(
    runs: list[RunSummary], chosen: RunSummary | None, settings: Settings, words: Mapping[str, str]
) -> None:
    """The box of runs, and everything about the chosen one."""
    st.caption(words["diagnosis"])
    if not runs:
        st.info(words["no_runs"])
        return
    run = chosen or runs[0]
    verdict = verdict_of(run.path)
    with st.container(horizontal=True, vertical_alignment="center"):
        link("run", plain(run_words(run)), icon=":material/show_chart:", run=run.id)
        state_badge(run.state)
    if verdict is None:
        st.info(words["no_curve"])
        return
    if run.state == "running":
        st.caption(_("It is still training: this is the diagnosis so far."))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure = verdict_chart(verdict)
        plot(figure, "real_diagnosis", height=HEIGHT, description=_("Curves of the diagnosed run"))
    with right:
        _said(verdict)
    _remedies(run, verdict, settings)
    _rules(verdict)


def verdict_chart(verdict: Verdict) -> go.Figure:
    """The run's curves with the epochs that the rules looked at."""
    found, curves = verdict.evidence, verdict.evidence.curves
    train = FoldCurve("train", curves.epochs, curves.train_loss)
    validation = FoldCurve("validation", curves.epochs[: len(curves.validation_loss)], curves.validation_loss)
    marks = []
    if found.validation_low_at == found.validation_low_at:
        text = _("validation best: {unit} {at}").format(
            unit=_(curves.unit), at=f"{found.validation_low_at:g}"
        )
        marks.append(Mark(found.validation_low_at, text, found.validation_low))
    if found.broken_at == found.broken_at:
        text = _("no number: {unit} {at}").format(unit=_(curves.unit), at=f"{found.broken_at:g}")
        marks.append(Mark(found.broken_at, text, dash="solid"))
    has_validation = [validation] if len(validation.y) else []
    return gap_chart([train], has_validation, _("loss"), marks, x_title=_(curves.unit))


def run_choice(runs: list[RunSummary]) -> RunSummary | None:
    """The run in the address or the newest one, through a box."""
    if not runs:
        return None
    labels = run_labels(runs)
    chosen = named_choice(_("Run"), list(labels), runs[0].id, RUN, lambda run: labels.get(run, run))
    return next((run for run in runs if run.id == chosen), None)


def diagnosed_runs(runs: list[RunSummary]) -> list[RunSummary]:
    """Runs that may have learning curves: not studies, which have none of their own, and not broken ones."""
    return [run for run in runs if not run.broken and run.info is not None and not is_study(run)]


def _said(verdict: Verdict) -> None:
    color, icon = LOOKS[verdict.row.name]
    st.badge(_(verdict.row.title), icon=icon, color=color)
    st.markdown(f"#### {plain(_(verdict.row.summary))}")
    st.markdown(plain(_(verdict.row.meaning)))
    st.markdown(f"**{_('The rule that decided')}**")
    says, rule = verdict.decided.says, verdict.decided.rule
    st.markdown(f"{plain(says[:1].upper() + says[1:])}.")
    st.caption(_("Rule: {rule}.").format(rule=plain(rule)))


def _remedies(run: RunSummary, verdict: Verdict, settings: Settings) -> None:
    rows = remedies_against(verdict.row.name)
    if not rows:
        return
    st.markdown(f"**{_('What to try')}**")
    config = own_config(run)
    with st.grid(3, min_column_width=260):
        for remedy in rows:
            _remedy(run, config, remedy, settings)


def _remedy(run: RunSummary, config: RunConfig | None, remedy: Remedy, settings: Settings) -> None:
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{_(remedy.title)}**")
        strength = remedy.strength
        number = "" if strength is None else f" {_(strength.description)}: {strength.default:g}."
        about = f"{_(remedy.summary)}{number[:2].upper()}{number[2:]}"
        st.caption(plain(about))
        changed, refused = remedied(run, config, remedy)
        if changed is None:
            if refused:
                st.caption(f":material/info: {plain(refused)}")
            return
        with st.container(horizontal=True):
            st.button(
                _("Start it"), icon=":material/play_arrow:", key=f"real_cure_{remedy.name}",
                on_click=_start, args=(changed, settings),
                help=_("Trains the same once more with this change, in the background."),
            )  # fmt: skip
            if st.button(_("Open in New run"), key=f"real_fill_{remedy.name}", type="tertiary"):
                st.switch_page(page_file("new_run"), query_params=query_of(given_of(changed)))


def remedied(run: RunSummary, config: RunConfig | None, remedy: Remedy) -> tuple[RunConfig | None, str]:
    """The run's configuration with the remedy, under a name that says so; or None, and why."""
    if config is None:
        return None, ""
    try:
        changed = remedy.apply(config)
    except ConfigError as problem:
        return None, str(problem)
    return changed.replace(name=f"{run_words(run)[:150]} + {_(remedy.title)}", group=""), ""


def own_config(run: RunSummary) -> RunConfig | None:
    """Its configuration, where it is one of ours."""
    if not is_ours(run.config):
        return None
    try:
        return RunConfig.from_dict(run.config)
    except ConfigError:
        return None


def _start(config: RunConfig, settings: Settings) -> None:
    """For a callback: starts the training, and makes it the one that is diagnosed."""
    from training.launch import LaunchError, launch

    try:
        run = launch(config, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.session_state["real_amiss"] = str(problem)
        return
    st.session_state[RUN] = run
    st.query_params[RUN] = run


def _rules(verdict: Verdict) -> None:
    """Every rule that was tried, in order."""
    with st.expander(_("Every rule, in the order in which they are tried"), icon=":material/rule:"):
        frame = pd.DataFrame(
            {
                "diagnosis": [_(row.title) for row, _check in verdict.tried],
                "rule": [check.rule for _row, check in verdict.tried],
                "found": [check.says for _row, check in verdict.tried],
                "holds": [check.holds for _row, check in verdict.tried],
            }
        )
        st.dataframe(
            frame,
            hide_index=True,
            column_config={
                "diagnosis": st.column_config.TextColumn(_("Diagnosis"), width="small"),
                "rule": st.column_config.TextColumn(_("Rule"), width="large"),
                "found": st.column_config.TextColumn(_("Found"), width="large"),
                "holds": st.column_config.CheckboxColumn(_("Holds"), width="small"),
            },
            alt=_("The rules and what each found"),
        )
        st.caption(_("The first rule that holds decides; those after it are not tried."))
