"""One trial of a sweep, the best or the chosen one: settings, scores, runs, and what to do with it."""

from __future__ import annotations

import math
import statistics

import streamlit as st

from dashboard.charts.trials import Score, trial_name, value_text
from dashboard.form_state import given_of, query_of
from dashboard.language import _
from dashboard.navigation import link, page_file
from dashboard.panels.control import words_of
from dashboard.panels.escape import plain
from dashboard.panels.sweep_table import choose_trial
from dashboard.settings import Settings
from training.config import RunConfig
from training.sweep_results import SweepResults, Trial

MOST_SEEDS = 12  # with a link each
STARTED = "sweep_started"  # session state: the run that was started from here, by sweep and trial


def trial_config(results: SweepResults, trial: Trial) -> RunConfig:
    """A single training with the trial's settings and the first seed, under a name of its own."""
    name = f"{results.info.name}, {trial_name(trial.number)}" if results.info.name else ""
    return results.space.config(results.config, trial.parameters).replace(name=name)


def sweep_trial(results: SweepResults, trial: Trial, score: Score, settings: Settings) -> None:
    """A box about the trial."""
    best = results.best is not None and trial.number == results.best.number
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            title = trial_name(trial.number)
            title = title[:1].upper() + title[1:]
            st.markdown(f"#### {_('Best') + ' · ' if best else ''}{title}", width="content")
            if not best and results.best is not None:
                st.button(
                    _("Back to the best"),
                    key="sweep_best",
                    type="tertiary",
                    on_click=choose_trial,
                    args=(None,),
                )
        figures = _scores(trial, score)
        figures += [(words_of(name), value_text(value), "") for name, value in trial.parameters.items()]
        with st.grid(min(len(figures), 6), min_column_width=120):
            for title, value, spread in figures:
                st.metric(title, plain(value), spread or None, delta_color="off", delta_arrow="off")
        if trial.error.strip() and trial.state != "finished":
            st.caption(f":material/info: {plain(trial.error.strip().splitlines()[-1])}")
        _runs(trial, score)
        _buttons(results, trial, settings)


def _scores(trial: Trial, score: Score) -> list[tuple[str, str, str]]:
    """Titles, values and, of several seeds, their standard deviation."""
    spread = f"± {score.text(trial.spread)}" if math.isfinite(trial.spread) else ""
    found = [(score.title[:1].upper() + score.title[1:], score.text(trial.score), spread)]
    if math.isfinite(trial.test):
        known = [value for value in trial.tests if math.isfinite(value)]
        several = f"± {score.text(statistics.stdev(known))}" if len(known) > 1 else ""
        found.append((_("On the test data"), score.text(trial.test), several))
    return found


def _runs(trial: Trial, score: Score) -> None:
    """A link to the run of each seed, with its score."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(_("Runs:"), width="content")
        for place, run in enumerate(trial.runs[:MOST_SEEDS]):
            value = score.text(trial.scores[place]) if place < len(trial.scores) else "—"
            link("run", _("seed {n} · {value}").format(n=place + 1, value=value), run=run)
        if len(trial.runs) > MOST_SEEDS:
            st.caption(_("and {n} more").format(n=len(trial.runs) - MOST_SEEDS), width="content")


def _buttons(results: SweepResults, trial: Trial, settings: Settings) -> None:
    config = trial_config(results, trial)
    started: dict[tuple[str, int], str] = st.session_state.setdefault(STARTED, {})
    place = (results.info.id, trial.number)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            _("Train with these settings"),
            icon=":material/play_arrow:",
            type="primary",
            key="sweep_train",
            help=_(
                "Starts a training of its own, with the first seed; it can be trained longer, or resumed."
            ),
        ):
            _start(config, settings, started, place)
        if st.button(
            _("Open in New run"),
            icon=":material/edit:",
            key="sweep_fill",
            help=_("Fills the form with these settings, to change some first."),
        ):
            st.switch_page(page_file("new_run"), query_params=query_of(given_of(config)))
        if place in started:
            link("run", _("Its own run is here"), icon=":material/show_chart:", run=started[place])


def _start(
    config: RunConfig, settings: Settings, started: dict[tuple[str, int], str], place: tuple[str, int]
) -> None:
    from training.launch import LaunchError, launch

    try:
        with st.spinner(_("Starting: importing PyTorch, loading the data ...")):
            started[place] = launch(config, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The training did not start"), icon=":material/error:")
    else:
        st.toast(_("It is training; the link beside the buttons leads to it."))
